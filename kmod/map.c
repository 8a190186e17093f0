// SPDX-License-Identifier: GPL-2.0-only
/* Placement, validity, and the operations under way.  Pure core. */
#include "map.h"

#ifdef __KERNEL__
#include <linux/hash.h>
#endif

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
	t->slots = kvcalloc(nr_slots, sizeof(*t->slots), GFP_KERNEL);
	t->dirty = kvcalloc(BITS_TO_LONGS(t->nr_chunks), sizeof(long),
			    GFP_KERNEL);
	if (verify)
		t->crc = kvcalloc(nr_slots, g->pages * sizeof(u32), GFP_KERNEL);
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

static u64 slot_of(u32 slot)
{
	return slot == SD_NONE ? SD_NO_SLOT : slot;
}

static u64 find_identity(const struct sd_table *t, u64 block)
{
	u64 nth;

	sd_place(t->geom, block, &nth);
	return nth < t->nr_slots ? nth : SD_NO_SLOT;
}

u64 sd_table_find(const struct sd_table *t, u64 block)
{
	return t->cache ? slot_of(sd_index_find(&t->cache->index, block)) :
			  find_identity(t, block);
}

/* Under the block's guard. */
static u64 __find(const struct sd_table *t, u64 block)
{
	return t->cache ? slot_of(__sd_index_find(&t->cache->index, block)) :
			  find_identity(t, block);
}

u64 sd_table_owner(const struct sd_table *t, u64 slot)
{
	u64 block;

	if (t->cache)
		return slot_of(READ_ONCE(t->cache->index.node[slot].block));
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
	*ret_other = __find(t, block);
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

	t->unverified = kvcalloc(t->nr_slots, sizeof(u64), GFP_KERNEL);
	if (!t->unverified)
		return -ENOMEM;
	for (i = 0; i < t->nr_slots; i++) {
		t->unverified[i] = t->slots[i].valid;
		t->slots[i].valid = 0;
	}
	return 0;
}

static u64 unverified_pages(const struct sd_table *t, u64 slot)
{
	return t->unverified ? READ_ONCE(t->unverified[slot]) : 0;
}

u64 sd_table_unverified(const struct sd_table *t, u64 block)
{
	u64 slot = sd_table_find(t, block);

	return slot == SD_NO_SLOT ? 0 : unverified_pages(t, slot);
}

u64 sd_table_count_unverified(const struct sd_table *t)
{
	u64 i, n = 0;

	for (i = 0; t->unverified && i < t->nr_slots; i++)
		n += hweight64(READ_ONCE(t->unverified[i]));
	return n;
}

u64 sd_table_count_valid(const struct sd_table *t)
{
	u64 i, n = 0;

	for (i = 0; i < t->nr_slots; i++)
		n += hweight64(READ_ONCE(t->slots[i].valid));
	return n;
}

void sd_table_mark_dirty(struct sd_table *t, u64 slot)
{
	/* What changed before the mark: pairs with take_snapshots(). */
	smp_mb__before_atomic();
	set_bit(div_u64(slot, t->slots_per_chunk), t->dirty);
}

void sd_guard_init(struct sd_guard *g)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(g->bucket); i++) {
		spin_lock_init(&g->bucket[i].lock);
		INIT_LIST_HEAD(&g->bucket[i].ops);
	}
	spin_lock_init(&g->range_lock);
	INIT_LIST_HEAD(&g->ranges);
	g->nr_ranges = 0;
}

bool sd_guard_idle(struct sd_guard *g)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(g->bucket); i++)
		if (!list_empty(&g->bucket[i].ops))
			return false;
	return !READ_ONCE(g->nr_ranges);
}

static struct sd_guard_bucket *bucket_of(struct sd_guard *g, u64 block)
{
	return &g->bucket[hash_64(block, SD_GUARD_BITS)];
}

/* These pages no longer wait to be verified. */
static void __forget(struct sd_table *t, u64 slot, u64 mask)
{
	WRITE_ONCE(t->unverified[slot], t->unverified[slot] & ~mask);
	sd_table_mark_dirty(t, slot);
}

