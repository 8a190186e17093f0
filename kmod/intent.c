// SPDX-License-Identifier: GPL-2.0-only
/* The write-intent map: its states, not its storage.  Pure core. */
#include "intent.h"

static unsigned long *bitmap_new(u32 bits)
{
	return kvcalloc(BITS_TO_LONGS(bits), sizeof(long), GFP_KERNEL);
}

int sd_intent_init(struct sd_intent *it, u32 nr_bits)
{
	*it = (struct sd_intent) { .nr_bits = nr_bits };
	spin_lock_init(&it->lock);
	it->users = kvcalloc(nr_bits, sizeof(u32), GFP_KERNEL);
	it->want = bitmap_new(SD_INTENT_MAX_BITS);
	it->durable = bitmap_new(SD_INTENT_MAX_BITS);
	it->recent = bitmap_new(SD_INTENT_MAX_BITS);
	it->chosen = bitmap_new(SD_INTENT_MAX_BITS);
	it->snap = bitmap_new(SD_INTENT_MAX_BITS);
	if (it->users && it->want && it->durable && it->recent && it->chosen &&
	    it->snap)
		return 0;
	sd_intent_fini(it);
	return -ENOMEM;
}

void sd_intent_fini(struct sd_intent *it)
{
	kvfree(it->snap);
	kvfree(it->chosen);
	kvfree(it->recent);
	kvfree(it->durable);
	kvfree(it->want);
	kvfree(it->users);
	*it = (struct sd_intent) {};
}

static void __mark_stale(struct sd_intent *it, u32 bit)
{
	lockdep_assert_held(&it->lock);
	it->stale |= BIT(bit / SD_INTENT_BITS_PER_SECTOR);
}

bool sd_intent_get(struct sd_intent *it, u32 bit)
{
	unsigned long flags;
	bool go;

	spin_lock_irqsave(&it->lock, flags);
	it->users[bit]++;
	__set_bit(bit, it->recent);
	go = test_bit(bit, it->want) && test_bit(bit, it->durable);
	if (!test_bit(bit, it->want)) {
		__set_bit(bit, it->want);
		__mark_stale(it, bit);
	}
	spin_unlock_irqrestore(&it->lock, flags);
	return go;
}

void sd_intent_put(struct sd_intent *it, u32 bit)
{
	unsigned long flags;

	spin_lock_irqsave(&it->lock, flags);
	if (!WARN_ON_ONCE(!it->users[bit]))
		it->users[bit]--;
	__set_bit(bit, it->recent);
	spin_unlock_irqrestore(&it->lock, flags);
}

void sd_intent_doubt(struct sd_intent *it, u32 bit)
{
	unsigned long flags;

	spin_lock_irqsave(&it->lock, flags);
	__set_bit(bit, it->want);
	__mark_stale(it, bit);
	spin_unlock_irqrestore(&it->lock, flags);
}

bool sd_intent_doubted(struct sd_intent *it, u32 bit)
{
	return test_bit(bit, it->want);
}

bool sd_intent_pass_begin(struct sd_intent *it)
{
	unsigned long flags;
	u32 i;

	spin_lock_irqsave(&it->lock, flags);
	it->passing = it->stale;
	it->stale = 0;
	for (i = 0; it->passing && i < BITS_TO_LONGS(SD_INTENT_MAX_BITS); i++)
		it->snap[i] = it->want[i];
	spin_unlock_irqrestore(&it->lock, flags);
	return it->passing;
}

void sd_intent_pass_end(struct sd_intent *it)
{
	unsigned long flags;
	u32 i;

	static_assert(SD_INTENT_BITS_PER_SECTOR % 64 == 0);
	spin_lock_irqsave(&it->lock, flags);
	for (i = 0; i < BITS_TO_LONGS(SD_INTENT_MAX_BITS); i++)
		if (it->passing & BIT(i * BITS_PER_LONG /
				      SD_INTENT_BITS_PER_SECTOR))
			it->durable[i] |= it->snap[i] & it->want[i];
	it->passing = 0;
	spin_unlock_irqrestore(&it->lock, flags);
}

u32 sd_intent_choose(struct sd_intent *it, bool eager)
{
	unsigned long flags;
	u32 i, bit, n = 0;

	spin_lock_irqsave(&it->lock, flags);
	for (i = 0; i < BITS_TO_LONGS(SD_INTENT_MAX_BITS); i++) {
		it->chosen[i] = it->want[i] & (eager ? ~0ul : ~it->recent[i]);
		it->recent[i] = 0;
	}
	for_each_set_bit(bit, it->chosen, it->nr_bits) {
		if (it->users[bit])
			__clear_bit(bit, it->chosen);
		else
			n++;
	}
	spin_unlock_irqrestore(&it->lock, flags);
	return n;
}

bool sd_intent_chosen(struct sd_intent *it, u32 bit)
{
	return test_bit(bit, it->chosen);
}

u32 sd_intent_clear_chosen(struct sd_intent *it)
{
	unsigned long flags;
	u32 bit, n = 0;

	spin_lock_irqsave(&it->lock, flags);
	for_each_set_bit(bit, it->chosen, it->nr_bits) {
		if (it->users[bit] || test_bit(bit, it->recent))
			continue;
		__clear_bit(bit, it->want);
		__clear_bit(bit, it->durable);
		__mark_stale(it, bit);
		n++;
	}
	spin_unlock_irqrestore(&it->lock, flags);
	return n;
}

u32 sd_intent_count(struct sd_intent *it)
{
	u32 bit, n = 0;

	for_each_set_bit(bit, it->want, it->nr_bits)
		n++;
	return n;
}
