// SPDX-License-Identifier: Apache-2.0
#include "data/heat.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"

struct kept {
	atomic_uint_least64_t channel;	/* 0: free */
	atomic_uint_least64_t count[HEAT_KINDS];
	uint64_t weight;	/* the counting thread's */
};

struct heat {
	struct kept kept[HEAT_CHANNELS];
};

struct heat *heat_new(void)
{
	return mem_zalloc(sizeof(struct heat));
}

void heat_free(struct heat *heat)
{
	mem_free(heat);
}

static uint64_t load(const atomic_uint_least64_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

static uint32_t lightest(const struct heat *heat)
{
	uint32_t found = 0;

	for (uint32_t i = 1; i < HEAT_CHANNELS; i++)
		if (heat->kept[i].weight < heat->kept[found].weight)
			found = i;
	return found;
}

/*
 * Release stores of `channel` on both sides of the counts: a reader's acquire
 * loads in heat_top() see the free slot, or the new channel, with counts that
 * were set since.
 */
static void replace(struct kept *kept, uint64_t channel)
{
	atomic_store_explicit(&kept->channel, 0, memory_order_release);
	atomic_thread_fence(memory_order_release);
	for (int i = 0; i < HEAT_KINDS; i++)
		atomic_store_explicit(&kept->count[i], 0,
				      memory_order_relaxed);
	atomic_store_explicit(&kept->channel, channel, memory_order_release);
}

void heat_count(struct heat *heat, uint32_t *where, uint64_t channel,
		enum heat_kind kind)
{
	struct kept *kept = &heat->kept[*where];

	if (load(&kept->channel) != channel) {
		*where = lightest(heat);
		kept = &heat->kept[*where];
		replace(kept, channel);
	}
	kept->weight++;
	atomic_fetch_add_explicit(&kept->count[kind], 1, memory_order_relaxed);
}

static struct heat_entry read_one(const struct kept *kept)
{
	struct heat_entry e = {
		.channel = atomic_load_explicit(&kept->channel,
						memory_order_acquire),
	};

	for (int i = 0; i < HEAT_KINDS; i++)
		e.count[i] = load(&kept->count[i]);
	atomic_thread_fence(memory_order_acquire);
	if (load(&kept->channel) != e.channel)
		e.channel = 0;
	return e;
}

uint32_t heat_top(const struct heat *heat, struct heat_entry *top,
		  uint32_t count, uint32_t max)
{
	for (uint32_t i = 0; i < HEAT_CHANNELS; i++) {
		struct heat_entry e = read_one(&heat->kept[i]);
		uint32_t at = count;

		while (at && top[at - 1].count[HEAT_READ] < e.count[HEAT_READ])
			at--;
		if (!e.channel || at == max)
			continue;
		count += count < max;
		memmove(&top[at + 1], &top[at],
			(count - at - 1) * sizeof(*top));
		top[at] = e;
	}
	return count;
}
