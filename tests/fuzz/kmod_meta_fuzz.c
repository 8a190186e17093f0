// SPDX-License-Identifier: GPL-2.0-only
/*
 * Metadata of an SSD, arbitrary but for its checksums, which are made right so
 * that what is behind them is reached.  Loading must stay within bounds and
 * leave only bits of pages that exist.
 */
#include <stdint.h>
#include <string.h>

#include "meta.h"
#include "recover.h"

#define BLOCK_SECTORS	32u
#define DISK_SECTORS	(200u * BLOCK_SECTORS)
#define SSD_SECTORS	(DISK_SECTORS + 4 * SD_DATA_ALIGN_SECTORS)
#define IMAGE		(48u << 10)

static u8 image[IMAGE];

static int image_read(struct sd_dev *d, u64 sector, void *buf, u32 bytes)
{
	(void)d;
	if (sector * SD_SECTOR + bytes > IMAGE)
		return -EIO;
	memcpy(buf, image + sector * SD_SECTOR, bytes);
	return 0;
}

static int image_write(struct sd_dev *d, u64 sector, const void *buf, u32 bytes,
		       bool fua)
{
	(void)d;
	(void)fua;
	if (sector * SD_SECTOR + bytes > IMAGE)
		return -EIO;
	memcpy(image + sector * SD_SECTOR, buf, bytes);
	return 0;
}

static int image_flush(struct sd_dev *d)
{
	(void)d;
	return 0;
}

static void seal_sectors(void)
{
	for (u32 at = 0; at < IMAGE; at += SD_SECTOR) {
		u32 crc = crc32c(~0u, image + at + 4, SD_SECTOR - 4);

		memcpy(image + at, &crc, sizeof(crc));
	}
}

/* Every block has at most one slot, and what is valid is a block's. */
static void check_mapping(struct sd_table *t)
{
	for (u64 i = 0; i < t->nr_slots; i++) {
		u64 block = sd_table_owner(t, i);

		if (block == SD_NO_SLOT ? t->slots[i].valid != 0 :
					  sd_table_find(t, block) != i)
			__builtin_trap();
	}
}

static void load(const struct sd_geom *g, const struct sd_super *s,
		 struct sd_dev *dev, bool cached)
{
	static struct sd_guard guard;
	struct sd_table t;
	struct sd_meta m;

	sd_guard_init(&guard);

	if (sd_table_init(&t, g, 0, s->layout.nr_slots,
			  sd_slots_per_chunk(g->pages), true))
		return;
	if (cached && sd_table_init_cache(&t, &sd_policy_s3fifo)) {
		sd_table_fini(&t);
		return;
	}
	if (!sd_meta_init(&m, dev, dev, &t, &guard, s)) {
		if (!sd_meta_load_intents(&m)) {
			sd_meta_load_units(&m);
			if (cached)
				check_mapping(&t);
			sd_meta_checkpoint(&m, true);
			sd_meta_pass(&m);
		}
		for (u64 i = 0; i < t.nr_slots; i++)
			if (t.slots[i].valid >> g->pages)
				__builtin_trap();
		sd_meta_fini(&m);
	}
	sd_table_fini(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sd_dev dev = { image_read, image_write, image_flush };
	struct sd_candidate c = { .present = true };
	u8 buf[SD_CHUNK];
	struct sd_geom g;
	u32 best;

	memset(image, 0, sizeof(image));
	memcpy(image, data, size < IMAGE ? size : IMAGE);
	seal_sectors();
	sd_geom_init(&g, DISK_SECTORS, BLOCK_SECTORS, 1);
	if (sd_layout_init(&c.layout, SSD_SECTORS, BLOCK_SECTORS, g.nr_blocks))
		return 0;
	c.err = sd_meta_read_super(&dev, buf, &c.super);
	sd_recover(&g, SUPERDISK_MODE_MIRROR, SD_ATTACH_TRUST, true, &c, &best);
	/* A superblock that was not believed names the epoch all the same. */
	c.super.layout = c.layout;
	c.super.block_sectors = BLOCK_SECTORS;
	c.super.disk_sectors = DISK_SECTORS;
	load(&g, &c.super, &dev, false);
	/* The same, as the cache of a disk of four times the size. */
	sd_geom_init(&g, 4 * DISK_SECTORS, BLOCK_SECTORS, 1);
	load(&g, &c.super, &dev, true);
	return 0;
}
