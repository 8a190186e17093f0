// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hits that are read into a buffer of the stock and copied: parts of pages,
 * which need the whole page to be verified, and all that must be able to leave
 * an SSD that does not answer behind.
 *
 *	WAITED --SSD answers--------------> ANSWERED: check, copy, complete
 *	  |'--hedge bound passes: the disk is asked too, into a buffer as well;
 *	  |                       the first answer wins --> ANSWERED
 *	  '---read_ms pass, or no buffer for the disk --> ANSWERED: rescue
 *
 * Who takes it out of WAITED owns the reader's bio.  Buffer, bio and reference
 * to the SSD stay until the SSD, the timer and the disk are done with it: what
 * comes late, comes into pages that are nobody else's.
 *
 * The hedge bound has a timer of its own in each read; read_ms is looked at by
 * the watchdog, which walks the stock.
 */
#include "sd.h"

enum { READ_IDLE, READ_WAITED, READ_ANSWERED };

static bool claim(struct sd_read *r)
{
	return atomic_cmpxchg(&r->state, READ_WAITED, READ_ANSWERED) ==
	       READ_WAITED;
}

static void put_read(struct sd_read *r)
{
	struct sd_leg *leg = r->leg;

	if (!refcount_dec_and_test(&r->refs))
		return;
	sd_stock_give(r);
	sd_leg_put(leg);	/* last: it keeps the stock */
}

/* The reader leaves the SSD behind, or was never there. */
static void ask_disk(struct bio *user)
{
	struct sd_io *io = sd_io_of(user);

	io->kind = SD_IO_BOUNCE;
	io->late = true;
	sd_rescue(io, user);
}

/* Pages of a buffer whose checksum does not match. */
static u64 mismatches(struct sd_read *r, const struct sd_ticket *tk)
{
	struct sd_table *t = &r->leg->table;
	u64 bad = 0;
	u32 i;

	for (i = 0; t->crc && i < r->nr; i++)
		if (sd_page_sum(page_address(r->vecs[i].bv_page)) !=
		    sd_table_crc(t, tk->slot, r->first + i))
			bad |= BIT_ULL(r->first + i);
	return bad;
}

/* The SSD was first. */
static void answer(struct sd_read *r, blk_status_t status)
{
	struct bio *user = r->user;
	struct sd_io *io = sd_io_of(user);
	struct sd_leg *leg = r->leg;

	io->ssd_ns = ktime_get_ns() - io->start_ns;
	io->bad_io = status;
	io->bad = status ? io->ticket.mask : mismatches(r, &io->ticket);
	if (io->bad || !sd_read_still_valid(&leg->table, &io->ticket)) {
		percpu_ref_get(&leg->ref);	/* the rescue drops it */
		io->leg = leg;
		sd_rescue(io, user);
		return;
	}
	sd_copy_out(r->vecs, r->first, io, user);
	sd_count(leg->stats, SUPERDISK_C_HITS, 1);
	sd_account_ns(leg, SUPERDISK_PATH_HIT, io->ssd_ns);
	user->bi_status = BLK_STS_OK;
	bio_endio(user);
}

/* The driver had no room.  The disk may have, for who must not wait. */
static void would_block(struct sd_read *r)
{
	if (r->user->bi_opf & REQ_NOWAIT) {
		ask_disk(r->user);
		return;
	}
	sd_io_of(r->user)->again = true;
	sd_stock_wait(r->leg, r->user);
}

static void ssd_answered(struct bio *bio)
{
	struct sd_read *r = bio->bi_private;
	struct sd_leg *leg = r->leg;
	blk_status_t status = bio->bi_status;

	bio_uninit(bio);
	sd_leg_result(leg, status);
	if (claim(r)) {
		if (r->timed && hrtimer_try_to_cancel(&r->timer) == 1)
			put_read(r);
		if (status == BLK_STS_AGAIN)
			would_block(r);
		else
			answer(r, status);
	} else if (!status) {
		sd_account_leg(leg, SUPERDISK_PATH_SSD_LATE, r->start_ns);
	}
	put_read(r);
}

static void fill_bio(struct sd_read *r, struct block_device *bdev,
		     sector_t sector, blk_opf_t opf, bio_end_io_t *end)
{
	struct bio *bio = &r->bio;

	bio_init(bio, bdev, r->vecs, r->nr, REQ_OP_READ | opf);
	bio->bi_vcnt = r->nr;
	bio->bi_iter.bi_sector = sector;
	bio->bi_iter.bi_size = r->nr * SD_PAGE;
	bio->bi_private = r;
	bio->bi_end_io = end;
}

/* --- the hedge ------------------------------------------------------------ */

static void disk_answered(struct bio *bio)
{
	struct sd_read *d = bio->bi_private, *r = d->of;
	bool good = !bio->bi_status;
	struct bio *user = r->user;
	struct sd_io *io;

	bio_uninit(bio);
	if (good && claim(r)) {
		io = sd_io_of(user);
		io->path = SUPERDISK_PATH_HEDGE_WIN;
		sd_copy_out(d->vecs, d->first, io, user);
		sd_count(r->leg->stats, SUPERDISK_C_HEDGE_WINS, 1);
		user->bi_status = BLK_STS_OK;
		bio_endio(user);
	} else if (!good && claim(r)) {
		ask_disk(r->user);	/* the disk's error is the disk's to tell */
	}
	put_read(d);
	put_read(r);
}

