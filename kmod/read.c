// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads.
 *
 *	map --all pages valid--> HIT: the SSD --good--> done
 *	 |                                     '-bad--> rescue: the disk, repair
 *	 '--else--> MISS: the disk --> done, then what it said fills the SSD
 *
 * A hit is believed if it came without error, its pages are still valid when
 * it ends (no write began meanwhile) and their checksums match.
 */
#include "sd.h"

#include <linux/highmem.h>

/* One that must not wait may not, if the driver cannot say that it would. */
static bool may_hit(struct sd_leg *leg, const struct bio *bio)
{
	return sd_leg_serves(leg) &&
	       leg->set->opt.mode != SUPERDISK_MODE_PASSTHROUGH &&
	       (!(bio->bi_opf & REQ_NOWAIT) || sd_nowait(leg->kdev.bdev));
}

static void send_hit(struct sd_leg *leg, struct sd_io *io, struct bio *bio)
{
	u32 within = io->sector & (sd_block_sectors(&leg->set->geom) - 1);

	io->kind = SD_IO_HIT;
	io->path = SUPERDISK_PATH_HIT;
	io->leg = leg;
	bio_set_dev(bio, leg->kdev.bdev);
	if (!sd_polls(leg->kdev.bdev))
		bio->bi_opf &= ~REQ_POLLED;
	bio->bi_iter.bi_sector =
		sd_leg_sector(leg, io->ticket.slot, 0) + within;
	this_cpu_inc(leg->stats->started);
}

/* repair: what the SSD holds of it is wrong. */
static int send_miss(struct sd_set *set, struct sd_io *io, struct bio *bio,
		     enum superdisk_path path, bool repair)
{
	struct sd_job *job;

	io->kind = SD_IO_MISS;
	io->path = path;
	job = sd_fill_begin(set, io);
	if (job) {
		job->back = repair;
		sd_fill_read(job, bio);
		return DM_MAPIO_SUBMITTED;
	}
	bio_set_dev(bio, set->disk->bdev);
	bio->bi_iter.bi_sector = io->sector;
	return DM_MAPIO_REMAPPED;
}

/*
 * May it have to leave the SSD?  Then one that polls waits for the SSD's
 * interrupt: what is left behind must come back although nobody polls for it.
 */
static bool is_bounded(const struct sd_set *set)
{
	return set->opt.read_ms || set->opt.hedge_us;
}

/* All pages are valid.  Takes over the reference. */
static int map_hit(struct sd_leg *leg, struct sd_io *io, struct bio *bio,
		   u64 full)
{
	/* A part of a page has no checksum of its own. */
	bool whole = !leg->table.crc || io->ticket.mask == full;

	if (!whole || is_bounded(leg->set)) {
		sd_bounce_map(leg, io, bio);
		return DM_MAPIO_SUBMITTED;
	}
	send_hit(leg, io, bio);
	return DM_MAPIO_REMAPPED;
}

static int route(struct sd_set *set, struct sd_io *io, struct bio *bio)
{
	const struct sd_geom *g = &set->geom;
	u64 nth, block = sd_block(g, io->sector);
	u64 touched = sd_mask_touched(g, io->sector, bio_sectors(bio));
	u64 full = sd_mask_full(g, io->sector, bio_sectors(bio));
	struct sd_leg *leg = &set->leg[sd_place(g, block, &nth)];

	if (!sd_leg_get(leg)) {
		sd_count(set->stats, SUPERDISK_C_MISSES, 1);
		return send_miss(set, io, bio, SUPERDISK_PATH_MISS, false);
	}
	if (may_hit(leg, bio) &&
	    sd_read_begin(&leg->table, &io->ticket, block, touched))
		return map_hit(leg, io, bio, full);
	sd_count(leg->stats, SUPERDISK_C_MISSES, 1);
	sd_leg_put(leg);
	return send_miss(set, io, bio, SUPERDISK_PATH_MISS, false);
}

int sd_read_map(struct sd_set *set, struct sd_io *io, struct bio *bio)
{
	io->again = false;
	sd_heat_read(set, sd_block(&set->geom, io->sector), io->start_ns);
	return route(set, io, bio);
}

void sd_read_again(struct sd_set *set, struct bio *bio)
{
	struct sd_io *io = sd_io_of(bio);

	if (route(set, io, bio) == DM_MAPIO_REMAPPED)
		sd_submit(set, bio, io->sector);
}

struct page_check {
	const struct sd_table *table;
	u64 slot;
	u32 page;
	struct sd_sum sum;
	u64 bad;
};

static void check_bytes(struct page_check *c, const u8 *p, u32 len)
{
	u32 step;

	for (; len; len -= step, p += step) {
		step = min(len, SD_PAGE - c->sum.at);
		sd_sum_add(&c->sum, p, step);
		if (c->sum.at < SD_PAGE)
			continue;
		if (sd_sum_end(&c->sum) !=
		    sd_table_crc(c->table, c->slot, c->page))
			c->bad |= BIT_ULL(c->page);
		c->page++;
		c->sum = SD_SUM_INIT;
	}
}

