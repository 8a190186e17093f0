// SPDX-License-Identifier: Apache-2.0
#include "actor/slots.h"

#include <errno.h>
#include <sys/mman.h>

#define KEPT_MAX (sizeof(((struct sched *)0)->free_slots) / sizeof(uint32_t))

int slots_init(struct actor_system *sys)
{
	size_t size = sizeof(struct actor) * sys->max_actors;
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		return -ENOMEM;
	/* A message to each of many actors should not miss the TLB each time. */
	madvise(mem, size, MADV_HUGEPAGE);
	sys->slots = mem;
	sys->fresh_slot = 1;
	return 0;
}

void slots_fini(struct actor_system *sys)
{
	munmap(sys->slots, sizeof(struct actor) * sys->max_actors);
}

/* Called with slot_lock held. */
static uint32_t __take(struct actor_system *sys)
{
	uint32_t slot = sys->free_slot;

	if (slot) {
		sys->free_slot = atomic_load_explicit(&sys->slots[slot].parent,
						      memory_order_relaxed);
		return slot;
	}
	return sys->fresh_slot < sys->max_actors ? sys->fresh_slot++ : 0;
}

static void __give(struct actor_system *sys, uint32_t slot)
{
	atomic_store_explicit(&sys->slots[slot].parent, sys->free_slot,
			      memory_order_relaxed);
	sys->free_slot = slot;
}

static void refill(struct actor_system *sys, struct sched *s)
{
	uint32_t taken[KEPT_MAX / 2], n = 0, slot;

	pthread_mutex_lock(&sys->slot_lock);
	while (n < KEPT_MAX / 2 && (slot = __take(sys)))
		taken[n++] = slot;
	pthread_mutex_unlock(&sys->slot_lock);
	/* The lowest is used first: neighbours in age are so in memory. */
	while (n)
		s->free_slots[s->free_count++] = taken[--n];
}

uint32_t slots_take(struct actor_system *sys, struct sched *s)
{
	uint32_t slot;

	if (!s) {
		pthread_mutex_lock(&sys->slot_lock);
		slot = __take(sys);
		pthread_mutex_unlock(&sys->slot_lock);
		return slot;
	}
	if (!s->free_count)
		refill(sys, s);
	return s->free_count ? s->free_slots[--s->free_count] : 0;
}

static void give_some(struct actor_system *sys, struct sched *s, uint32_t keep)
{
	pthread_mutex_lock(&sys->slot_lock);
	while (s->free_count > keep)
		__give(sys, s->free_slots[--s->free_count]);
	pthread_mutex_unlock(&sys->slot_lock);
}

/* False: it has had all its generations. */
static bool set_free(struct actor_system *sys, uint32_t slot)
{
	set_phase(&sys->slots[slot], PHASE_FREE);
	return generation_of(&sys->slots[slot]) < REF_GEN_MAX;
}

void slots_give_foreign(struct actor_system *sys, uint32_t slot)
{
	if (!set_free(sys, slot))
		return;
	pthread_mutex_lock(&sys->slot_lock);
	__give(sys, slot);
	pthread_mutex_unlock(&sys->slot_lock);
}

void slots_give(struct actor_system *sys, struct sched *s, uint32_t slot)
{
	if (!set_free(sys, slot))
		return;
	if (s->free_count == KEPT_MAX)
		give_some(sys, s, KEPT_MAX / 2);
	s->free_slots[s->free_count++] = slot;
}

void slots_give_kept(struct sched *s)
{
	give_some(s->sys, s, 0);
}
