// SPDX-License-Identifier: Apache-2.0
#include "actor/runq.h"

#define RING_MASK (RING_SIZE - 1)
/* What moves at a time between the ring and the list behind it. */
#define CHUNK (RING_SIZE / 2)

void runq_init(struct runq *q)
{
	*q = (struct runq){ .last = &q->first };
	pthread_mutex_init(&q->lock, NULL);
}

void runq_fini(struct runq *q)
{
	pthread_mutex_destroy(&q->lock);
}

uint32_t runq_length(struct runq *q)
{
	/* Relaxed: a hint, but see sched_idle(). */
	uint32_t head = atomic_load(&q->head);

	return atomic_load(&q->tail) - head + atomic_load(&q->more);
}

static uint32_t ring_room(struct runq *q)
{
	/*
	 * Acquire: whoever moved the head has read the slots that we shall
	 * overwrite.  Partner: claim().
	 */
	return RING_SIZE -
	       (atomic_load_explicit(&q->tail, memory_order_relaxed) -
		atomic_load_explicit(&q->head, memory_order_acquire));
}

/* The ring has room. */
static void ring_push(struct runq *q, struct actor *actor)
{
	uint32_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);

	atomic_store_explicit(&q->ring[tail & RING_MASK], actor,
			      memory_order_relaxed);
	/* Release: the slot, and the actor itself.  Partner: claim(). */
	atomic_store_explicit(&q->tail, tail + 1, memory_order_release);
}

static void __list_push(struct runq *q, struct actor *actor)
{
	actor->link = NULL;
	*q->last = actor;
	q->last = &actor->link;
	atomic_store(&q->more, atomic_load(&q->more) + 1);
}

static struct actor *__list_pop(struct runq *q)
{
	struct actor *actor = q->first;

	if (!actor)
		return NULL;
	q->first = actor->link;
	if (!q->first)
		q->last = &q->first;
	atomic_store(&q->more, atomic_load(&q->more) - 1);
	return actor;
}

void runq_push(struct runq *q, struct actor *actor)
{
	/* While the list holds older ones, a new one goes behind them. */
	if (!atomic_load_explicit(&q->more, memory_order_relaxed) &&
	    ring_room(q)) {
		ring_push(q, actor);
		return;
	}
	pthread_mutex_lock(&q->lock);
	__list_push(q, actor);
	pthread_mutex_unlock(&q->lock);
}

/*
 * Takes up to `most` from the ring's head into `out`.  The slots are read
 * before the head is moved: if it moves, they were ours.  Acquire on tail:
 * partner ring_push(); release on head: partner ring_room().
 */
static uint32_t claim(struct runq *q, struct actor **out, uint32_t most,
		      bool half)
{
	uint32_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
	uint32_t n;

	do {
		n = atomic_load_explicit(&q->tail, memory_order_acquire) - head;
		if (half)
			n -= n / 2;
		n = n < most ? n : most;
		if (!n)
			return 0;
		for (uint32_t i = 0; i < n; i++)
			out[i] = atomic_load_explicit(
				&q->ring[(head + i) & RING_MASK],
				memory_order_relaxed);
	} while (!atomic_compare_exchange_weak_explicit(&q->head, &head,
							head + n,
							memory_order_acq_rel,
							memory_order_relaxed));
	return n;
}

/* Up to CHUNK from the list behind `from` to the ring of `to`. */
static uint32_t move_chunk(struct runq *to, struct runq *from)
{
	struct actor *actor;
	uint32_t n = 0;

	if (!atomic_load_explicit(&from->more, memory_order_relaxed))
		return 0;
	pthread_mutex_lock(&from->lock);
	while (n < CHUNK && (actor = __list_pop(from))) {
		ring_push(to, actor);
		n++;
	}
	pthread_mutex_unlock(&from->lock);
	return n;
}

struct actor *runq_pop(struct runq *q)
{
	struct actor *actor;

	if (claim(q, &actor, 1, false))
		return actor;
	if (move_chunk(q, q) && claim(q, &actor, 1, false))
		return actor;
	return NULL;
}

uint32_t runq_steal(struct runq *to, struct runq *from)
{
	struct actor *taken[CHUNK];
	uint32_t n = claim(from, taken, CHUNK, true);

	for (uint32_t i = 0; i < n; i++)
		ring_push(to, taken[i]);
	return n ? n : move_chunk(to, from);
}
