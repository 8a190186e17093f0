// SPDX-License-Identifier: GPL-2.0-only
/* Metadata of one SSD: what is stored in which order, and what is read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "meta.h"

#define EPOCH		42u
#define SAMPLE		3u

/* --- an SSD and a disk that fail when they are told to ------------------- */

enum kind { READ, WRITE, FLUSH };

struct io {
	const struct sd_dev *dev;
	enum kind kind;
	u64 sector;
	bool fua;
	int err;
};

static u8 ram[1 << 20];		/* the SSD's metadata */
static struct sd_dev ssd, disk;
static struct io done[1000];
static u32 nr_done;
static u32 fail_at;		/* the I/O of this number fails; 0: none does */
static bool reads_nothing;	/* the SSD, whatever it is asked for */
static u64 unreadable;		/* a sector of the SSD, 0 too; NO_SECTOR: none */

#define NO_SECTOR	(~0ull)

static int note(const struct sd_dev *dev, enum kind kind, u64 sector, bool fua,
		bool fails)
{
	int err = fails || nr_done + 1 == fail_at ? -EIO : 0;

	assert_true(nr_done < ARRAY_SIZE(done));
	done[nr_done++] = (struct io){ dev, kind, sector, fua, err };
	return err;
}

/* One that fails has filled the buffer all the same. */
static int do_read(struct sd_dev *d, u64 sector, void *buf, u32 bytes)
{
	if (d == &disk) {
		memset(buf, 7, bytes);
		return note(d, READ, sector, false, false);
	}
	memcpy(buf, ram + sector * SD_SECTOR, bytes);
	return note(d, READ, sector, false,
		    reads_nothing || unreadable - sector < bytes / SD_SECTOR);
}

static int do_write(struct sd_dev *d, u64 sector, const void *buf, u32 bytes,
		    bool fua)
{
	int err = note(d, WRITE, sector, fua, false);

	assert_ptr_equal(d, &ssd);
	if (!err)
		memcpy(ram + sector * SD_SECTOR, buf, bytes);
	return err;
}

static int do_flush(struct sd_dev *d)
{
	return note(d, FLUSH, 0, false, false);
}

static void count_io(u32 fails_at)
{
	nr_done = 0;
	fail_at = fails_at;
}

/* --- one SSD's tables ---------------------------------------------------- */

static struct sd_geom geom;
static struct sd_guard guard;
static struct sd_table table;
static struct sd_meta meta;
static struct sd_super super;
static bool cached;

static void open_ssd(void)
{
	u32 per_chunk = sd_slots_per_chunk(geom.pages);

	sd_guard_init(&guard);
	assert_int_equal(sd_table_init(&table, &geom, 0, super.layout.nr_slots,
				       per_chunk, true), 0);
	if (cached)
		assert_int_equal(sd_table_init_cache(&table,
						     &sd_policy_s3fifo), 0);
	assert_int_equal(sd_meta_init(&meta, &ssd, &disk, &table, &guard,
				      &super), 0);
	count_io(0);
}

static void close_ssd(void)
{
	assert_true(sd_guard_idle(&guard));
	sd_meta_fini(&meta);
	sd_table_fini(&table);
}

/* As after a crash: from what is stored alone. */
static void reopen(void)
{
	close_ssd();
	open_ssd();
	assert_int_equal(sd_meta_load_intents(&meta), 0);
	sd_meta_load_units(&meta);
}

static void new_ssd(u32 block_sectors, u64 blocks, u64 slots)
{
	memset(ram, 0, sizeof(ram));
	ssd = (struct sd_dev){ do_read, do_write, do_flush };
	disk = ssd;
	unreadable = NO_SECTOR;
	reads_nothing = false;
	cached = slots < blocks;
	super = (struct sd_super){
		.epoch = EPOCH,
		.disk_sectors = blocks * block_sectors,
		.block_sectors = block_sectors,
		.nr_legs = 1,
		.mode = cached ? SUPERDISK_MODE_CACHE : SUPERDISK_MODE_MIRROR,
		.state = SD_SUPER_ACTIVE,
		.verify = true,
		.roster = { EPOCH },
	};
	assert_int_equal(sd_geom_init(&geom, super.disk_sectors, block_sectors,
				      1), 0);
	assert_int_equal(sd_layout_init(&super.layout, slots * block_sectors +
					16 * SD_DATA_ALIGN_SECTORS,
					block_sectors, slots), 0);
	super.layout.nr_slots = slots;
	super.layout.nr_regions = ((slots - 1) >> super.layout.region_shift) + 1;
	assert_true(super.layout.data_start * SD_SECTOR <= sizeof(ram));
	open_ssd();
	assert_int_equal(sd_meta_format(&meta), 0);
}

