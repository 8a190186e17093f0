// SPDX-License-Identifier: Apache-2.0
/* One actor's turn. */
#include <errno.h>

#include "actor/flight.h"
#include "actor/handover.h"
#include "actor/io.h"
#include "actor/life.h"
#include "actor/link.h"
#include "actor/mailbox.h"
#include "actor/msg.h"
#include "actor/rest.h"
#include "actor/sched.h"
#include "actor/send.h"
#include "actor/slots.h"
#include "actor/timer.h"
#include "actor/watch.h"

#define SAMPLES 64

static int ctrl_halt(struct actor *actor, struct actor_msg *msg)
{
	(void)msg;
	return life_halt(actor);
}

static int ctrl_resume(struct actor *actor, struct actor_msg *msg)
{
	(void)msg;
	return life_resume(actor);
}

static int ctrl_report(struct actor *actor, struct actor_msg *msg)
{
	return rest_reported(actor, msg);
}

static int ctrl_adopt(struct actor *actor, struct actor_msg *msg)
{
	struct actor_system *sys = actor->sched->sys;
	struct actor *child = &sys->slots[(uint32_t)msg->tag];

	life_adopt(sys, actor, child);
	sched_ready(sys, child);
	return 0;
}

/* -ENOMEM: the message stays, to be tried again. */
static int (*const ctrl_table[])(struct actor *actor, struct actor_msg *msg) = {
	[CTRL_MONITOR - CTRL_MONITOR] = watch_add,
	[CTRL_DEMONITOR - CTRL_MONITOR] = watch_remove,
	[CTRL_FAILED - CTRL_MONITOR] = ctrl_report,
	[CTRL_HALT - CTRL_MONITOR] = ctrl_halt,
	[CTRL_HALTED - CTRL_MONITOR] = ctrl_report,
	[CTRL_RESUME - CTRL_MONITOR] = ctrl_resume,
	[CTRL_RESUMED - CTRL_MONITOR] = ctrl_report,
	[CTRL_ADOPT - CTRL_MONITOR] = ctrl_adopt,
	[CTRL_LINK - CTRL_MONITOR] = link_add,
	[CTRL_UNLINK - CTRL_MONITOR] = link_remove,
};

static void try_again(struct sched *s, struct actor *actor,
		      struct actor_msg *msg)
{
	set_flag(actor, ACTOR_RETRY, true);
	send_ctrl(s->sys, ref_of(s->sys, actor), msg);
}

/* What passes the backlog. */
static void run_urgent(struct sched *s, struct actor *actor)
{
	uint64_t self = ref_of(s->sys, actor).bits;
	struct actor_msg *msg, *next;

	if (atomic_load_explicit(&actor->gone, memory_order_relaxed))
		life_reap(actor);
	msg = NULL;
	if (atomic_load_explicit(&actor->urgent, memory_order_relaxed))
		msg = box_reverse(atomic_exchange(&actor->urgent, NULL));
	for (; msg; msg = next) {
		next = msg->next;
		if (envelope_of(msg)->to != self || s->ended == actor)
			send_bounce(s->sys, msg);
		else if (ctrl_table[msg->type - CTRL_MONITOR](actor, msg))
			try_again(s, actor, msg);
		else
			actor_msg_free(msg);
	}
	if (s->ended != actor)
		rest_retry(actor);
	if (s->ended != actor)
		life_settle(actor);
}

/* Messages of the runtime that a handler may get; false: not this one. */
static bool admit(struct actor *actor, struct actor_msg *msg)
{
	switch (msg->type) {
	case ACTOR_MSG_TIMER:
		return timer_due(actor, msg);
	case ACTOR_MSG_DOWN:
		return watch_wanted(actor, msg);
	case ACTOR_MSG_IO:
		io_returned(actor, msg);
		return true;
	default:
		return true;
	}
}

