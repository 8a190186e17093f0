// SPDX-License-Identifier: GPL-2.0-only
/*
 * Metadata of an SSD, arbitrary but for its checksums, which are made right so
 * that what is behind them is reached; a sector that begins with UNSEALED keeps
 * a wrong one.  What is loaded is what format.h says of the bytes, read here once
 * more and plainly; and once stored it is loaded again.
 */
#include <stdint.h>
#include <string.h>

#include "meta.h"
#include "recover.h"

#define BLOCK_SECTORS	32u
#define PAGES		(BLOCK_SECTORS / SD_PAGE_SECTORS)
#define ALL_PAGES	((1u << PAGES) - 1)
#define SLOTS		200u
#define DISK_SECTORS	(SLOTS * BLOCK_SECTORS)
#define SSD_SECTORS	(DISK_SECTORS + 4 * SD_DATA_ALIGN_SECTORS)
#define IMAGE		(48u << 10)
#define UNSEALED	0xffffffffu

static u8 image[IMAGE];

static void require(bool is)
{
	if (!is)
		__builtin_trap();
}

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

static int disk_read(struct sd_dev *d, u64 sector, void *buf, u32 bytes)
{
	(void)d;
	(void)sector;
	memset(buf, 0, bytes);
	return 0;
}

static int flush(struct sd_dev *d)
{
	(void)d;
	return 0;
}

static struct sd_dev ssd = { image_read, image_write, flush };
static struct sd_dev disk = { .read = disk_read, .flush = flush };

/* --- the bytes, read plainly --------------------------------------------- */

static u32 u32_at(const u8 *p)
{
	return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

static u64 u64_at(const u8 *p)
{
	return u32_at(p) | (u64)u32_at(p + 4) << 32;
}

static u32 right_crc(const u8 *sector)
{
	return crc32c(~0u, sector + 4, SD_SECTOR - 4);
}

static bool is_right[IMAGE / SD_SECTOR];

static void look_at_sectors(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(is_right); i++)
		is_right[i] = u32_at(image + i * SD_SECTOR) ==
			      right_crc(image + i * SD_SECTOR);
}

static void seal_sectors(void)
{
	for (u8 *at = image; at < image + IMAGE; at += SD_SECTOR) {
		u32 crc = right_crc(at);

		if (u32_at(at) == UNSEALED)
			crc ^= 1;
		memcpy(at, &crc, sizeof(crc));
	}
}

/* What is stored of a slot, and where it counts. */
struct stored {
	bool right;		/* its unit */
	bool doubted;		/* its region */
	u64 block;		/* plus one */
	u64 valid;
	const u8 *crc;
};

static bool is_set(u64 epoch, u32 bit)
{
	u32 nr = SD_INTENT_SECTOR + bit / 3840;
	const u8 *sector = image + nr * SD_SECTOR;

	if (!is_right[nr] || u32_at(sector + 4) != bit / 3840 ||
	    u64_at(sector + 8) != epoch)
		return true;
	return sector[16 + bit % 3840 / 8] >> bit % 8 & 1;
}

/* Of an SSD of so many pages a block: 15 entries of 32 bytes to a unit. */
static struct stored stored_of(const struct sd_super *s, u32 slot)
{
	const u8 *unit = image + (SD_UNIT_SECTOR + slot / 15) * SD_SECTOR;
	const u8 *entry = unit + 32 + slot % 15 * 32;

	static_assert(PAGES == 4);
	return (struct stored){
		.right = is_right[SD_UNIT_SECTOR + slot / 15] &&
			 u32_at(unit + 4) == 15 &&
			 u64_at(unit + 8) == s->epoch &&
			 u64_at(unit + 16) == slot / 15,
		.doubted = is_set(s->epoch, SD_NR_SAMPLES +
				  (slot >> s->layout.region_shift)),
		.block = u64_at(entry),
		.valid = u64_at(entry + 8) & ALL_PAGES,
		.crc = entry + 16,
	};
}

/* --- what was loaded ----------------------------------------------------- */

/* Each belongs to a block, and what is valid has the checksum that is stored. */
static void check_valid(const struct sd_table *t, u32 slot,
			const struct stored *e)
{
	u64 block = sd_table_owner(t, slot), valid = t->slots[slot].valid;

	require(!(valid >> PAGES));
	require(t->cache || block == slot);
	require(block == SD_NO_SLOT ? !valid : block < t->geom->nr_blocks &&
		sd_table_find(t, block) == slot);
	if (!valid)
		return;
	require(e->right && !e->doubted && e->block == block + 1 &&
		e->valid == valid);
	for (u32 page = 0; page < PAGES; page++)
		require(sd_table_crc(t, slot, page) ==
			u32_at(e->crc + 4 * page));
}