static int set_up_mirror(void **state)
{
	(void)state;
	new_ssd(128, 1000, 1000);
	return 0;
}

static int set_up_cache(void **state)
{
	(void)state;
	new_ssd(128, 4096, 256);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close_ssd();
	return 0;
}

static u64 all_pages(void)
{
	return ~0ull >> (64 - geom.pages);
}

static u32 crc_of(u64 block, u32 page)
{
	return (u32)block * 1000 + page + 1;
}

static bool fill(u64 block, u64 mask)
{
	u32 crc[SD_MAX_PAGES];
	struct sd_op op;

	mask = sd_op_begin_fill(&guard, &table, &op, block, mask, true);
	if (!mask)
		return false;
	for (u32 i = 0; i < geom.pages; i++)
		crc[i] = crc_of(block, __ffs64(mask) + i);
	return sd_op_end(&guard, &op, ~0ull, crc) == mask;
}

static u64 valid_of(u64 block)
{
	u64 slot = sd_table_find(&table, block);

	return slot == SD_NO_SLOT ? 0 : table.slots[slot].valid;
}

static void checkpoint(void)
{
	assert_int_equal(sd_meta_checkpoint(&meta, true), 0);
	assert_int_equal(sd_meta_pass(&meta), 0);
}

/* A write of a block that has come to its end. */
static void touch(u32 bit)
{
	sd_intent_get(&meta.intent, bit);
	assert_int_equal(sd_meta_pass(&meta), 0);
	sd_intent_put(&meta.intent, bit);
}

static bool in_doubt(u64 slot)
{
	return sd_intent_doubted(&meta.intent, sd_meta_region(&meta, slot));
}

static bool is_dirty(u64 slot)
{
	return test_bit(slot / table.slots_per_chunk, table.dirty);
}

static struct sd_unit_disk *unit_of(u64 slot)
{
	return (struct sd_unit_disk *)(ram + SD_UNIT_SECTOR * SD_SECTOR) +
	       slot / sd_slots_per_unit(geom.pages);
}

/* What is stored of a slot; the unit is to be sealed afterwards. */
static struct sd_entry_disk *entry_of(u64 slot)
{
	return sd_unit_entry(unit_of(slot),
			     slot % sd_slots_per_unit(geom.pages), geom.pages);
}

/* --- superblocks --------------------------------------------------------- */

static int read_super(struct sd_super *s)
{
	static u8 buf[SD_CHUNK];

	memset(s, 0, sizeof(*s));
	return sd_meta_read_super(&ssd, buf, s);
}

static void the_second_superblock_counts_if_the_first_is_bad(void **state)
{
	struct sd_super s;

	(void)state;
	unreadable = SD_SUPER_SECTOR;
	assert_int_equal(read_super(&s), 0);
	assert_int_equal(s.epoch, EPOCH);
	unreadable = NO_SECTOR;
	ram[60] ^= 1;
	assert_int_equal(read_super(&s), 0);
	assert_int_equal(s.epoch, EPOCH);
	memset(ram, 0, SD_SECTOR);
	assert_int_equal(read_super(&s), 0);
	assert_int_equal(s.epoch, EPOCH);
	ram[SD_SUPER_SECTOR_2 * SD_SECTOR + 60] ^= 1;
	assert_int_equal(read_super(&s), -EBADMSG);
}

/* What is said of an SSD: that it is blank only if nothing there was ours. */
static void a_damaged_superblock_is_not_called_blank(void **state)
{
	struct sd_super s;

	(void)state;
	memset(ram + SD_SUPER_SECTOR_2 * SD_SECTOR, 0, SD_SECTOR);
	ram[60] ^= 1;
	assert_int_equal(read_super(&s), -EBADMSG);
	unreadable = SD_SUPER_SECTOR;
	assert_int_equal(read_super(&s), -EIO);
	unreadable = NO_SECTOR;
	memset(ram, 0, SD_SECTOR);
	assert_int_equal(read_super(&s), -ENODATA);
}

