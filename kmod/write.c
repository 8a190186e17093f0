// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes.
 *
 *	map	sample intents, if the fingerprint is touched
 *	begin	register the op: its pages are invalid from here on
 *	intent	wait until the region's intent is durable
 *	send	copy once, then disk and SSD in parallel from the copy
 *	done	the disk's answer is the answer; when the SSD's is there too,
 *		the pages become valid if both are good and nothing overlapped
 *
 * The SSD never delays the answer, not even when its driver is full: it is
 * asked not to wait, and if it would have, a worker asks again; one that cannot
 * say so is asked by that worker only (sd_nowait()).  Without a copy
 * (no memory, parts of pages, no SSD) the bio goes to the disk as it is, and
 * its pages stay invalid.
 */
#include "sd.h"

static void copy_finish(struct sd_job *job)
{
	struct sd_leg *leg = job->leg;
	bool good = !job->disk_status && !job->ssd_status;

	sd_op_end(&job->set->guard, &job->op, good ? ~0ull : 0, job->crc);
	if (job->intent)
		sd_intent_put(&leg->meta.intent, job->region);
	sd_count(leg->stats, good ? SUPERDISK_C_WRITES :
				    SUPERDISK_C_WRITE_AROUNDS, 1);
	sd_job_free(job);
}

static void copy_put(struct sd_job *job)
{
	if (refcount_dec_and_test(&job->refs))
		copy_finish(job);
}

static void copy_on_disk(struct bio *bio)
{
	struct sd_job *job = bio->bi_private;
	struct bio *user = job->user;

	job->disk_status = bio->bi_status;
	bio_uninit(bio);
	user->bi_status = job->disk_status;
	copy_put(job);
	bio_endio(user);
}

/* A worker may wait until the driver has room; the submitter may not. */
static void copy_work(struct work_struct *work)
{
	struct sd_job *job = container_of(work, struct sd_job, work);

	sd_submit(job->set, &job->ssd_bio, sd_job_sector(job));
}

static void copy_again(struct work_struct *work)
{
	struct sd_job *job = container_of(work, struct sd_job, work);
	struct bio *bio = &job->ssd_bio;

	sd_job_bio(job, bio, job->leg->kdev.bdev,
		   sd_leg_sector(job->leg, job->op.slot, job->first),
		   bio->bi_opf & ~REQ_NOWAIT, bio->bi_end_io);
	this_cpu_inc(job->leg->stats->started);
	sd_submit(job->set, bio, sd_job_sector(job));
}

static void copy_on_ssd(struct bio *bio)
{
	struct sd_job *job = bio->bi_private;
	struct sd_leg *leg = job->leg;

	job->ssd_status = bio->bi_status;
	bio_uninit(bio);
	sd_leg_result(leg, job->ssd_status);
	if (job->ssd_status == BLK_STS_AGAIN && bio->bi_opf & REQ_NOWAIT) {
		INIT_WORK(&job->work, copy_again);
		queue_work(leg->fill_wq, &job->work);
		return;
	}
	if (job->ssd_status)
		sd_count(leg->stats, SUPERDISK_C_WRITE_ERRORS, 1);
	sd_account_leg(leg, SUPERDISK_PATH_SSD_WRITE, job->start_ns);
	copy_put(job);
}

static void send_copy(struct sd_job *job, struct bio *user, struct sd_io *io)
{
	struct sd_set *set = job->set;
	struct sd_leg *leg = job->leg;
	/* It may have lost its slot since copy_new(). */
	bool both = sd_leg_serves(leg) && job->op.slot != SD_NO_SLOT;
	sector_t sector = io->sector;

	sd_job_copy(job, user);
	job->user = user;
	job->start_ns = io->start_ns;
	refcount_set(&job->refs, both ? 2 : 1);
	job->ssd_status = both ? BLK_STS_OK : BLK_STS_IOERR;
	io->kind = SD_IO_COPY;
	io->path = both ? SUPERDISK_PATH_WRITE : SUPERDISK_PATH_WRITE_AROUND;
	sd_job_bio(job, &job->disk_bio, set->disk->bdev, sector,
		   REQ_OP_WRITE | (user->bi_opf & SD_FLAGS_TO_DISK), copy_on_disk);
	sd_stand_in(&job->disk_bio, user);
	if (both) {
		sd_job_bio(job, &job->ssd_bio, leg->kdev.bdev,
			   sd_leg_sector(leg, job->op.slot, job->first),
			   REQ_OP_WRITE | (user->bi_opf & SD_FLAGS_KEPT) |
			   sd_nowait(leg->kdev.bdev), copy_on_ssd);
		sd_stand_in(&job->ssd_bio, user);
		INIT_WORK(&job->work, copy_work);
		this_cpu_inc(leg->stats->started);
	}
	/* The disk first: it is what the submitter waits for. */
	sd_submit(set, &job->disk_bio, sector);
	/* Then io and user may be gone; the job waits for its SSD. */
	if (both)
		sd_leg_submit(leg, &job->ssd_bio, sector, &job->work);
}

static void send_around(struct sd_set *set, struct sd_io *io, struct bio *bio)
{
	io->kind = SD_IO_WRITE;
	io->path = SUPERDISK_PATH_WRITE_AROUND;
	bio_set_dev(bio, set->disk->bdev);
	bio->bi_iter.bi_sector = io->sector;
	sd_submit(set, bio, io->sector);
}

