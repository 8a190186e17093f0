// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fills: what the disk was asked for goes to the SSD as well.
 *
 *	begin	map of the miss: the op is registered before the disk is read
 *	read	the disk answers into pages of the job, and the reader gets a copy:
 *		its own pages it may change at any time, by another thread
 *	send	worker: write the job's pages to the SSD
 *	done	publish, if no write has overlapped since begin
 *
 * One of warming (job->warm) has no reader: start, read, send, done.
 *
 * A repair of a page that was valid before (job->back) also holds the intent of
 * its region, and is read back before it is believed again; a page that does
 * not come back right is retired.
 */
#include "sd.h"

#include <linux/highmem.h>

static bool may_fill(struct sd_leg *leg)
{
	return sd_leg_serves(leg) &&
	       leg->set->opt.mode != SUPERDISK_MODE_PASSTHROUGH;
}

static void fill_finish(struct sd_job *job, u64 good)
{
	struct sd_leg *leg = job->leg;
	u64 published;

	published = sd_op_end(&job->set->guard, &job->op, good, job->crc);
	if (job->warm)
		sd_warm_landed(job, published);
	else
		sd_count(leg->stats, published ? SUPERDISK_C_FILLS :
						 SUPERDISK_C_FILLS_DROPPED, 1);
	if (job->intent)
		sd_intent_put(&leg->meta.intent, job->region);
	sd_job_free(job);
}

/* Does one page of a repair read back as it was written? */
static bool reads_back(struct sd_job *job, u32 i)
{
	struct bio_vec bv = job->vecs[i];
	struct sd_leg *leg = job->leg;
	struct bio bio;
	bool good;

	bio_init(&bio, leg->kdev.bdev, &bv, 1, REQ_OP_READ);
	bio.bi_iter.bi_sector = sd_leg_sector(leg, job->op.slot,
					      job->first + i);
	bio.bi_vcnt = 1;
	bio.bi_iter.bi_size = SD_PAGE;
	sd_trace_remap(job->set, &bio, sd_job_sector(job));
	good = !submit_bio_wait(&bio) &&
	       sd_page_sum(page_address(bv.bv_page)) == job->crc[i];
	bio_uninit(&bio);
	return good;
}

static void fill_read_back(struct work_struct *work)
{
	struct sd_job *job = container_of(work, struct sd_job, work);
	struct sd_leg *leg = job->leg;
	u64 good = 0;
	u32 i;

	for (i = 0; i < job->nr; i++) {
		if (!reads_back(job, i)) {
			sd_retire(leg, job->op.slot, job->first + i,
				  job->op.block);
			continue;
		}
		good |= BIT_ULL(job->first + i);
		sd_count(leg->stats, SUPERDISK_C_HEALED, 1);
		sd_event_page(leg, SUPERDISK_PAGE_HEALED,
			      job->op.block << leg->set->geom.block_shift,
			      job->op.slot, job->first + i);
	}
	sd_account_leg(leg, SUPERDISK_PATH_HEAL, job->start_ns);
	sd_trace_fill(job, hweight64(good) == job->nr ? 0 : -EIO);
	fill_finish(job, good);
}

static void fill_written(struct bio *bio)
{
	struct sd_job *job = bio->bi_private;
	struct sd_leg *leg = job->leg;
	blk_status_t status = bio->bi_status;

	bio_uninit(bio);
	sd_leg_result(leg, status);
	job->ssd_ns = ktime_get_ns() - job->start_ns;
	if (status)
		sd_count(leg->stats, SUPERDISK_C_WRITE_ERRORS, 1);
	if (!job->back) {
		sd_account_leg(leg, job->warm ? SUPERDISK_PATH_WARM :
						SUPERDISK_PATH_FILL,
			       job->start_ns);
		sd_trace_fill(job, blk_status_to_errno(status));
		fill_finish(job, status ? 0 : ~0ull);
		return;
	}
	INIT_WORK(&job->work, fill_read_back);
	queue_work(job->leg->fill_wq, &job->work);
}

static void fill_write(struct sd_job *job)
{
	struct sd_leg *leg = job->leg;

	if (job->op.spoiled || !may_fill(leg)) {
		fill_finish(job, 0);
		return;
	}
	job->start_ns = ktime_get_ns();
	sd_job_bio(job, &job->ssd_bio, leg->kdev.bdev,
		   sd_leg_sector(leg, job->op.slot, job->first),
		   REQ_OP_WRITE | REQ_IDLE, fill_written);
	if (job->warm)
		sd_job_idle_bio(&job->ssd_bio);
	this_cpu_inc(leg->stats->started);
	sd_submit(job->set, &job->ssd_bio, sd_job_sector(job));
}

static void fill_again(struct work_struct *work)
{
	fill_write(container_of(work, struct sd_job, work));
}

/* Others wait behind this one for the same intent: do not block here. */
static void fill_go(struct sd_waiter *w)
{
	struct sd_job *job = container_of(w, struct sd_job, waiter);

	INIT_WORK(&job->work, fill_again);
	queue_work(job->leg->fill_wq, &job->work);
}

/* What failed may be a part of a page that the reader has not asked for. */
static void ask_again(struct sd_job *job)
{
	struct bio *reader = job->user;
	sector_t sector = sd_io_of(reader)->sector;

	reader->bi_opf &= ~(REQ_NOWAIT | REQ_POLLED);
	bio_set_dev(reader, job->set->disk->bdev);
	reader->bi_iter.bi_sector = sector;
	sd_submit(job->set, reader, sector);
}