static void a_superblock_is_durable_before_its_copy_is_written(void **state)
{
	(void)state;
	count_io(0);
	assert_int_equal(sd_meta_store_super(&meta), 0);
	assert_int_equal(nr_done, 2);
	assert_int_equal(done[0].sector, SD_SUPER_SECTOR);
	assert_int_equal(done[1].sector, SD_SUPER_SECTOR_2);
	assert_true(done[0].fua && done[1].fua);
	/* One of them is whole, whatever happens: so stop at an error. */
	count_io(1);
	assert_int_equal(sd_meta_store_super(&meta), -EIO);
	assert_int_equal(nr_done, 1);
	count_io(2);
	assert_int_equal(sd_meta_store_super(&meta), -EIO);
}

static void a_probe_wants_to_write_and_to_read(void **state)
{
	(void)state;
	assert_int_equal(sd_meta_probe(&meta), 0);
	for (u32 i = 1; i <= 2; i++) {
		count_io(i);
		assert_int_equal(sd_meta_probe(&meta), -EIO);
	}
	/* One good copy is enough. */
	count_io(3);
	assert_int_equal(sd_meta_probe(&meta), 0);
	reads_nothing = true;
	count_io(0);
	assert_int_equal(sd_meta_probe(&meta), -EIO);
}

/* --- intents ------------------------------------------------------------- */

static void a_new_epoch_counts_once_its_map_is_there(void **state)
{
	(void)state;
	memset(ram, 0xff, sizeof(ram));
	count_io(0);
	assert_int_equal(sd_meta_format(&meta), 0);
	assert_int_equal(done[0].sector, SD_INTENT_SECTOR);
	assert_true(done[0].fua);
	assert_int_equal(done[1].sector, SD_SUPER_SECTOR);
	count_io(1);
	assert_int_equal(sd_meta_format(&meta), -EIO);
	assert_int_equal(nr_done, 1);
	reopen();
	assert_int_equal(sd_intent_count(&meta.intent), 0);
}

static void a_pass_that_failed_lets_no_write_go(void **state)
{
	u32 bit = sd_meta_region(&meta, 5);

	(void)state;
	assert_false(sd_intent_get(&meta.intent, bit));
	count_io(1);
	assert_int_equal(sd_meta_pass(&meta), -EIO);
	assert_false(sd_intent_get(&meta.intent, bit));
	sd_intent_put(&meta.intent, bit);
	sd_intent_put(&meta.intent, bit);
}

/* Else a write to the one would keep the other from being compared. */
static void regions_and_samples_have_bits_of_their_own(void **state)
{
	(void)state;
	for (u64 slot = 0; slot < table.nr_slots; slot++)
		touch(sd_meta_region(&meta, slot));
	for (u32 i = 0; i < SD_NR_SAMPLES; i++)
		assert_false(sd_intent_doubted(&meta.intent,
					       sd_meta_sample_bit(i)));
	assert_int_equal(sd_intent_count(&meta.intent),
			 super.layout.nr_regions);
}

static void a_pass_with_nothing_new_writes_nothing(void **state)
{
	(void)state;
	touch(sd_meta_region(&meta, 5));
	count_io(0);
	assert_int_equal(sd_meta_pass(&meta), 0);
	assert_int_equal(nr_done, 0);
}

static void every_sector_of_the_map_is_stored(void **state)
{
	(void)state;
	close_ssd();
	super.layout.nr_regions = SD_INTENT_MAX_BITS - SD_NR_SAMPLES;
	open_ssd();
	assert_int_equal(sd_meta_format(&meta), 0);
	for (u32 bit = 7; bit < SD_INTENT_MAX_BITS; bit += 1000) {
		sd_intent_get(&meta.intent, bit);
		assert_int_equal(sd_meta_pass(&meta), 0);
	}
	reopen();
	for (u32 bit = 0; bit < SD_INTENT_MAX_BITS; bit++)
		assert_int_equal(sd_intent_doubted(&meta.intent, bit),
				 bit % 1000 == 7);
}

