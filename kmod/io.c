// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending: requests of users, so that whoever watches the block layer sees
 * what they cause, and blocking I/O of the metadata code (struct sd_dev).
 */
#include "sd.h"

#include <linux/highmem.h>
#include <trace/events/block.h>

void sd_trace_remap(struct sd_set *set, struct bio *bio, sector_t sector)
{
	if (trace_block_bio_remap_enabled())
		trace_block_bio_remap(bio, sd_set_dev(set),
				      sector + set->ti->begin);
}

void sd_submit(struct sd_set *set, struct bio *bio, sector_t sector)
{
	sd_trace_remap(set, bio, sector);
	submit_bio_noacct(bio);
}

void sd_stand_in(struct bio *bio, struct bio *user)
{
	bio->bi_ioprio = user->bi_ioprio;
	sd_keep_hint(bio, user);
	bio_clone_blkg_association(bio, user);
}

/*
 * A transfer to an SSD that does not answer is left behind, bio, pages and all:
 *
 *	under way --its bio comes back--> over: the waiter has the result
 *	   '--timeout_ms of silence--> left --comes back, however late--> gone
 *
 * It has references of its own to the pages of the buffer, so the caller may
 * free that; nobody uses the SSD again before all of it has come back
 * (sd_leg_stop).  set->idle.lock guards over, left, and late of struct sd_kdev.
 *
 * The driver may be full: then a worker waits for room in it.
 */
struct transfer {
	struct sd_kdev *k;
	blk_opf_t opf;
	u64 sector;
	u32 bytes;
	int err;
	bool over, left;
	struct work_struct work;
	struct bio bio;			/* last: of set->bios */
};

#define TRANSFERS_PER_SSD	4	/* under way, or left behind */

int sd_transfers_init(struct sd_set *set)
{
	return bioset_init(&set->bios, TRANSFERS_PER_SSD * SD_MAX_LEGS,
			   offsetof(struct transfer, bio), BIOSET_NEED_BVECS);
}

static u32 nr_pages(const struct transfer *t)
{
	return DIV_ROUND_UP(t->bytes, PAGE_SIZE);
}

static void transfer_over(struct transfer *t)
{
	struct sd_kdev *k = t->k;
	struct sd_set *set = k->set;
	unsigned long flags;
	u32 i;

	t->err = t->bio.bi_status ? -EIO : 0;
	this_cpu_inc(k->stats->done);
	for (i = 0; i < nr_pages(t); i++)
		put_page(t->bio.bi_io_vec[i].bv_page);
	spin_lock_irqsave(&set->idle.lock, flags);
	if (t->left) {
		k->late--;
		bio_put(&t->bio);
	} else {
		t->over = true;
	}
	wake_up_all_locked(&set->idle);
	spin_unlock_irqrestore(&set->idle.lock, flags);
}

static void transfer_end(struct bio *bio)
{
	struct transfer *t = container_of(bio, struct transfer, bio);

	if (bio->bi_status == BLK_STS_AGAIN && bio->bi_opf & REQ_NOWAIT)
		queue_work(t->k->set->send_wq, &t->work);
	else
		transfer_over(t);
}

static void transfer_send(struct transfer *t, blk_opf_t nowait)
{
	t->bio.bi_opf = t->opf | nowait;
	t->bio.bi_iter.bi_sector = t->sector;
	t->bio.bi_end_io = transfer_end;
	submit_bio(&t->bio);
}

/* The buffer may be gone by now: the bio has its pages. */
static void transfer_again(struct work_struct *work)
{
	struct transfer *t = container_of(work, struct transfer, work);

	bio_reset(&t->bio, t->k->bdev, t->opf);
	t->bio.bi_vcnt = nr_pages(t);
	t->bio.bi_iter.bi_size = t->bytes;
	transfer_send(t, 0);
}

