/* SPDX-License-Identifier: Apache-2.0 */
/* Private to actor/: birth, failure, restart and end of actors. */
#ifndef ACTOR_LIFE_H
#define ACTOR_LIFE_H

#include "actor/impl.h"

struct birth {
	const struct actor_class *class;
	const void *arg;
	const struct actor_spawn_opts *opts;
	int core;		/* resolved */
	bool bound;
	bool later;		/* start will not run within the spawn */
};

/* A new actor that only the caller knows, in PHASE_NEW and owned by it; not
 * yet anyone's child.  `s` NULL: another thread.  -EAGAIN, -ENOMEM. */
int life_create(struct actor_system *sys, struct sched *s,
		const struct birth *birth, struct actor **ret_actor);
/* Undoes it. */
void life_discard(struct actor_system *sys, struct sched *s,
		  struct actor *actor);
/* On the parent's scheduler. */
void life_adopt(struct actor_system *sys, struct actor *parent,
		struct actor *child);

/* The parts that few actors have; NULL when memory is out. */
struct actor_more *life_more(struct actor *actor);

/* All below: the owner's. */

/* Sets what senders must know of the class. */
void life_apply_class(struct actor *actor);

/* PHASE_NEW: runs `start`; on failure the end begins. */
void life_start(struct actor *actor);
/* Its handler has failed with err: restarts it, or begins its end. */
void life_fail(struct actor *actor, int err);
/* Begins the end, in good order (0) or as failed. */
void life_end(struct actor *actor, int reason);
/* Goes on with a restart, a halt or an end once children and I/O are out of
 * the way.  In PHASE_GONE the actor is no longer ours. */
void life_settle(struct actor *actor);
/* Frees the children that have ended. */
void life_reap(struct actor *actor);

/* The schedulers stand still: ends it whatever its children and I/O do. */
void life_abandon(struct actor *actor, int reason);

/* By the parent's order.  -ENOMEM: to be tried again. */
int life_halt(struct actor *actor);
int life_resume(struct actor *actor);

#endif
