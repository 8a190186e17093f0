/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a block lives, which of its pages may be believed, and what is under
 * way on it.
 *
 * Life of a page of a slot (the bit in sd_slot.valid):
 *
 *	invalid --fill begins--> invalid, FILL op --fill ends, not spoiled--> valid
 *	any ----write begins--> invalid, WRITE op --write ends, not spoiled--> valid
 *	unverified --verify begins--> VERIFY op --equal to the disk--> valid
 *	                                        '--differs--> invalid
 *
 * An unverified page is one that the SSD says is valid, but which nobody reads
 * before it was compared with the disk.  No fill touches it: it may well be
 * right as it is.
 *
 * Two operations under way on one page at the same time may reach disk and
 * SSD in different orders, so each spoils the other: neither may publish.  An
 * operation stays registered until the last of its I/O has come back, however
 * late: a page is published only when nothing is in flight that could still
 * change either copy.  Every bio that writes is registered, also when no SSD
 * serves its block, so that a fill by an SSD added later cannot miss it.
 */
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
/* Block in a slot, or SD_NO_SLOT. */
u64 sd_table_owner(const struct sd_table *t, u64 slot);
/*
 * Recovery: a slot was stored with this block, these pages valid.  -EINVAL: it
 * cannot have it.  -EEXIST: so was another one (its slot); neither is valid.
 */
int sd_table_load(struct sd_table *t, u64 slot, u64 block, u64 valid,
		  u64 *ret_other);
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

static inline u32 sd_table_crc(const struct sd_table *t, u64 slot, u32 page)
{
	return READ_ONCE(t->crc[slot * t->geom->pages + page]);
}

enum sd_op_kind { SD_OP_WRITE, SD_OP_FILL, SD_OP_VERIFY };

/* An operation that changes a copy of a block.  Embedded in its owner. */
struct sd_op {
	struct list_head node;
	struct sd_table *table;		/* NULL: no SSD serves the block */
	u64 block;
	u64 slot;			/* SD_NO_SLOT: not on the SSD */
	u64 mask;
	enum sd_op_kind kind;
	bool spoiled;
};

/* A discard or write-zeroes: too long for ops of single blocks. */
struct sd_range {
	struct list_head node;
	u64 first, last;		/* blocks, inclusive */
};

#define SD_GUARD_BITS	10

struct sd_guard {
	struct sd_guard_bucket {
		spinlock_t lock;	/* ops, and valid words of its blocks */
		struct list_head ops;
	} bucket[1 << SD_GUARD_BITS];
	spinlock_t range_lock;		/* ranges; inside a bucket's lock */
	struct list_head ranges;
	u32 nr_ranges;
};

void sd_guard_init(struct sd_guard *g);
bool sd_guard_idle(struct sd_guard *g);

/*
 * Register a write of the pages in mask and invalidate them.  From here to
 * sd_op_end() no read finds them on the SSD.  Any context.
 */
void sd_op_begin_write(struct sd_guard *g, struct sd_table *t, struct sd_op *op,
		       u64 block, u64 mask);
/*
 * Register a fill of the first run of pages in mask that are neither valid
 * nor being changed.  Returns that run, 0 (and registers nothing) if there is
 * none.  The disk must be read after this call.  `place`: a block without a
 * slot is given one, if one is FREE.
 */
u64 sd_op_begin_fill(struct sd_guard *g, struct sd_table *t, struct sd_op *op,
		     u64 block, u64 mask, bool place);
/*
 * The same for pages that are unverified.  Those that sd_op_end() is not told
 * to be good are forgotten, unless the operation is spoiled.
 */
u64 sd_op_begin_verify(struct sd_guard *g, struct sd_table *t, struct sd_op *op,
		       u64 block, u64 mask);
/*
 * End an operation whose I/O has all come back.  If nothing overlapped, those
 * of its pages that are good on both sides become valid; crc[i] belongs to the
 * i-th page of its mask (ignored with verify off).  Returns the pages published.
 */
u64 sd_op_end(struct sd_guard *g, struct sd_op *op, u64 good, const u32 *crc);

/*
 * E3: slots whose entries are durably free, and idle, lose their blocks.  How
 * many.
 */
u32 sd_table_stored(struct sd_guard *g, struct sd_table *t);

/* From here to sd_range_end() no block in the range gains or loses a slot. */
void sd_range_begin(struct sd_guard *g, struct sd_range *r);
/* Slot of a block in the range, or SD_NO_SLOT. */
u64 sd_range_slot(struct sd_guard *g, const struct sd_table *t, u64 block);
/* Invalidate the pages of one block in the range and spoil what is under way. */
void sd_range_block(struct sd_guard *g, struct sd_table *t, u64 block, u64 mask);
void sd_range_end(struct sd_guard *g, struct sd_range *r);

/* A read from an SSD: what was true when it began. */
struct sd_ticket {
	u64 slot;
	u64 mask;
	u32 seq;
	u32 remaps;
};

/* True if all pages of mask are valid: read them from the ticket's slot. */
bool sd_read_begin(const struct sd_table *t, struct sd_ticket *tk, u64 block,
		   u64 mask);
/* After the I/O: false if what was read may be older than the last write. */
bool sd_read_still_valid(const struct sd_table *t, const struct sd_ticket *tk);
/*
 * The SSD's copy of these pages is bad: distrust it.  False if a write came in
 * between, so that nothing is known about the SSD.
 */
bool sd_read_distrust(struct sd_guard *g, struct sd_table *t,
		      const struct sd_ticket *tk, u64 block, u64 mask);

#endif
