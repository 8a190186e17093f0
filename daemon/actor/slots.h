/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to actor/: the table of actors.  It is never unmapped while the
 * system lives, so that a stale reference can always be looked at.
 */
#ifndef ACTOR_SLOTS_H
#define ACTOR_SLOTS_H

#include "actor/impl.h"

int slots_init(struct actor_system *sys);
void slots_fini(struct actor_system *sys);

/* A free slot, 0 when there is none.  `s` may be NULL: another thread. */
uint32_t slots_take(struct actor_system *sys, struct sched *s);
/* Gives it back; one whose generations are used up is never used again. */
void slots_give(struct actor_system *sys, struct sched *s, uint32_t slot);
/* The same, from a thread that is no scheduler. */
void slots_give_foreign(struct actor_system *sys, uint32_t slot);
/* At the end of a scheduler: what it kept. */
void slots_give_kept(struct sched *s);

/* The slot a reference names, whether alive or not; NULL: another node's, or
 * none. */
static inline struct actor *slots_find(struct actor_system *sys, actor_ref ref)
{
	uint32_t slot = ref_slot(ref);

	if (ref_node(ref) != sys->node || !slot || slot >= sys->max_actors)
		return NULL;
	return &sys->slots[slot];
}

/*
 * The actor that `ref` names at this moment, or NULL.  Acquire: one that has
 * ended is done with what it shared with a message, its timer, which we shall
 * free.  Partner: close_mailbox().
 */
static inline struct actor *slots_live(struct actor_system *sys, actor_ref ref)
{
	struct actor *actor = slots_find(sys, ref);

	if (!actor ||
	    atomic_load_explicit(&actor->generation, memory_order_acquire) !=
	    ref_generation(ref))
		return NULL;
	return actor;
}

#endif
