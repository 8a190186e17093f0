// SPDX-License-Identifier: GPL-2.0-only
/* The operations under way, and what they leave valid.  Pure core. */
#include "guard.h"

#ifdef __KERNEL__
#include <linux/hash.h>
#endif

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
	if (sd_unverified_pages(t, slot) & mask)
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

static void __list_op(struct sd_guard *g, struct sd_guard_bucket *b,
		      struct sd_op *op)
{
	lockdep_assert_held(&b->lock);
	list_add_tail(&op->node, &b->ops);
	op->spoiled |= under_range(g, op->block);
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
	op->slot = t ? __sd_table_find(t, block) : SD_NO_SLOT;
	op->spoiled = __spoil(b, block, mask);
	__list_op(g, b, op);
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

/* Interrupts are off: the rest is for the misses that follow. */
#define PICKS	64

/* E1: keep the reserve. */
static void __make_room(struct sd_table *t)
{
	u32 i, slot;

	for (i = 0; i < PICKS; i++) {
		slot = sd_cache_pick(t->cache);
		if (slot == SD_NONE)
			break;
		sd_table_mark_dirty(t, slot);
		sd_cache_leave(t->cache, slot);
	}
}

/* Slot for a fill of the block; SD_NO_SLOT if it has none or is losing it. */
static u64 __find_or_place(struct sd_table *t, u64 block, bool place)
{
	u64 slot = __sd_table_find(t, block);

	if (!t->cache)
		return slot;
	if (slot == SD_NO_SLOT && place) {
		__make_room(t);
		return sd_slot_of(__sd_cache_take(t->cache, block));
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
				       ~sd_unverified_pages(t, op->slot));
	else
		op->mask = 0;
	if (op->mask)
		__list_op(g, b, op);
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
	op->slot = __sd_table_find(t, block);
	op->mask = 0;
	if (op->slot != SD_NO_SLOT && !under_range(g, block))
		op->mask = sd_mask_run(mask & ~__busy_pages(b, block) &
				       sd_unverified_pages(t, op->slot));
	if (op->mask)
		__list_op(g, b, op);
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
	slot = __sd_table_find(t, block);
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
	slot = t ? __sd_table_find(t, block) : SD_NO_SLOT;
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