/* What is in doubt is so until a checkpoint, however often power fails. */
static void doubts_outlive_a_crash_of_the_recovery(void **state)
{
	(void)state;
	touch(sd_meta_region(&meta, 5));
	for (u32 i = 0; i < 3; i++) {
		close_ssd();
		open_ssd();
		assert_int_equal(sd_meta_load_intents(&meta), 0);
		assert_true(in_doubt(5));
		assert_int_equal(sd_intent_count(&meta.intent), 1);
	}
}

static void a_read_that_failed_is_not_believed(void **state)
{
	(void)state;
	assert_true(fill(3, all_pages()) && fill(900, all_pages()));
	checkpoint();
	unreadable = SD_UNIT_SECTOR;
	reopen();
	assert_int_equal(valid_of(3), 0);
	assert_int_equal(valid_of(900), all_pages());
	unreadable = SD_INTENT_SECTOR;
	reopen();
	assert_int_equal(sd_intent_count(&meta.intent),
			 meta.intent.nr_bits);
	assert_int_equal(valid_of(900), 0);
}

/* Before it is known whether this SSD is used at all. */
static void samples_in_doubt_are_known_from_outside(void **state)
{
	struct sd_super other = super;
	static u8 buf[SD_CHUNK];

	(void)state;
	assert_int_equal(sd_meta_read_doubts(&ssd, &super, buf), 0);
	touch(sd_meta_sample_bit(SAMPLE));
	touch(sd_meta_sample_bit(SD_NR_SAMPLES - 1));
	touch(sd_meta_region(&meta, 0));
	assert_int_equal(sd_meta_read_doubts(&ssd, &super, buf),
			 1ull << 63 | 1ull << SAMPLE);
	other.epoch++;
	assert_int_equal(sd_meta_read_doubts(&ssd, &other, buf), ~0ull);
	other = super;
	other.state |= SD_SUPER_LOOSE;
	assert_int_equal(sd_meta_read_doubts(&ssd, &other, buf), ~0ull);
	reads_nothing = true;
	assert_int_equal(sd_meta_read_doubts(&ssd, &super, buf), ~0ull);
}

/* --- units --------------------------------------------------------------- */

static void check_loaded(u64 step)
{
	for (u64 block = 0; block < geom.nr_blocks; block++) {
		assert_int_equal(valid_of(block),
				 block % step ? 0 : all_pages());
		for (u32 i = 0; block % step == 0 && i < geom.pages; i++)
			assert_int_equal(sd_table_crc(&table, block, i),
					 crc_of(block, i));
	}
}

/* In blocks of 4 to 256 KiB; more than one batch of chunks, some of them far. */
static void what_is_stored_is_read_back(void **state)
{
	static const u32 sectors[] = { 8, 64, 128, 512 };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(sectors); i++) {
		u64 per = sd_slots_per_chunk(sectors[i] / SD_PAGE_SECTORS);
		u64 blocks = per * (SD_META_BATCH + 3) - 1, step = 3;

		close_ssd();
		new_ssd(sectors[i], blocks, blocks);
		for (u64 b = 0; b < blocks; b += step)
			assert_true(fill(b, all_pages()));
		checkpoint();
		reopen();
		check_loaded(step);
		/* Nothing is stored again, and there is nothing to store. */
		count_io(0);
		assert_int_equal(sd_meta_checkpoint(&meta, true), 0);
		assert_int_equal(nr_done, 0);
	}
}

static void only_chunks_that_changed_are_stored(void **state)
{
	u64 per = table.slots_per_chunk, writes = meta.nr_writes;

	(void)state;
	fill(0, 1);
	fill(4 * per, 1);
	fill(5 * per + 1, 1);
	fill(9 * per, 1);
	checkpoint();
	assert_int_equal(meta.nr_writes - writes, 4);
	reopen();
	for (u64 b = 0; b < geom.nr_blocks; b++)
		assert_int_equal(valid_of(b), b == 0 || b == 4 * per ||
				 b == 5 * per + 1 || b == 9 * per);
}

static void pages_beyond_a_block_are_not_believed(void **state)
{
	(void)state;
	fill(3, 3);
	checkpoint();
	entry_of(3)->valid = ~0ull;
	sd_unit_seal(unit_of(3));
	reopen();
	assert_int_equal(valid_of(3), all_pages());
}

