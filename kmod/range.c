// SPDX-License-Identifier: GPL-2.0-only
/*
 * Discard and write-zeroes: one request over many blocks.  A worker holds the
 * intents of all regions, invalidates block by block, and sends the request to
 * the disk; while it is under way no fill or write of these blocks publishes.
 * Writes that have to wait for the intents of samples come through here too.
 */
#include "sd.h"

struct step {
	struct sd_leg *leg;	/* holding a reference, or NULL */
	u64 block;
	u64 mask;		/* pages of it */
};

/* Block by block, with the legs that are in io->range_legs. */
static void each_block(struct sd_io *io,
		       void (*fn)(struct sd_set *set, const struct step *s))
{
	struct sd_set *set = io->set;
	const struct sd_geom *g = &set->geom;
	sector_t at = io->sector, end = at + (io->bytes >> SD_SECTOR_SHIFT);
	struct step s;
	u64 nth;
	u32 n, i;

	for (; at < end; at += n) {
		s.block = sd_block(g, at);
		n = min_t(sector_t, end,
			  (s.block + 1) << g->block_shift) - at;
		i = sd_place(g, s.block, &nth);
		s.leg = io->range_legs & BIT(i) ? &set->leg[i] : NULL;
		s.mask = sd_mask_touched(g, at, n);
		fn(set, &s);
	}
}

/* Its slot is the same while the range lasts: sd_range_begin(). */
static u64 slot_in(struct sd_set *set, const struct step *s)
{
	return s->leg ? sd_range_slot(&set->guard, &s->leg->table, s->block) :
			SD_NO_SLOT;
}

static void get_region(struct sd_set *set, const struct step *s)
{
	u64 slot = slot_in(set, s);

	if (slot != SD_NO_SLOT)
		sd_intent_get(&s->leg->meta.intent,
			      sd_meta_region(&s->leg->meta, slot));
	cond_resched();
}

static void put_region(struct sd_set *set, const struct step *s)
{
	u64 slot = slot_in(set, s);

	if (slot != SD_NO_SLOT)
		sd_intent_put(&s->leg->meta.intent,
			      sd_meta_region(&s->leg->meta, slot));
}

static void invalidate(struct sd_set *set, const struct step *s)
{
	sd_range_block(&set->guard, s->leg ? &s->leg->table : NULL, s->block,
		       s->mask);
	cond_resched();
}

/* Every member that is in service must know before the disk changes. */
static void hold_legs(struct sd_set *set, struct sd_io *io)
{
	u32 i;

	io->range_legs = 0;
	for (i = 0; i < set->geom.nr_legs; i++) {
		if (sd_leg_get(&set->leg[i]))
			io->range_legs |= BIT(i);
		else
			wait_event_idle(set->idle, !sd_is_fenced(set));
	}
	each_block(io, get_region);
	for_each_set_bit(i, &io->range_legs, SD_MAX_LEGS)
		sd_leg_wait_sync(&set->leg[i]);
}

static void send_range(struct sd_set *set, struct sd_io *io, struct bio *bio)
{
	if (!sd_samples_get(set, io, io->range.first, io->range.last))
		sd_samples_wait(set, io);
	sd_range_begin(&set->guard, &io->range);
	hold_legs(set, io);
	each_block(io, invalidate);
	bio_set_dev(bio, set->disk->bdev);
	bio->bi_iter.bi_sector = io->sector;
	sd_submit(set, bio, io->sector);
}

void sd_range_end_io(struct sd_io *io)
{
	struct sd_set *set = io->set;
	u32 i;

	each_block(io, put_region);
	sd_range_end(&set->guard, &io->range);
	sd_samples_put(set, io);
	for_each_set_bit(i, &io->range_legs, SD_MAX_LEGS)
		sd_leg_put(&set->leg[i]);
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
