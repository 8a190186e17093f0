/* SPDX-License-Identifier: Apache-2.0 */
/* What the shards of read states show of themselves to other threads. */
#ifndef DATA_READ_METRICS_H
#define DATA_READ_METRICS_H

#include <stdatomic.h>

#include "base/timings.h"
#include "proto/readstate.h"

struct read_store;

enum read_figure {
	READ_USERS,
	READ_STATES,
	READ_BYTES,
	READ_RECORDS,
	READ_COMMITS,
	READ_CHECKPOINTS,
	READ_FAILURES,
	READ_SHED,
	READ_LOG_USED,
	READ_LOG_ROOM,
	READ_FIGURES,
};

/* Written by its shard's thread, read by any; figures, so relaxed. */
struct read_board {
	atomic_uint_least64_t figure[READ_FIGURES];
};

struct read_states {
	struct read_board board[READSTATE_SHARDS];
	struct timings ack_times;	/* from an ack's arrival to its answer */
};

void read_board_set(struct read_board *board, const struct read_store *store);

#endif
