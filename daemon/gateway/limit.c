// SPDX-License-Identifier: Apache-2.0
#include "gateway/limit.h"

#include <pthread.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define STRIPES 64
#define SWEEP_FROM 4096		/* buckets in a stripe */

/* A bucket is one word: the window's end in ms above the calls made in it. */
#define USED_BITS 16
#define USED_MAX ((1u << USED_BITS) - 1)

struct stripe {
	pthread_mutex_t lock;	/* innermost; guards the two below */
	struct hmap buckets;
	size_t sweep_at;
} __attribute__((aligned(64)));

struct limits {
	uint64_t seed;		/* keyed: callers choose their tokens */
	struct stripe stripe[STRIPES];
};

struct limits *limits_new(uint64_t seed)
{
	struct limits *limits = mem_aligned(64, sizeof(*limits));
	int i;

	if (!limits)
		return NULL;
	memset(limits, 0, sizeof(*limits));
	limits->seed = seed;
	for (i = 0; i < STRIPES; i++) {
		pthread_mutex_init(&limits->stripe[i].lock, NULL);
		limits->stripe[i].sweep_at = SWEEP_FROM;
	}
	return limits;
}

void limits_free(struct limits *limits)
{
	int i;

	for (i = 0; i < STRIPES; i++) {
		pthread_mutex_destroy(&limits->stripe[i].lock);
		hmap_fini(&limits->stripe[i].buckets);
	}
	mem_free(limits);
}

/* Keeps only the buckets whose window is open. */
static void sweep(struct stripe *stripe, uint64_t wall_ms)
{
	struct hmap kept = HMAP_INIT;
	uint64_t key, bucket;
	size_t iter = 0;

	while (hmap_next(&stripe->buckets, &iter, &key, &bucket))
		if (bucket >> USED_BITS > wall_ms &&
		    hmap_set(&kept, key, bucket)) {
			hmap_fini(&kept);
			return;
		}
	hmap_fini(&stripe->buckets);
	stripe->buckets = kept;
	stripe->sweep_at = kept.count * 2 > SWEEP_FROM ? kept.count * 2 :
							 SWEEP_FROM;
}

static uint64_t hash_key(const struct limits *limits,
			 const struct limit_key *key)
{
	uint64_t hash = hash_bytes(key->caller, strlen(key->caller),
				   limits->seed);

	hash = hash_u64(hash ^ key->kind);
	return hash_u64(hash ^ key->major);
}

/* Where a bucket stands, the next call not counted. */
static struct limit_state look(const struct stripe *stripe, uint64_t key,
			       uint32_t limit, uint32_t window_ms,
			       uint64_t wall_ms)
{
	struct limit_state state = { .limit = limit };
	uint64_t bucket = 0;
	uint32_t used;

	hmap_get(&stripe->buckets, key, &bucket);
	state.reset_ms = bucket >> USED_BITS;
	used = bucket & USED_MAX;
	/* A clock that was set back does not lock anyone out. */
	if (state.reset_ms <= wall_ms ||
	    state.reset_ms > wall_ms + window_ms) {
		state.reset_ms = wall_ms + window_ms;
		used = 0;
	}
	state.allowed = used < limit;
	state.remaining = limit - used;
	return state;
}

static struct limit_state take(struct stripe *stripe, uint64_t key,
			       uint32_t limit, uint32_t window_ms,
			       uint64_t wall_ms)
{
	struct limit_state state;

	if (stripe->buckets.count >= stripe->sweep_at)
		sweep(stripe, wall_ms);
	state = look(stripe, key, limit, window_ms, wall_ms);
	state.remaining -= state.allowed;
	hmap_set(&stripe->buckets, key, state.reset_ms << USED_BITS |
		 (limit - state.remaining));
	return state;
}

struct limit_state limit_take(struct limits *limits,
			      const struct limit_key *key, uint32_t limit,
			      uint32_t window_ms, uint64_t wall_ms)
{
	uint64_t hash = hash_key(limits, key);
	struct stripe *stripe = &limits->stripe[hash % STRIPES];
	struct limit_state state;

	if (limit > USED_MAX)
		limit = USED_MAX;
	pthread_mutex_lock(&stripe->lock);
	state = take(stripe, hash, limit, window_ms, wall_ms);
	pthread_mutex_unlock(&stripe->lock);
	return state;
}

struct limit_state limit_look(struct limits *limits,
			      const struct limit_key *key, uint32_t limit,
			      uint32_t window_ms, uint64_t wall_ms)
{
	uint64_t hash = hash_key(limits, key);
	struct stripe *stripe = &limits->stripe[hash % STRIPES];
	struct limit_state state;

	pthread_mutex_lock(&stripe->lock);
	state = look(stripe, hash, limit, window_ms, wall_ms);
	pthread_mutex_unlock(&stripe->lock);
	return state;
}