/* May it be believed?  In a cache, but for other slots that claim the block. */
static bool can_be(const struct sd_table *t, u32 slot, const struct stored *e)
{
	if (!e->right || e->doubted || !e->block)
		return false;
	return t->cache ? e->block <= t->geom->nr_blocks :
			  e->block == slot + 1;
}

/* What is not right is stored anew; in a cache it is in doubt until then. */
static void check_distrust(struct sd_meta *m, u32 slot, const struct stored *e)
{
	bool good = e->right && !e->doubted &&
		    (!e->block || can_be(m->table, slot, e));
	u32 region = sd_meta_region(m, slot);

	if (good)
		return;
	require(test_bit(slot / m->table->slots_per_chunk, m->table->dirty));
	if (m->table->cache || e->doubted)
		require(sd_intent_doubted(&m->intent, region));
}

/* e: what is stored, as it was before loading. */
static void check_loaded(struct sd_meta *m, const struct stored *e)
{
	static u32 claims[4 * SLOTS + 1], with_pages[4 * SLOTS + 1];
	struct sd_table *t = m->table;

	memset(claims, 0, sizeof(claims));
	memset(with_pages, 0, sizeof(with_pages));
	for (u32 slot = 0; slot < SLOTS; slot++) {
		if (!can_be(t, slot, &e[slot]))
			continue;
		claims[e[slot].block]++;
		with_pages[e[slot].block] += e[slot].valid != 0;
	}
	for (u32 slot = 0; slot < SLOTS; slot++) {
		u64 block = e[slot].block, is = t->slots[slot].valid;

		check_valid(t, slot, &e[slot]);
		check_distrust(m, slot, &e[slot]);
		if (!can_be(t, slot, &e[slot]))
			continue;
		require(claims[block] > 1 || is == e[slot].valid);
		require(with_pages[block] < 2 || !is);
	}
}

static u64 valid[SLOTS];

static void load(const struct sd_geom *g, const struct sd_super *s, bool cached,
		 bool again)
{
	static struct sd_guard guard;
	static struct stored stored[SLOTS];
	struct sd_table t;
	struct sd_meta m;

	sd_guard_init(&guard);
	require(!sd_table_init(&t, g, 0, s->layout.nr_slots,
			       sd_slots_per_chunk(g->pages), true));
	require(!cached || !sd_table_init_cache(&t, &sd_policy_s3fifo));
	require(!sd_meta_init(&m, &ssd, &disk, &t, &guard, s));
	look_at_sectors();
	for (u32 slot = 0; slot < SLOTS; slot++)
		stored[slot] = stored_of(s, slot);
	require(!sd_meta_load_intents(&m));
	sd_meta_load_units(&m);
	check_loaded(&m, stored);
	for (u32 slot = 0; slot < SLOTS; slot++) {
		require(!again || valid[slot] == t.slots[slot].valid);
		valid[slot] = t.slots[slot].valid;
	}
	require(!sd_meta_checkpoint(&m, true) && !sd_meta_pass(&m));
	require(!sd_intent_count(&m.intent));
	sd_meta_fini(&m);
	sd_table_fini(&t);
}

/* Does a copy that is right say that? */
static bool says(u32 nr, const struct sd_super *s)
{
	const u8 *sector = image + nr * SD_SECTOR;
	const struct sd_layout *l = &s->layout;

	return is_right[nr] && u64_at(sector + 40) == s->epoch &&
	       u64_at(sector + 48) == s->generation &&
	       u64_at(sector + 56) == s->disk_sectors &&
	       u64_at(sector + 64) == l->nr_slots &&
	       u64_at(sector + 72) == l->data_start &&
	       u32_at(sector + 80) == s->block_sectors &&
	       u32_at(sector + 84) == s->nr_legs &&
	       u32_at(sector + 88) == s->leg &&
	       u32_at(sector + 92) == s->mode &&
	       u32_at(sector + 96) == s->state &&
	       u32_at(sector + 104) == l->region_shift &&
	       u32_at(sector + 108) == l->nr_regions &&
	       u64_at(sector + 112) == s->roster[0];
}

