/* SPDX-License-Identifier: Apache-2.0 */
/* Private to actor/: how a message gets to an actor. */
#ifndef ACTOR_SEND_H
#define ACTOR_SEND_H

#include "actor/impl.h"

/*
 * Takes msg, for whatever lives at `to`, whether its mailbox is full or not.
 * -ESRCH: nothing does.  Any thread.
 */
int send_unbounded(struct actor_system *sys, actor_ref to,
		   struct actor_msg *msg);

/* The same, past the backlog: msg is one of enum ctrl_type. */
int send_ctrl(struct actor_system *sys, actor_ref to, struct actor_msg *msg);

/* Makes the actor look at `urgent` and `gone`.  Any thread. */
void send_nudge(struct actor_system *sys, struct actor *actor);

/* What becomes of a message that cannot be delivered. */
void send_bounce(struct actor_system *sys, struct actor_msg *msg);

/* The counters of this thread. */
void send_count(struct actor_system *sys, size_t counter_offset, uint64_t by);

#define SEND_COUNT(sys, name, by) \
	send_count(sys, offsetof(struct counters, name), by)

#endif
