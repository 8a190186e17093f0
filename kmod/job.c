// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs: stable copies of pages on their way to an SSD.  Their pages are a
 * fixed stock; if what the SSD may have of it is used up there is no copy, and
 * the block is merely not cached.  So nothing on the I/O path ever waits for
 * memory.
 */
#include "sd.h"

#include <linux/highmem.h>
#include <linux/ioprio.h>

static int pool_init(struct sd_pool *p, u32 nr, u32 nr_legs)
{
	spin_lock_init(&p->lock);
	p->nr = nr;
	p->share = nr / (2 * nr_legs);
	p->spare = nr - p->share * nr_legs;
	p->page = kvcalloc(nr, sizeof(*p->page), GFP_KERNEL);
	if (!p->page)
		return -ENOMEM;
	for (p->free = 0; p->free < nr; p->free++) {
		p->page[p->free] = alloc_page(GFP_KERNEL);
		if (!p->page[p->free])
			return -ENOMEM;
	}
	return 0;
}

static void pool_fini(struct sd_pool *p)
{
	while (p->free)
		__free_page(p->page[--p->free]);
	kvfree(p->page);
	p->page = NULL;
}

/* Of so many pages of an SSD, those that its share does not cover. */
static u32 beyond(const struct sd_pool *p, u32 nr)
{
	return nr > p->share ? nr - p->share : 0;
}

/* May the SSD have so many pages?  Then they are its own. */
static bool __pool_charge(struct sd_pool *p, struct sd_leg *leg, u32 nr)
{
	u32 more = beyond(p, leg->pages_out + nr) - beyond(p, leg->pages_out);

	lockdep_assert_held(&p->lock);
	if (more > p->spare)
		return false;
	p->spare -= more;
	leg->pages_out += nr;
	return true;
}

static void __pool_refund(struct sd_pool *p, struct sd_leg *leg, u32 nr)
{
	lockdep_assert_held(&p->lock);
	p->spare += beyond(p, leg->pages_out) - beyond(p, leg->pages_out - nr);
	leg->pages_out -= nr;
}

static bool pool_take(struct sd_pool *p, struct sd_job *job)
{
	unsigned long flags;
	bool enough;
	u32 i;

	spin_lock_irqsave(&p->lock, flags);
	enough = __pool_charge(p, job->leg, job->nr);
	for (i = 0; enough && i < job->nr; i++)
		bvec_set_page(&job->vecs[i], p->page[--p->free], PAGE_SIZE, 0);
	spin_unlock_irqrestore(&p->lock, flags);
	return enough;
}

void sd_job_trim(struct sd_job *job, u32 nr)
{
	struct sd_pool *p = &job->set->pool;
	unsigned long flags;

	spin_lock_irqsave(&p->lock, flags);
	__pool_refund(p, job->leg, job->nr - nr);
	while (job->nr > nr)
		p->page[p->free++] = job->vecs[--job->nr].bv_page;
	spin_unlock_irqrestore(&p->lock, flags);
}

bool sd_pages_are_short(const struct sd_leg *leg)
{
	const struct sd_pool *p = &leg->set->pool;
	u32 common = p->nr - p->share * leg->set->geom.nr_legs;

	return READ_ONCE(leg->pages_out) >= p->share / 2 &&
	       READ_ONCE(p->spare) <= common / 2;
}

#define SD_MIN_JOBS	64

int sd_jobs_init(struct sd_set *set)
{
	size_t size = sizeof(struct sd_job) +
		set->geom.pages * (sizeof(struct bio_vec) + sizeof(u32));

	static_assert(PAGE_SIZE == SD_PAGE);
	set->jobs = mempool_create_kmalloc_pool(SD_MIN_JOBS, size);
	if (!set->jobs)
		return -ENOMEM;
	return pool_init(&set->pool, set->opt.buffer_kib / (SD_PAGE / 1024),
			 set->geom.nr_legs);
}

void sd_jobs_fini(struct sd_set *set)
{
	pool_fini(&set->pool);
	mempool_destroy(set->jobs);
}

