// SPDX-License-Identifier: GPL-2.0-only
/* Placement, and which pages of an SSD may be believed.  Pure core. */
#include "map.h"

int sd_geom_init(struct sd_geom *g, u64 disk_sectors, u32 block_sectors,
		 u32 nr_legs)
{
	if (!is_power_of_2(block_sectors) ||
	    block_sectors < SD_MIN_BLOCK_SECTORS ||
	    block_sectors > SD_MAX_BLOCK_SECTORS)
		return -EINVAL;
	if (!disk_sectors || !nr_legs || nr_legs > SD_MAX_LEGS)
		return -EINVAL;
	*g = (struct sd_geom) {
		.disk_sectors = disk_sectors,
		.nr_blocks = DIV_ROUND_UP_ULL(disk_sectors, block_sectors),
		.block_shift = ilog2(block_sectors),
		.pages = block_sectors / SD_PAGE_SECTORS,
		.nr_legs = nr_legs,
	};
	return 0;
}

u64 sd_leg_blocks(const struct sd_geom *g, u32 leg)
{
	u32 rest;
	u64 even = div_u64_rem(g->nr_blocks, g->nr_legs, &rest);

	return even + (leg < rest);
}

/* Bits [first, last] of a word. */
static u64 mask_of(u32 first, u32 last)
{
	return (~0ull >> (63 - (last - first))) << first;
}

u64 sd_mask_touched(const struct sd_geom *g, u64 sector, u32 nr)
{
	u32 at = sector & (sd_block_sectors(g) - 1);

	return mask_of(at / SD_PAGE_SECTORS, (at + nr - 1) / SD_PAGE_SECTORS);
}

u64 sd_mask_full(const struct sd_geom *g, u64 sector, u32 nr)
{
	u32 at = sector & (sd_block_sectors(g) - 1);
	u32 first = (at + SD_PAGE_SECTORS - 1) / SD_PAGE_SECTORS;
	u32 end = (at + nr) / SD_PAGE_SECTORS;

	return first < end ? mask_of(first, end - 1) : 0;
}

u64 sd_mask_disk(const struct sd_geom *g, u64 block)
{
	u64 at = block << g->block_shift;

	return sd_mask_full(g, at, min_t(u64, sd_block_sectors(g),
					 g->disk_sectors - at));
}

u64 sd_mask_run(u64 mask)
{
	u64 low, above;

	if (!mask)
		return 0;
	low = mask & -mask;
	above = mask + low;		/* carries through the lowest run */
	return mask & ~above;
}

int sd_table_init(struct sd_table *t, const struct sd_geom *g, u32 leg,
		  u64 nr_slots, u32 slots_per_chunk, bool verify)
{
	*t = (struct sd_table) {
		.geom = g,
		.leg = leg,
		.nr_slots = nr_slots,
		.slots_per_chunk = slots_per_chunk,
		.nr_chunks = DIV_ROUND_UP_ULL(nr_slots, slots_per_chunk),
	};
	t->slots = sd_calloc(nr_slots, sizeof(*t->slots));
	t->dirty = sd_calloc(BITS_TO_LONGS(t->nr_chunks), sizeof(long));
	if (verify)
		t->crc = sd_calloc(nr_slots, g->pages * sizeof(u32));
	if (!t->slots || !t->dirty || (verify && !t->crc)) {
		sd_table_fini(t);
		return -ENOMEM;
	}
	return 0;
}

int sd_table_init_cache(struct sd_table *t, const struct sd_policy_ops *ops)
{
	int err;

	if (t->geom->nr_blocks >= SD_NONE || t->nr_slots >= SD_NONE)
		return -EFBIG;
	t->cache = kvcalloc(1, sizeof(*t->cache), GFP_KERNEL);
	if (!t->cache)
		return -ENOMEM;
	err = sd_cache_init(t->cache, t->nr_slots, ops);
	if (err) {
		kvfree(t->cache);
		t->cache = NULL;
	}
	return err;
}

