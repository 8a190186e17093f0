// SPDX-License-Identifier: GPL-2.0-only
/* The slots of an SSD in cache mode.  Pure core. */
#include "cache.h"

#define RESERVE_SHARE	32u	/* one of so many slots */
#define RESERVE_MIN	4u
#define RESERVE_MAX	4096u
#define LEARN_SHARE	16u
#define LEARN_MIN	64u
#define MAX_RELUCTANCE	5u
#define NS_PER_MS	1000000u
#define MS_PER_DAY	86400000u

static u32 reserve_of(u32 nr_slots)
{
	u32 want = max(nr_slots / RESERVE_SHARE, RESERVE_MIN);

	return min(min(want, RESERVE_MAX), nr_slots / 2 + 1);
}

int sd_cache_init(struct sd_cache *c, u32 nr_slots,
		  const struct sd_policy_ops *ops)
{
	*c = (struct sd_cache) {
		.nr_slots = nr_slots,
		.reserve = reserve_of(nr_slots),
		.free = SD_NONE,
	};
	spin_lock_init(&c->lock);
	/* Those that sd_cache_stored() is at, and those that come meanwhile. */
	c->leaving = kvcalloc(2 * c->reserve, sizeof(*c->leaving), GFP_KERNEL);
	c->is_leaving = sd_calloc(BITS_TO_LONGS(nr_slots), sizeof(long));
	if (!c->leaving || !c->is_leaving ||
	    sd_index_init(&c->index, nr_slots) ||
	    sd_ghost_init(&c->ghost, nr_slots) ||
	    sd_policy_init(&c->policy, ops, nr_slots)) {
		sd_cache_fini(c);
		return -ENOMEM;
	}
	return 0;
}

void sd_cache_fini(struct sd_cache *c)
{
	sd_policy_fini(&c->policy);
	sd_ghost_fini(&c->ghost);
	sd_index_fini(&c->index);
	kvfree(c->is_leaving);
	kvfree(c->leaving);
	*c = (struct sd_cache) {};
}

static void __push_free(struct sd_cache *c, u32 slot)
{
	WRITE_ONCE(c->index.node[slot].next, c->free);
	c->free = slot;
	WRITE_ONCE(c->nr_free, c->nr_free + 1);
}

void sd_cache_ready(struct sd_cache *c)
{
	u32 slot;

	for (slot = c->nr_slots; slot--;) {
		if (c->index.node[slot].block == SD_NONE)
			__push_free(c, slot);
		else
			c->policy.ops->insert(&c->policy, slot, true);
	}
}

u32 __sd_cache_take(struct sd_cache *c, u32 block)
{
	bool back = sd_ghost_look(&c->ghost, block) == SD_GHOST_BACK;
	unsigned long flags;
	u32 slot;

	spin_lock_irqsave(&c->lock, flags);
	slot = c->free;
	if (slot != SD_NONE) {
		c->free = c->index.node[slot].next;
		WRITE_ONCE(c->nr_free, c->nr_free - 1);
		WRITE_ONCE(c->policy.uses[slot], 0);
		c->policy.ops->insert(&c->policy, slot, back);
	}
	spin_unlock_irqrestore(&c->lock, flags);
	if (slot != SD_NONE)
		__sd_index_insert(&c->index, slot, block);
	return slot;
}

u32 sd_cache_pick(struct sd_cache *c)
{
	unsigned long flags;
	u32 slot = SD_NONE;

	spin_lock_irqsave(&c->lock, flags);
	if (c->nr_free + c->nr_picked < c->reserve)
		slot = c->policy.ops->evict(&c->policy);
	if (slot != SD_NONE) {
		set_bit(slot, c->is_leaving);
		c->nr_picked++;
	}
	spin_unlock_irqrestore(&c->lock, flags);
	return slot;
}

/* What was evicted may come back soon: remember it. */
void sd_cache_leave(struct sd_cache *c, u32 slot)
{
	unsigned long flags;

	sd_ghost_evicted(&c->ghost, c->index.node[slot].block);
	spin_lock_irqsave(&c->lock, flags);
	c->leaving[c->nr_leaving++] = slot;
	spin_unlock_irqrestore(&c->lock, flags);
}

bool sd_cache_is_leaving(const struct sd_cache *c, u32 slot)
{
	return test_bit(slot, c->is_leaving);
}

void sd_cache_storing(struct sd_cache *c)
{
	unsigned long flags;

	spin_lock_irqsave(&c->lock, flags);
	c->nr_storing = c->nr_leaving;
	spin_unlock_irqrestore(&c->lock, flags);
}

