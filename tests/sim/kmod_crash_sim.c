// SPDX-License-Identifier: GPL-2.0-only
/*
 * The crash simulator: the module's own code for placement, validity, intents,
 * metadata and recovery, on an SSD and a disk that lose power.
 *
 *	kmod_crash_sim [SEED [COUNT]]
 *
 * Odd seeds are a mirror; even ones a cache, whose SSD has room for an eighth
 * of the disk.  Reads, writes, fills and comparisons are under way at once and
 * advance in random order, also in the middle of every metadata I/O.  Power is
 * cut at a random device write or flush, and again in the recovery, and some
 * flushes of the disk fail; now and then the SSD is then attached to be verified,
 * with a disk that was changed meanwhile, and power is cut before that is done.
 * After each recovery, and all the time:
 *
 *	a page that is valid holds on the SSD what the disk holds (K1, K2);
 *	a read that is believed returns what the disk holds (K2);
 *	what was stored, and is not in doubt, is still warm (K4);
 *	a disk that was not changed is recognised, one that was is not (K5);
 *	nothing but the submitter's writes goes to the disk.
 *
 * Then the same runs with one mechanism switched off must fail: each is needed,
 * and this program can see it.
 */
#include <stdio.h>
#include <time.h>

#include "kmod_life.h"
#include "recover.h"

#define CACHE_REGION_SHIFT 2u
#define ROUNDS		3
#define DEFAULT_SEEDS	800
#define CANARY_SEEDS	40000	/* at most: until it is caught */
#define MAX_CHANGES	40	/* of blocks, before they are verified */

static const char * const off_name[] = {
	"nothing", "intents", "durable_intents", "disk_flushes", "ssd_flushes",
	"spoiling", "sample_intents", "the_fingerprint", "invalidation",
	"storing_a_slot_as_free_first", "waiting_for_a_slot_to_be_idle",
	"counting_owners_of_a_slot", "doubting_units_that_are_not_right",
	"comparing_what_is_verified", "the_note_that_all_is_unverified",
	"storing_what_was_verified_first", "a_flush_that_is_owed",
};

static struct sd_layout layouts[2];
static bool blind;			/* to the fingerprint, and to what is cold */

static u64 rnd(u64 n)
{
	return power_rnd(n);
}

static int disk_write(struct sd_dev *dev, u64 sector, const void *buf,
		      u32 bytes, bool fua)
{
	(void)dev;
	(void)sector;
	(void)buf;
	(void)bytes;
	(void)fua;
	life_fail("metadata code wrote to the disk");
	return 0;
}

static void live(void)
{
	while (!life.broken) {
		life_steps(rnd(20));
		life_finish_audit();
		switch (rnd(5)) {
		case 0:
			life_checkpoint();
			break;
		case 1:
			device_settle(&life.disk, true);
			break;
		case 2:
			life_make_room();
			break;
		default:
			life_pass();
		}
	}
}

static void fill_super(struct sd_super *s, u64 epoch)
{
	*s = (struct sd_super) {
		.epoch = epoch,
		.disk_sectors = DISK_SECTORS,
		.layout = life.layout,
		.block_sectors = BLOCK_SECTORS,
		.nr_legs = 1,
		.mode = life.cached ? SUPERDISK_MODE_CACHE : SUPERDISK_MODE_MIRROR,
		.state = SD_SUPER_ACTIVE,
		.verify = true,
		.roster = { epoch },
	};
}

static void read_samples(u32 *sample)
{
	static u8 buf[BLOCK_SECTORS * SD_SECTOR];

	for (u32 i = 0; i < SD_NR_SAMPLES; i++)
		sd_meta_read_sample(&life.disk.dev, DISK_SECTORS, BLOCK_SECTORS, i,
				    buf, &sample[i]);
}

