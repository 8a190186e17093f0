// SPDX-License-Identifier: Apache-2.0
#include "monitor/steps.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "superdisk.h"
#include "superdisk_trace.h"

#define BUCKETS 4096
#define PAGE 4096

/* One piece, a request or a step, in the chain of its device and sector. */
struct piece {
	struct piece *next;
	uint64_t since_ns;	/* when it came */
	bool is_request;
	union {
		struct path_record request;
		struct path_step step;
	};
};

struct steps {
	steps_fn *fn;
	void *ctx;
	uint64_t lost;
	size_t waiting;
	struct piece *bucket[BUCKETS];
	struct steps_request room;	/* for what is given back */
};

struct steps *steps_new(steps_fn *fn, void *ctx)
{
	struct steps *steps = mem_zalloc(sizeof(*steps));

	if (steps) {
		steps->fn = fn;
		steps->ctx = ctx;
	}
	return steps;
}

static void drop(struct steps *steps, struct piece **at)
{
	struct piece *piece = *at;

	*at = piece->next;
	mem_free(piece);
	steps->waiting--;
}

void steps_free(struct steps *steps)
{
	if (!steps)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (steps->bucket[i])
			drop(steps, &steps->bucket[i]);
	mem_free(steps);
}

uint64_t steps_lost(const struct steps *steps)
{
	return steps->lost;
}

static struct piece **bucket_of(struct steps *steps, uint32_t dev,
				uint64_t sector)
{
	return &steps->bucket[hash_u64(sector ^ (uint64_t)dev << 40) % BUCKETS];
}

/* How many bios the module sends for what became of @r. */
static size_t wanted(const struct path_record *r)
{
	switch (r->path) {
	case SUPERDISK_PATH_RESCUE:
	case SUPERDISK_PATH_HEDGE_WIN:
	case SUPERDISK_PATH_WRITE:
		return 2;
	case SUPERDISK_PATH_HEAL:
		return 1 + r->bytes / PAGE;
	default:
		return 1;
	}
}

static bool belongs(const struct path_step *step, const struct path_record *r)
{
	bool ssd_only = r->path == SUPERDISK_PATH_FILL ||
			r->path == SUPERDISK_PATH_HEAL;

	if (step->dev != r->dev || step->sector != r->sector ||
	    step->start_ns < r->start_ns ||
	    step->start_ns > r->start_ns + r->total_ns)
		return false;
	if (ssd_only && step->to != r->leg_dev)
		return false;
	/* a repair is read back, all others go one way */
	return r->path == SUPERDISK_PATH_HEAL ||
	       step->write == (r->op != SUPERDISK_OP_READ);
}

static int earlier(const void *a, const void *b)
{
	const struct path_step *x = a, *y = b;

	return x->start_ns == y->start_ns ? 0 :
	       x->start_ns < y->start_ns ? -1 : 1;
}

static size_t count_steps(const struct piece *piece,
			  const struct path_record *r)
{
	size_t count = 0;

	for (; piece; piece = piece->next)
		count += !piece->is_request && belongs(&piece->step, r);
	return count;
}

/* Gives the request at @at back with what is there of its steps. */
static void give_back(struct steps *steps, struct piece **bucket,
		      struct piece **at)
{
	struct steps_request *room = &steps->room;

	room->of = (*at)->request;
	room->count = 0;
	drop(steps, at);
	for (at = bucket; *at;) {
		if ((*at)->is_request || !belongs(&(*at)->step, &room->of)) {
			at = &(*at)->next;
			continue;
		}
		if (room->count < STEPS_MAX)
			room->step[room->count++] = (*at)->step;
		drop(steps, at);
	}
	qsort(room->step, room->count, sizeof(room->step[0]), earlier);
	room->complete = room->count >= wanted(&room->of);
	steps->fn(room, steps->ctx);
}

/* Gives back the first request in the bucket that has all its steps. */
static bool give_back_one(struct steps *steps, struct piece **bucket)
{
	for (struct piece **at = bucket; *at; at = &(*at)->next) {
		const struct path_record *r = &(*at)->request;

		if (!(*at)->is_request || count_steps(*bucket, r) < wanted(r))
			continue;
		give_back(steps, bucket, at);
		return true;
	}
	return false;
}

static void add(struct steps *steps, const struct piece *piece,
		struct piece **bucket)
{
	struct piece *copy = steps->waiting < STEPS_WAITING_MAX ?
			     mem_alloc(sizeof(*copy)) : NULL;

	if (!copy) {
		steps->lost++;
		return;
	}
	*copy = *piece;
	while (*bucket)
		bucket = &(*bucket)->next;
	copy->next = NULL;
	*bucket = copy;
	steps->waiting++;
}

void steps_add_request(struct steps *steps, const struct path_record *record,
		       uint64_t now_ns)
{
	const struct piece piece = { .since_ns = now_ns, .is_request = true,
				     .request = *record };
	struct piece **bucket = bucket_of(steps, record->dev, record->sector);

	add(steps, &piece, bucket);
	give_back_one(steps, bucket);
}

void steps_add_step(struct steps *steps, const struct path_step *step,
		    uint64_t now_ns)
{
	const struct piece piece = { .since_ns = now_ns, .step = *step };
	struct piece **bucket = bucket_of(steps, step->dev, step->sector);

	add(steps, &piece, bucket);
	give_back_one(steps, bucket);
}

static void tick_bucket(struct steps *steps, struct piece **bucket,
			uint64_t now_ns)
{
	struct piece **at = bucket;

	while (*at) {
		uint64_t age_ns = now_ns - (*at)->since_ns;

		if ((*at)->is_request && age_ns >= STEPS_WAIT_NS) {
			give_back(steps, bucket, at);
			at = bucket; /* its steps have gone, too */
		} else if (age_ns >= 2 * STEPS_WAIT_NS) {
			drop(steps, at);
		} else {
			at = &(*at)->next;
		}
	}
}

void steps_tick(struct steps *steps, uint64_t now_ns)
{
	for (size_t i = 0; i < BUCKETS; i++)
		tick_bucket(steps, &steps->bucket[i], now_ns);
}

void steps_flush(struct steps *steps)
{
	steps_tick(steps, UINT64_MAX);
}
