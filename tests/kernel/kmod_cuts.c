// SPDX-License-Identifier: GPL-2.0-only
/* Recovers from what was on the devices at a power cut, and looks at it. */
#include "kmod_cuts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kmod_log.h"
#include "meta.h"
#include "recover.h"

/* A device that is a part of the image.  What recovery writes is not kept. */
struct part {
	struct sd_dev dev;
	const u8 *bytes;
	bool is_disk;
};

struct cuts {
	u8 *image;
	u64 sectors;
	u64 entry;			/* number of the last one */
	bool after_barrier;
	struct sd_geom geom;
	struct part disk, ssd[SD_MAX_LEGS];
	u64 ssd_sectors;
	u64 nr_cuts, nr_warm, nr_pages;
	int err;			/* of this cut */
};

static int part_read(struct sd_dev *dev, u64 sector, void *buf, u32 bytes)
{
	const struct part *p = container_of(dev, struct part, dev);

	memcpy(buf, p->bytes + sector * SD_SECTOR, bytes);
	return 0;
}

static int part_write(struct sd_dev *dev, u64 sector, const void *buf,
		      u32 bytes, bool fua)
{
	(void)sector;
	(void)buf;
	(void)bytes;
	(void)fua;
	return container_of(dev, struct part, dev)->is_disk ? -EROFS : 0;
}

static int part_flush(struct sd_dev *dev)
{
	(void)dev;
	return 0;
}

static struct part part_at(const u8 *bytes, bool is_disk)
{
	return (struct part) {
		.dev = { part_read, part_write, part_flush },
		.bytes = bytes,
		.is_disk = is_disk,
	};
}

struct cuts *cuts_new(u64 disk, u64 ssd, u32 nr_ssds)
{
	struct cuts *c = calloc(1, sizeof(*c));

	if (!c || nr_ssds > SD_MAX_LEGS ||
	    sd_geom_init(&c->geom, disk, SD_DEFAULT_BLOCK_SECTORS, nr_ssds)) {
		free(c);
		return NULL;
	}
	c->ssd_sectors = ssd;
	c->sectors = disk + nr_ssds * ssd;
	c->image = calloc(c->sectors, SD_SECTOR);
	if (!c->image) {
		free(c);
		return NULL;
	}
	c->disk = part_at(c->image, true);
	for (u32 i = 0; i < nr_ssds; i++)
		c->ssd[i] = part_at(c->image + (disk + i * ssd) * SD_SECTOR,
				    false);
	return c;
}

void cuts_free(struct cuts *c)
{
	if (c)
		free(c->image);
	free(c);
}

static void broken(struct cuts *c, const char *what, u32 ssd, u64 at)
{
	printf("after entry %" PRIu64 ": SSD %u: %s (%" PRIu64 ")\n",
	       (uint64_t)c->entry, ssd, what, (uint64_t)at);
	c->err = -EILSEQ;
}

static void compare(struct cuts *c, u32 ssd, const struct sd_table *t,
		    u64 slot, u64 data_start)
{
	u64 block = sd_table_owner(t, slot);
	u64 left = t->slots[slot].valid;
	u64 size = (u64)SD_SECTOR << c->geom.block_shift;
	const u8 *here = c->ssd[ssd].bytes + data_start * SD_SECTOR +
			 slot * size;
	const u8 *there = c->disk.bytes + block * size;

	for (; left; left &= left - 1) {
		u32 page = __ffs64(left);

		c->nr_pages++;
		if (memcmp(here + page * SD_PAGE, there + page * SD_PAGE,
			   SD_PAGE))
			broken(c, "what it calls valid is not on the disk",
			       ssd, block * c->geom.pages + page);
	}
}

static void read_samples(struct cuts *c, u32 *sample)
{
	static u8 buf[SD_MAX_BLOCK_SECTORS * SD_SECTOR];

	for (u32 i = 0; i < SD_NR_SAMPLES; i++)
		sd_meta_read_sample(&c->disk.dev, c->geom.disk_sectors,
				    sd_block_sectors(&c->geom), i, buf,
				    &sample[i]);
}

static void look_at(struct cuts *c, u32 ssd, const struct sd_super *s)
{
	static struct sd_guard guard;
	u32 now[SD_NR_SAMPLES];
	struct sd_table t;
	struct sd_meta m;

	sd_guard_init(&guard);
	if (sd_table_init(&t, &c->geom, ssd, s->layout.nr_slots,
			  sd_slots_per_chunk(c->geom.pages), true))
		abort();
	if (sd_meta_init(&m, &c->ssd[ssd].dev, &c->disk.dev, &t, &guard, s))
		abort();
	sd_meta_load_intents(&m);
	read_samples(c, now);
	if (!sd_recover_same_disk(s, now, m.intent.want))
		broken(c, "it takes the disk for another one", ssd, 0);
	sd_meta_load_units(&m);
	for (u64 slot = 0; slot < t.nr_slots; slot++)
		compare(c, ssd, &t, slot, s->layout.data_start);
	sd_meta_fini(&m);
	sd_table_fini(&t);
}

/* As attach.c: nobody has been here before the first superblock. */
static int cut(struct cuts *c)
{
	static u8 buf[SD_CHUNK];
	struct sd_candidate cand[SD_MAX_LEGS] = {};
	u32 best;

	c->nr_cuts++;
	for (u32 i = 0; i < c->geom.nr_legs; i++) {
		cand[i].present = true;
		if (sd_layout_init(&cand[i].layout, c->ssd_sectors,
				   sd_block_sectors(&c->geom),
				   sd_leg_blocks(&c->geom, i)))
			return -EINVAL;
		cand[i].err = sd_meta_read_super(&c->ssd[i].dev, buf,
						 &cand[i].super);
	}
	sd_recover(&c->geom, SUPERDISK_MODE_MIRROR, SD_ATTACH_TRUST, true, 0,
		   cand, &best);
	for (u32 i = 0; i < c->geom.nr_legs; i++) {
		c->nr_warm += cand[i].warm;
		if (cand[i].warm)
			look_at(c, i, &cand[i].super);
	}
	return c->err;
}

int cuts_entry(struct cuts *c, u64 number, const struct log_entry *e,
	       const void *data)
{
	bool cut_here = c->after_barrier || log_is_barrier(e);
	u8 *at = c->image + e->sector * SD_SECTOR;

	if (e->sector + e->nr_sectors > c->sectors)
		return -ERANGE;
	if (e->flags & LOG_DISCARD)
		memset(at, 0, e->nr_sectors * SD_SECTOR);
	else
		memcpy(at, data, e->nr_sectors * SD_SECTOR);
	c->entry = number;
	c->after_barrier = log_is_barrier(e);
	return cut_here ? cut(c) : 0;
}

int cuts_verdict(const struct cuts *c)
{
	printf("%" PRIu64 " cuts: %" PRIu64 " times an SSD was warm, "
	       "%" PRIu64 " pages agreed\n", (uint64_t)c->nr_cuts,
	       (uint64_t)c->nr_warm, (uint64_t)c->nr_pages);
	return c->nr_pages ? 0 : -ENODATA;
}