static void memory_init(const struct sd_super *s)
{
	const struct sd_policy_ops *policy =
		rnd(2) ? &sd_policy_s3fifo : &sd_policy_sieve;

	life_reset();
	sd_guard_init(&life.guard);
	if (sd_table_init(&life.table, &life.geom, 0, life.layout.nr_slots,
			  sd_slots_per_chunk(PAGES), true) ||
	    (life.cached && sd_table_init_cache(&life.table, policy)) ||
	    sd_meta_init(&life.meta, &life.ssd.dev, &life.disk.dev, &life.table,
			 &life.guard, s))
		life_fail("out of memory");
	life.meta.intent.lock.held = false;
}

static void memory_fini(void)
{
	sd_meta_fini(&life.meta);
	sd_table_fini(&life.table);
}

static void start_cold(u64 epoch)
{
	struct sd_super s;

	fill_super(&s, epoch);
	read_samples(s.sample);
	memory_init(&s);
	if (sd_meta_format(&life.meta))
		life_fail("formatting failed");
}

static u64 unread_chunk;
static bool all_is_read;

/* Now and then a chunk cannot be read, this once. */
static void load_units(void)
{
	static unsigned long want[BITS_TO_LONGS(SD_INTENT_MAX_BITS)];

	unread_chunk = all_is_read || (life.off != NO_UNIT_DOUBT && rnd(4)) ?
		       life.table.nr_chunks : rnd(life.table.nr_chunks);
	if (unread_chunk < life.table.nr_chunks)
		life.ssd.unreadable = SD_UNIT_SECTOR +
				 unread_chunk * SD_CHUNK_SECTORS;
	memcpy(want, life.meta.intent.want, sizeof(want));
	sd_meta_load_units(&life.meta);
	if (life.off == NO_UNIT_DOUBT)
		memcpy(life.meta.intent.want, want, sizeof(want));
	life.ssd.unreadable = 0;
	if (sd_meta_pass(&life.meta))
		life_fail("a pass failed");
}

/* Recover as attach.c does; true if warm. */
static bool recover(bool verify)
{
	static u8 buf[SD_CHUNK];
	struct sd_candidate c = { .present = true, .layout = life.layout };
	struct sd_super s;
	u32 best, now[SD_NR_SAMPLES];

	c.err = sd_meta_read_super(&life.ssd.dev, buf, &c.super);
	fill_super(&s, 1);
	if (sd_recover_placement(&life.geom, SUPERDISK_MODE_AUTO, &c) != s.mode)
		life_fail("the mode was forgotten");
	sd_recover(&life.geom, s.mode, SD_ATTACH_TRUST, true, 0, &c, &best);
	if (!c.warm) {
		life_fail("an intact SSD was not believed");
		return false;
	}
	verify |= c.super.state & SD_SUPER_UNVERIFIED &&
		  life.off != NO_UNVERIFIED_NOTE;
	fill_super(&s, c.super.epoch);
	s.state |= verify ? SD_SUPER_UNVERIFIED : 0;
	read_samples(now);
	memcpy(s.sample, now, sizeof(now));
	memory_init(&s);
	sd_meta_load_intents(&life.meta);
	if (!blind && !verify &&
	    !sd_recover_same_disk(&c.super, now, life.meta.intent.want)) {
		memory_fini();
		return false;
	}
	load_units();
	life.auditing = verify;
	if (verify && sd_table_distrust(&life.table))
		life_fail("out of memory");
	if (sd_meta_store_super(&life.meta))
		life_fail("the superblock was not stored");
	return true;
}

/* --- a run ---------------------------------------------------------------- */

static bool is_stored(u64 slot)
{
	return !test_bit(slot / life.table.slots_per_chunk, life.table.dirty) &&
	       !(life.cached && sd_cache_is_leaving(life.table.cache, slot)) &&
	       !sd_intent_doubted(&life.meta.intent, sd_meta_region(&life.meta, slot));
}

/*
 * Blocks that must survive, and their slots: stored, unchanged since, and not
 * in doubt, neither here nor, as a pass has yet to say so, on the SSD.
 */
static void note_warm(u64 *warm)
{
	bool told = !life.checkpointing && !life.meta.unflushed &&
		    !life.meta.intent.stale && !life.meta.intent.passing;

	for (u64 i = 0; i < DISK_BLOCKS; i++) {
		warm[i] = told ? sd_table_find(&life.table, i) : SD_NO_SLOT;
		if (warm[i] != SD_NO_SLOT &&
		    !(life.table.slots[warm[i]].valid && is_stored(warm[i])))
			warm[i] = SD_NO_SLOT;
	}
}

