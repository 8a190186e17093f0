// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hits that do not read into the reader's own pages: parts of pages, which
 * need the whole page to be verified, and hedged reads, which must be able to
 * leave an SSD that does not answer behind.
 *
 *	SSD answers first	check, copy, complete
 *	bound passes first	the disk is asked; what the SSD says is dropped
 *	its driver is full	likewise, if there is a bound
 *
 * Who sets job->claimed owns the reader's bio.  The job, its pages and its
 * reference to the SSD live until both the SSD and the timer are done with it.
 */
#include "sd.h"

#include <linux/crc32c.h>
#include <linux/highmem.h>

static void put_job(struct sd_job *job)
{
	if (refcount_dec_and_test(&job->refs))
		sd_job_free(job);
}

static bool claim(struct sd_job *job)
{
	return atomic_cmpxchg(&job->claimed, 0, 1) == 0;
}

/* The reader leaves the SSD behind. */
static void ask_disk(struct sd_job *job)
{
	struct sd_io *io = sd_io_of(job->user);

	sd_count(job->leg->stats, SUPERDISK_C_HEDGES, 1);
	io->hedged = true;
	sd_rescue(io, job->user);
}

static enum hrtimer_restart bound_passed(struct hrtimer *timer)
{
	struct sd_job *job = container_of(timer, struct sd_job, timer);

	if (claim(job))
		ask_disk(job);
	put_job(job);
	return HRTIMER_NORESTART;
}

/* Pages of the job whose checksum does not match. */
static u64 mismatches(struct sd_job *job, const struct sd_ticket *tk)
{
	struct sd_table *t = &job->leg->table;
	u64 bad = 0;
	u32 i;

	for (i = 0; t->crc && i < job->nr; i++)
		if (crc32c(~0u, page_address(job->vecs[i].bv_page), SD_PAGE) !=
		    sd_table_crc(t, tk->slot, job->first + i))
			bad |= BIT_ULL(job->first + i);
	return bad;
}

static void copy_out(struct sd_job *job, struct sd_io *io, struct bio *bio)
{
	u32 block = sd_block_sectors(&io->set->geom);
	u32 at = (io->sector & (block - 1)) * SD_SECTOR - job->first * SD_PAGE;
	struct bvec_iter iter;
	struct bio_vec bv;
	u32 done, step;

	__bio_for_each_segment(bv, bio, iter, io->iter) {
		for (done = 0; done < bv.bv_len; done += step, at += step) {
			step = min_t(u32, bv.bv_len - done,
				     SD_PAGE - at % SD_PAGE);
			memcpy_page(bv.bv_page, bv.bv_offset + done,
				    job->vecs[at / SD_PAGE].bv_page,
				    at % SD_PAGE, step);
		}
	}
}

/* The SSD was first. */
static void answer(struct sd_job *job, struct bio *user, blk_status_t status)
{
	struct sd_io *io = sd_io_of(user);
	struct sd_leg *leg = job->leg;

	io->ssd_ns = ktime_get_ns() - io->start_ns;
	io->bad_io = status;
	io->bad = status ? io->ticket.mask : mismatches(job, &io->ticket);
	if (io->bad || !sd_read_still_valid(&leg->table, &io->ticket)) {
		percpu_ref_get(&leg->ref);	/* the rescue drops it */
		io->leg = leg;
		sd_rescue(io, user);
		return;
	}
	copy_out(job, io, user);
	sd_count(leg->stats, SUPERDISK_C_HITS, 1);
	sd_account_leg(leg, SUPERDISK_PATH_HIT, io->start_ns);
	user->bi_status = BLK_STS_OK;
	bio_endio(user);
}

/* The driver had no room, and the reader does not want to wait for it. */
static void would_block(struct sd_job *job, struct bio *user)
{
	if (user->bi_opf & REQ_NOWAIT)
		bio_wouldblock_error(user);
	else
		ask_disk(job);
}

static void ssd_answered(struct bio *bio)
{
	struct sd_job *job = bio->bi_private;
	blk_status_t status = bio->bi_status;

	bio_uninit(bio);
	this_cpu_inc(job->leg->stats->done);
	if (status != BLK_STS_AGAIN)
		sd_leg_result(job->leg, status);
	if (claim(job)) {
		if (job->timed && hrtimer_try_to_cancel(&job->timer) == 1)
			put_job(job);
		if (status == BLK_STS_AGAIN)
			would_block(job, job->user);
		else
			answer(job, job->user, status);
	}
	put_job(job);
}

static void arm(struct sd_job *job, u32 us)
{
	job->timed = us;
	refcount_set(&job->refs, job->timed ? 2 : 1);
	atomic_set(&job->claimed, 0);
	if (!job->timed)
		return;
	sd_timer_setup(&job->timer, bound_passed);
	hrtimer_start(&job->timer, ns_to_ktime((u64)us * NSEC_PER_USEC), HRTIMER_MODE_REL);
}

bool sd_bounce_map(struct sd_leg *leg, struct sd_io *io, struct bio *bio)
{
	struct sd_set *set = leg->set;
	sector_t sector = io->sector;
	struct sd_job *job;

	job = sd_job_new(set, leg, hweight64(io->ticket.mask));
	if (!job)
		return false;
	job->first = __ffs64(io->ticket.mask);
	job->user = bio;
	io->kind = SD_IO_BOUNCE;
	io->path = SUPERDISK_PATH_HIT;
	io->hedged = false;
	sd_job_bio(job, &job->ssd_bio, leg->kdev.bdev,
		   sd_leg_sector(leg, io->ticket.slot, job->first),
		   REQ_OP_READ | (bio->bi_opf & (REQ_SYNC | REQ_META |
				  REQ_PRIO | REQ_RAHEAD | REQ_NOWAIT)) |
		   (set->opt.hedge_us ? sd_leg_nowait(leg) : 0), ssd_answered);
	job->ssd_bio.bi_ioprio = bio->bi_ioprio;
	bio_clone_blkg_association(&job->ssd_bio, bio);
	this_cpu_inc(leg->stats->started);
	/* From here on the timer may have answered, and io be gone. */
	arm(job, set->opt.hedge_us);
	sd_submit(set, &job->ssd_bio, sector);
	return true;
}
