/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data service of a node: a router on each core, and one actor for each
 * channel that is in use.  Talk to it through proto/data.h.
 *
 * What a channel's actor guarantees
 *	- Equal reads in flight are one store read (a run), answered to all.
 *	- A run begun before a write was acknowledged is not joined after it:
 *	  whoever was told of a write finds it in what he reads next.
 *	- A run belongs to no caller: nobody's leaving disturbs it, it has a
 *	  deadline of its own, and when it ends it takes only itself away.
 *	- An error is tried again by the run, once, after a jittered wait, not
 *	  by those who wait; then it reaches each of them once.  It is never
 *	  kept and never becomes an empty answer.
 *	- Waiting is bounded: beyond the caps requests are shed (-EOVERFLOW).
 */
#ifndef DATA_DATA_H
#define DATA_DATA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct actor_system;
struct buf;

/* Of all channels since the start; written by any core. */
struct data_stats {
	atomic_uint_least64_t reads;	/* requests */
	atomic_uint_least64_t runs;	/* store reads they became */
	atomic_uint_least64_t writes;
	atomic_uint_least64_t retries;
	atomic_uint_least64_t timeouts;
	atomic_uint_least64_t errors;	/* answers that were one */
	atomic_uint_least64_t shed;
	atomic_uint_least64_t channels;	/* actors alive */
};

struct data_opts {
	uint32_t shards;	/* store_shards() */
	uint32_t run_timeout_ms;	/* 0: DATA_RUN_TIMEOUT_MS */
	uint32_t idle_ms;	/* 0: DATA_IDLE_MS; then an actor retires */
	uint32_t max_waiters;	/* of a run; 0: DATA_WAITERS_MAX */
	uint32_t max_writes;	/* of a channel; 0: DATA_WRITES_MAX */
	uint32_t max_runs;	/* of a channel; 0: DATA_RUNS_MAX */
	uint32_t unsafe;	/* enum data_unsafe; for tests and benchmarks */
};

/* What to leave out, so that a test can show that each is needed, and a
 * benchmark what it is worth. */
enum data_unsafe {
	DATA_UNSAFE_NO_JOIN = 1 << 0,		/* each read is a run */
	DATA_UNSAFE_NO_EPOCH = 1 << 1,		/* join what is too old */
	DATA_UNSAFE_FINISH_BY_KEY = 1 << 2,	/* whoever has the run's key */
	DATA_UNSAFE_KEEP_FAILED = 1 << 3,	/* a failed run is found again */
	DATA_UNSAFE_NO_RETRY = 1 << 4,
	DATA_UNSAFE_RETRY_HERD = 1 << 5,	/* each who waits for himself */
	DATA_UNSAFE_NO_JITTER = 1 << 6,
	DATA_UNSAFE_NO_CAP = 1 << 7,
	DATA_UNSAFE_CALLER_OWNS = 1 << 8,	/* a run ends with who began it */
	DATA_UNSAFE_DELIVER_ALL = 1 << 9,	/* answer the herd in one go */
	DATA_UNSAFE_EMPTY = 1 << 10,		/* an error is an empty page */
	DATA_UNSAFE_LIMITS = 1 << 11,		/* each limit is a run of its own */
	DATA_UNSAFE_NO_DEADLINE = 1 << 12,	/* a run waits for ever */
	DATA_UNSAFE_COPY = 1 << 13,		/* each gets rows of his own */
};

#define DATA_RUN_TIMEOUT_MS 5000u
#define DATA_IDLE_MS 60000u
#define DATA_WAITERS_MAX 65536u
#define DATA_WRITES_MAX 8192u
#define DATA_RUNS_MAX 1024u
#define DATA_HOTTEST 10u	/* channels that metrics name */

struct data;

int data_start(struct actor_system *sys, const struct data_opts *opts,
	       struct data **ret_data);
/*
 * Blocks until data_route() leads somewhere for every channel: what is started
 * next may rely on it.  Once.  -ETIMEDOUT.  Not for simulations.
 */
int data_wait(struct data *data, uint32_t timeout_ms);
const struct data_stats *data_stats(const struct data *data);
/* Appends its metrics, for Prometheus.  Any thread. */
void data_metrics(const struct data *data, struct buf *out);
/* After the actor system's shutdown. */
void data_free(struct data *data);

#endif
