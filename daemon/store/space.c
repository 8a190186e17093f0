// SPDX-License-Identifier: Apache-2.0
#include "store/space.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

void space_init(struct space *space, uint32_t bytes)
{
	memset(space, 0, sizeof(*space));
	space->bytes = bytes;
}

void space_fini(struct space *space)
{
	mem_free(space->slot);
	space->slot = NULL;
}

int space_reserve(struct space *space, uint32_t count)
{
	if (count <= space->count)
		return 0;
	if (mem_grow(&space->slot, &space->cap, count, sizeof(*space->slot)))
		return -ENOMEM;
	memset(space->slot + space->count, 0,
	       (count - space->count) * sizeof(*space->slot));
	space->count = count;
	return 0;
}

void space_adopt(struct space *space, uint32_t n, uint32_t bytes)
{
	struct slot *slot = &space->slot[n];

	space->used += space->bytes - slot->used;
	slot->used = space->bytes;
	slot->live += bytes;
	space->live += bytes;
}

static bool is_free(const struct slot *slot)
{
	return !slot->used && !slot->readers && !slot->open && !slot->punching;
}

static void set_hole(struct space *space, struct slot *slot, bool hole)
{
	space->holes += hole;
	space->holes -= slot->hole;
	slot->hole = hole;
}

int space_open(struct space *space, uint32_t *ret_slot)
{
	uint32_t n = 0;
	int err;

	while (n < space->count && !is_free(&space->slot[n]))
		n++;
	err = space_reserve(space, n + 1);
	if (err)
		return err;
	space->slot[n].open = true;
	set_hole(space, &space->slot[n], false);
	*ret_slot = n;
	return 0;
}

/* Frees the slot when nothing of it is needed any more. */
static void settle(struct space *space, struct slot *slot)
{
	if (slot->live || slot->open || !slot->used)
		return;
	slot->held = space->hold;
	if (slot->held)
		return;
	space->used -= slot->used;
	slot->used = 0;
	slot->broken = false;
}

void space_hold(struct space *space, bool hold)
{
	space->hold = hold;
	for (uint32_t n = 0; n < space->count; n++)
		if (space->slot[n].held)
			settle(space, &space->slot[n]);
}

void space_fill(struct space *space, uint32_t n, uint32_t used, bool done)
{
	struct slot *slot = &space->slot[n];

	check(slot->open && used >= slot->used && used <= space->bytes);
	space->used += used - slot->used;
	slot->used = used;
	slot->open = !done;
	settle(space, slot);
}

void space_live(struct space *space, uint32_t n, int64_t bytes)
{
	struct slot *slot = &space->slot[n];

	check((int64_t)slot->live + bytes >= 0 &&
	      (int64_t)slot->live + bytes <= space->bytes);
	slot->live = (uint32_t)(slot->live + bytes);
	space->live = (uint64_t)((int64_t)space->live + bytes);
	settle(space, slot);
}

void space_read(struct space *space, uint32_t n, int readers)
{
	struct slot *slot = &space->slot[n];

	check((int64_t)slot->readers + readers >= 0);
	slot->readers += (uint32_t)readers;
}

uint32_t space_punch_begin(struct space *space)
{
	for (uint32_t n = 0; n < space->count; n++) {
		if (!is_free(&space->slot[n]) || space->slot[n].hole)
			continue;
		space->slot[n].punching = true;
		return n;
	}
	return SLOT_NONE;
}

void space_punch_end(struct space *space, uint32_t n, bool done)
{
	space->slot[n].punching = false;
	set_hole(space, &space->slot[n], done);
}

uint32_t space_victim(const struct space *space, uint32_t max_live_percent)
{
	uint64_t least = (uint64_t)space->bytes * max_live_percent / 100;
	uint32_t victim = SLOT_NONE;

	for (uint32_t n = 0; n < space->count; n++) {
		const struct slot *slot = &space->slot[n];

		if (!slot->used || slot->open || slot->broken ||
		    slot->held || slot->live > least)
			continue;
		least = slot->live;
		victim = n;
	}
	return victim;
}
