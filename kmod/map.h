/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a block lives, and which of its pages may be believed: see guard.h. */
#ifndef SD_MAP_H
#define SD_MAP_H

#include "cache.h"
#include "core.h"

#define SD_NO_SLOT	(~0ull)

/* Placement.  Constant for the life of a target. */
struct sd_geom {
	u64 disk_sectors;
	u64 nr_blocks;
	u32 block_shift;	/* log2 of sectors in a block */
	u32 pages;		/* in a block */
	u32 nr_legs;
};

int sd_geom_init(struct sd_geom *g, u64 disk_sectors, u32 block_sectors,
		 u32 nr_legs);

static inline u64 sd_block(const struct sd_geom *g, u64 sector)
{
	return sector >> g->block_shift;
}

static inline u32 sd_block_sectors(const struct sd_geom *g)
{
	return 1u << g->block_shift;
}

/* Leg of a block and its number among the blocks of that leg. */
static inline u32 sd_place(const struct sd_geom *g, u64 block, u64 *ret_nth)
{
	u32 leg;

	*ret_nth = div_u64_rem(block, g->nr_legs, &leg);
	return leg;
}

/* Blocks of the disk that are placed on a leg. */
u64 sd_leg_blocks(const struct sd_geom *g, u32 leg);
/* Pages of its block that [sector, sector + nr) touches; nr > 0, one block. */
u64 sd_mask_touched(const struct sd_geom *g, u64 sector, u32 nr);
/* Of these, the ones it covers completely. */
u64 sd_mask_full(const struct sd_geom *g, u64 sector, u32 nr);
/* Pages of a block that the disk has whole. */
u64 sd_mask_disk(const struct sd_geom *g, u64 block);
/* The lowest run of adjacent set bits. */
u64 sd_mask_run(u64 mask);

struct sd_slot {
	u64 valid;	/* written under the bucket's lock, read without */
	u32 seq;	/* counts invalidations */
	u32 remaps;	/* counts blocks that lost it */
};

/* The slots of one SSD. */
struct sd_table {
	const struct sd_geom *geom;
	u32 leg;
	u64 nr_slots;
	struct sd_slot *slots;
	u32 *crc;			/* [slot][page], NULL: verify off */
	u64 *unverified;		/* [slot], as valid; NULL: nothing is */
	unsigned long *dirty;		/* chunks of metadata to be stored */
	u64 nr_chunks;
	u32 slots_per_chunk;
	struct sd_cache *cache;		/* NULL: every block has its slot */
};

int sd_table_init(struct sd_table *t, const struct sd_geom *g, u32 leg,
		  u64 nr_slots, u32 slots_per_chunk, bool verify);
/* After that, for cache mode: slots hold what they are given. */
int sd_table_init_cache(struct sd_table *t, const struct sd_policy_ops *ops);
void sd_table_fini(struct sd_table *t);
/*
 * Slot of a block of this leg, or SD_NO_SLOT.  Lockless: in cache mode it may
 * be another's by the time that the caller looks at it.
 */
u64 sd_table_find(const struct sd_table *t, u64 block);
/* The same under the guard of the block: it keeps its slot. */
u64 __sd_table_find(const struct sd_table *t, u64 block);
/* Block in a slot, or SD_NO_SLOT. */
u64 sd_table_owner(const struct sd_table *t, u64 slot);
/*
 * Recovery: a slot was stored with this block, these pages valid.  -EINVAL: it
 * cannot have it.  -EEXIST: so was another one (its slot); neither is valid.
 */
int sd_table_load(struct sd_table *t, u64 slot, u64 block, u64 valid,
		  u64 *ret_other);
/* Of all slots.  Process context, as sd_table_count_unverified(). */
u64 sd_table_count_valid(const struct sd_table *t);
/*
 * After loading: no page that is valid is believed any more until it has been
 * verified.  -ENOMEM.
 */
int sd_table_distrust(struct sd_table *t);
/* Pages of a block that wait for that.  Lockless. */
u64 sd_table_unverified(const struct sd_table *t, u64 block);
u64 sd_table_count_unverified(const struct sd_table *t);
void sd_table_mark_dirty(struct sd_table *t, u64 slot);

static inline u64 sd_slot_of(u32 slot)
{
	return slot == SD_NONE ? SD_NO_SLOT : slot;
}

/* Pages of a slot that wait to be verified. */
static inline u64 sd_unverified_pages(const struct sd_table *t, u64 slot)
{
	return t->unverified ? READ_ONCE(t->unverified[slot]) : 0;
}

static inline u32 sd_table_crc(const struct sd_table *t, u64 slot, u32 page)
{
	return READ_ONCE(t->crc[slot * t->geom->pages + page]);
}

#endif
