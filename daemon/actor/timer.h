/* SPDX-License-Identifier: Apache-2.0 */
/* Private to actor/: timers of actors on the wheel of a scheduler. */
#ifndef ACTOR_TIMER_H
#define ACTOR_TIMER_H

#include "actor/impl.h"

/* Sends the messages of those that are due; returns how many. */
int timer_run(struct sched *s, uint64_t now_ns);
/* The owner's: a timer's message has come.  False: it was cancelled. */
bool timer_due(struct actor *actor, struct actor_msg *msg);
void timer_cancel_all(struct actor *actor);
/* At the scheduler's end. */
void timer_drop_all(struct sched *s);

#endif
