/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to actor/: the mailbox, a stack that many push and the owner takes
 * whole, reversing it.  Its one word holds the newest message and how many
 * there are, or, when there is none:
 *
 *	IDLE	nobody owns the actor; who pushes becomes its owner and must
 *		schedule it
 *	BUSY	the actor has an owner
 *	DEAD	no actor lives here
 *
 * There is no ABA: nothing is ever popped singly.
 */
#ifndef ACTOR_MAILBOX_H
#define ACTOR_MAILBOX_H

#include "actor/impl.h"

#define BOX_COUNT_BITS 21
#define BOX_COUNT_MAX ((1u << BOX_COUNT_BITS) - 1)
#define BOX_DEAD 0ull	/* also a slot that was never used */
#define BOX_BUSY 1ull
#define BOX_IDLE 2ull

enum push { PUSH_QUEUED, PUSH_WAKE, PUSH_DEAD };

/* Addresses are below 2^47 and of multiples of 16: 43 bits. */
static inline uint64_t box_pack(const struct actor_msg *msg, uint32_t count)
{
	return (uint64_t)(uintptr_t)msg >> 4 << BOX_COUNT_BITS | count;
}

static inline struct actor_msg *box_newest(uint64_t word)
{
	return (struct actor_msg *)(uintptr_t)(word >> BOX_COUNT_BITS << 4);
}

static inline uint32_t box_count(uint64_t word)
{
	return box_newest(word) ? (uint32_t)word & BOX_COUNT_MAX : 0;
}

/*
 * Takes msg unless it returns PUSH_DEAD.  Acquire and release: the message
 * goes out to box_take(); on PUSH_WAKE we own the actor, and see what its
 * last owner wrote before box_park(); on PUSH_DEAD what it wrote before its
 * end, for msg may be a timer of its.
 */
static inline enum push box_push(struct actor *to, struct actor_msg *msg,
				 uint32_t *ret_count)
{
	uint64_t old = atomic_load_explicit(&to->top, memory_order_acquire);
	uint32_t n;

	do {
		if (old == BOX_DEAD)
			return PUSH_DEAD;
		n = box_count(old);
		msg->next = box_newest(old);
		n += n < BOX_COUNT_MAX;
	} while (!atomic_compare_exchange_weak_explicit(&to->top, &old,
							box_pack(msg, n),
							memory_order_acq_rel,
							memory_order_acquire));
	*ret_count = n;
	return old == BOX_IDLE ? PUSH_WAKE : PUSH_QUEUED;
}

/* Newest first to oldest first. */
static inline struct actor_msg *box_reverse(struct actor_msg *newest)
{
	struct actor_msg *oldest = NULL;

	while (newest) {
		struct actor_msg *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

/* The owner's: all there is, oldest first; leaves BUSY.  Acquire: partner
 * box_push(). */
static inline struct actor_msg *box_take(struct actor *actor, uint32_t *ret_count)
{
	uint64_t word = atomic_load_explicit(&actor->top, memory_order_relaxed);

	*ret_count = 0;
	if (!box_newest(word))
		return NULL;
	word = atomic_exchange_explicit(&actor->top, BOX_BUSY,
					memory_order_acquire);
	*ret_count = box_count(word);
	return box_reverse(box_newest(word));
}

/*
 * The owner's: BUSY to IDLE, which gives the actor up; false when a message
 * has come.  Sequentially consistent: who parks looks at `urgent`, `gone` and
 * `waiters` afterwards, and who adds to one of those tries box_unpark()
 * afterwards, so one of the two sees the other.
 */
static inline bool box_park(struct actor *actor)
{
	uint64_t busy = BOX_BUSY;

	return atomic_compare_exchange_strong(&actor->top, &busy, BOX_IDLE);
}

/* IDLE to BUSY: true makes the caller the owner.  Partner: box_park(). */
static inline bool box_unpark(struct actor *actor)
{
	uint64_t idle = BOX_IDLE;

	return atomic_compare_exchange_strong(&actor->top, &idle, BOX_BUSY);
}

/* Messages waiting, about. */
static inline uint32_t box_length(struct actor *actor)
{
	return box_count(atomic_load(&actor->top)) +
	       atomic_load(&actor->backlog);
}

#endif
