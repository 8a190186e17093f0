/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The indexer: an actor, registered as "search", that keeps a full-text index
 * of what the store holds and answers searches (proto/search.h).  It is beside
 * the way of messages: it only hears of them, reads them from the data service,
 * and catches up after whatever kept it from that.  SQLite runs on a thread
 * that may block.
 */
#ifndef SEARCH_SEARCH_H
#define SEARCH_SEARCH_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/timings.h"

struct actor_system;
struct buf;
struct search;

/* Since the start; written by the indexer only, read by any thread. */
struct search_stats {
	atomic_uint_least64_t hints;
	atomic_uint_least64_t gaps;	/* times that hints were lost */
	atomic_uint_least64_t rows;	/* read from the store */
	atomic_uint_least64_t batches;
	atomic_uint_least64_t failures;
	atomic_uint_least64_t queries;
	atomic_uint_least64_t shed;
	/* As of at most a tenth of a second ago: */
	atomic_uint_least64_t cells_behind;	/* with something to be read */
	atomic_uint_least64_t channels_behind;	/* of these */
	atomic_uint_least64_t lag_ns;	/* age of the oldest unread hint */
	struct timings query_times;	/* from arrival to answer */
	struct timings index_times;	/* from a hint to its being found */
	struct timings batch_times;	/* of SQLite, writing one */
};

struct search_opts {
	const char *dir;	/* made if absent; its parent exists */
	uint32_t max_open;	/* cells; 0: CELLS_OPEN_MAX */
	/* How old a message is that is noted (proto/search.h), and how long a
	 * hint may take; 0: SEARCH_YOUNG_MS, SEARCH_SLACK_MS. */
	uint64_t young_ms, slack_ms;
};

#define SEARCH_SLACK_MS 60000u

int search_start(struct actor_system *sys, const struct search_opts *opts,
		 struct search **ret_search);
const struct search_stats *search_stats(const struct search *search);
/* Appends its metrics, for Prometheus.  Any thread; NULL: nothing. */
void search_metrics(const struct search *search, struct buf *out);
/* After the actor system's shutdown. */
void search_free(struct search *search);

#endif