/* Takes over the timer's reference. */
static void ask_disk_too(struct sd_read *r)
{
	struct sd_set *set = r->leg->set;
	struct sd_read *d;

	if (atomic_read(&r->state) != READ_WAITED) {
		put_read(r);
		return;
	}
	sd_count(r->leg->stats, SUPERDISK_C_HEDGES, 1);
	d = sd_stock_take(r->leg);
	if (!d) {
		if (claim(r))
			ask_disk(r->user);
		put_read(r);
		return;
	}
	percpu_ref_get(&r->leg->ref);
	refcount_set(&d->refs, 1);
	d->of = r;
	d->nr = r->nr;
	d->first = r->first;
	fill_bio(d, set->disk->bdev, r->disk_sector, REQ_SYNC, disk_answered);
	sd_submit(set, &d->bio, r->disk_sector);
}

void sd_hedge_work(struct work_struct *work)
{
	struct sd_set *set = container_of(work, struct sd_set, hedge_work);
	struct sd_read *r, *next;
	LIST_HEAD(list);

	spin_lock_irq(&set->rescue_lock);
	list_splice_init(&set->hedged, &list);
	spin_unlock_irq(&set->rescue_lock);
	list_for_each_entry_safe(r, next, &list, node)
		ask_disk_too(r);
}

static enum hrtimer_restart bound_passed(struct hrtimer *timer)
{
	struct sd_read *r = container_of(timer, struct sd_read, timer);
	struct sd_set *set = r->leg->set;
	unsigned long flags;

	/* All of it under the lock, as in sd_rescue(). */
	spin_lock_irqsave(&set->rescue_lock, flags);
	list_add_tail(&r->node, &set->hedged);
	queue_work(set->io_wq, &set->hedge_work);
	spin_unlock_irqrestore(&set->rescue_lock, flags);
	return HRTIMER_NORESTART;
}

/* A worker may wait until the driver has room; the reader may not. */
static void send_work(struct work_struct *work)
{
	struct sd_read *r = container_of(work, struct sd_read, work);

	sd_submit(r->leg->set, &r->bio, r->disk_sector);
}

void sd_bounce_init(struct sd_read *r)
{
	sd_timer_setup(&r->timer, bound_passed);
	INIT_WORK(&r->work, send_work);
}

/* --- the way in ----------------------------------------------------------- */

static void arm(struct sd_read *r, u32 us)
{
	r->timed = us;
	refcount_set(&r->refs, us ? 2 : 1);
	/* From here on the watchdog may answer. */
	atomic_set_release(&r->state, READ_WAITED);
	if (us)
		hrtimer_start(&r->timer,
			      ns_to_ktime((u64)us * NSEC_PER_USEC),
			      HRTIMER_MODE_REL);
}

static void send(struct sd_read *r, struct sd_io *io, struct bio *bio)
{
	struct sd_leg *leg = r->leg;
	struct sd_set *set = leg->set;
	u64 block = sd_block(&set->geom, io->sector);

	r->user = bio;
	r->start_ns = io->start_ns;
	r->first = __ffs64(io->ticket.mask);
	r->nr = hweight64(io->ticket.mask);
	r->disk_sector = (block << set->geom.block_shift) +
			 r->first * SD_PAGE_SECTORS;
	io->kind = SD_IO_BOUNCE;
	io->path = SUPERDISK_PATH_HIT;
	io->late = false;
	fill_bio(r, leg->kdev.bdev,
		 sd_leg_sector(leg, io->ticket.slot, r->first),
		 (bio->bi_opf & SD_FLAGS_KEPT) |
		 (io->again ? 0 : sd_nowait(leg->kdev.bdev)), ssd_answered);
	sd_stand_in(&r->bio, bio);
	this_cpu_inc(leg->stats->started);
	/* After this io may be gone. */
	arm(r, sd_leg_hedge_us(leg));
	sd_leg_submit(leg, &r->bio, r->disk_sector, &r->work);
}

void sd_bounce_map(struct sd_leg *leg, struct sd_io *io, struct bio *bio)
{
	struct sd_read *r = sd_stock_take(leg);

	if (r) {
		send(r, io, bio);
		return;
	}
	if (bio->bi_opf & REQ_NOWAIT)
		ask_disk(bio);
	else
		sd_stock_wait(leg, bio);
	sd_leg_put(leg);
}

void sd_bounce_overdue(struct sd_leg *leg, u64 now_ns, u64 bound_ns)
{
	struct bio_list late = BIO_EMPTY_LIST;
	struct sd_read *r;
	struct bio *bio;
	u32 i;

	for (i = 0; i < leg->stock.nr; i++) {
		r = leg->stock.read[i];
		/*
		 * It may be another read by now, which then goes to the disk
		 * early: no harm.
		 */
		if (atomic_read_acquire(&r->state) != READ_WAITED ||
		    !sd_read_is_overdue(READ_ONCE(r->start_ns), now_ns,
					bound_ns) ||
		    !refcount_inc_not_zero(&r->refs))
			continue;
		if (claim(r)) {
			sd_count(leg->stats, SUPERDISK_C_OVERDUE, 1);
			ask_disk(r->user);
		}
		put_read(r);
	}
	sd_stock_overdue(leg, now_ns, bound_ns, &late);
	while ((bio = bio_list_pop(&late))) {
		sd_count(leg->stats, SUPERDISK_C_OVERDUE, 1);
		ask_disk(bio);
	}
}
