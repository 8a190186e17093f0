/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is under way on a block, and which of its pages that leaves valid.
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
#ifndef SD_GUARD_H
#define SD_GUARD_H

#include "map.h"

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
