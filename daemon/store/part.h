/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A partition: the rows of one (channel, space).  Pure: no I/O.
 *
 * Two layers.  `blocks` are on disk, sorted, their id ranges disjoint.
 * `deltas` are what was made durable in the log since: rows and deletions,
 * sorted by id.  A delta hides the block row of the same id; it says whether
 * there is one (`shadows`), and the block counts how many of its rows are
 * hidden (`dead`), so that a block of which nothing remains is never read.
 *
 * Invariants:
 *	blocks[i].last_id < blocks[i + 1].first_id
 *	deltas[i].id < deltas[i + 1].id
 *	block.dead == number of deltas that shadow a row of it <= block.rows
 *	holed == number of blocks with 0 < dead < rows
 *	delta.seq > flushed_seq
 *	a deletion that shadows nothing exists only while a flush runs
 *	the log is needed from oldest_seq on, even when all it says of this
 *	partition has come and gone: the first record of a row and its last
 *	go together, or the last makes no sense to recovery
 */
#ifndef STORE_PART_H
#define STORE_PART_H

#include <stdbool.h>

#include "base/list.h"
#include "proto/rows.h"
#include "store/format.h"

struct blob;

/*
 * Its row lies in `owner`, the records of the commit that brought it, which is
 * shared by all that came with it and goes with the last of them: a row costs
 * no memory block of its own.  No more of these are held than the log holds.
 */
struct delta {
	uint64_t id;
	uint64_t seq;
	struct blob *owner;	/* a reference; NULL: deleted */
	uint32_t at;		/* of the row in it */
	uint32_t size : 31;
	uint32_t shadows : 1;
};
static_assert(sizeof(struct delta) == 32, "one for each unflushed row");

/* A row within a blob, borrowed. */
struct part_row {
	struct blob *owner;
	uint32_t at, size;
};

struct part {
	uint64_t channel;
	uint64_t max_id;	/* no row above it, in flight ones included */
	uint64_t flushed_seq;
	struct block_ref *blocks;
	struct delta *deltas;
	uint32_t block_count, block_cap;
	uint32_t delta_count, delta_cap;
	uint32_t holed;		/* blocks that a flush must read */
	uint64_t oldest_seq;	/* no record above flushed_seq is older */
	uint64_t last_seq;	/* of the newest record */
	size_t delta_bytes;	/* memory that deltas take: rows, themselves */
	uint8_t space;
	bool flushing;		/* a snapshot of the deltas is being written */
	/* The engine's: */
	bool deciding;		/* a write looks up whether its row exists */
	bool wanted;		/* read since its newest rows were cached */
	bool settling;		/* writes that waited are being started */
	uint32_t inflight;	/* writes in a commit or waiting for room */
	uint32_t changing;	/* of them, that had to look what is there */
	uint32_t readers;	/* requests that wait for its blocks */
	struct list all;
	struct list dirty;	/* by oldest_seq, while it is */
	struct list merge;	/* while its newest rows are in small blocks */
	struct list holes;	/* while its blocks have too many */
	struct list waiting;	/* writes that must wait for earlier ones */
};

struct part *part_new(uint64_t channel, uint8_t space);
void part_free(struct part *part);

/* The first delta, or block, that is not wholly below id; may be count. */
uint32_t part_delta_from(const struct part *part, uint64_t id);
uint32_t part_block_from(const struct part *part, uint64_t id);
/* The block whose range holds id, or NULL. */
struct block_ref *part_block_of(const struct part *part, uint64_t id);
struct delta *part_delta_of(const struct part *part, uint64_t id);
/* Of a delta that is no deletion; borrowed. */
struct row part_delta_row(const struct delta *delta);
/* Has the log records of it that no block holds? */
static inline bool part_is_dirty(const struct part *part)
{
	return part->oldest_seq != UINT64_MAX;
}

/*
 * Takes over a record that became durable; takes a reference to the owner of
 * `row` (NULL for RECORD_DELETE).  Bytes of memory gained or lost are in
 * delta_bytes.  -ENOMEM: nothing happened.
 */
int part_apply(struct part *part, enum record_type type, uint64_t id,
	       uint64_t seq, const struct part_row *row);

/*
 * Replaces blocks.  -EBADMSG when a removed one is not there or an added one
 * overlaps: the part is then good for nothing but part_free(); -ENOMEM.  Used
 * for recovery and, through part_settle(), after a flush.
 */
int part_change(struct part *part, const uint32_t *removed,
		uint32_t removed_count, const struct block_ref *added,
		uint32_t added_count);

/* Makes sure that a part_change() adding so many cannot fail for memory. */
int part_reserve(struct part *part, uint32_t added_count);

/*
 * The deltas up to snap_seq are in blocks now: drops those, and finds out anew
 * what the others shadow.  `ids`, ascending, are those of all rows in blocks
 * that were added; deltas within `added` ranges are judged by them.
 */
void part_settle(struct part *part, uint64_t snap_seq,
		 const struct block_ref *added, uint32_t added_count,
		 const uint64_t *ids, uint32_t id_count);

#endif
