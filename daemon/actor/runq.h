/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to actor/: the stealable actors that are ready on a scheduler, first
 * in, first out.  A ring that its owner fills and that owner and thieves
 * empty; behind it, when the ring is full, a locked list.
 */
#ifndef ACTOR_RUNQ_H
#define ACTOR_RUNQ_H

#include "actor/impl.h"

void runq_init(struct runq *q);
void runq_fini(struct runq *q);

/* The owner's thread. */
void runq_push(struct runq *q, struct actor *actor);
struct actor *runq_pop(struct runq *q);

/* The owner's: surely nothing to pop.  Relaxed: only the owner adds. */
static inline bool runq_is_empty(struct runq *q)
{
	return atomic_load_explicit(&q->head, memory_order_relaxed) ==
		       atomic_load_explicit(&q->tail, memory_order_relaxed) &&
	       !atomic_load_explicit(&q->more, memory_order_relaxed);
}

/* About how many there are.  Any thread. */
uint32_t runq_length(struct runq *q);

/* Moves half of `from` to `to`, whose owner calls and which is empty.  Returns
 * how many. */
uint32_t runq_steal(struct runq *to, struct runq *from);

#endif
