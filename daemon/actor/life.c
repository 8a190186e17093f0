// SPDX-License-Identifier: Apache-2.0
/*
 * Birth, restart and end.
 *
 * NEW -> RUNNING, by `start`.
 * RUNNING -> RESTARTING | HALTING | ENDING, by a failure, a wish, or the
 * parent.  In these three: children are told to stop and waited for, then
 * operations in flight are waited for, then `stop` runs.  After that
 * RESTARTING -> RUNNING; HALTING -> HALTED, -> RUNNING by CTRL_RESUME;
 * ENDING -> GONE, whereupon the parent frees the slot.
 */
#include "actor/life.h"

#include <errno.h>
#include <string.h>

#include "actor/flight.h"
#include "actor/handover.h"
#include "actor/link.h"
#include "actor/mailbox.h"
#include "actor/msg.h"
#include "actor/names.h"
#include "actor/pool.h"
#include "actor/rest.h"
#include "actor/sched.h"
#include "actor/send.h"
#include "actor/slots.h"
#include "actor/system_impl.h"
#include "actor/timer.h"
#include "actor/watch.h"
#include "base/log.h"
#include "base/mem.h"

#define MAX_RESTARTS_DEFAULT 3
#define RESTART_WINDOW_DEFAULT_MS 5000
#define NS_PER_MS 1000000ull

static struct actor_more *more_new(void)
{
	struct actor_more *more = mem_zalloc(sizeof(*more));

	if (!more)
		return NULL;
	list_init(&more->timers);
	return more;
}

struct actor_more *life_more(struct actor *actor)
{
	if (!actor->more)
		actor->more = more_new();
	return actor->more;
}

static void more_free(struct actor *actor)
{
	if (!actor->more)
		return;
	check(list_empty(&actor->more->timers));
	mem_free(actor->more->copied_arg);
	mem_free(actor->more->handover);
	mem_free(actor->more);
	actor->more = NULL;
}

static int keep_arg(struct actor_more *more, const struct birth *birth)
{
	more->arg = birth->arg;
	if (!birth->arg || !birth->opts->arg_size)
		return 0;
	more->copied_arg = mem_dup(birth->arg, birth->opts->arg_size);
	more->arg = more->copied_arg;
	return more->arg ? 0 : -ENOMEM;
}

/* Nothing to keep for most actors. */
static int keep_opts(struct actor *actor, const struct birth *birth)
{
	const struct actor_spawn_opts *opts = birth->opts;
	struct actor_more *more;

	if (opts->restart == ACTOR_RESTART_NEVER && !birth->later)
		return 0;
	more = life_more(actor);
	if (!more)
		return -ENOMEM;
	more->restart = opts->restart;
	more->max_restarts = opts->max_restarts ? opts->max_restarts :
						  MAX_RESTARTS_DEFAULT;
	more->window_ns = NS_PER_MS * (opts->restart_window_ms ?
				       opts->restart_window_ms :
				       RESTART_WINDOW_DEFAULT_MS);
	return keep_arg(more, birth);
}

static void *state_new(const struct actor_class *class)
{
	return pool_zalloc(pool_class(class->state_size), class->state_size);
}

static void state_free(const struct actor_class *class, void *state)
{
	if (state)
		pool_free(state, pool_class(class->state_size));
}

static uint32_t limit_for(const struct actor_class *class)
{
	uint32_t limit = class->mailbox_limit;

	if (!limit)
		limit = ACTOR_MAILBOX_DEFAULT;
	return limit < BOX_COUNT_MAX / 2 ? limit : BOX_COUNT_MAX / 2;
}

void life_apply_class(struct actor *actor)
{
	const struct actor_class *class = class_of(actor);

	atomic_store_explicit(&actor->limit, limit_for(class),
			      memory_order_relaxed);
	set_flag(actor, ACTOR_DROPS, class->when_full == ACTOR_FULL_DROP);
}

/*
 * All but the generation, and last the mailbox, opens here.  `waiters` is left
 * as it is: who joins those of an actor that has ended may do so even now, and
 * wakes them itself.  Partner: mute_wait().
 */