struct sd_job *sd_job_new(struct sd_set *set, struct sd_leg *leg, u32 nr)
{
	struct sd_job *job;

	job = mempool_alloc(set->jobs, GFP_NOWAIT | __GFP_NOWARN);
	if (!job)
		return NULL;
	memset(job, 0, sizeof(*job));
	job->set = set;
	job->leg = leg;
	job->nr = nr;
	job->crc = (u32 *)&job->vecs[set->geom.pages];
	if (!pool_take(&set->pool, job)) {
		mempool_free(job, set->jobs);
		return NULL;
	}
	atomic_inc(&leg->jobs_out);
	return job;
}

void sd_job_free(struct sd_job *job)
{
	struct sd_set *set = job->set;
	struct sd_leg *leg = job->leg;

	sd_job_trim(job, 0);
	mempool_free(job, set->jobs);
	if (atomic_dec_and_test(&leg->jobs_out))
		wake_up_all(&set->idle);
	sd_leg_put(leg);
}

static void copy_segment(struct sd_job *job, u32 at, const struct bio_vec *bv)
{
	u32 done, step;

	for (done = 0; done < bv->bv_len; done += step) {
		u32 off = (at + done) % SD_PAGE;

		step = min_t(u32, bv->bv_len - done, SD_PAGE - off);
		memcpy_page(job->vecs[(at + done) / SD_PAGE].bv_page, off,
			    bv->bv_page, bv->bv_offset + done, step);
	}
}

void sd_job_checksum(struct sd_job *job)
{
	u32 i;

	if (!job->leg->table.crc && !job->back)
		return;
	for (i = 0; i < job->nr; i++)
		job->crc[i] = sd_page_sum(page_address(job->vecs[i].bv_page));
}

void sd_job_copy(struct sd_job *job, struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bv;
	u32 at = 0;

	bio_for_each_segment(bv, bio, iter) {
		copy_segment(job, at, &bv);
		at += bv.bv_len;
	}
	sd_job_checksum(job);
}

void sd_copy_out(const struct bio_vec *pages, u32 first, const struct sd_io *io,
		 struct bio *bio)
{
	u32 block = sd_block_sectors(&io->set->geom), done, step;
	u32 at = (io->sector & (block - 1)) * SD_SECTOR - first * SD_PAGE;
	struct bvec_iter iter;
	struct bio_vec bv;

	__bio_for_each_segment(bv, bio, iter, io->iter) {
		for (done = 0; done < bv.bv_len; done += step, at += step) {
			step = min_t(u32, bv.bv_len - done,
				     SD_PAGE - at % SD_PAGE);
			memcpy_page(bv.bv_page, bv.bv_offset + done,
				    pages[at / SD_PAGE].bv_page, at % SD_PAGE,
				    step);
		}
	}
}

void sd_job_narrow(struct sd_job *job)
{
	u32 skip = __ffs64(job->op.mask) - job->first;
	u32 nr = hweight64(job->op.mask), i;

	for (i = 0; skip && i < nr; i++)
		swap(job->vecs[i], job->vecs[skip + i]);
	job->first += skip;
	sd_job_trim(job, nr);
}

void sd_job_bio(struct sd_job *job, struct bio *bio, struct block_device *bdev,
		sector_t sector, blk_opf_t opf, bio_end_io_t *end)
{
	bio_init(bio, bdev, job->vecs, job->nr, opf);
	bio->bi_vcnt = job->nr;
	bio->bi_iter.bi_sector = sector;
	bio->bi_iter.bi_size = job->nr * SD_PAGE;
	bio->bi_private = job;
	bio->bi_end_io = end;
}

void sd_job_idle_bio(struct bio *bio)
{
	bio->bi_ioprio = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0);
}

sector_t sd_job_sector(const struct sd_job *job)
{
	return (job->op.block << job->set->geom.block_shift) +
	       job->first * SD_PAGE_SECTORS;
}

sector_t sd_leg_sector(const struct sd_leg *leg, u64 slot, u32 page)
{
	return leg->data_start + (slot << leg->set->geom.block_shift) +
	       page * SD_PAGE_SECTORS;
}