static void __invalidate(struct sd_table *t, u64 slot, u64 mask)
{
	struct sd_slot *s = &t->slots[slot];

	WRITE_ONCE(s->seq, s->seq + 1);
	if (s->valid & mask) {
		WRITE_ONCE(s->valid, s->valid & ~mask);
		sd_table_mark_dirty(t, slot);
	}
	if (unverified_pages(t, slot) & mask)
		__forget(t, slot, mask);
}

/* Spoil every registered op that shares a page; true if there was one. */
static bool __spoil(struct sd_guard_bucket *b, u64 block, u64 mask)
{
	struct sd_op *op;
	bool any = false;

	lockdep_assert_held(&b->lock);
	list_for_each_entry(op, &b->ops, node) {
		if (op->block != block || !(op->mask & mask))
			continue;
		op->spoiled = true;
		any = true;
	}
	return any;
}

/*
 * True if a range under way covers the block.  A range is listed before it
 * takes the bucket locks one by one; an op is listed under its bucket's lock
 * before it looks here.  So one of the two sees the other.
 */
static bool under_range(struct sd_guard *g, u64 block)
{
	struct sd_range *r;
	bool in = false;

	if (!READ_ONCE(g->nr_ranges))
		return false;
	spin_lock(&g->range_lock);
	list_for_each_entry(r, &g->ranges, node)
		in |= r->first <= block && block <= r->last;
	spin_unlock(&g->range_lock);
	return in;
}

void sd_op_begin_write(struct sd_guard *g, struct sd_table *t, struct sd_op *op,
		       u64 block, u64 mask)
{
	struct sd_guard_bucket *b = bucket_of(g, block);
	unsigned long flags;

	op->table = t;
	op->block = block;
	op->mask = mask;
	op->kind = SD_OP_WRITE;
	spin_lock_irqsave(&b->lock, flags);
	op->slot = t ? __find(t, block) : SD_NO_SLOT;
	op->spoiled = __spoil(b, block, mask);
	list_add_tail(&op->node, &b->ops);
	op->spoiled |= under_range(g, block);
	if (op->slot != SD_NO_SLOT)
		__invalidate(t, op->slot, mask);
	spin_unlock_irqrestore(&b->lock, flags);
}

/* Pages of the block that an op under way will change. */
static u64 __busy_pages(struct sd_guard_bucket *b, u64 block)
{
	struct sd_op *op;
	u64 busy = 0;

	lockdep_assert_held(&b->lock);
	list_for_each_entry(op, &b->ops, node)
		if (op->block == block)
			busy |= op->mask;
	return busy;
}

/* E1: keep the reserve. */
static void __make_room(struct sd_table *t)
{
	u32 slot;

	while ((slot = sd_cache_pick(t->cache)) != SD_NONE) {
		sd_table_mark_dirty(t, slot);
		sd_cache_leave(t->cache, slot);
	}
}

/* Slot for a fill of the block; SD_NO_SLOT if it has none or is losing it. */
static u64 __find_or_place(struct sd_table *t, u64 block, bool place)
{
	u64 slot = __find(t, block);

	if (!t->cache)
		return slot;
	if (slot == SD_NO_SLOT && place) {
		__make_room(t);
		return slot_of(__sd_cache_take(t->cache, block));
	}
	if (slot != SD_NO_SLOT && sd_cache_is_leaving(t->cache, slot))
		return SD_NO_SLOT;
	return slot;
}

u64 sd_op_begin_fill(struct sd_guard *g, struct sd_table *t, struct sd_op *op,
		     u64 block, u64 mask, bool place)
{
	struct sd_guard_bucket *b = bucket_of(g, block);
	unsigned long flags;

	op->table = t;
	op->block = block;
	op->kind = SD_OP_FILL;
	op->spoiled = false;
	spin_lock_irqsave(&b->lock, flags);
	mask &= ~__busy_pages(b, block);
	op->slot = mask && !under_range(g, block) ?
		   __find_or_place(t, block, place) : SD_NO_SLOT;
	if (op->slot != SD_NO_SLOT)
		op->mask = sd_mask_run(mask & ~t->slots[op->slot].valid &
				       ~unverified_pages(t, op->slot));
	else
		op->mask = 0;
	if (op->mask) {
		list_add_tail(&op->node, &b->ops);
		op->spoiled = under_range(g, block);
	}
	spin_unlock_irqrestore(&b->lock, flags);
	return op->mask;
}

