// SPDX-License-Identifier: GPL-2.0-only
/*
 * Discard and write-zeroes: one request over many blocks.  A worker holds the
 * intents of all regions, invalidates block by block, and sends the request to
 * the disk; while it is under way no fill or write of these blocks publishes.
 * Writes that have to wait for the intents of samples come through here too.
 */
#include "sd.h"

/* First and last slot that a leg has in the range; false if none. */
static bool slots_of(struct sd_leg *leg, struct sd_range *r, u64 *first,
		     u64 *last)
{
	u32 n = leg->set->geom.nr_legs, i = leg->index;

	*first = r->first <= i ? 0 : DIV_ROUND_UP_ULL(r->first - i, n);
	if (r->last < i)
		return false;
	*last = min(div_u64(r->last - i, n), leg->table.nr_slots - 1);
	return *first <= *last;
}

static void each_region(struct sd_leg *leg, struct sd_range *r,
			void (*fn)(struct sd_leg *leg, u32 region))
{
	u64 first, last;
	u32 region;

	if (!slots_of(leg, r, &first, &last))
		return;
	for (region = sd_meta_region(&leg->meta, first);
	     region <= sd_meta_region(&leg->meta, last); region++)
		fn(leg, region);
}

static void get_region(struct sd_leg *leg, u32 region)
{
	sd_intent_get(&leg->meta.intent, region);
}

static void put_region(struct sd_leg *leg, u32 region)
{
	sd_intent_put(&leg->meta.intent, region);
}

/* Every member that is in service must know before the disk changes. */
static void hold_legs(struct sd_set *set, struct sd_io *io)
{
	u32 i;

	io->range_legs = 0;
	for (i = 0; i < set->geom.nr_legs; i++) {
		if (!sd_leg_get(&set->leg[i])) {
			wait_event(set->idle, !atomic_read(&set->fencing));
			continue;
		}
		io->range_legs |= BIT(i);
		each_region(&set->leg[i], &io->range, get_region);
	}
	for_each_set_bit(i, &io->range_legs, SD_MAX_LEGS)
		sd_leg_wait_sync(&set->leg[i]);
}

static void invalidate(struct sd_set *set, struct sd_io *io)
{
	const struct sd_geom *g = &set->geom;
	sector_t at = io->sector, end = at + (io->bytes >> SD_SECTOR_SHIFT);
	struct sd_leg *leg;
	u64 block, nth;
	u32 n, i;

	for (; at < end; at += n) {
		block = sd_block(g, at);
		n = min_t(sector_t, end, (block + 1) << g->block_shift) - at;
		i = sd_place(g, block, &nth);
		leg = io->range_legs & BIT(i) ? &set->leg[i] : NULL;
		sd_range_block(&set->guard, leg ? &leg->table : NULL, block,
			       sd_mask_touched(g, at, n));
		cond_resched();
	}
}

static void send_range(struct sd_set *set, struct sd_io *io, struct bio *bio)
{
	if (!sd_samples_get(set, io, io->range.first, io->range.last))
		sd_samples_wait(set, io);
	hold_legs(set, io);
	sd_range_begin(&set->guard, &io->range);
	invalidate(set, io);
	bio_set_dev(bio, set->disk->bdev);
	bio->bi_iter.bi_sector = io->sector;
	sd_submit(set, bio, io->sector);
}

void sd_range_end_io(struct sd_io *io)
{
	struct sd_set *set = io->set;
	u32 i;

	sd_range_end(&set->guard, &io->range);
	sd_samples_put(set, io);
	for_each_set_bit(i, &io->range_legs, SD_MAX_LEGS) {
		each_region(&set->leg[i], &io->range, put_region);
		sd_leg_put(&set->leg[i]);
	}
}

void sd_defer(struct sd_set *set, struct bio *bio)
{
	unsigned long flags;

	spin_lock_irqsave(&set->rescue_lock, flags);
	bio_list_add(&set->deferred, bio);
	spin_unlock_irqrestore(&set->rescue_lock, flags);
	queue_work(set->io_wq, &set->defer_work);
}

int sd_range_map(struct sd_set *set, struct sd_io *io, struct bio *bio)
{
	io->kind = SD_IO_RANGE;
	io->path = SUPERDISK_PATH_OTHER;
	io->range.first = sd_block(&set->geom, io->sector);
	io->range.last = sd_block(&set->geom, io->sector +
				  (io->bytes >> SD_SECTOR_SHIFT) - 1);
	sd_defer(set, bio);
	return DM_MAPIO_SUBMITTED;
}

static struct bio *next_deferred(struct sd_set *set)
{
	struct bio *bio;

	spin_lock_irq(&set->rescue_lock);
	bio = bio_list_pop(&set->deferred);
	spin_unlock_irq(&set->rescue_lock);
	return bio;
}

void sd_defer_work(struct work_struct *work)
{
	struct sd_set *set = container_of(work, struct sd_set, defer_work);
	struct sd_io *io;
	struct bio *bio;

	while ((bio = next_deferred(set))) {
		io = sd_io_of(bio);
		if (io->kind == SD_IO_RANGE) {
			send_range(set, io, bio);
		} else {
			sd_samples_wait(set, io);
			sd_write_route(io, bio);
		}
	}
}
