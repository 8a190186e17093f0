// SPDX-License-Identifier: Apache-2.0
#include "store/slots.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

void slots_init(struct slots *slots, uint32_t bytes)
{
	memset(slots, 0, sizeof(*slots));
	slots->bytes = bytes;
}

void slots_fini(struct slots *slots)
{
	mem_free(slots->slot);
	slots->slot = NULL;
}

int slots_reserve(struct slots *slots, uint32_t count)
{
	uint32_t cap = slots->cap ? slots->cap : 16;
	struct slot *slot;

	if (count <= slots->count)
		return 0;
	while (cap < count)
		cap *= 2;
	slot = mem_realloc(slots->slot, cap * sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	memset(slot + slots->count, 0, (cap - slots->count) * sizeof(*slot));
	slots->slot = slot;
	slots->cap = cap;
	slots->count = count;
	return 0;
}

void slots_adopt(struct slots *slots, uint32_t n, uint32_t bytes)
{
	struct slot *slot = &slots->slot[n];

	slots->used += slots->bytes - slot->used;
	slot->used = slots->bytes;
	slot->live += bytes;
	slots->live += bytes;
}

static bool is_free(const struct slot *slot)
{
	return !slot->used && !slot->readers && !slot->open;
}

int slots_open(struct slots *slots, uint32_t *ret_slot)
{
	uint32_t n = 0;
	int err;

	while (n < slots->count && !is_free(&slots->slot[n]))
		n++;
	err = slots_reserve(slots, n + 1);
	if (err)
		return err;
	slots->slot[n].open = true;
	*ret_slot = n;
	return 0;
}

/* Frees the slot when nothing of it is needed any more. */
static void settle(struct slots *slots, struct slot *slot)
{
	if (slot->live || slot->open)
		return;
	slots->used -= slot->used;
	slot->used = 0;
	slot->broken = false;
}

void slots_fill(struct slots *slots, uint32_t n, uint32_t used, bool done)
{
	struct slot *slot = &slots->slot[n];

	check(slot->open && used >= slot->used && used <= slots->bytes);
	slots->used += used - slot->used;
	slot->used = used;
	slot->open = !done;
	settle(slots, slot);
}

void slots_live(struct slots *slots, uint32_t n, int64_t bytes)
{
	struct slot *slot = &slots->slot[n];

	check((int64_t)slot->live + bytes >= 0 &&
	      (int64_t)slot->live + bytes <= slots->bytes);
	slot->live = (uint32_t)(slot->live + bytes);
	slots->live = (uint64_t)((int64_t)slots->live + bytes);
	settle(slots, slot);
}

void slots_read(struct slots *slots, uint32_t n, int readers)
{
	struct slot *slot = &slots->slot[n];

	check(slot->readers + readers >= 0);
	slot->readers = (uint16_t)(slot->readers + readers);
}

uint32_t slots_victim(const struct slots *slots, uint32_t max_live_percent)
{
	uint64_t least = (uint64_t)slots->bytes * max_live_percent / 100;
	uint32_t victim = SLOT_NONE;

	for (uint32_t n = 0; n < slots->count; n++) {
		const struct slot *slot = &slots->slot[n];

		if (!slot->used || slot->open || slot->broken ||
		    slot->live > least)
			continue;
		least = slot->live;
		victim = n;
	}
	return victim;
}
