/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at a running system, from any thread.  Figures are read one after
 * another while the schedulers go on: near enough for people, exact when the
 * system stands still (as a simulation does).
 */
#ifndef ACTOR_INSPECT_H
#define ACTOR_INSPECT_H

#include <stdint.h>

#include "actor/actor.h"

struct buf;

struct actor_stats {
	/* Messages: sent = delivered + routed + dropped_* + queued. */
	uint64_t sent;
	uint64_t delivered;
	uint64_t routed;	/* given to actor_system_route() */
	uint64_t dropped_stale;	/* to an actor that was no more */
	uint64_t dropped_full;	/* by ACTOR_FULL_DROP and -EAGAIN */
	uint64_t dropped_end;	/* in the mailbox of one that ended */
	uint64_t queued;
	uint64_t actors;	/* root included */
	uint64_t restarts;
	uint64_t runs;		/* turns of actors */
	uint64_t steals;	/* actors taken from another core's queue */
	uint64_t wakes;		/* of a sleeping core by another */
	uint64_t mutes;
};

void actor_system_stats(struct actor_system *sys, struct actor_stats *ret_stats);
/* The same without a look at every actor: `queued` and `actors` are 0. */
void actor_system_counts(struct actor_system *sys,
			 struct actor_stats *ret_stats);
/* Writes /metrics. */
void actor_system_metrics(struct actor_system *sys, struct buf *out);

struct actor_info {
	actor_ref ref;
	actor_ref parent;	/* of root: nobody */
	const char *class_name;
	const char *phase;
	int core;
	uint32_t mailbox;	/* messages waiting */
	uint64_t handled;	/* messages so far */
	uint64_t time_ns;	/* in handlers, by samples */
	uint64_t hogging_ns;	/* what its present turn has lasted; 0: less
				 * than ACTOR_HOG_NS */
	uint64_t memory;	/* bytes: slot, state, waiting messages' least */
};

#define ACTOR_HOG_NS (500ull * 1000 * 1000)
#define ACTOR_HOGS_MAX 32

/* Turns that compute for ACTOR_HOG_NS or more, or block for ten times that.
 * Counted when they are over, to a fifth of a second. */
struct actor_hog {
	const char *class_name;
	uint64_t turns;
	uint64_t time_ns;	/* of all of them */
	uint64_t longest_ns;
};

/* One for each class that has had such a turn; returns how many. */
int actor_system_hogs(struct actor_system *sys,
		      struct actor_hog ret_hogs[ACTOR_HOGS_MAX]);

/* Calls fn for each live actor until it returns non-zero; returns that. */
int actor_system_list(struct actor_system *sys,
		      int (*fn)(void *ctx, const struct actor_info *info),
		      void *ctx);

/*
 * The flight recorder: births, failures and ends of actors, and the way of
 * messages that are followed, of those that nothing in the system caused one
 * in `every` (0: no recording).  A dump is text, one record a line, sorted by
 * time within a core; scripts/flight reads it.  Negative errno.
 */
void actor_system_trace(struct actor_system *sys, uint32_t every);
int actor_system_dump(struct actor_system *sys, int fd);
/* Dumps to `path` when the process crashes; for one system in a process, which
 * must outlive its use.  -ENAMETOOLONG. */
int actor_system_dump_on_crash(struct actor_system *sys, const char *path);

#endif