u64 sd_op_begin_verify(struct sd_guard *g, struct sd_table *t, struct sd_op *op,
		       u64 block, u64 mask)
{
	struct sd_guard_bucket *b = bucket_of(g, block);
	unsigned long flags;

	op->table = t;
	op->block = block;
	op->kind = SD_OP_VERIFY;
	op->spoiled = false;
	spin_lock_irqsave(&b->lock, flags);
	op->slot = __find(t, block);
	op->mask = 0;
	if (op->slot != SD_NO_SLOT && !under_range(g, block))
		op->mask = sd_mask_run(mask & ~__busy_pages(b, block) &
				       unverified_pages(t, op->slot));
	if (op->mask) {
		list_add_tail(&op->node, &b->ops);
		op->spoiled = under_range(g, block);
	}
	spin_unlock_irqrestore(&b->lock, flags);
	return op->mask;
}

static void __publish(struct sd_op *op, u64 good, const u32 *crc)
{
	struct sd_table *t = op->table;
	struct sd_slot *s = &t->slots[op->slot];
	u32 page, first = __ffs64(op->mask);
	u64 left = good;

	for (; t->crc && left; left &= left - 1) {
		page = __ffs64(left);
		WRITE_ONCE(t->crc[op->slot * t->geom->pages + page],
			   crc[page - first]);
	}
	/* Pairs with sd_read_still_valid(): checksums before validity. */
	smp_store_release(&s->valid, s->valid | good);
	sd_table_mark_dirty(t, op->slot);
}

u64 sd_op_end(struct sd_guard *g, struct sd_op *op, u64 good, const u32 *crc)
{
	struct sd_guard_bucket *b = bucket_of(g, op->block);
	unsigned long flags;

	good &= op->mask;
	spin_lock_irqsave(&b->lock, flags);
	list_del(&op->node);
	if (op->spoiled || op->slot == SD_NO_SLOT)
		good = 0;
	if (good)
		__publish(op, good, crc);
	if (op->kind == SD_OP_VERIFY && !op->spoiled)
		__forget(op->table, op->slot, op->mask);
	spin_unlock_irqrestore(&b->lock, flags);
	return good;
}

/* Does an operation under way read or write this slot? */
static bool __is_busy(struct sd_guard_bucket *b, const struct sd_table *t,
		      u64 slot)
{
	struct sd_op *op;

	lockdep_assert_held(&b->lock);
	list_for_each_entry(op, &b->ops, node)
		if (op->table == t && op->slot == slot)
			return true;
	return false;
}

struct give {
	struct sd_guard *guard;
	struct sd_table *table;
};

/*
 * A reader that has the slot from the index finds it without a block, or holds
 * a ticket with the old count: sd_read_begin().
 */
static void __lose_block(struct sd_table *t, u64 slot)
{
	struct sd_slot *s = &t->slots[slot];

	__sd_index_remove(&t->cache->index, slot);
	smp_wmb();	/* pairs with sd_read_begin(): the block, then the count */
	WRITE_ONCE(s->remaps, s->remaps + 1);
	smp_wmb();	/* pairs with sd_read_still_valid() */
	WRITE_ONCE(s->valid, 0);
	if (t->unverified)
		WRITE_ONCE(t->unverified[slot], 0);
}

static bool give_slot(void *of, u32 slot)
{
	struct sd_table *t = ((struct give *)of)->table;
	struct sd_guard *g = ((struct give *)of)->guard;
	u64 block = sd_table_owner(t, slot);	/* LEAVING: nobody changes it */
	struct sd_guard_bucket *b = bucket_of(g, block);
	unsigned long flags;
	bool idle;

	spin_lock_irqsave(&b->lock, flags);
	idle = !__is_busy(b, t, slot) && !under_range(g, block);
	if (idle)
		__lose_block(t, slot);
	spin_unlock_irqrestore(&b->lock, flags);
	return idle;
}