/* Pages of a finished hit whose checksum does not match. */
static u64 mismatches(const struct sd_io *io, struct bio *bio)
{
	struct page_check c = {
		.table = &io->leg->table,
		.slot = io->ticket.slot,
		.page = __ffs64(io->ticket.mask),
		.sum = SD_SUM_INIT,
	};
	struct bvec_iter iter;
	struct bio_vec bv;

	if (!c.table->crc)
		return 0;
	__bio_for_each_segment(bv, bio, iter, io->iter) {
		u8 *p = bvec_kmap_local(&bv);

		check_bytes(&c, p, bv.bv_len);
		kunmap_local(p);
	}
	return c.bad;
}

void sd_rescue(struct sd_io *io, struct bio *bio)
{
	struct sd_set *set = io->set;
	unsigned long flags;

	io->path = SUPERDISK_PATH_RESCUE;
	/* All of it under the lock: once the bio has ended the set may go. */
	spin_lock_irqsave(&set->rescue_lock, flags);
	bio_list_add(&set->rescues, bio);
	queue_work(set->io_wq, &set->rescue_work);
	spin_unlock_irqrestore(&set->rescue_lock, flags);
}

static int end_hit(struct sd_io *io, struct bio *bio, blk_status_t status)
{
	struct sd_leg *leg = io->leg;

	io->ssd_ns = ktime_get_ns() - io->start_ns;
	sd_leg_result(leg, status);
	io->bad = 0;
	io->bad_io = status != BLK_STS_OK && status != BLK_STS_AGAIN;
	if (io->bad_io)
		io->bad = io->ticket.mask;
	else if (status == BLK_STS_OK)
		io->bad = mismatches(io, bio);
	if (io->bad || (status == BLK_STS_OK &&
			!sd_read_still_valid(&leg->table, &io->ticket))) {
		sd_rescue(io, bio);
		return DM_ENDIO_INCOMPLETE;
	}
	sd_count(leg->stats, SUPERDISK_C_HITS, 1);
	return DM_ENDIO_DONE;
}

int sd_read_end(struct sd_io *io, struct bio *bio, blk_status_t status)
{
	int r = end_hit(io, bio, status);

	if (r == DM_ENDIO_DONE)
		sd_account_ns(io->leg, SUPERDISK_PATH_HIT, io->ssd_ns);
	return r;
}

/* What a bad hit tells about the SSD, unless a write explains it. */
static bool learn(struct sd_io *io)
{
	struct sd_leg *leg = io->leg;
	u64 block = sd_block(&io->set->geom, io->sector);

	sd_count(leg->stats, SUPERDISK_C_RESCUES, 1);
	if (io->bad_io)
		sd_count(leg->stats, SUPERDISK_C_READ_ERRORS, 1);
	if (!io->bad || !sd_read_distrust(&io->set->guard, &leg->table,
					  &io->ticket, block, io->bad)) {
		sd_count(leg->stats, SUPERDISK_C_RACES, 1);
		return false;
	}
	if (!io->bad_io)
		sd_count(leg->stats, SUPERDISK_C_CSUM_ERRORS,
			 hweight64(io->bad));
	if (!io->bad_io || hweight64(io->bad) == 1)
		sd_strike(leg, io->ticket.slot, io->bad, block);
	sd_event_page(leg, io->bad_io ? SUPERDISK_PAGE_READ_ERROR :
					SUPERDISK_PAGE_CSUM_ERROR,
		      io->sector, io->ticket.slot, __ffs64(io->bad));
	return true;
}

/* Make a bio that came back from an SSD as if it had never been sent. */
static void restore(struct sd_io *io, struct bio *bio)
{
	bio->bi_iter = io->iter;
	bio->bi_flags = io->bio_flags;
	bio->bi_status = BLK_STS_OK;
	bio->bi_opf &= ~(REQ_NOWAIT | REQ_POLLED);
	bio->bi_cookie = BLK_QC_T_NONE;
	atomic_set(&bio->__bi_remaining, 1);
}

static void rescue(struct sd_set *set, struct bio *bio)
{
	struct sd_io *io = sd_io_of(bio);
	bool late = io->kind == SD_IO_BOUNCE && io->late, repair = false;

	if (!late) {
		repair = learn(io);
		sd_leg_put(io->leg);
		io->leg = NULL;
	}
	restore(io, bio);
	if (send_miss(set, io, bio, SUPERDISK_PATH_RESCUE, repair) ==
	    DM_MAPIO_REMAPPED)
		sd_submit(set, bio, io->sector);
}

static struct bio *next_rescue(struct sd_set *set)
{
	struct bio *bio;

	spin_lock_irq(&set->rescue_lock);
	bio = bio_list_pop(&set->rescues);
	spin_unlock_irq(&set->rescue_lock);
	return bio;
}

void sd_rescue_work(struct work_struct *work)
{
	struct sd_set *set = container_of(work, struct sd_set, rescue_work);
	struct bio *bio;

	while ((bio = next_rescue(set)))
		rescue(set, bio);
}
