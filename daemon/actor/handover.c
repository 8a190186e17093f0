// SPDX-License-Identifier: Apache-2.0
/*
 * Three ways for a live actor to go on as something else: as another class in
 * the same place, on another core, or as a successor of its own choice.  A
 * handler asks; it happens after the handler, when nobody uses the state.
 */
#include "actor/handover.h"

#include <errno.h>

#include "actor/life.h"
#include "actor/names.h"
#include "actor/pool.h"
#include "actor/sched.h"
#include "actor/send.h"
#include "base/log.h"

int actor_become(struct actor *self, const struct actor_class *class,
		 int (*adopt)(struct actor *self, void *state, void *old))
{
	struct actor_more *more = life_more(self);

	if (!more)
		return -ENOMEM;
	if (more->io_pending)
		return -EBUSY;
	more->next_class = class;
	more->adopt = adopt;
	more->handover = true;
	return 0;
}

int actor_move(struct actor *self, int core)
{
	struct actor_more *more = life_more(self);

	if (!more)
		return -ENOMEM;
	if (core < ACTOR_CORE_ANY || core >= self->sched->sys->cores)
		return -EINVAL;
	if (more->io_pending)
		return -EBUSY;
	more->next_core = core;
	more->moves = true;
	more->handover = true;
	return 0;
}

int actor_hand_over(struct actor *self, actor_ref successor)
{
	struct actor_more *more = life_more(self);

	if (!more)
		return -ENOMEM;
	if (actor_ref_eq(successor, ref_of(self->sched->sys, self)))
		return -EINVAL;
	more->successor = successor;
	more->handover = true;
	return 0;
}

/* On failure the old class goes on with the old state. */
static void change_class(struct actor *actor)
{
	struct actor_more *more = actor->more;
	const struct actor_class *class = more->next_class;
	unsigned int pool = pool_class(class->state_size);
	void *state = pool_zalloc(pool, class->state_size);
	int err = state ? more->adopt(actor, state, actor->state) : -ENOMEM;

	more->next_class = NULL;
	if (err) {
		log_warn("actor", "become_failed", "class=%s err=%d",
			 class->name, err);
		if (state)
			pool_free(state, pool);
		return;
	}
	pool_free(actor->state, pool_class(class_of(actor)->state_size));
	actor->state = state;
	atomic_store_explicit(&actor->class, class, memory_order_relaxed);
	life_apply_class(actor);
}

static void change_core(struct actor *actor)
{
	int core = actor->more->next_core;

	actor->more->moves = false;
	set_flag(actor, ACTOR_BOUND, core != ACTOR_CORE_ANY);
	if (core != ACTOR_CORE_ANY)
		atomic_store_explicit(&actor->core, (uint16_t)core,
				      memory_order_relaxed);
}

void handover_after(struct actor *actor)
{
	struct actor_system *sys = actor->sched->sys;
	struct actor_more *more = actor->more;

	more->handover = false;
	if (more->next_class)
		change_class(actor);
	if (more->moves)
		change_core(actor);
	if (actor_ref_is_nobody(more->successor))
		return;
	names_pass(sys, ref_of(sys, actor), more->successor);
	life_end(actor, 0);
}

void handover_forward(struct actor *actor, struct actor_msg *msg)
{
	struct sched *s = actor->sched;

	while (msg) {
		struct actor_msg *next = msg->next;

		/* It was sent once: now it is once more, as another one is
		 * ended here. */
		count(&s->counters.dropped_end, 1);
		send_unbounded(s->sys, actor->more->successor, msg);
		msg = next;
	}
}