/* Runs the handler on one message.  Returns what it returned. */
static int deliver(struct sched *s, struct actor *actor, struct actor_msg *msg,
		   uint64_t self)
{
	int ret;

	if (envelope_of(msg)->to != self) {
		count(&s->counters.dropped_stale, 1);
		send_bounce(s->sys, msg);
		return 0;
	}
	count(&s->counters.delivered, 1);
	if (msg->type == ACTOR_MSG_LINK)
		return link_broken(actor, msg);
	if (msg->type < ACTOR_MSG_USER && !admit(actor, msg)) {
		actor_msg_free(msg);
		return 0;
	}
	s->msg = msg;
	flight_begins(s, actor, msg);
	ret = class_of(actor)->handle(actor, actor->state, msg);
	flight_ends(s, actor, ret);
	if (s->msg) {
		s->msg = NULL;
		actor_msg_free(msg);
	}
	return ret;
}

static uint32_t list_length(const struct actor_msg *msg)
{
	uint32_t n = 0;

	for (; msg; msg = msg->next)
		n++;
	return n;
}

static bool has_stop(const struct actor_msg *msg)
{
	while (msg && msg->type != ACTOR_MSG_STOP)
		msg = msg->next;
	return msg;
}

static void after_handler(struct actor *actor, int ret)
{
	if (ret < 0)
		life_fail(actor, ret);
	else if (ret == ACTOR_STOP)
		life_end(actor, 0);
	else
		handover_after(actor);
}

static void set_backlog(struct actor *actor, uint32_t n)
{
	/* Relaxed: a hint for senders; mute.c looks after box_park(). */
	if (n || atomic_load_explicit(&actor->backlog, memory_order_relaxed))
		atomic_store_explicit(&actor->backlog, n, memory_order_relaxed);
}

static bool asked(const struct actor *actor)
{
	return __builtin_expect(actor->more && actor->more->handover &&
				actor->more->handover->asked, 0);
}

/*
 * What was left over and what is there: what comes meanwhile, from itself for
 * one, waits for its next turn, and others have theirs before.  True when there
 * may be more to do.
 */
static bool run_messages(struct sched *s, struct actor *actor)
{
	uint64_t self = ref_of(s->sys, actor).bits;
	uint32_t left = atomic_load_explicit(&actor->backlog,
					     memory_order_relaxed);
	bool taken = false;
	uint32_t n = 0;
	int ret = 0;

	while (n < s->batch && !ret && !s->mute_on && !asked(actor)) {
		struct actor_msg *msg = actor->batch;

		if (!msg) {
			if (!taken)
				actor->batch = box_take(actor, &left);
			if (!actor->batch)
				break;
			taken = true;
			msg = actor->batch;
		}
		actor->batch = msg->next;
		left -= left > 0;
		n++;
		ret = deliver(s, actor, msg, self);
	}
	count(&actor->handled, n);
	set_backlog(actor, actor->batch ? left : 0);
	if (ret || asked(actor))
		after_handler(actor, ret);
	return s->ended != actor && (actor->batch || n == s->batch);
}

/* It ends, and leaves its messages to nobody. */
static bool drops_now(const struct actor *actor)
{
	return phase_of(actor) == PHASE_ENDING && !handover_has_heir(actor);
}

/* What is known of a message that its actor, ours, will not handle. */
static void note_dropped(struct actor *actor, struct actor_msg *msg)
{
	if (msg->type == ACTOR_MSG_IO)
		io_returned(actor, msg);
	else if (msg->type == ACTOR_MSG_TIMER)
		timer_due(actor, msg);
}

/*
 * It must not handle messages now: they move to the batch, to wait there, so
 * that the mailbox can tell us of news.  Completions are taken note of.
 */