static void send(struct sd_set *set, struct sd_io *io, struct bio *bio)
{
	if (io->job)
		send_copy(io->job, bio, io);
	else
		send_around(set, io, bio);
}

static void intent_durable(struct sd_waiter *w)
{
	struct sd_io *io = container_of(w, struct sd_io, waiter);

	send(io->set, io, sd_bio_of(io));
}

/* A job for this write, if the SSD is to have a copy.  Keeps the reference. */
static struct sd_job *copy_new(struct sd_leg *leg, u64 block, u64 touched,
			       u64 full)
{
	struct sd_job *job;

	if (touched != full || !sd_leg_serves(leg) ||
	    leg->set->opt.mode == SUPERDISK_MODE_PASSTHROUGH ||
	    sd_table_find(&leg->table, block) == SD_NO_SLOT ||
	    sd_retired(leg, block) & touched)
		return NULL;
	job = sd_job_new(leg->set, leg, hweight64(full));
	if (job)
		job->first = __ffs64(full);
	return job;
}

/* True if the region's intent is durable. */
static bool take_intent(struct sd_leg *leg, struct sd_io *io, struct sd_op *op)
{
	u32 region;

	if (op->slot == SD_NO_SLOT)
		return true;
	region = sd_meta_region(&leg->meta, op->slot);
	if (io->job) {
		io->job->intent = true;
		io->job->region = region;
	} else {
		io->held = true;
		io->region = region;
	}
	return sd_intent_get(&leg->meta.intent, region);
}

static void begin(struct sd_set *set, struct sd_io *io, struct bio *bio,
		  struct sd_leg *leg)
{
	const struct sd_geom *g = &set->geom;
	u64 block = sd_block(g, io->sector);
	u64 touched = sd_mask_touched(g, io->sector, bio_sectors(bio));
	u64 full = sd_mask_full(g, io->sector, bio_sectors(bio));
	struct sd_op *op;

	io->job = leg ? copy_new(leg, block, touched, full) : NULL;
	op = io->job ? &io->job->op : &io->op;
	io->leg = io->job ? NULL : leg;		/* the job has it */
	sd_op_begin_write(&set->guard, leg ? &leg->table : NULL, op, block,
			  touched);
	if (leg && !io->job)
		sd_count(leg->stats, SUPERDISK_C_WRITE_AROUNDS, 1);
	if (leg && op->slot == SD_NO_SLOT)
		sd_admit_written(leg, io, block);
	if (!leg || take_intent(leg, io, op)) {
		send(set, io, bio);
		return;
	}
	io->waiter.go = intent_durable;
	sd_leg_wait(leg, &io->waiter);
}

bool sd_is_fenced(struct sd_set *set)
{
	/*
	 * sd_leg_fail() raises fencing, then kills the reference (a cmpxchg is
	 * between).  Who was refused the reference must not look at fencing as
	 * it was before that: two loads, in this order.
	 */
	smp_rmb();
	return atomic_read(&set->fencing);
}

/* It is listed, and sent by sd_write_unfence(). */
static bool fenced(struct sd_set *set, struct bio *bio)
{
	unsigned long flags;
	bool wait;

	if (!sd_is_fenced(set))
		return false;
	spin_lock_irqsave(&set->rescue_lock, flags);
	wait = atomic_read(&set->fencing);
	if (wait)
		bio_list_add(&set->fenced, bio);
	spin_unlock_irqrestore(&set->rescue_lock, flags);
	return wait;
}

static void route(struct sd_set *set, struct sd_io *io, struct bio *bio)
{
	u64 nth;
	u32 at = sd_place(&set->geom, sd_block(&set->geom, io->sector), &nth);
	struct sd_leg *leg = &set->leg[at];

	if (sd_leg_get(leg))
		begin(set, io, bio, leg);
	else if (!fenced(set, bio))
		begin(set, io, bio, NULL);
}

void sd_write_unfence(struct sd_set *set)
{
	struct bio_list list;
	struct bio *bio;

	spin_lock_irq(&set->rescue_lock);
	list = set->fenced;
	bio_list_init(&set->fenced);
	spin_unlock_irq(&set->rescue_lock);
	while ((bio = bio_list_pop(&list)))
		route(set, sd_io_of(bio), bio);
}

void sd_write_route(struct sd_io *io, struct bio *bio)
{
	route(io->set, io, bio);
}

int sd_write_map(struct sd_set *set, struct sd_io *io, struct bio *bio)
{
	u64 block = sd_block(&set->geom, io->sector);

	io->kind = SD_IO_WRITE;
	if (!sd_is_sample(set, block, block) ||
	    sd_samples_get(set, io, block, block))
		route(set, io, bio);
	else
		sd_defer(set, bio);
	return DM_MAPIO_SUBMITTED;
}

void sd_write_end(struct sd_io *io)
{
	struct sd_leg *leg = io->leg;

	sd_samples_put(io->set, io);
	if (io->kind != SD_IO_WRITE)
		return;
	sd_op_end(&io->set->guard, &io->op, 0, NULL);
	if (io->held)
		sd_intent_put(&leg->meta.intent, io->region);
	if (leg)
		sd_leg_put(leg);
}
