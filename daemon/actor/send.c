// SPDX-License-Identifier: Apache-2.0
#include "actor/send.h"

#include <errno.h>

#include "actor/flight.h"
#include "actor/link.h"
#include "actor/mailbox.h"
#include "actor/msg.h"
#include "actor/sched.h"
#include "actor/slots.h"
#include "actor/watch.h"

static struct sched *here(struct actor_system *sys)
{
	struct sched *s = sched_here;

	return s && s->sys == sys ? s : NULL;
}

void send_count(struct actor_system *sys, size_t counter_offset, uint64_t by)
{
	struct sched *s = here(sys);
	char *counters = (char *)(s ? &s->counters : &sys->foreign);

	if (!s)
		pthread_mutex_lock(&sys->foreign_lock);
	count((_Atomic uint64_t *)(counters + counter_offset), by);
	if (!s)
		pthread_mutex_unlock(&sys->foreign_lock);
}

void send_bounce(struct actor_system *sys, struct actor_msg *msg)
{
	if (msg->type == CTRL_MONITOR)
		watch_refuse(sys, msg);
	else if (msg->type == CTRL_LINK)
		link_refuse(sys, msg);
	actor_msg_free(msg);
}

static int dropped(struct actor_system *sys, struct actor_msg *msg, int err)
{
	if (err == -ESRCH)
		SEND_COUNT(sys, dropped_stale, 1);
	else
		SEND_COUNT(sys, dropped_full, 1);
	send_bounce(sys, msg);
	return err;
}

static uint32_t backlog_of(struct actor *actor)
{
	return atomic_load_explicit(&actor->backlog, memory_order_relaxed);
}

static uint32_t limit_of(struct actor *actor)
{
	return atomic_load_explicit(&actor->limit, memory_order_relaxed);
}

static bool is_full(struct actor *actor)
{
	uint64_t top = atomic_load_explicit(&actor->top, memory_order_relaxed);

	return box_count(top) + backlog_of(actor) >= limit_of(actor);
}

/* Takes msg.  `ret_length` is how many wait now. */
static int push(struct actor_system *sys, struct actor *actor, actor_ref to,
		struct actor_msg *msg, uint32_t *ret_length)
{
	uint32_t n;

	envelope_of(msg)->to = to.bits;
	switch (box_push(actor, msg, &n)) {
	case PUSH_DEAD:
		return dropped(sys, msg, -ESRCH);
	case PUSH_WAKE:
		sched_ready(sys, actor);
		break;
	case PUSH_QUEUED:
		break;
	}
	*ret_length = n;
	return 0;
}

/* To one that does not live here: on another node, or nowhere. */
static int send_away(struct actor_system *sys, actor_ref to,
		     struct actor_msg *msg)
{
	if (ref_node(to) == sys->node || actor_ref_is_nobody(to) || !sys->route)
		return dropped(sys, msg, -ESRCH);
	SEND_COUNT(sys, routed, 1);
	envelope_of(msg)->to = to.bits;
	return sys->route(sys->route_ctx, to, msg);
}

int send_unbounded(struct actor_system *sys, actor_ref to,
		   struct actor_msg *msg)
{
	struct actor *actor = slots_live(sys, to);
	uint32_t n;

	SEND_COUNT(sys, sent, 1);
	if (!actor)
		return send_away(sys, to, msg);
	return push(sys, actor, to, msg, &n);
}

void send_nudge(struct actor_system *sys, struct actor *actor)
{
	/* After the addition to `urgent` or `gone`: partner box_park(). */
	if (box_unpark(actor))
		sched_ready(sys, actor);
}

int send_ctrl(struct actor_system *sys, actor_ref to, struct actor_msg *msg)
{
	struct actor *actor = slots_live(sys, to);
	struct actor_msg *old;

	envelope_of(msg)->to = to.bits;
	if (!actor)
		goto gone;
	old = atomic_load_explicit(&actor->urgent, memory_order_relaxed);
	do {
		if (old == URGENT_CLOSED)
			goto gone;
		msg->next = old;
	} while (!atomic_compare_exchange_weak(&actor->urgent, &old, msg));
	send_nudge(sys, actor);
	return 0;
gone:
	send_bounce(sys, msg);
	return -ESRCH;
}

static int send_from(struct sched *s, struct actor *self, actor_ref to,
		     struct actor_msg *msg)
{
	struct actor_system *sys = s->sys;
	struct actor *actor = slots_live(sys, to);
	uint32_t n;
	int err;

	count(&s->counters.sent, 1);
	if (!actor)
		return send_away(sys, to, msg);
	if (has_flag(actor, ACTOR_DROPS) && is_full(actor))
		return dropped(sys, msg, -ENOBUFS);
	flight_sent(s, self, to, msg);
	err = push(sys, actor, to, msg, &n);
	if (err)
		return err;
	if (n + backlog_of(actor) > limit_of(actor) &&
	    !has_flag(actor, ACTOR_DROPS) && actor != self)
		s->mute_on = actor;
	return 0;
}

int actor_send(struct actor *self, actor_ref to, struct actor_msg *msg)
{
	struct sched *s = self->sched;

	msg->from = ref_of(s->sys, self);
	return send_from(s, self, to, msg);
}

int actor_reply(struct actor *self, const struct actor_msg *msg,
		struct actor_msg *reply)
{
	reply->tag = msg->tag;
	return actor_send(self, msg->from, reply);
}

int actor_forward(struct actor *self, actor_ref to, struct actor_msg *msg)
{
	actor_msg_take(self, msg);
	return send_from(self->sched, self, to, msg);
}

void actor_msg_take(struct actor *self, struct actor_msg *msg)
{
	check(self->sched->msg == msg);
	self->sched->msg = NULL;
}

int actor_system_send(struct actor_system *sys, actor_ref to,
		      struct actor_msg *msg)
{
	struct actor *actor = slots_live(sys, to);
	uint32_t n;

	SEND_COUNT(sys, sent, 1);
	msg->from = ACTOR_NOBODY;
	if (!actor)
		return send_away(sys, to, msg);
	if (is_full(actor))
		return dropped(sys, msg, -EAGAIN);
	flight_pick_foreign(sys, msg);
	return push(sys, actor, to, msg, &n);
}

int actor_stop(struct actor *self, actor_ref who)
{
	return actor_system_stop(self->sched->sys, who);
}

int actor_system_stop(struct actor_system *sys, actor_ref who)
{
	struct actor_msg *msg = actor_msg_new(ACTOR_MSG_STOP, sizeof(*msg));

	if (!msg)
		return -ENOMEM;
	return send_unbounded(sys, who, msg);
}

void actor_system_route(struct actor_system *sys,
			int (*route)(void *ctx, actor_ref to,
				     struct actor_msg *msg), void *ctx)
{
	sys->route = route;
	sys->route_ctx = ctx;
}
