/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of a round share: round_gather.c begins it, round.c says
 * what it is and goes on with it. */
#ifndef STORE_ROUND_IMPL_H
#define STORE_ROUND_IMPL_H

#include "store/job.h"

/* Partitions begun or ended in one step: requests are served in between. */
#define JOB_SLICE 16u

enum round_phase {
	ROUND_DIRTY,	/* those with deltas, the oldest first */
	ROUND_MERGE,	/* those in small blocks */
	ROUND_SCAN,	/* who has blocks in the victim slot? */
	ROUND_LOAD,
	ROUND_PACK,
	ROUND_WRITE,
	ROUND_SYNC,
	ROUND_INDEX,
	ROUND_COMMIT,
	ROUND_DONE,
};

struct round {
	struct engine *e;
	enum round_phase phase;
	struct list jobs, packed, indexed;
	uint32_t loading;
	uint32_t relogging;		/* changes that are stuck */
	uint32_t victim;		/* slot to be emptied, or SLOT_NONE */
	size_t bytes;			/* taken on, roughly */
	uint32_t job_count;
	struct io_req sync;
	uint64_t start_seq;		/* no job's snapshot is older */
	struct log_tail tail;
	bool waiting;			/* for sync or an index frame */
	bool tail_written;
	int err;
};

/* Of ROUND_DIRTY, ROUND_MERGE, ROUND_SCAN: a slice. */
void round_gather_step(struct round *round);

#endif