static u64 warm_blocks, slots_given, audits;

static bool is_warm(u64 slot)
{
	return life.table.slots[slot].valid ||
	       sd_unverified_pages(&life.table, slot);
}

static void check_recovered(const u64 *warm)
{
	u64 slot;

	for (u64 i = 0; i < DISK_BLOCKS; i++) {
		life_check_block(i, "after a crash, a valid page differs from the disk");
		if (warm[i] == SD_NO_SLOT ||
		    warm[i] / life.table.slots_per_chunk == unread_chunk)
			continue;
		slot = sd_table_find(&life.table, i);
		if (!blind && (slot != warm[i] || !is_warm(slot)))
			life_fail("a block that was not in doubt is cold");
		warm_blocks++;
	}
}

static void change(u64 block)
{
	u64 version[PAGES];

	for (u32 i = 0; i < PAGES; i++)
		version[i] = ++life.versions;
	device_overwrite(&life.disk, block * BLOCK_SECTORS, BLOCK_SECTORS,
			 version);
}

/* Someone else mounts the disk: its first block changes. */
static bool tamper(void)
{
	if (sd_intent_doubted(&life.meta.intent, sd_meta_sample_bit(0)))
		return false;
	change(0);
	return true;
}

static bool of_audit(enum mechanism off)
{
	return off >= NO_COMPARE && off <= NO_STORED_VERDICT;
}

/* The disk is changed while the SSD is away, which is to be verified then. */
static bool change_and_verify(void)
{
	if (rnd(of_audit(life.off) ? 2 : 4))
		return false;
	for (u64 i = rnd(MAX_CHANGES); i; i--)
		change(rnd(rnd(2) ? 8 : DISK_BLOCKS));
	audits++;
	return true;
}

static void lose_power(void)
{
	device_settle(&life.ssd, false);
	device_settle(&life.disk, false);
	memory_fini();
}

/* Power may fail in the middle of that, again and again. */
static bool recover_at_last(bool verify)
{
	static u32 cuts;

	all_is_read = true;
	for (cuts = rnd(3); cuts; cuts--) {
		if (!setjmp(power_out)) {
			power_cut_in((int)rnd(5));
			recover(verify);
		}
		lose_power();
	}
	all_is_read = false;
	power_cut_in(-1);
	return recover(verify);
}

static void crash_and_recover(void)
{
	static u64 warm[DISK_BLOCKS];
	bool tampered;

	note_warm(warm);
	slots_given += life.meta.nr_given;
	life.checkpointing = false;
	lose_power();
	life.loading = true;
	if (!recover_at_last(change_and_verify())) {
		life_fail("an unchanged disk was not recognised");
		start_cold(++life.versions);
	}
	check_recovered(warm);
	tampered = !rnd(4) && !life.auditing && (!blind || life.off == NO_FINGERPRINT) && tamper();
	if (tampered) {
		memory_fini();
		if (recover(false))
			life_fail("a changed disk was taken for the same");
		else
			start_cold(++life.versions);
	}
	life.loading = false;
}

static void one_round(void)
{
	if (!setjmp(power_out)) {
		power_cut_in(1 + rnd(400));
		live();
	}
}

static bool of_cache(enum mechanism off)
{
	return off >= NO_STORED_FREE && off <= NO_UNIT_DOUBT;
}

static void set_up(u64 seed, enum mechanism without)
{
	power_seed(seed);
	power_meanwhile = life_meanwhile;
	life.off = without;
	life.cached = seed % 2 == 0 || of_cache(life.off);
	life.auditing = false;
	life.layout = layouts[life.cached];
	/* It would cover up for these by starting cold: so may what is cold. */
	blind = life.off >= NO_INTENT && life.off <= NO_SSD_FLUSH;
	blind |= of_cache(life.off);
	blind |= life.off == NO_FINGERPRINT;
	life.broken = NULL;
	life.versions = 0;
	device_init(&life.ssd, SSD_SECTORS, life.layout.data_start);
	device_init(&life.disk, DISK_SECTORS, 0);
	life.disk.dev.write = disk_write;
	life.ssd.no_flush = life.off == NO_SSD_FLUSH;
	life.ssd.no_fua = life.off == NO_INTENT_FUA ? SD_INTENT_SECTOR : ~0ull;
	life.disk.no_flush = life.off == NO_DISK_FLUSH;
	life.disk.flush_fails = 16;
}

