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

static int transfer(struct sd_kdev *k, blk_opf_t opf, u64 sector, void *buf,
		    u32 bytes)
{
	struct bio *bio;
	u32 at, step;
	int err;

	bio = bio_alloc_bioset(k->bdev, DIV_ROUND_UP(bytes, PAGE_SIZE), opf,
			       GFP_NOIO, &k->set->bios);
	bio->bi_iter.bi_sector = sector;
	for (at = 0; at < bytes; at += step) {
		step = min_t(u32, PAGE_SIZE, bytes - at);
		__bio_add_page(bio, vmalloc_to_page(buf + at), step, 0);
	}
	this_cpu_inc(k->stats->started);
	err = submit_bio_wait(bio);
	this_cpu_inc(k->stats->done);
	bio_put(bio);
	return err;
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
	struct sd_kdev *k = container_of(d, struct sd_kdev, dev);
	int err;

	this_cpu_inc(k->stats->started);
	err = blkdev_issue_flush(k->bdev);
	this_cpu_inc(k->stats->done);
	return err;
}

void sd_kdev_init(struct sd_kdev *k, struct sd_set *set,
		  struct block_device *bdev, struct sd_stats __percpu *stats)
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
	};
}