static void what_waits_to_be_verified_stays_stored(void **state)
{
	(void)state;
	fill(3, 0xff);
	checkpoint();
	assert_int_equal(sd_table_distrust(&table), 0);
	fill(4, 0xf);		/* in the same chunk */
	checkpoint();
	reopen();
	assert_int_equal(valid_of(3), 0xff);
	assert_int_equal(valid_of(4), 0xf);
}

/* A disk that was changed: what it is not any more is forgotten for good. */
static void what_differed_from_the_disk_is_stored_as_gone(void **state)
{
	struct sd_op op;

	(void)state;
	fill(3, 0xff);
	checkpoint();
	assert_int_equal(sd_table_distrust(&table), 0);
	assert_int_equal(sd_op_begin_verify(&guard, &table, &op, 3, ~0ull),
			 0xff);
	sd_op_end(&guard, &op, 0, NULL);
	checkpoint();
	reopen();
	assert_int_equal(valid_of(3), 0);
}

static void a_damaged_unit_of_a_mirror_is_cold_and_stored_anew(void **state)
{
	(void)state;
	fill(3, 1);
	checkpoint();
	entry_of(3)->valid = 3;
	reopen();
	assert_int_equal(valid_of(3), 0);
	assert_true(is_dirty(3));
	assert_false(in_doubt(3));
}

/* Filled anew meanwhile, it would be believed as soon as it can be read again. */
static void what_cannot_be_read_is_in_doubt_until_stored_anew(void **state)
{
	(void)state;
	fill(3, 1);
	checkpoint();
	unreadable = SD_UNIT_SECTOR;
	reopen();
	assert_int_equal(valid_of(3), 0);
	assert_true(is_dirty(3));
	assert_true(in_doubt(3));
	assert_int_equal(sd_meta_pass(&meta), 0);
	unreadable = NO_SECTOR;
	reopen();
	assert_int_equal(valid_of(3), 0);
}

/* Of a cache: its block may be written elsewhere, and be found here again. */
static void a_damaged_unit_of_a_cache_is_in_doubt_until_stored_anew(void **state)
{
	u64 slot;

	(void)state;
	for (u64 b = 0; b < 100; b++)
		fill(b, 1);
	checkpoint();
	slot = sd_table_find(&table, 50);
	assert_true(valid_of(50) && !in_doubt(slot));
	unit_of(slot)->entries[100] ^= 1;
	reopen();
	assert_int_equal(valid_of(50), 0);
	assert_true(is_dirty(slot) && in_doubt(slot));
	assert_int_equal(sd_meta_pass(&meta), 0);
	/* The next crash finds it whole again, and in doubt. */
	unit_of(slot)->entries[100] ^= 1;
	reopen();
	assert_int_equal(valid_of(50), 0);
	checkpoint();
	assert_false(is_dirty(slot) || in_doubt(slot));
	reopen();
	assert_int_equal(valid_of(50), 0);
	assert_false(in_doubt(slot));
}

static void an_entry_that_cannot_be_is_in_doubt(void **state)
{
	u64 slot;

	(void)state;
	for (u64 b = 0; b < 100; b++)
		fill(b, 1);
	checkpoint();
	slot = sd_table_find(&table, 50);
	entry_of(slot)->block = geom.nr_blocks + 1;
	sd_unit_seal(unit_of(slot));
	reopen();
	assert_int_equal(sd_table_owner(&table, slot), SD_NO_SLOT);
	assert_true(is_dirty(slot) && in_doubt(slot));
	assert_int_equal(valid_of(49), 1);
}

static void two_entries_of_one_block_are_both_in_doubt(void **state)
{
	u64 a, b;

	(void)state;
	for (u64 i = 0; i < 200; i++)
		fill(i, 1);
	checkpoint();
	a = sd_table_find(&table, 10);
	b = sd_table_find(&table, 150);
	entry_of(b)->block = 11;
	sd_unit_seal(unit_of(b));
	reopen();
	assert_int_equal(valid_of(10), 0);
	assert_true(is_dirty(a) && in_doubt(a));
	assert_true(is_dirty(b) && in_doubt(b));
}

/* --- checkpoints --------------------------------------------------------- */