static void fill(struct actor *actor, const struct birth *birth)
{
	actor->sched = NULL;
	actor->batch = NULL;
	atomic_store_explicit(&actor->class, birth->class,
			      memory_order_relaxed);
	actor->more = NULL;
	actor->reason = 0;
	atomic_store_explicit(&actor->parent, 0, memory_order_relaxed);
	actor->prev_sibling = actor->next_sibling = 0;
	atomic_store_explicit(&actor->handled, 0, memory_order_relaxed);
	atomic_store_explicit(&actor->time_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&actor->gone, NULL, memory_order_relaxed);
	atomic_store_explicit(&actor->backlog, 0, memory_order_relaxed);
	atomic_store_explicit(&actor->core, (uint16_t)birth->core,
			      memory_order_relaxed);
	atomic_store_explicit(&actor->flags, birth->bound ? ACTOR_BOUND : 0,
			      memory_order_relaxed);
	life_apply_class(actor);
	set_phase(actor, PHASE_NEW);
	/* Release: all of the above, to whoever pushes next. */
	atomic_store_explicit(&actor->urgent, NULL, memory_order_release);
	atomic_store_explicit(&actor->top, BOX_BUSY, memory_order_release);
}

int life_create(struct actor_system *sys, struct sched *s,
		const struct birth *birth, struct actor **ret_actor)
{
	uint32_t slot = slots_take(sys, s);
	struct actor *actor;

	if (!slot)
		return -EAGAIN;
	actor = &sys->slots[slot];
	fill(actor, birth);
	actor->sched = s;
	actor->state = state_new(birth->class);
	if (!actor->state || keep_opts(actor, birth)) {
		life_discard(sys, s, actor);
		return -ENOMEM;
	}
	*ret_actor = actor;
	return 0;
}

/* From here on the reference is stale; what is waiting is returned. */
static struct actor_msg *close_mailbox(struct actor *actor)
{
	uint64_t word;

	/* Release: its timers are cancelled.  Partner: slots_live(). */
	atomic_store_explicit(&actor->generation, generation_of(actor) + 1,
			      memory_order_release);
	word = atomic_exchange(&actor->top, BOX_DEAD);
	return box_reverse(box_newest(word));
}

static uint64_t drop_all(struct actor_system *sys, struct actor_msg *msg)
{
	uint64_t n = 0;

	while (msg) {
		struct actor_msg *next = msg->next;

		send_bounce(sys, msg);
		msg = next;
		n++;
	}
	return n;
}

void life_discard(struct actor_system *sys, struct sched *s,
		  struct actor *actor)
{
	SEND_COUNT(sys, dropped_end, drop_all(sys, close_mailbox(actor)));
	drop_all(sys, atomic_exchange(&actor->urgent, URGENT_CLOSED));
	state_free(class_of(actor), actor->state);
	more_free(actor);
	if (s)
		slots_give(sys, s, slot_of(sys, actor));
	else
		slots_give_foreign(sys, slot_of(sys, actor));
}

void life_adopt(struct actor_system *sys, struct actor *parent,
		struct actor *child)
{
	uint32_t slot = slot_of(sys, child);
	struct actor_more *more = parent->more;

	atomic_store_explicit(&child->parent, slot_of(sys, parent),
			      memory_order_relaxed);
	child->next_sibling = 0;
	child->prev_sibling = more->last_child;
	if (more->last_child)
		sys->slots[more->last_child].next_sibling = slot;
	else
		more->first_child = slot;
	more->last_child = slot;
}

static void unlink_child(struct actor_system *sys, struct actor *parent,
			 struct actor *child)
{
	struct actor_more *more = parent->more;

	if (child->prev_sibling)
		sys->slots[child->prev_sibling].next_sibling =
			child->next_sibling;
	else
		more->first_child = child->next_sibling;
	if (child->next_sibling)
		sys->slots[child->next_sibling].prev_sibling =
			child->prev_sibling;
	else
		more->last_child = child->prev_sibling;
}

/* Runs `start` where a failed assertion in it comes back here. */
static int run_start(struct actor *actor)
{
	struct sched *s = actor->sched;
	struct actor *outer = current_of(s);
	jmp_buf *outer_fail = s->on_fail;
	const void *arg = s->arg ? s->arg :
			  actor->more ? actor->more->arg : NULL;
	jmp_buf on_fail;
	int err;

	set_current(s, actor);
	s->on_fail = &on_fail;
	set_phase(actor, PHASE_RUNNING);
	set_flag(actor, ACTOR_STARTED, true);
	err = -setjmp(on_fail);
	if (!err && class_of(actor)->start)
		err = class_of(actor)->start(actor, actor->state, arg);
	if (err)
		set_flag(actor, ACTOR_STARTED, false);
	s->on_fail = outer_fail;
	set_current(s, outer);
	return err < 0 ? err : 0;
}