void sd_table_fini(struct sd_table *t)
{
	if (t->cache)
		sd_cache_fini(t->cache);
	kvfree(t->cache);
	kvfree(t->crc);
	kvfree(t->dirty);
	kvfree(t->unverified);
	kvfree(t->slots);
	*t = (struct sd_table) {};
}

static u64 find_identity(const struct sd_table *t, u64 block)
{
	u64 nth;

	sd_place(t->geom, block, &nth);
	return nth < t->nr_slots ? nth : SD_NO_SLOT;
}

u64 sd_table_find(const struct sd_table *t, u64 block)
{
	return t->cache ? sd_slot_of(sd_index_find(&t->cache->index, block)) :
			  find_identity(t, block);
}

u64 __sd_table_find(const struct sd_table *t, u64 block)
{
	return t->cache ? sd_slot_of(__sd_index_find(&t->cache->index, block)) :
			  find_identity(t, block);
}

u64 sd_table_owner(const struct sd_table *t, u64 slot)
{
	u64 block;

	if (t->cache)
		return sd_slot_of(READ_ONCE(t->cache->index.node[slot].block));
	block = slot * t->geom->nr_legs + t->leg;
	return block < t->geom->nr_blocks ? block : SD_NO_SLOT;
}

static int load_mapped(struct sd_table *t, u64 slot, u64 block, u64 valid,
		       u64 *ret_other)
{
	u64 nth;

	if (block >= t->geom->nr_blocks ||
	    sd_place(t->geom, block, &nth) != t->leg)
		return -EINVAL;
	*ret_other = __sd_table_find(t, block);
	if (*ret_other != SD_NO_SLOT) {
		/* It keeps the block, so that a third one is noticed too. */
		t->slots[*ret_other].valid = 0;
		return -EEXIST;
	}
	if (valid)
		__sd_index_insert(&t->cache->index, slot, block);
	t->slots[slot].valid = valid;
	return 0;
}

int sd_table_load(struct sd_table *t, u64 slot, u64 block, u64 valid,
		  u64 *ret_other)
{
	if (t->cache)
		return load_mapped(t, slot, block, valid, ret_other);
	if (sd_table_owner(t, slot) != block)
		return -EINVAL;
	t->slots[slot].valid = valid;
	return 0;
}

int sd_table_distrust(struct sd_table *t)
{
	u64 i;

	t->unverified = sd_calloc(t->nr_slots, sizeof(u64));
	if (!t->unverified)
		return -ENOMEM;
	for (i = 0; i < t->nr_slots; i++) {
		t->unverified[i] = t->slots[i].valid;
		t->slots[i].valid = 0;
	}
	return 0;
}

u64 sd_table_unverified(const struct sd_table *t, u64 block)
{
	u64 slot = sd_table_find(t, block);

	return slot == SD_NO_SLOT ? 0 : sd_unverified_pages(t, slot);
}

#define SLOTS_AT_A_TIME	4096	/* then others may have the CPU */

u64 sd_table_count_unverified(const struct sd_table *t)
{
	u64 i, n = 0;

	for (i = 0; t->unverified && i < t->nr_slots; i++) {
		n += hweight64(READ_ONCE(t->unverified[i]));
		if (!(i % SLOTS_AT_A_TIME))
			cond_resched();
	}
	return n;
}

u64 sd_table_count_valid(const struct sd_table *t)
{
	u64 i, n = 0;

	for (i = 0; i < t->nr_slots; i++) {
		n += hweight64(READ_ONCE(t->slots[i].valid));
		if (!(i % SLOTS_AT_A_TIME))
			cond_resched();
	}
	return n;
}

void sd_table_mark_dirty(struct sd_table *t, u64 slot)
{
	/* What changed before the mark: pairs with take_snapshots(). */
	smp_mb__before_atomic();
	set_bit(div_u64(slot, t->slots_per_chunk), t->dirty);
}
