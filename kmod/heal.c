// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of an SSD that do not hold data.  A page that fails its repair, or goes
 * bad again and again, is retired: never filled again while the SSD is loaded.
 * The record is best effort (no memory, no record): without it the page is
 * merely tried again.
 */
#include "sd.h"

#define SD_MAX_STRIKES	3
#define SD_MAX_SUSPECTS	65536

/* An XArray value has 63 bits, a slot up to 64 pages: two entries a slot. */
static u32 half_mask(struct sd_leg *leg, u64 index)
{
	return xa_to_value(xa_load(&leg->retired, index) ?: xa_mk_value(0));
}

u64 sd_retired(struct sd_leg *leg, u64 block)
{
	if (!atomic_read(&leg->nr_retired))
		return 0;
	return sd_retired_pages(leg, sd_table_find(&leg->table, block));
}

u64 sd_retired_pages(struct sd_leg *leg, u64 slot)
{
	if (slot == SD_NO_SLOT || !atomic_read(&leg->nr_retired))
		return 0;
	return half_mask(leg, slot * 2) |
	       (u64)half_mask(leg, slot * 2 + 1) << 32;
}

void sd_retire(struct sd_leg *leg, u64 slot, u32 page, u64 block)
{
	u64 index = slot * 2 + page / 32;
	u32 old = half_mask(leg, index), bit = BIT(page % 32);

	if (old & bit || atomic_read(&leg->nr_retired) >= SD_MAX_SUSPECTS)
		return;
	if (xa_is_err(xa_store(&leg->retired, index, xa_mk_value(old | bit),
			       GFP_NOWAIT | __GFP_NOWARN)))
		return;
	atomic_inc(&leg->nr_retired);
	sd_count(leg->stats, SUPERDISK_C_RETIRED, 1);
	sd_event_page(leg, SUPERDISK_PAGE_RETIRED,
		      block << leg->set->geom.block_shift, slot, page);
	set_bit(leg->index, &leg->set->retiring);
	schedule_work(&leg->set->retired_work);
}

/*
 * A uevent waits for all others, and some of those for memory that only this
 * device can free: whoever repairs its reads must not send one.
 */
void sd_retired_work(struct work_struct *work)
{
	struct sd_set *set = container_of(work, struct sd_set, retired_work);
	u32 i;

	for (i = 0; i < set->geom.nr_legs; i++)
		if (test_and_clear_bit(i, &set->retiring))
			sd_event(set, SUPERDISK_EVENT_PAGE_RETIRED, i, 0);
}

static void strike_page(struct sd_leg *leg, u64 slot, u32 page, u64 block)
{
	u64 index = slot * leg->set->geom.pages + page;
	unsigned long n;
	void *old;

	old = xa_load(&leg->strikes, index);
	n = old ? xa_to_value(old) + 1 : 1;
	if (!old && atomic_inc_return(&leg->nr_strikes) > SD_MAX_SUSPECTS)
		return;
	xa_store(&leg->strikes, index, xa_mk_value(n),
		 GFP_NOWAIT | __GFP_NOWARN);
	if (n >= SD_MAX_STRIKES)
		sd_retire(leg, slot, page, block);
}

void sd_strike(struct sd_leg *leg, u64 slot, u64 pages, u64 block)
{
	for (; pages; pages &= pages - 1)
		strike_page(leg, slot, __ffs64(pages), block);
}

void sd_heal_reset(struct sd_leg *leg)
{
	xa_destroy(&leg->retired);
	xa_destroy(&leg->strikes);
	atomic_set(&leg->nr_retired, 0);
	atomic_set(&leg->nr_strikes, 0);
}