void life_start(struct actor *actor)
{
	int err = run_start(actor);

	flight_life(actor, err ? FLIGHT_FAIL : FLIGHT_START, err);
	if (err) {
		actor->sched->start_err = err;
		life_end(actor, err);
	}
}

static bool is_restartable(const struct actor *actor)
{
	return actor->more && actor->more->restart != ACTOR_RESTART_NEVER;
}

static bool may_restart(struct actor *actor)
{
	struct actor_more *more = actor->more;
	uint64_t now = os_now_ns(actor->sched->sys->env);

	if (!is_restartable(actor))
		return false;
	if (!more->restarts || now - more->window_start_ns > more->window_ns) {
		more->window_start_ns = now;
		more->restarts = 0;
	}
	return ++more->restarts <= more->max_restarts;
}

void life_fail(struct actor *actor, int err)
{
	flight_life(actor, FLIGHT_FAIL, err);
	if (!may_restart(actor)) {
		life_end(actor, err);
		return;
	}
	actor->reason = err;
	log_warn("actor", "restart", "class=%s err=%d", class_of(actor)->name,
		 err);
	count(&actor->sched->counters.restarts, 1);
	if (actor->more->restart == ACTOR_RESTART_REST) {
		actor->more->failed = true;
		set_phase(actor, PHASE_HALTING);
	} else {
		set_phase(actor, PHASE_RESTARTING);
	}
	life_settle(actor);
}

void life_end(struct actor *actor, int reason)
{
	actor->reason = reason;
	set_phase(actor, PHASE_ENDING);
	life_settle(actor);
}

int life_halt(struct actor *actor)
{
	enum phase phase = phase_of(actor);

	/* One that is never restarted is left alone. */
	if (phase == PHASE_HALTED || !is_restartable(actor))
		return rest_report(actor, CTRL_HALTED);
	if (phase == PHASE_RUNNING)
		actor->reason = 0;
	if (phase == PHASE_RUNNING || phase == PHASE_RESTARTING)
		set_phase(actor, PHASE_HALTING);
	life_settle(actor);
	return 0;
}

/* The children have gone, so has the I/O: ends the incarnation. */
static void end_state(struct actor *actor)
{
	if (has_flag(actor, ACTOR_STARTED)) {
		set_flag(actor, ACTOR_STARTED, false);
		if (class_of(actor)->stop)
			class_of(actor)->stop(actor, actor->state, actor->reason);
	}
	if (!actor->more)
		return;
	timer_cancel_all(actor);
	watch_forget_all(actor);
	link_tell_all(actor, actor->reason);
	handover_forget(actor);
	actor->more->children_told = false;
}

static void begin_again(struct actor *actor)
{
	int err;

	memset(actor->state, 0, class_of(actor)->state_size);
	err = run_start(actor);
	flight_life(actor, FLIGHT_RESTART, err);
	if (err)
		life_fail(actor, err);
}

int life_resume(struct actor *actor)
{
	struct sched *s = actor->sched;

	if (phase_of(actor) == PHASE_HALTED)
		begin_again(actor);
	return s->ended == actor ? 0 : rest_report(actor, CTRL_RESUMED);
}

/* What it had still to handle is its successor's, or nobody's. */
static void leave_messages(struct actor *actor, struct actor_msg *msg)
{
	struct sched *s = actor->sched;

	if (handover_has_heir(actor))
		handover_forward(actor, msg);
	else
		count(&s->counters.dropped_end, drop_all(s->sys, msg));
}

/* Nothing of it stays but the slot. */
static void dissolve(struct actor *actor)
{
	struct sched *s = actor->sched;
	struct actor_system *sys = s->sys;
	actor_ref ref = ref_of(sys, actor);

	if (actor->more)
		rest_drop_all(actor);
	if (actor->more && actor->more->named)
		names_pass(sys, ref, ACTOR_NOBODY);
	leave_messages(actor, actor->batch);
	leave_messages(actor, close_mailbox(actor));
	actor->batch = NULL;
	drop_all(sys, atomic_exchange(&actor->urgent, URGENT_CLOSED));
	if (actor->more)
		watch_tell_all(actor, actor->reason);
	state_free(class_of(actor), actor->state);
	actor->state = NULL;
	more_free(actor);
	set_phase(actor, PHASE_GONE);
}