/* The first promise that this seed breaks, or NULL. */
static const char *run(u64 seed, enum mechanism without)
{
	set_up(seed, without);
	life.loading = true;
	start_cold(1);
	if (life.cached)
		life_fill_cache();
	life.loading = false;
	for (u32 i = 0; i < ROUNDS && !life.broken; i++) {
		one_round();
		if (!life.broken)
			crash_and_recover();
	}
	memory_fini();
	device_fini(&life.ssd);
	device_fini(&life.disk);
	return life.broken;
}

/* Of CPU time, so that a busy machine does not count. */
static u64 a_minute(u64 count, clock_t began)
{
	return count * 60 * CLOCKS_PER_SEC / (u64)(clock() - began + 1);
}

static int sound(u64 seed, u64 count)
{
	clock_t began = clock();

	for (u64 i = 0; i < count; i++) {
		const char *why = run(seed + i, ALL_ON);

		if (!why)
			continue;
		printf("not ok 1 - every_promise_holds\n# seed %llu: %s\n"
		       "# rerun: kmod_crash_sim %llu 1\n",
		       (unsigned long long)(seed + i), why,
		       (unsigned long long)(seed + i));
		return 1;
	}
	printf("ok 1 - every_promise_holds\n"
	       "# %llu blocks had to be warm, and were; %llu slots changed hands; "
	       "%llu times all was verified\n"
	       "# %llu seeds a minute of CPU, %d power cuts each\n",
	       (unsigned long long)warm_blocks,
	       (unsigned long long)slots_given, (unsigned long long)audits,
	       (unsigned long long)a_minute(count, began), ROUNDS);
	return 0;
}

static int canary(u64 seed, enum mechanism without)
{
	for (u64 i = 0; i < CANARY_SEEDS; i++) {
		const char *why = run(seed + i, without);

		if (!why)
			continue;
		printf("ok %d - without_%s_it_fails\n# seed %llu: %s\n",
		       without + 1, off_name[without],
		       (unsigned long long)(seed + i), why);
		return 0;
	}
	printf("not ok %d - without_%s_it_fails\n", without + 1,
	       off_name[without]);
	return 1;
}

static int lay_out(void)
{
	struct sd_layout *c = &layouts[true];

	if (sd_layout_init(&layouts[false], SSD_SECTORS, BLOCK_SECTORS,
			   DISK_BLOCKS) ||
	    sd_layout_init(c, SSD_SECTORS, BLOCK_SECTORS, CACHE_SLOTS))
		return -ENOSPC;
	/* As many regions as a large SSD has, for its slots. */
	c->region_shift = CACHE_REGION_SHIFT;
	c->nr_regions = ((c->nr_slots - 1) >> c->region_shift) + 1;
	return 0;
}

int main(int argc, char **argv)
{
	const char *seeds = getenv("SEEDS");
	u64 seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	u64 count = argc > 2 ? strtoull(argv[2], NULL, 0) :
		    seeds ? strtoull(seeds, NULL, 0) : DEFAULT_SEEDS;
	int failed;

	printf("# seeds %llu to %llu; rerun: kmod_crash_sim %llu %llu\n1..%d\n",
	       (unsigned long long)seed, (unsigned long long)(seed + count - 1),
	       (unsigned long long)seed, (unsigned long long)count,
	       NR_MECHANISMS);
	sd_geom_init(&life.geom, DISK_SECTORS, BLOCK_SECTORS, 1);
	if (lay_out())
		return 1;
	failed = sound(seed, count);
	for (int m = 1; m < NR_MECHANISMS; m++)
		failed |= canary(seed, m);
	return failed;
}