/* One that is believed can be, whatever the rest of the image says. */
static void check_super(const struct sd_candidate *c)
{
	const struct sd_super *s = &c->super;

	require(!c->warm || !c->err);
	if (c->err)
		return;
	require(says(SD_SUPER_SECTOR, s) || says(SD_SUPER_SECTOR_2, s));
	require(s->epoch && s->nr_legs && s->nr_legs <= SD_MAX_LEGS &&
		s->leg < s->nr_legs);
	require(is_power_of_2(s->block_sectors) && s->block_sectors >= 8 &&
		s->block_sectors <= 512);
	require(s->layout.nr_slots && s->layout.region_shift < 64 &&
		(s->layout.nr_slots - 1) >> s->layout.region_shift ==
			s->layout.nr_regions - 1 &&
		s->layout.nr_regions <= 8 * 3840 - SD_NR_SAMPLES);
	if (!c->warm)
		return;
	require(s->nr_legs == 1 && s->block_sectors == BLOCK_SECTORS &&
		s->disk_sectors <= DISK_SECTORS && s->verify &&
		s->roster[0] == s->epoch &&
		s->mode == SUPERDISK_MODE_MIRROR &&
		!(s->state & (SD_SUPER_OUT | SD_SUPER_LOOSE)));
	require(s->layout.data_start == c->layout.data_start &&
		s->layout.region_shift == c->layout.region_shift);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static u8 copy[IMAGE];
	struct sd_candidate c = { .present = true };
	u8 buf[SD_CHUNK];
	struct sd_geom g;
	u32 best;

	memset(image, 0, sizeof(image));
	memcpy(image, data, size < IMAGE ? size : IMAGE);
	seal_sectors();
	look_at_sectors();
	memcpy(copy, image, sizeof(copy));
	sd_geom_init(&g, DISK_SECTORS, BLOCK_SECTORS, 1);
	require(!sd_layout_init(&c.layout, SSD_SECTORS, BLOCK_SECTORS, SLOTS));
	c.err = sd_meta_read_super(&ssd, buf, &c.super);
	if (!c.err)
		sd_recover_weigh(&c, c.super.sample,
				 sd_meta_read_doubts(&ssd, &c.super, buf), 0);
	require(!c.wrong);	/* compared with itself */
	sd_recover(&g, SUPERDISK_MODE_MIRROR, SD_ATTACH_TRUST, true, 0, &c,
		   &best);
	check_super(&c);
	/* A superblock that was not believed names the epoch all the same. */
	c.super.layout = c.layout;
	c.super.block_sectors = BLOCK_SECTORS;
	c.super.disk_sectors = DISK_SECTORS;
	load(&g, &c.super, false, false);
	load(&g, &c.super, false, true);
	/* The same, as the cache of a disk of four times the size. */
	memcpy(image, copy, sizeof(copy));
	sd_geom_init(&g, 4 * DISK_SECTORS, BLOCK_SECTORS, 1);
	load(&g, &c.super, true, false);
	load(&g, &c.super, true, true);
	return 0;
}

/* --- inputs -------------------------------------------------------------- */

#define UNITS	((SLOTS + 14) / 15)

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned int seed);

/* Another value of something in a superblock: of one copy, or of both. */
static void mutate_super(uint8_t *data, u32 seed)
{
	static const u32 fields[] = { 4, 40, 48, 56, 64, 72, 80, 84, 88, 92, 96,
				      100, 104, 108, 112 };
	u32 at = fields[seed % ARRAY_SIZE(fields)];
	u8 *second = data + SD_SUPER_SECTOR_2 * SD_SECTOR;

	LLVMFuzzerMutate(data + at, 4, 4);
	if (seed / 16 % 4)
		memcpy(second + at, data + at, 4);
	if (seed / 64 % 8 == 0)
		memset(data, 0xff, 4);
	if (seed / 512 % 8 == 0)
		memset(second, 0xff, 4);
}

/*
 * A byte anywhere in the image is most often one that stands for little: rather
 * a change in one header or entry, or of one for another.
 */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned int seed)
{
	u32 slot = seed / 8 % SLOTS, other = seed / 2048 % SLOTS;
	u8 *units = data + SD_UNIT_SECTOR * SD_SECTOR;
	u8 *unit = units + slot / 15 * SD_SECTOR;
	u8 *entry = unit + 32 + slot % 15 * 32;
	const u8 *other_unit = units + other / 15 * SD_SECTOR;
	u8 *map = data + SD_INTENT_SECTOR * SD_SECTOR;

	if (size < (SD_UNIT_SECTOR + UNITS) * SD_SECTOR)
		return LLVMFuzzerMutate(data, size, max_size);
	switch (seed % 8) {
	case 0:
		return LLVMFuzzerMutate(data, size, max_size);
	case 1:
		memset(slot % 4 ? unit : map, 0xff, 4);
		break;
	case 2:
		memcpy(unit, other_unit, SD_SECTOR);
		break;
	case 3:
		memcpy(entry, other_unit + 32 + other % 15 * 32, 16);
		break;
	case 4:
		LLVMFuzzerMutate(entry, 16, 16);
		break;
	case 5:
		LLVMFuzzerMutate((slot % 4 ? unit : map) + 4, 20, 20);
		break;
	default:
		mutate_super(data, seed / 8);
	}
	return size;
}
