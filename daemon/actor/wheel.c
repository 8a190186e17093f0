// SPDX-License-Identifier: Apache-2.0
#include "actor/wheel.h"

#define LEVEL_BITS 6
#define SLOT_MASK (WHEEL_SLOTS - 1)

_Static_assert(LEVEL_BITS * WHEEL_LEVELS >= 64 - WHEEL_TICK_SHIFT,
	       "every time has a slot");

void wheel_init(struct wheel *wheel, uint64_t now_ns)
{
	*wheel = (struct wheel){ .tick = now_ns >> WHEEL_TICK_SHIFT };
	for (int level = 0; level < WHEEL_LEVELS; level++)
		for (int slot = 0; slot < WHEEL_SLOTS; slot++)
			list_init(&wheel->slots[level][slot]);
}

/*
 * A node lies at the level of the highest group of bits in which its tick
 * differs from the wheel's: the slots of a level hold what differs in none
 * above it, so they come up in order.
 */
static void place(struct wheel *wheel, struct wheel_node *node)
{
	uint64_t differs = node->tick ^ wheel->tick;
	unsigned int level = 0, slot;

	if (differs)
		level = (63 - (unsigned int)__builtin_clzll(differs)) / LEVEL_BITS;
	slot = node->tick >> (level * LEVEL_BITS) & SLOT_MASK;
	list_push(&wheel->slots[level][slot], &node->link);
	wheel->used[level] |= 1ull << slot;
}

void wheel_add(struct wheel *wheel, struct wheel_node *node, uint64_t at_ns)
{
	uint64_t tick = (at_ns >> WHEEL_TICK_SHIFT) +
			!!(at_ns & (WHEEL_TICK_NS - 1));

	node->tick = tick > wheel->tick ? tick : wheel->tick + 1;
	place(wheel, node);
	wheel->count++;
}

void wheel_del(struct wheel *wheel, struct wheel_node *node)
{
	/* The bit of its slot may stay set: an empty slot does no harm. */
	list_del(&node->link);
	wheel->count--;
}

/* The first slot that may hold something: its start and its level. */
static bool find_next(const struct wheel *wheel, uint64_t *ret_tick,
		      unsigned int *ret_level)
{
	for (unsigned int level = 0; level < WHEEL_LEVELS; level++) {
		unsigned int shift = level * LEVEL_BITS;
		unsigned int at = wheel->tick >> shift & SLOT_MASK;
		uint64_t later = wheel->used[level] & ~((2ull << at) - 1);

		if (!later)
			continue;
		*ret_tick = ((wheel->tick >> shift & ~(uint64_t)SLOT_MASK) |
			     (unsigned int)__builtin_ctzll(later)) << shift;
		*ret_level = level;
		return true;
	}
	return false;
}

static struct list *slot_at(struct wheel *wheel, unsigned int level)
{
	unsigned int slot = wheel->tick >> (level * LEVEL_BITS) & SLOT_MASK;

	wheel->used[level] &= ~(1ull << slot);
	return &wheel->slots[level][slot];
}

/* The wheel stands at the start of a slot: its nodes move to levels below. */
static void cascade(struct wheel *wheel, unsigned int level)
{
	struct list nodes, *link;

	list_init(&nodes);
	list_splice(&nodes, slot_at(wheel, level));
	while ((link = list_pop(&nodes)))
		place(wheel, list_entry(link, struct wheel_node, link));
}

void wheel_advance(struct wheel *wheel, uint64_t now_ns,
		   void (*fn)(void *ctx, struct wheel_node *node), void *ctx)
{
	uint64_t now = now_ns >> WHEEL_TICK_SHIFT, tick;
	unsigned int level;
	struct list *due, *link;

	while (find_next(wheel, &tick, &level) && tick <= now) {
		wheel->tick = tick;
		if (level)
			cascade(wheel, level);
		due = slot_at(wheel, 0);
		while ((link = list_pop(due))) {
			wheel->count--;
			fn(ctx, list_entry(link, struct wheel_node, link));
		}
	}
	if (now > wheel->tick)
		wheel->tick = now;
}

uint64_t wheel_next_ns(const struct wheel *wheel)
{
	unsigned int level;
	uint64_t tick;

	if (!wheel->count || !find_next(wheel, &tick, &level))
		return UINT64_MAX;
	return tick << WHEEL_TICK_SHIFT;
}
