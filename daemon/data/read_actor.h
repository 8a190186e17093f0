/* SPDX-License-Identifier: Apache-2.0 */
/* The shards of read states as actors, spread over the cores; they receive
 * proto/readstate.h. */
#ifndef DATA_READ_ACTOR_H
#define DATA_READ_ACTOR_H

#include <stdint.h>

struct actor_system;
struct buf;
struct read_states;

struct read_states_opts {
	const char *dir;	/* of all shards; its parent exists */
	uint64_t log_bytes;	/* of each new shard; 0: READ_LOG_BYTES */
};

/*
 * Starts the shards and returns; each answers when it has recovered.  A shard
 * that cannot be opened is logged and tried again by its restarts, and missing
 * after too many.  -ENAMETOOLONG, -ENOMEM.
 */
int read_states_start(struct actor_system *sys,
		      const struct read_states_opts *opts,
		      struct read_states **ret_states);
/* Appends their metrics, for Prometheus: a tenth of a second old.  Any
 * thread; NULL: nothing. */
void read_states_metrics(const struct read_states *states, struct buf *out);
/* After the actor system's shutdown. */
void read_states_free(struct read_states *states);

#endif