/* Were the units flushed after the last of them was written? */
static bool units_are_durable(void)
{
	bool durable = false, any = false;

	for (u32 i = 0; i < nr_done; i++) {
		if (done[i].dev == &ssd && done[i].kind == FLUSH)
			durable = !done[i].err;
		if (done[i].kind != WRITE || done[i].sector < SD_UNIT_SECTOR)
			continue;
		durable = false;
		any = true;
	}
	return durable && any;
}

/* A cache with slots that are leaving: the first of them. */
static u32 leaving_slot(void)
{
	for (u64 b = 0; !table.cache->nr_leaving; b++)
		fill(b, 1);
	return table.cache->leaving[0];
}

static u32 begin_again(void)
{
	u32 slot;

	close_ssd();
	new_ssd(128, 4096, 256);
	slot = leaving_slot();
	touch(SAMPLE);
	touch(sd_meta_region(&meta, 0));
	return slot;
}

static void a_checkpoint_that_failed_promises_nothing(void **state)
{
	u32 n = 0, slot;
	int err;

	(void)state;
	do {
		slot = begin_again();
		count_io(++n);
		err = sd_meta_checkpoint(&meta, true);
		assert_true(!err || done[n - 1].err);
		assert_int_equal(err, !err ? 0 : done[n - 1].dev == &disk ?
				 -EREMOTEIO : -EIO);
		assert_int_equal(in_doubt(0), err != 0);
		assert_int_equal(sd_intent_doubted(&meta.intent, SAMPLE),
				 err != 0);
		if (!units_are_durable())
			assert_int_not_equal(sd_table_owner(&table, slot),
					     SD_NO_SLOT);
	} while (err);
	assert_true(n > 8);
	assert_int_equal(sd_table_owner(&table, slot), SD_NO_SLOT);
}

static void a_slot_is_not_given_up_before_that_is_stored(void **state)
{
	u32 n = 0, slot;
	int err;

	(void)state;
	do {
		slot = begin_again();
		count_io(++n);
		err = sd_meta_make_room(&meta);
		assert_true(!err || done[n - 1].err);
		assert_int_equal(sd_table_owner(&table, slot) == SD_NO_SLOT,
				 !err);
		assert_int_equal(units_are_durable(), !err);
		/* That is for a checkpoint to do. */
		assert_true(in_doubt(0));
	} while (err);
	assert_true(n > 4);
}

/* The disk did not flush: the SSD goes on, and tries again. */
static void what_a_failed_checkpoint_stored_is_flushed_by_the_next(void **state)
{
	u32 n = 0, slot;
	int err;

	(void)state;
	do {
		close_ssd();
		new_ssd(128, 4096, 256);
		slot = leaving_slot();
		count_io(++n);
		err = sd_meta_checkpoint(&meta, false);
		if (err != -EREMOTEIO)
			continue;
		fail_at = 0;
		assert_int_equal(sd_meta_checkpoint(&meta, false), 0);
		assert_int_equal(sd_table_owner(&table, slot), SD_NO_SLOT);
		assert_true(units_are_durable());
	} while (err);
}

/* A sample is compared after the next crash: it must be that of the disk. */
static void a_sample_is_stored_before_it_counts_again(void **state)
{
	struct sd_super s;
	u8 block[128 * SD_SECTOR];

	(void)state;
	touch(SAMPLE);
	count_io(0);
	checkpoint();
	/* What it reads there is not to be lost with the disk's cache. */
	assert_ptr_equal(done[0].dev, &disk);
	assert_int_equal(done[0].kind, FLUSH);
	assert_int_equal(read_super(&s), 0);
	memset(block, 7, sizeof(block));
	assert_int_equal(s.sample[SAMPLE],
			 sd_sample_sum(block, sizeof(block)));
	assert_int_equal(s.sample[SAMPLE + 1], 0);
}

/* The last block of a disk may be a part of one. */
static void a_sample_ends_where_the_disk_does(void **state)
{
	u8 block[128 * SD_SECTOR];
	u32 sum;

	(void)state;
	memset(block, 0, sizeof(block));
	assert_int_equal(sd_meta_read_sample(&disk, 2 * 128 + 24, 128, 16,
					     block, &sum), 0);
	assert_int_equal(block[24 * SD_SECTOR - 1], 7);
	assert_int_equal(block[24 * SD_SECTOR], 0);
	assert_int_equal(sum, sd_sample_sum(block, 24 * SD_SECTOR));
}

