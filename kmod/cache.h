/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cache mode: the slots of one SSD that is smaller than its share of the disk.
 * Pure core.
 *
 *	FREE --take--> USED --pick--> LEAVING --stored, idle: give--> FREE
 *
 * FREE		no block; what is stored says so too, or is in doubt
 * USED		holds a block; known to the policy
 * LEAVING	holds its block still, is stored as free, known to the policy
 *		no more; no way back
 *
 * E1 to E5 of DESIGN.md say why there is no shorter way from a block to the
 * next.  `reserve` slots are kept FREE or LEAVING, so that a fill finds a FREE
 * one while others are being stored.
 */
#ifndef SD_CACHE_H
#define SD_CACHE_H

#include "ghost.h"
#include "index.h"
#include "policy.h"

struct sd_cache {
	struct sd_index index;		/* the guard's locks */
	struct sd_ghost ghost;		/* no lock */
	spinlock_t lock;		/* what follows; inside a guard's lock */
	struct sd_policy policy;	/* but uses[] */
	u32 nr_slots;
	u32 reserve;
	u32 free;			/* first of the FREE, linked by node.next */
	u32 nr_free;
	unsigned long *is_leaving;
	u32 nr_picked;			/* of these, LEAVING or about to be */
	u32 *leaving;			/* a queue */
	u32 nr_leaving;
	u32 nr_storing;			/* its head: of the running checkpoint */
	u32 missed, again;		/* of these: no lock, as the next */
	u32 reluctance;			/* take in one of 2^this */
	u64 budget;			/* bytes that may be written now ... */
	u64 budget_ns;			/* ... as of this time */
	u64 budget_per_s;		/* 0: no limit */
	u64 budget_max;
};

int sd_cache_init(struct sd_cache *c, u32 nr_slots,
		  const struct sd_policy_ops *ops);
void sd_cache_fini(struct sd_cache *c);
/* Recovery is over: slots that are not in the index are FREE. */
void sd_cache_ready(struct sd_cache *c);

/* Under the block's guard: a FREE slot becomes USED; SD_NONE if there is none. */
u32 __sd_cache_take(struct sd_cache *c, u32 block);
/*
 * A USED slot becomes LEAVING if the reserve is short, else SD_NONE.  The
 * caller marks its entry as changed, then calls sd_cache_leave().
 */
u32 sd_cache_pick(struct sd_cache *c);
void sd_cache_leave(struct sd_cache *c, u32 slot);
bool sd_cache_is_leaving(const struct sd_cache *c, u32 slot);

/* A checkpoint begins: it will store all that are LEAVING now. */
void sd_cache_storing(struct sd_cache *c);
/*
 * It has stored them durably.  give() is called for each, without a lock, and
 * says whether the slot has lost its block; others wait for the next time.
 * Returns how many are FREE now.
 */
u32 sd_cache_stored(struct sd_cache *c, bool (*give)(void *of, u32 slot),
		    void *of);
/* Storing those that are LEAVING should not wait for the next checkpoint. */
bool sd_cache_is_short(const struct sd_cache *c);
u32 sd_cache_used(const struct sd_cache *c);

/* A block without a slot was missed: is it worth one? */
bool sd_cache_admits(struct sd_cache *c, u32 block);
/* A block without a slot, if it is, was written: it may be read soon. */
void sd_cache_wrote(struct sd_cache *c, u32 block);
/* What fills may write: so much a second, saved up to max. */
void sd_cache_set_budget(struct sd_cache *c, u64 bytes_per_s, u64 max);
bool sd_cache_spend(struct sd_cache *c, u64 bytes, u64 now_ns);

#endif
