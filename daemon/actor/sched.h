/* SPDX-License-Identifier: Apache-2.0 */
/* Private to actor/: a scheduler and what it does with one actor. */
#ifndef ACTOR_SCHED_H
#define ACTOR_SCHED_H

#include "actor/impl.h"

/* Messages an actor handles before the next one's turn. */
#define ACTOR_BATCH 64

int sched_init(struct actor_system *sys, int index);
void sched_fini(struct sched *s);

/* The scheduler's thread. */
void *sched_main(void *sched);

/* Makes `actor`, which the caller owns, run some time.  Any thread. */
void sched_ready(struct actor_system *sys, struct actor *actor);

/* One actor that is ready, taken off; NULL: none. */
struct actor *sched_next(struct sched *s);
/* Runs it for a batch and lets it go.  run.c */
void sched_run_actor(struct sched *s, struct actor *actor);
/* What is left to do for `s->current` after a failed assertion. */
void sched_run_failed(struct sched *s, int err);
/* Lets a new actor go that was started within another's turn. */
void sched_let_go(struct sched *s, struct actor *actor);
/* Runs the callbacks of I/O and the timers that are due; returns how many. */
int sched_poll(struct sched *s, uint64_t deadline_ns);
void sched_drain_inbox(struct sched *s);
void sched_flush_outbox(struct sched *s);
bool sched_steal(struct sched *s);

/* Wakes all of the schedulers. */
void sched_wake_all(struct actor_system *sys);

/* mute.c */

/* Keeps `actor`, which the caller owns, until `on` has room.  False if it must
 * not wait: the caller goes on owning it. */
bool mute_wait(struct actor_system *sys, struct actor *actor,
	       struct actor *on);
void mute_wake_all(struct actor_system *sys, struct actor *on);
/* Room enough for those who wait. */
bool mute_has_room(struct actor *actor);

#endif