static void closing_leaves_nothing_in_doubt(void **state)
{
	struct sd_super s;

	(void)state;
	meta.super.state = SD_SUPER_ACTIVE | SD_SUPER_LOOSE;
	fill(3, 1);
	touch(sd_meta_region(&meta, 5));
	touch(SAMPLE);
	assert_int_equal(sd_meta_close(&meta), 0);
	assert_int_equal(read_super(&s), 0);
	assert_int_equal(s.state, 0);
	reopen();
	assert_int_equal(sd_intent_count(&meta.intent), 0);
	assert_int_equal(valid_of(3), 1);
}

static void closing_keeps_the_note_of_what_is_unverified(void **state)
{
	struct sd_super s;

	(void)state;
	meta.super.state = SD_SUPER_ACTIVE | SD_SUPER_UNVERIFIED;
	assert_int_equal(sd_meta_close(&meta), 0);
	assert_int_equal(read_super(&s), 0);
	assert_int_equal(s.state, SD_SUPER_UNVERIFIED);
}

static void what_cannot_be_closed_stays_active(void **state)
{
	u32 bit = sd_meta_region(&meta, 5), n = 0;
	struct sd_super s;
	int err;

	(void)state;
	sd_intent_get(&meta.intent, bit);
	assert_int_equal(sd_meta_close(&meta), -EBUSY);
	assert_int_equal(read_super(&s), 0);
	assert_int_equal(s.state, SD_SUPER_ACTIVE);
	sd_intent_put(&meta.intent, bit);
	do {
		touch(bit);
		fill(++n, 1);
		count_io(n);
		err = sd_meta_close(&meta);
		assert_true(!err || done[n - 1].err);
		if (!err || done[n - 1].sector == SD_SUPER_SECTOR_2)
			continue;
		assert_int_equal(read_super(&s), 0);
		assert_int_equal(s.state, SD_SUPER_ACTIVE);
	} while (err);
	assert_true(n > 6);
}

#define MIRROR(f) cmocka_unit_test_setup_teardown(f, set_up_mirror, tear_down)
#define CACHE(f) cmocka_unit_test_setup_teardown(f, set_up_cache, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MIRROR(the_second_superblock_counts_if_the_first_is_bad),
		MIRROR(a_damaged_superblock_is_not_called_blank),
		MIRROR(a_superblock_is_durable_before_its_copy_is_written),
		MIRROR(a_probe_wants_to_write_and_to_read),
		MIRROR(a_new_epoch_counts_once_its_map_is_there),
		MIRROR(a_pass_that_failed_lets_no_write_go),
		MIRROR(regions_and_samples_have_bits_of_their_own),
		MIRROR(a_pass_with_nothing_new_writes_nothing),
		MIRROR(every_sector_of_the_map_is_stored),
		MIRROR(doubts_outlive_a_crash_of_the_recovery),
		MIRROR(a_read_that_failed_is_not_believed),
		MIRROR(samples_in_doubt_are_known_from_outside),
		MIRROR(what_is_stored_is_read_back),
		MIRROR(only_chunks_that_changed_are_stored),
		MIRROR(pages_beyond_a_block_are_not_believed),
		MIRROR(what_waits_to_be_verified_stays_stored),
		MIRROR(what_differed_from_the_disk_is_stored_as_gone),
		MIRROR(what_cannot_be_read_is_in_doubt_until_stored_anew),
		MIRROR(a_damaged_unit_of_a_mirror_is_cold_and_stored_anew),
		CACHE(a_damaged_unit_of_a_cache_is_in_doubt_until_stored_anew),
		CACHE(an_entry_that_cannot_be_is_in_doubt),
		CACHE(two_entries_of_one_block_are_both_in_doubt),
		CACHE(a_checkpoint_that_failed_promises_nothing),
		CACHE(a_slot_is_not_given_up_before_that_is_stored),
		CACHE(what_a_failed_checkpoint_stored_is_flushed_by_the_next),
		MIRROR(a_sample_is_stored_before_it_counts_again),
		MIRROR(a_sample_ends_where_the_disk_does),
		MIRROR(closing_leaves_nothing_in_doubt),
		MIRROR(closing_keeps_the_note_of_what_is_unverified),
		MIRROR(what_cannot_be_closed_stays_active),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