static void fill_send(struct work_struct *work)
{
	struct sd_job *job = container_of(work, struct sd_job, work);
	struct sd_leg *leg = job->leg;

	if (job->user)
		ask_again(job);
	if (job->disk_status || job->op.spoiled) {
		fill_finish(job, 0);
		return;
	}
	sd_job_narrow(job);
	sd_job_checksum(job);
	if (!job->back) {
		fill_write(job);
		return;
	}
	job->intent = true;
	job->region = sd_meta_region(&leg->meta, job->op.slot);
	if (sd_intent_get(&leg->meta.intent, job->region)) {
		fill_write(job);
		return;
	}
	job->waiter.go = fill_go;
	sd_leg_wait(leg, &job->waiter);
}

/* A slot may have pages that do not hold data. */
static bool usable(struct sd_job *job, u64 run)
{
	return !(sd_retired_pages(job->leg, job->op.slot) & run);
}

/*
 * The op is for a run of mask; the job has pages for all of `pages`, from the
 * first of them on.
 */
static struct sd_job *start(struct sd_leg *leg, u64 block, u64 mask, u64 pages)
{
	bool placed = sd_table_find(&leg->table, block) != SD_NO_SLOT;
	struct sd_set *set = leg->set;
	struct sd_job *job;
	u64 run;

	job = sd_job_new(set, leg, hweight64(pages));
	if (!job) {
		sd_count(leg->stats, SUPERDISK_C_FILLS_DROPPED, 1);
		sd_leg_put(leg);
		return NULL;
	}
	run = sd_op_begin_fill(&set->guard, &leg->table, &job->op, block, mask,
			       true);
	sd_leg_want_room(leg);
	if (!run) {
		sd_job_free(job);
		return NULL;
	}
	if (!placed)
		sd_count(leg->stats, SUPERDISK_C_ADMISSIONS, 1);
	job->first = __ffs64(pages);
	if (usable(job, run))
		return job;
	fill_finish(job, 0);
	return NULL;
}

struct sd_job *sd_fill_start(struct sd_leg *leg, u64 block, u64 mask)
{
	struct sd_job *job = start(leg, block, mask, mask);

	if (!job)
		return NULL;
	job->first = __ffs64(job->op.mask);
	sd_job_trim(job, hweight64(job->op.mask));
	return job;
}

struct sd_job *sd_fill_begin(struct sd_set *set, const struct sd_io *io)
{
	const struct sd_geom *g = &set->geom;
	u32 sectors = io->bytes >> SD_SECTOR_SHIFT;
	u64 nth, block = sd_block(g, io->sector);
	u64 pages = sd_mask_touched(g, io->sector, sectors);
	u64 mask = sd_mask_full(g, io->sector, sectors);
	struct sd_leg *leg = &set->leg[sd_place(g, block, &nth)];

	if (!mask || !sd_leg_get(leg))
		return NULL;
	mask &= ~sd_retired(leg, block);
	if (mask && may_fill(leg) && sd_admit(leg, io, block, mask))
		return start(leg, block, mask, pages);
	sd_leg_put(leg);
	return NULL;
}

/* For a block that has no slot, without another one losing its own. */
static bool has_room(struct sd_leg *leg)
{
	struct sd_cache *c = leg->table.cache;

	return c && READ_ONCE(c->nr_free) > c->reserve + SD_WARM_FLIGHT;
}

u64 sd_fill_wanted(struct sd_leg *leg, u64 block, u64 mask)
{
	u64 slot;

	if (!may_fill(leg))
		return 0;
	mask &= ~sd_retired(leg, block);
	slot = sd_table_find(&leg->table, block);
	if (slot == SD_NO_SLOT)
		return has_room(leg) ? mask : 0;
	return mask & ~READ_ONCE(leg->table.slots[slot].valid);
}

static void answer(struct sd_job *job)
{
	struct bio *reader = job->user;

	job->user = NULL;
	if (!job->disk_status)
		sd_copy_out(job->vecs, job->first, sd_io_of(reader), reader);
	reader->bi_status = job->disk_status;
	bio_endio(reader);
}

static void disk_read(struct bio *bio)
{
	struct sd_job *job = bio->bi_private;

	job->disk_status = bio->bi_status;
	bio_uninit(bio);
	if (job->user && (!job->disk_status ||
			  sd_io_of(job->user)->bytes == job->nr * SD_PAGE))
		answer(job);
	INIT_WORK(&job->work, fill_send);
	queue_work(job->leg->fill_wq, &job->work);
}

void sd_fill_read(struct sd_job *job, struct bio *reader)
{
	struct bio *bio = &job->disk_bio;
	sector_t at = reader ? sd_io_of(reader)->sector : sd_job_sector(job);

	sd_job_bio(job, bio, job->set->disk->bdev, sd_job_sector(job),
		   REQ_OP_READ, disk_read);
	/* Parts of pages are read whole, but where the disk ends within one. */
	bio->bi_iter.bi_size = min_t(u64, bio->bi_iter.bi_size,
				     (job->set->geom.disk_sectors -
				      sd_job_sector(job)) * SD_SECTOR);
	job->user = reader;
	if (reader) {
		bio->bi_opf |= reader->bi_opf & SD_FLAGS_TO_DISK;
		sd_stand_in(bio, reader);
	} else {
		sd_job_idle_bio(bio);
	}
	sd_submit(job->set, bio, at);
}