static void gather(struct sched *s, struct actor *actor)
{
	struct actor_msg **at = &actor->batch, *msg;
	uint32_t n;

	while (*at)
		at = &(*at)->next;
	*at = box_take(actor, &n);
	at = &actor->batch;
	while ((msg = *at)) {
		if (msg->type != ACTOR_MSG_IO && !drops_now(actor)) {
			at = &msg->next;
			continue;
		}
		*at = msg->next;
		if (envelope_of(msg)->to == ref_of(s->sys, actor).bits)
			note_dropped(actor, msg);
		count(&s->counters.dropped_end, 1);
		send_bounce(s->sys, msg);
	}
	set_backlog(actor, list_length(actor->batch));
	/* Nobody will resume it: its parent ends. */
	if (phase_of(actor) == PHASE_HALTED && has_stop(actor->batch))
		life_end(actor, 0);
	else
		life_settle(actor);
}

/* It has had its turn and lives: where does it go now? */
static void let_go(struct sched *s, struct actor *actor, bool more)
{
	struct actor_system *sys = s->sys;
	struct actor *mute_on = s->mute_on;

	set_current(s, NULL);
	s->mute_on = NULL;
	if (has_flag(actor, ACTOR_RETRY)) {
		set_flag(actor, ACTOR_RETRY, false);
		more = true;
	}
	if (mute_on && mute_wait(sys, actor, mute_on)) {
		count(&s->counters.mutes, 1);
		return;
	}
	if (more || !box_park(actor)) {
		if (atomic_load(&actor->waiters) && mute_has_room(actor))
			mute_wake_all(sys, actor);
		sched_ready(sys, actor);
		return;
	}
	/* Not ours any more, unless what we look at now makes it so. */
	if (atomic_load(&actor->waiters))
		mute_wake_all(sys, actor);
	if (atomic_load(&actor->urgent) || atomic_load(&actor->gone))
		send_nudge(sys, actor);
}

static void finish_turn(struct sched *s, struct actor *actor, bool more)
{
	if (s->ended == actor) {
		s->ended = NULL;
		set_current(s, NULL);
		s->mute_on = NULL;
		return;
	}
	more |= phase_of(actor) == PHASE_RUNNING && actor->batch;
	let_go(s, actor, more);
}

static bool has_urgent(struct actor *actor)
{
	/* Relaxed: what comes later finds us parked; partner box_park(). */
	return atomic_load_explicit(&actor->urgent, memory_order_relaxed) ||
	       atomic_load_explicit(&actor->gone, memory_order_relaxed) ||
	       has_flag(actor, ACTOR_RETRY);
}

/* True when there may be more to do. */
static bool run_turn(struct sched *s, struct actor *actor)
{
	if (phase_of(actor) == PHASE_NEW)
		life_start(actor);
	if (s->ended != actor && has_urgent(actor))
		run_urgent(s, actor);
	if (s->ended == actor)
		return false;
	if (phase_of(actor) == PHASE_RUNNING)
		return run_messages(s, actor);
	gather(s, actor);
	return false;
}

/* One turn in SAMPLES is timed, and counts for all. */
static bool run_timed(struct sched *s, struct actor *actor)
{
	uint64_t from = os_now_ns(s->sys->env);
	bool more = run_turn(s, actor);

	if (s->ended != actor)
		count(&actor->time_ns,
		      (os_now_ns(s->sys->env) - from) * SAMPLES);
	return more;
}

void sched_run_actor(struct sched *s, struct actor *actor)
{
	uint64_t runs = atomic_load_explicit(&s->counters.runs,
					     memory_order_relaxed);

	set_current(s, actor);
	actor->sched = s;
	if (!has_flag(actor, ACTOR_BOUND))
		atomic_store_explicit(&actor->core, (uint16_t)s->index,
				      memory_order_relaxed);
	count(&s->counters.runs, 1);
	finish_turn(s, actor, runs % SAMPLES ? run_turn(s, actor) :
					       run_timed(s, actor));
	if (s->out_pending)
		sched_flush_outbox(s);
}

void sched_run_failed(struct sched *s, int err)
{
	struct actor *actor = current_of(s);

	actor_msg_free(s->msg);
	s->msg = NULL;
	life_fail(actor, err);
	finish_turn(s, actor, true);
}

void sched_let_go(struct sched *s, struct actor *actor)
{
	finish_turn(s, actor, false);
}
