/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the simulation of fan-out watches, and what stands around the guild in
 * it: the data service, a model that answers late, in order per channel, and at
 * times refuses; and memory that fails, for everybody but those who watch.
 */
#ifndef TESTS_GUILD_FANOUT_MODEL_H
#define TESTS_GUILD_FANOUT_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "actor/actor.h"
#include "base/hash.h"
#include "base/rng.h"

#define SESSIONS 8		/* there from the start */
#define SESSIONS_MANY 300	/* so are these: a relay needs several turns */
#define LATE 4			/* that join while messages flow */
#define LATE_MANY 100
#define CALLERS 4
#define CALLS 40		/* of each caller */
#define HEARD_MAX (CALLERS * CALLS + 1)

struct session_log {
	uint64_t heard[HEARD_MAX];
	unsigned int count;
	bool created;		/* GUILD_CREATE has come */
	bool closed;		/* … or never let in */
	unsigned int user;
};

/* What one run has seen. */
struct world {
	struct rng rng;
	struct hmap durable;		/* message id -> channel */
	struct hmap answered;		/* message id -> channel */
	unsigned int sessions, late;	/* of them */
	struct session_log session[SESSIONS_MANY + LATE_MANY];
	unsigned int answers, refused;
	unsigned int late_heard;	/* messages, by those who came later */
	bool ack_early;			/* the canary: an ack before it holds */
	bool faults;			/* allocations fail */
	uint64_t failing;		/* this one from now, 0: none */
	unsigned int faulted;		/* so often */
	unsigned int closed;		/* sessions */
	const char *wrong;		/* the first thing that did not hold */
};

extern struct world world;

/* Keeps the first thing that did not hold. */
void expect(bool holds, const char *what);

/* Between these two allocations of the calling actor do not fail. */
void spare(void);
void go_on(void);

/* Lets one allocation fail now and then. */
extern const struct actor_class gremlin_class;
/* arg: int, the number of its core. */
extern const struct actor_class model_class;

#endif
