// SPDX-License-Identifier: GPL-2.0-only
/* What SSDs of several caches say of the disk, and whether that is so. */
#include "sd.h"

#include <linux/vmalloc.h>

static u64 read_doubts(struct sd_leg *leg, const struct sd_super *s)
{
	/* Of its own: it may be left behind with one that does not answer. */
	void *buf = vzalloc(SD_CHUNK);
	u64 doubted;

	if (!buf)
		return ~0ull;
	doubted = sd_meta_read_doubts(&leg->kdev.dev, s, buf);
	vfree(buf);
	return doubted;
}

/* A sample as the superblock's geometry has it; false if the disk has none. */
static bool read_sample(struct sd_set *set, const struct sd_super *s, u32 i,
			u8 *buf, u32 *ret)
{
	u64 nr_blocks = DIV_ROUND_UP_ULL(s->disk_sectors, s->block_sectors);
	u64 block = sd_sample_block(nr_blocks, i);

	if (block >= set->geom.disk_sectors / s->block_sectors)
		return false;
	memset(buf, 0, s->block_sectors * SD_SECTOR);
	return !sd_meta_read_sample(&set->disk_kdev.dev, s->disk_sectors,
				    s->block_sectors, i, buf, ret);
}

int sd_weigh(struct sd_leg *leg, struct sd_candidate *c, u8 *buf)
{
	u64 doubted = read_doubts(leg, &c->super), blank = 0;
	u32 i, bytes = c->super.block_sectors * SD_SECTOR;
	u32 sample[SD_NR_SAMPLES] = {};

	if (!sd_leg_is_quiet(leg))
		return -ETIMEDOUT;
	for (i = 0; i < SD_NR_SAMPLES; i++) {
		if (!read_sample(leg->set, &c->super, i, buf, &sample[i]))
			doubted |= BIT_ULL(i);
		else if (!memchr_inv(buf, 0, bytes))
			blank |= BIT_ULL(i);
	}
	sd_recover_weigh(c, sample, doubted, blank);
	return 0;
}
