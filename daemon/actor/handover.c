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
#include "base/mem.h"

static struct handover *handover_of(struct actor *self)
{
	struct actor_more *more = life_more(self);

	if (more && !more->handover)
		more->handover = mem_zalloc(sizeof(*more->handover));
	return more ? more->handover : NULL;
}

int actor_become(struct actor *self, const struct actor_class *class,
		 int (*adopt)(struct actor *self, void *state, void *old))
{
	struct handover *h = handover_of(self);

	if (!h)
		return -ENOMEM;
	if (self->more->io_pending)
		return -EBUSY;
	h->next_class = class;
	h->adopt = adopt;
	h->asked = true;
	return 0;
}

int actor_move(struct actor *self, int core)
{
	struct handover *h = handover_of(self);

	if (!h)
		return -ENOMEM;
	if (core < ACTOR_CORE_ANY || core >= self->sched->sys->cores)
		return -EINVAL;
	if (self->more->io_pending)
		return -EBUSY;
	h->next_core = core;
	h->moves = true;
	h->asked = true;
	return 0;
}

int actor_hand_over(struct actor *self, actor_ref successor)
{
	struct handover *h = handover_of(self);

	if (!h)
		return -ENOMEM;
	if (actor_ref_eq(successor, ref_of(self->sched->sys, self)))
		return -EINVAL;
	h->successor = successor;
	h->asked = true;
	return 0;
}

/* On failure the old class goes on with the old state. */
static void change_class(struct actor *actor)
{
	struct handover *h = actor->more->handover;
	const struct actor_class *class = h->next_class;
	unsigned int pool = pool_class(class->state_size);
	void *state = NULL;
	int err = -EBUSY;

	h->next_class = NULL;
	/* What is in flight may name the old state. */
	if (!actor->more->io_pending) {
		state = pool_zalloc(pool, class->state_size);
		err = state ? h->adopt(actor, state, actor->state) : -ENOMEM;
	}
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
	struct handover *h = actor->more->handover;
	int core = h->next_core;

	h->moves = false;
	/* It comes back to this core. */
	if (actor->more->io_pending) {
		log_warn("actor", "move_failed", "class=%s err=%d",
			 class_of(actor)->name, -EBUSY);
		return;
	}
	set_flag(actor, ACTOR_BOUND, core != ACTOR_CORE_ANY);
	if (core != ACTOR_CORE_ANY)
		atomic_store_explicit(&actor->core, (uint16_t)core,
				      memory_order_relaxed);
}

void handover_after(struct actor *actor)
{
	struct actor_system *sys = actor->sched->sys;
	struct handover *h = actor->more->handover;

	h->asked = false;
	if (h->next_class)
		change_class(actor);
	if (h->moves)
		change_core(actor);
	if (actor_ref_is_nobody(h->successor))
		return;
	h->heir = h->successor;
	names_pass(sys, ref_of(sys, actor), h->heir);
	life_end(actor, 0);
}

void handover_forget(struct actor *actor)
{
	struct handover *h = actor->more->handover;

	if (h)
		*h = (struct handover){ .heir = h->heir };
}

bool handover_has_heir(const struct actor *actor)
{
	const struct handover *h = actor->more ? actor->more->handover : NULL;

	return h && !actor_ref_is_nobody(h->heir);
}

/* Not what came of its own timers, monitors, links, children. */
static bool is_inherited(const struct actor_msg *msg)
{
	return msg->type >= ACTOR_MSG_USER || msg->type == ACTOR_MSG_STOP;
}

void handover_forward(struct actor *actor, struct actor_msg *msg)
{
	struct sched *s = actor->sched;

	while (msg) {
		struct actor_msg *next = msg->next;

		/* It was sent once: now it is once more, as another one is
		 * ended here. */
		count(&s->counters.dropped_end, 1);
		if (is_inherited(msg))
			send_unbounded(s->sys, actor->more->handover->heir,
				       msg);
		else
			actor_msg_free(msg);
		msg = next;
	}
}