u32 sd_table_stored(struct sd_guard *g, struct sd_table *t)
{
	struct give of = { g, t };

	return t->cache ? sd_cache_stored(t->cache, give_slot, &of) : 0;
}

u64 sd_range_slot(struct sd_guard *g, const struct sd_table *t, u64 block)
{
	struct sd_guard_bucket *b = bucket_of(g, block);
	unsigned long flags;
	u64 slot;

	spin_lock_irqsave(&b->lock, flags);
	slot = __find(t, block);
	spin_unlock_irqrestore(&b->lock, flags);
	return slot;
}

void sd_range_begin(struct sd_guard *g, struct sd_range *r)
{
	unsigned long flags;

	spin_lock_irqsave(&g->range_lock, flags);
	list_add_tail(&r->node, &g->ranges);
	WRITE_ONCE(g->nr_ranges, g->nr_ranges + 1);
	spin_unlock_irqrestore(&g->range_lock, flags);
}

void sd_range_block(struct sd_guard *g, struct sd_table *t, u64 block, u64 mask)
{
	struct sd_guard_bucket *b = bucket_of(g, block);
	unsigned long flags;
	u64 slot;

	spin_lock_irqsave(&b->lock, flags);
	__spoil(b, block, mask);
	slot = t ? __find(t, block) : SD_NO_SLOT;
	if (slot != SD_NO_SLOT)
		__invalidate(t, slot, mask);
	spin_unlock_irqrestore(&b->lock, flags);
}

void sd_range_end(struct sd_guard *g, struct sd_range *r)
{
	unsigned long flags;

	spin_lock_irqsave(&g->range_lock, flags);
	list_del(&r->node);
	WRITE_ONCE(g->nr_ranges, g->nr_ranges - 1);
	spin_unlock_irqrestore(&g->range_lock, flags);
}

/*
 * In cache mode the slot may change hands at any time.  It loses its block
 * before its count changes, so with a count that is new the block is seen to be
 * gone, and with one that is old sd_read_still_valid() finds it changed.
 */
bool sd_read_begin(const struct sd_table *t, struct sd_ticket *tk, u64 block,
		   u64 mask)
{
	const struct sd_slot *s;

	tk->slot = sd_table_find(t, block);
	if (tk->slot == SD_NO_SLOT)
		return false;
	s = &t->slots[tk->slot];
	tk->mask = mask;
	tk->seq = READ_ONCE(s->seq);
	/* Pairs with __lose_block(): see above. */
	tk->remaps = smp_load_acquire(&s->remaps);
	/* Pairs with __sd_index_insert(). */
	if (t->cache && smp_load_acquire(&t->cache->index.node[tk->slot].block)
			!= block)
		return false;
	/* Pairs with __publish(): what is valid has its checksum. */
	if ((smp_load_acquire(&s->valid) & mask) != mask)
		return false;
	if (t->cache)
		sd_policy_hit(&t->cache->policy, tk->slot);
	return true;
}

bool sd_read_still_valid(const struct sd_table *t, const struct sd_ticket *tk)
{
	const struct sd_slot *s = &t->slots[tk->slot];

	smp_rmb();	/* what was read, before what is true now */
	/* Pairs with __publish(), as above. */
	return (smp_load_acquire(&s->valid) & tk->mask) == tk->mask &&
	       READ_ONCE(s->remaps) == tk->remaps;
}

bool sd_read_distrust(struct sd_guard *g, struct sd_table *t,
		      const struct sd_ticket *tk, u64 block, u64 mask)
{
	struct sd_guard_bucket *b = bucket_of(g, block);
	struct sd_slot *s = &t->slots[tk->slot];
	unsigned long flags;
	bool same;

	spin_lock_irqsave(&b->lock, flags);
	same = s->seq == tk->seq && s->remaps == tk->remaps;
	if (same)
		__invalidate(t, tk->slot, mask);
	spin_unlock_irqrestore(&b->lock, flags);
	return same;
}
