// SPDX-License-Identifier: GPL-2.0-only
/* Blocks seen lately.  Pure core. */
#include "ghost.h"

/* An entry: tick, whether the block was evicted, a part of its hash; 0: none. */
#define PRINT_BITS	19
#define PRINT_MASK	(BIT(PRINT_BITS) - 1)
#define EVICTED		BIT(PRINT_BITS)
#define TICK_SHIFT	(PRINT_BITS + 1)
#define TICK_MASK	0xfffu
#define NEAR_TICKS	2u	/* closer together counts as one */
#define MIN_PER_TICK	4u

/*
 * That of hash_64(), which in the kernel is never more than 32 bits: too few for
 * bucket and print.
 */
#define HASH_FACTOR	0x61c8864680b583ebull

static_assert(SD_GHOST_WINDOW < TICK_MASK);

int sd_ghost_init(struct sd_ghost *g, u32 nr_blocks)
{
	*g = (struct sd_ghost) {
		.nr_buckets = nr_blocks / SD_GHOST_WAYS + 1,
		.per_tick = max(MIN_PER_TICK, nr_blocks / SD_GHOST_WINDOW),
	};
	g->window = max(nr_blocks / g->per_tick, 2 * NEAR_TICKS);
	g->entry = sd_calloc(g->nr_buckets, SD_GHOST_WAYS * sizeof(u32));
	return g->entry ? 0 : -ENOMEM;
}

void sd_ghost_fini(struct sd_ghost *g)
{
	kvfree(g->entry);
	*g = (struct sd_ghost) {};
}

static u32 now(const struct sd_ghost *g)
{
	return READ_ONCE(g->clock) / g->per_tick & TICK_MASK;
}

static u32 age(const struct sd_ghost *g, u32 entry)
{
	return (now(g) - (entry >> TICK_SHIFT)) & TICK_MASK;
}

struct place {
	u32 *bucket;
	u32 print;
};

static struct place place_of(const struct sd_ghost *g, u32 block)
{
	u64 hash = block * HASH_FACTOR >> 1;
	u32 high = hash >> 31;
	struct place p = {
		.bucket = g->entry + (((u64)high * g->nr_buckets) >> 32) *
				     SD_GHOST_WAYS,
		.print = hash & PRINT_MASK,
	};

	if (!p.print)
		p.print = 1;
	return p;
}

/* The block's entry within the window, or NULL. */
static u32 *find(const struct sd_ghost *g, const struct place *p)
{
	u32 i, e;

	for (i = 0; i < SD_GHOST_WAYS; i++) {
		e = READ_ONCE(p->bucket[i]);
		if ((e & PRINT_MASK) == p->print && age(g, e) <= g->window)
			return &p->bucket[i];
	}
	return NULL;
}

/* Where a new entry goes: an empty place, or the oldest. */
static u32 *oldest(const struct sd_ghost *g, const struct place *p)
{
	u32 i, e, at = 0, most = 0;

	for (i = 0; i < SD_GHOST_WAYS; i++) {
		e = READ_ONCE(p->bucket[i]);
		if (!e)
			return &p->bucket[i];
		if (age(g, e) >= most) {
			most = age(g, e);
			at = i;
		}
	}
	return &p->bucket[at];
}

static void put(struct sd_ghost *g, const struct place *p, u32 *at, u32 flags)
{
	WRITE_ONCE(g->clock, READ_ONCE(g->clock) + 1);
	WRITE_ONCE(*at, now(g) << TICK_SHIFT | flags | p->print);
}

static enum sd_ghost_sight sight(const struct sd_ghost *g, u32 e)
{
	if (e & EVICTED)
		return SD_GHOST_BACK;
	return age(g, e) < NEAR_TICKS ? SD_GHOST_NEW : SD_GHOST_AGAIN;
}

enum sd_ghost_sight sd_ghost_look(const struct sd_ghost *g, u32 block)
{
	struct place p = place_of(g, block);
	u32 *at = find(g, &p);

	return at ? sight(g, READ_ONCE(*at)) : SD_GHOST_NEW;
}

enum sd_ghost_sight sd_ghost_miss(struct sd_ghost *g, u32 block)
{
	struct place p = place_of(g, block);
	u32 *at = find(g, &p);

	if (at)
		return sight(g, READ_ONCE(*at));
	put(g, &p, oldest(g, &p), 0);
	return SD_GHOST_NEW;
}

void sd_ghost_evicted(struct sd_ghost *g, u32 block)
{
	struct place p = place_of(g, block);
	u32 *at = find(g, &p);

	put(g, &p, at ?: oldest(g, &p), EVICTED);
}