/* The last message it ever sends goes before the parent may free the slot. */
static void finish(struct actor *actor)
{
	struct sched *s = actor->sched;
	struct actor_system *sys = s->sys;
	struct actor *parent = &sys->slots[actor->parent], *old;

	flight_life(actor, FLIGHT_END, actor->reason);
	dissolve(actor);
	mute_wake_all(sys, actor);
	s->ended = actor;
	if (actor == sys->root) {
		system_root_gone(sys);
		return;
	}
	old = atomic_load_explicit(&parent->gone, memory_order_relaxed);
	do
		actor->link = old;
	while (!atomic_compare_exchange_weak(&parent->gone, &old, actor));
	send_nudge(sys, parent);
}

/*
 * Children stop in reverse order of their start: root's one after another,
 * since later ones may use earlier ones while they drain, others' at once.
 */
static int tell_children(struct actor *actor)
{
	struct actor_system *sys = actor->sched->sys;
	uint32_t slot = actor->more->last_child;
	int err;

	while (slot) {
		struct actor *child = &sys->slots[slot];

		err = actor_system_stop(sys, ref_of(sys, child));
		if (err == -ENOMEM)
			return err;
		if (actor == sys->root)
			break;
		slot = child->prev_sibling;
	}
	return 0;
}

void life_settle(struct actor *actor)
{
	enum phase phase = phase_of(actor);
	struct actor_more *more = actor->more;

	if (phase != PHASE_RESTARTING && phase != PHASE_HALTING &&
	    phase != PHASE_ENDING)
		return;
	if (more && more->first_child) {
		if (!more->children_told) {
			more->children_told = !tell_children(actor);
			set_flag(actor, ACTOR_RETRY, !more->children_told);
		}
		return;
	}
	if (more && more->io_pending)
		return;
	end_state(actor);
	if (phase == PHASE_RESTARTING) {
		begin_again(actor);
	} else if (phase == PHASE_ENDING) {
		finish(actor);
	} else if (rest_report(actor, more->failed ? CTRL_FAILED :
						     CTRL_HALTED) == 0) {
		more->failed = false;
		set_phase(actor, PHASE_HALTED);
	}
}

void life_abandon(struct actor *actor, int reason)
{
	actor->reason = reason;
	end_state(actor);
	dissolve(actor);
}

/* The notice goes to our own mailbox, behind what the child has sent. */
static int tell_exit(struct actor *actor, struct actor *child)
{
	struct actor_system *sys = actor->sched->sys;
	struct actor_down_msg *msg;

	if (phase_of(actor) != PHASE_RUNNING || has_flag(child, ACTOR_NO_EXIT))
		return 0;
	msg = ACTOR_MSG_NEW(struct actor_down_msg, ACTOR_MSG_EXIT);
	if (!msg)
		return -ENOMEM;
	msg->who = ref_make(sys->node, generation_of(child) - 1,
			    slot_of(sys, child));
	msg->head.from = msg->who;
	msg->reason = child->reason;
	msg->class_name = class_of(child)->name;
	return send_unbounded(sys, ref_of(sys, actor), &msg->head);
}

static void put_back(struct actor *actor, struct actor *child)
{
	struct actor *old = atomic_load_explicit(&actor->gone,
						 memory_order_relaxed);

	do
		child->link = old;
	while (!atomic_compare_exchange_weak(&actor->gone, &old, child));
	set_flag(actor, ACTOR_RETRY, true);
}

void life_reap(struct actor *actor)
{
	struct sched *s = actor->sched;
	struct actor *child = atomic_exchange(&actor->gone, NULL);

	while (child) {
		struct actor *next = child->link;

		if (tell_exit(actor, child)) {
			put_back(actor, child);
		} else {
			rest_child_gone(actor, child);
			unlink_child(s->sys, actor, child);
			slots_give(s->sys, s, slot_of(s->sys, child));
			/* The next of root's may be told now. */
			if (actor == s->sys->root)
				actor->more->children_told = false;
		}
		child = next;
	}
}
