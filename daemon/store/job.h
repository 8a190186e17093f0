/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job: one partition's part in a round.  Its deltas and some of its blocks
 * become new blocks.
 */
#ifndef STORE_JOB_H
#define STORE_JOB_H

#include "store/engine_impl.h"

struct job {
	struct list node;
	struct engine *e;
	struct part *part;
	struct fetch_group group;	/* the blocks to be rewritten */
	uint8_t *take;			/* per block: enum job_take */
	struct delta *snap;		/* the deltas as they were */
	uint32_t snap_count;
	uint64_t snap_seq;		/* and everything up to here */
	/* The rows that remain, in runs between blocks that stay. */
	struct row *out;
	uint32_t out_count;
	uint32_t *run_end;		/* indexes in out, ascending */
	uint32_t run_count;
	/* Packing: rows and runs behind us, and what came of it. */
	uint32_t packed, run;
	uint32_t *removed;
	uint32_t removed_count;
	struct block_ref *added;
	uint32_t added_count, added_cap;
	uint64_t *ids;			/* of all rows in added */
	bool tidy;			/* came of merging: not again */
};

enum job_take {
	JOB_KEEP,
	JOB_REWRITE,
	JOB_DROP,	/* nothing of it is alive */
};

/* Why a partition takes part. */
struct job_reason {
	uint32_t slot;		/* move what lies there; SLOT_NONE */
	bool merge;		/* put its newest rows into one block */
};

/*
 * Returns a job that has decided what to take and asked for it, ready() to
 * come unless !*ret_loading.  -ENOMEM.  What is stuck on damaged blocks is no
 * part of it: it must be in the log anew before the job is in the index.
 */
int job_new(struct engine *e, struct part *part,
	    const struct job_reason *reason,
	    void (*ready)(struct fetch_group *group), struct job **ret_job,
	    bool *ret_loading);
/* The partition is left as it was. */
void job_free(struct job *job);

/* Merges what was loaded into `out`.  -ENOMEM. */
int job_merge(struct job *job);

/* The rows of the next block: returns how many, 0 when all are packed. */
uint32_t job_next_block(struct job *job);
/* They are now in this block.  -ENOMEM. */
int job_add_block(struct job *job, const struct block_ref *ref);

/* What it takes in the index. */
size_t job_change_size(const struct job *job);
void job_change_encode(const struct job *job, uint8_t *buf);

/* The index has it: the partition follows. */
void job_commit(struct job *job);

/* Is this block so small that merging it pays? */
bool block_is_small(const struct block_ref *ref);

#endif