static void give_back(struct sd_cache *c, u32 slot)
{
	unsigned long flags;

	spin_lock_irqsave(&c->lock, flags);
	clear_bit(slot, c->is_leaving);
	c->nr_picked--;
	__push_free(c, slot);
	spin_unlock_irqrestore(&c->lock, flags);
}

/* The first `stored` of the queue are settled, all but `kept` of them gone. */
static void close_ranks(struct sd_cache *c, u32 stored, u32 kept)
{
	unsigned long flags;
	u32 i;

	spin_lock_irqsave(&c->lock, flags);
	for (i = stored; i < c->nr_leaving; i++)
		c->leaving[kept + i - stored] = c->leaving[i];
	c->nr_leaving -= stored - kept;
	c->nr_storing = 0;
	spin_unlock_irqrestore(&c->lock, flags);
}

u32 sd_cache_stored(struct sd_cache *c, bool (*give)(void *of, u32 slot),
		    void *of)
{
	u32 i, slot, stored = c->nr_storing, kept = 0;

	/* Others only add to the end of the queue. */
	for (i = 0; i < stored; i++) {
		slot = c->leaving[i];
		if (give(of, slot))
			give_back(c, slot);
		else
			c->leaving[kept++] = slot;
	}
	close_ranks(c, stored, kept);
	return stored - kept;
}

bool sd_cache_is_short(const struct sd_cache *c)
{
	return READ_ONCE(c->nr_free) < c->reserve / 2 &&
	       READ_ONCE(c->nr_picked);
}

u32 sd_cache_used(const struct sd_cache *c)
{
	return c->nr_slots - READ_ONCE(c->nr_free);
}

/*
 * When nearly all that is missed was here or asked for not long ago, the blocks
 * that are wanted are a few too many: each that is taken in pushes out one that
 * will be wanted sooner.  Then most of them are refused, so that the others
 * stay.  No lock: a count that is lost does no harm.
 */
static void learn(struct sd_cache *c, bool seen)
{
	u32 missed = READ_ONCE(c->missed) + 1, again = READ_ONCE(c->again) + seen;
	u32 reluctance = READ_ONCE(c->reluctance);

	if (missed >= max(c->nr_slots / LEARN_SHARE, LEARN_MIN)) {
		if (again > missed / 16 * 15)
			reluctance = min(reluctance + 1, MAX_RELUCTANCE);
		else if (reluctance && again < missed / 8 * 7)
			reluctance--;
		WRITE_ONCE(c->reluctance, reluctance);
		missed = 0;
		again = 0;
	}
	WRITE_ONCE(c->missed, missed);
	WRITE_ONCE(c->again, again);
}

bool sd_cache_admits(struct sd_cache *c, u32 block)
{
	bool seen = sd_ghost_miss(&c->ghost, block) != SD_GHOST_NEW;
	u32 one_of;

	/* While there is room, nothing has to give way. */
	if (READ_ONCE(c->nr_free) > c->reserve)
		return true;
	learn(c, seen);
	one_of = BIT(READ_ONCE(c->reluctance));
	return seen && !(READ_ONCE(c->missed) & (one_of - 1));
}

void sd_cache_wrote(struct sd_cache *c, u32 block)
{
	if (sd_index_find(&c->index, block) == SD_NONE)
		sd_ghost_miss(&c->ghost, block);
}

void sd_cache_set_budget(struct sd_cache *c, u64 bytes_per_s, u64 max)
{
	c->budget_per_s = bytes_per_s;
	c->budget_max = max;
	c->budget = max;
}

static void __save_up(struct sd_cache *c, u64 now_ns)
{
	u64 ms;

	/* Whoever asks may have begun before one that has asked already. */
	if (now_ns <= c->budget_ns)
		return;
	ms = div_u64(now_ns - c->budget_ns, NS_PER_MS);
	c->budget_ns += ms * NS_PER_MS;
	ms = min_t(u64, ms, MS_PER_DAY);
	c->budget = min(c->budget + div_u64(c->budget_per_s * ms, 1000),
			c->budget_max);
}

bool sd_cache_spend(struct sd_cache *c, u64 bytes, u64 now_ns)
{
	unsigned long flags;
	bool enough;

	if (!c->budget_per_s)
		return true;
	spin_lock_irqsave(&c->lock, flags);
	__save_up(c, now_ns);
	enough = c->budget >= bytes;
	if (enough)
		c->budget -= bytes;
	spin_unlock_irqrestore(&c->lock, flags);
	return enough;
}
