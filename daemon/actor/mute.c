// SPDX-License-Identifier: Apache-2.0
/*
 * Back-pressure: who has sent to a full mailbox is not run again until half of
 * it is free.
 *
 * No cycle: an actor that others wait for, or that is full itself, does not
 * wait.  Several may begin to wait for one another at once, each before it
 * can see the others; so each looks a second time after it has joined: in the
 * one order of these sequentially consistent operations the last to join sees
 * who waits for it, and calls its own wait off.
 */
#include "actor/mailbox.h"
#include "actor/sched.h"

bool mute_has_room(struct actor *actor)
{
	return box_length(actor) <=
	       atomic_load_explicit(&actor->limit, memory_order_relaxed) / 2;
}

static bool is_awaited(struct actor *actor)
{
	return atomic_load(&actor->waiters);
}

static bool is_full(struct actor *actor)
{
	return box_length(actor) >=
	       atomic_load_explicit(&actor->limit, memory_order_relaxed);
}

static bool is_dead(struct actor *actor)
{
	return atomic_load(&actor->top) == BOX_DEAD;
}

bool mute_wait(struct actor_system *sys, struct actor *actor, struct actor *on)
{
	struct actor *old;

	if (on == actor || is_awaited(actor) || is_full(actor))
		return false;
	old = atomic_load_explicit(&on->waiters, memory_order_relaxed);
	do
		actor->link = old;
	while (!atomic_compare_exchange_weak(&on->waiters, &old, actor));
	/*
	 * From here on `actor` is its waker's, but its atomics may be read.
	 * Partners: box_park() then mute_wake_all() of the owner of `on`, and
	 * the compare-exchange above of whoever waits for `actor`.
	 */
	if (is_dead(on) || mute_has_room(on) || is_awaited(actor))
		mute_wake_all(sys, on);
	return true;
}

void mute_wake_all(struct actor_system *sys, struct actor *on)
{
	struct actor *actor = atomic_exchange(&on->waiters, NULL);

	while (actor) {
		struct actor *next = actor->link;

		sched_ready(sys, actor);
		actor = next;
	}
}
