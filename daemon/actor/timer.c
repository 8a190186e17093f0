// SPDX-License-Identifier: Apache-2.0
/*
 * A timer is its own message: nothing is allocated when it fires.
 *
 * It belongs to the wheel it was started on until it fires, and to the actor's
 * list until it is delivered or cancelled.  An actor that has moved to another
 * core cannot take it off that wheel: it marks it, and the wheel frees it when
 * its time comes.
 */
#include "actor/timer.h"

#include <errno.h>

#include "actor/life.h"
#include "actor/send.h"

enum timer_state {
	TIMER_ARMED,
	TIMER_CANCELLED,
};

struct timer_msg {
	struct actor_timer_msg msg;
	struct wheel_node node;
	struct list link;		/* in the actor's list */
	struct sched *sched;		/* whose wheel */
	actor_ref owner;
	_Atomic uint8_t state;		/* by the actor; partner: fire() */
	bool on_wheel;			/* the wheel's */
};

static uint64_t arm(struct actor *self, struct timer_msg *timer,
		    uint64_t delay_ns)
{
	struct sched *s = self->sched;
	uint64_t now = os_now_ns(s->sys->env), at;

	if (__builtin_add_overflow(now, delay_ns, &at))
		at = UINT64_MAX;
	timer->msg.id = ++self->more->last_timer;
	timer->sched = s;
	timer->owner = ref_of(s->sys, self);
	timer->on_wheel = true;
	list_push(&self->more->timers, &timer->link);
	wheel_add(&s->wheel, &timer->node, at);
	return timer->msg.id;
}

uint64_t actor_timer_start(struct actor *self, uint64_t delay_ns,
			   uint64_t cookie)
{
	struct timer_msg *timer;

	if (!life_more(self))
		return 0;
	timer = ACTOR_MSG_NEW(struct timer_msg, ACTOR_MSG_TIMER);
	if (!timer)
		return 0;
	timer->msg.cookie = cookie;
	return arm(self, timer, delay_ns);
}

uint64_t actor_timer_again(struct actor *self, struct actor_msg *msg,
			   uint64_t delay_ns)
{
	check(msg->type == ACTOR_MSG_TIMER);
	actor_msg_take(self, msg);
	return arm(self, (struct timer_msg *)msg, delay_ns);
}

static void cancel(struct actor *self, struct timer_msg *timer)
{
	list_del(&timer->link);
	/* Only the thread of its wheel may look at on_wheel. */
	if (timer->sched == self->sched && timer->on_wheel) {
		wheel_del(&timer->sched->wheel, &timer->node);
		actor_msg_free(&timer->msg.head);
		return;
	}
	/* Release: the list is done with it.  Partner: fire(). */
	atomic_store_explicit(&timer->state, TIMER_CANCELLED,
			      memory_order_release);
}

void actor_timer_cancel(struct actor *self, uint64_t id)
{
	if (!self->more)
		return;
	list_for_each(link, &self->more->timers) {
		struct timer_msg *timer = list_entry(link, struct timer_msg,
						     link);

		if (timer->msg.id == id) {
			cancel(self, timer);
			return;
		}
	}
}

void timer_cancel_all(struct actor *actor)
{
	struct list *timers = &actor->more->timers;

	while (!list_empty(timers))
		cancel(actor, list_entry(timers->next, struct timer_msg, link));
}

/*
 * Cancelled before we look: ours to free.  Afterwards the message is under way
 * to the actor, which finds the mark on delivery.
 */
static void fire(void *ctx, struct wheel_node *node)
{
	struct timer_msg *timer = container_of(node, struct timer_msg, node);
	struct sched *s = ctx;

	timer->on_wheel = false;
	if (atomic_load_explicit(&timer->state, memory_order_acquire) ==
	    TIMER_CANCELLED)
		actor_msg_free(&timer->msg.head);
	else
		send_unbounded(s->sys, timer->owner, &timer->msg.head);
}

static void count_and_fire(void *ctx, struct wheel_node *node)
{
	struct sched *s = ctx;

	s->fired++;
	fire(s, node);
}

int timer_run(struct sched *s, uint64_t now_ns)
{
	s->fired = 0;
	wheel_advance(&s->wheel, now_ns, count_and_fire, s);
	return s->fired;
}

bool timer_due(struct actor *actor, struct actor_msg *msg)
{
	struct timer_msg *timer = (struct timer_msg *)msg;

	(void)actor;
	/* Relaxed: the actor wrote it itself. */
	if (atomic_load_explicit(&timer->state, memory_order_relaxed) ==
	    TIMER_CANCELLED)
		return false;
	list_del(&timer->link);
	return true;
}

static void drop(void *ctx, struct wheel_node *node)
{
	(void)ctx;
	actor_msg_free(&container_of(node, struct timer_msg,
				     node)->msg.head);
}

void timer_drop_all(struct sched *s)
{
	wheel_advance(&s->wheel, UINT64_MAX, drop, NULL);
}