static struct transfer *transfer_new(struct sd_kdev *k, blk_opf_t opf,
				     u64 sector, void *buf, u32 bytes)
{
	struct transfer *t;
	struct page *page;
	struct bio *bio;
	u32 at, step;

	bio = bio_alloc_bioset(k->bdev, DIV_ROUND_UP(bytes, PAGE_SIZE), opf,
			       GFP_NOIO, &k->set->bios);
	t = container_of(bio, struct transfer, bio);
	t->k = k;
	t->opf = opf;
	t->sector = sector;
	t->bytes = bytes;
	t->over = false;
	t->left = false;
	INIT_WORK(&t->work, transfer_again);
	for (at = 0; at < bytes; at += step) {
		step = min_t(u32, PAGE_SIZE, bytes - at);
		page = vmalloc_to_page(buf + at);
		get_page(page);
		__bio_add_page(bio, page, step, 0);
	}
	return t;
}

static bool is_over(struct transfer *t)
{
	struct sd_set *set = t->k->set;
	bool over;

	spin_lock_irq(&set->idle.lock);
	over = t->over;
	spin_unlock_irq(&set->idle.lock);
	return over;
}

static u64 answers(const struct sd_kdev *k)
{
	u64 flying, done;

	sd_stats_flight(k->stats, &flying, &done);
	return done;
}

/* In timeouts, of an SSD that answers others: reads, say, but no writes. */
#define PATIENCE	3

/* An idle wait, not a stuck task.  Ends when the SSD has gone silent. */
static void transfer_wait(struct transfer *t)
{
	wait_queue_head_t *idle = &t->k->set->idle;
	u32 left = PATIENCE;
	u64 before;

	if (!t->k->timeout) {
		wait_event_idle(*idle, is_over(t));
		return;
	}
	do {
		before = answers(t->k);
		if (sd_wait_idle(*idle, is_over(t), t->k->timeout))
			return;
	} while (answers(t->k) != before && --left);
}

/* The result, or the SSD is left behind with it. */
static int transfer_finish(struct transfer *t)
{
	struct sd_kdev *k = t->k;
	int err = -ETIMEDOUT;

	spin_lock_irq(&k->set->idle.lock);
	if (t->over) {
		err = t->err;
		bio_put(&t->bio);
	} else {
		t->left = true;
		k->late++;
		WRITE_ONCE(k->silent, true);
	}
	spin_unlock_irq(&k->set->idle.lock);
	return err;
}

static int transfer(struct sd_kdev *k, blk_opf_t opf, u64 sector, void *buf,
		    u32 bytes)
{
	struct transfer *t;

	if (READ_ONCE(k->silent))
		return -ETIMEDOUT;
	t = transfer_new(k, opf, sector, buf, bytes);
	this_cpu_inc(k->stats->started);
	if (!k->timeout)
		transfer_send(t, 0);
	else if (sd_nowait(k->bdev))
		transfer_send(t, REQ_NOWAIT);
	else
		queue_work(k->set->send_wq, &t->work);
	transfer_wait(t);
	return transfer_finish(t);
}

static int kdev_read(struct sd_dev *d, u64 sector, void *buf, u32 bytes)
{
	struct sd_kdev *k = container_of(d, struct sd_kdev, dev);
	int err;

	err = transfer(k, REQ_OP_READ | REQ_META, sector, buf, bytes);
	invalidate_kernel_vmap_range(buf, bytes);
	return err;
}

static int kdev_write(struct sd_dev *d, u64 sector, const void *buf, u32 bytes,
		      bool fua)
{
	struct sd_kdev *k = container_of(d, struct sd_kdev, dev);

	flush_kernel_vmap_range((void *)buf, bytes);
	return transfer(k, REQ_OP_WRITE | REQ_META | REQ_SYNC |
			(fua ? REQ_FUA : 0), sector, (void *)buf, bytes);
}

static int kdev_flush(struct sd_dev *d)
{
	return transfer(container_of(d, struct sd_kdev, dev),
			REQ_OP_WRITE | REQ_PREFLUSH, 0, NULL, 0);
}

void sd_kdev_init(struct sd_kdev *k, struct sd_set *set,
		  struct block_device *bdev, struct sd_stats __percpu *stats,
		  u32 timeout_ms)
{
	*k = (struct sd_kdev) {
		.dev = {
			.read = kdev_read,
			.write = kdev_write,
			.flush = kdev_flush,
		},
		.set = set,
		.bdev = bdev,
		.stats = stats,
		.timeout = msecs_to_jiffies(timeout_ms),
	};
}
