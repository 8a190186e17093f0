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

/* About how many there are.  Any thread. */
uint32_t runq_length(struct runq *q);

/* Moves half of `from` to `to`, whose owner calls and which is empty.  Returns
 * how many. */
uint32_t runq_steal(struct runq *to, struct runq *from);

#endif
