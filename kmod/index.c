// SPDX-License-Identifier: GPL-2.0-only
/* From a block to its slot.  Pure core. */
#include "index.h"

#ifdef __KERNEL__
#include <linux/hash.h>
#endif

int sd_index_init(struct sd_index *ix, u32 nr_slots)
{
	u32 i;

	*ix = (struct sd_index) {
		.bits = max_t(u32, SD_INDEX_MIN_BITS,
			      ilog2(max(nr_slots, 2u) - 1) + 1),
	};
	ix->head = sd_calloc(BIT_ULL(ix->bits), sizeof(*ix->head));
	ix->node = sd_calloc(nr_slots, sizeof(*ix->node));
	if (!ix->head || !ix->node) {
		sd_index_fini(ix);
		return -ENOMEM;
	}
	for (i = 0; i < BIT_ULL(ix->bits); i++)
		ix->head[i] = SD_NONE;
	for (i = 0; i < nr_slots; i++)
		ix->node[i].block = SD_NONE;
	return 0;
}

void sd_index_fini(struct sd_index *ix)
{
	kvfree(ix->node);
	kvfree(ix->head);
	*ix = (struct sd_index) {};
}

/* The same hash as the guard's, of more bits: a chain lies in one bucket. */
static u32 *head_of(const struct sd_index *ix, u32 block)
{
	return &ix->head[hash_64(block, ix->bits)];
}

u32 sd_index_find(const struct sd_index *ix, u32 block)
{
	u32 steps, slot = READ_ONCE(*head_of(ix, block));

	for (steps = 0; slot != SD_NONE && steps < SD_INDEX_MAX_STEPS; steps++) {
		if (READ_ONCE(ix->node[slot].block) == block)
			return slot;
		slot = READ_ONCE(ix->node[slot].next);
	}
	return SD_NONE;
}

u32 __sd_index_find(const struct sd_index *ix, u32 block)
{
	u32 slot = *head_of(ix, block);

	while (slot != SD_NONE && ix->node[slot].block != block)
		slot = ix->node[slot].next;
	return slot;
}

void __sd_index_insert(struct sd_index *ix, u32 slot, u32 block)
{
	u32 *head = head_of(ix, block);

	WRITE_ONCE(ix->node[slot].next, *head);
	/* Who sees the block sees the slot as it is now: sd_read_begin(). */
	smp_store_release(&ix->node[slot].block, block);
	/* Pairs with sd_index_find()'s address dependency on *head. */
	smp_store_release(head, slot);
}

void __sd_index_remove(struct sd_index *ix, u32 slot)
{
	u32 *at = head_of(ix, ix->node[slot].block);

	while (*at != slot)
		at = &ix->node[*at].next;
	WRITE_ONCE(*at, ix->node[slot].next);
	WRITE_ONCE(ix->node[slot].block, SD_NONE);
}
