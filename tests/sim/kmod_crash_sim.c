// SPDX-License-Identifier: GPL-2.0-only
/*
 * The crash simulator: the module's own code for placement, validity, intents,
 * metadata and recovery, on an SSD and a disk that lose power.
 *
 *	kmod_crash_sim [SEED [COUNT]]
 *
 * Odd seeds are a mirror; even ones a cache, whose SSD has room for an eighth
 * of the disk.  Reads, writes and fills are under way at once and advance in
 * random order, also in the middle of every metadata I/O.  Power is cut at a
 * random device write or flush.  After each recovery, and all the time:
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

#include "kmod_power.h"
#include "recover.h"

#define BLOCK_SECTORS	16u
#define PAGES		(BLOCK_SECTORS / SD_PAGE_SECTORS)
#define DISK_BLOCKS	1500u
#define DISK_SECTORS	(DISK_BLOCKS * BLOCK_SECTORS)
#define SSD_SECTORS	(DISK_SECTORS + 8 * SD_DATA_ALIGN_SECTORS)
#define CACHE_SLOTS	176u	/* in two chunks */
#define CACHE_REGION_SHIFT 2u
#define HOT_BLOCKS	48u
#define MAX_OPS		12
#define ROUNDS		3
#define DEFAULT_SEEDS	1200
#define CANARY_SEEDS	400

enum mechanism {
	ALL_ON, NO_INTENT, NO_INTENT_FUA, NO_DISK_FLUSH, NO_SSD_FLUSH,
	NO_SPOIL, NO_SAMPLE_INTENT, NO_FINGERPRINT, NO_INVALIDATE,
	/* Of cache mode alone: */
	NO_STORED_FREE, NO_IDLE_CHECK, NO_OWNER_COUNT, NO_UNIT_DOUBT,
	NR_MECHANISMS
};

static const char * const off_name[] = {
	"nothing", "intents", "durable_intents", "disk_flushes", "ssd_flushes",
	"spoiling", "sample_intents", "the_fingerprint", "invalidation",
	"storing_a_slot_as_free_first", "waiting_for_a_slot_to_be_idle",
	"counting_owners_of_a_slot", "doubting_units_that_are_not_right",
};

enum kind { WRITE, FILL, READ };

struct op {
	bool busy, ready, on_disk, on_ssd, good;
	enum kind kind;
	struct sd_op op;
	u64 version[PAGES];
	u64 need;			/* passes to wait for */
	u32 region;
	int sample;			/* of the fingerprint, or -1 */
	struct sd_ticket ticket;	/* read */
};

static struct device ssd, disk;
static struct sd_geom geom;
static struct sd_layout layout, layouts[2];
static struct sd_table table;
static struct sd_guard guard;
static struct sd_meta meta;
static struct op ops[MAX_OPS];
static enum mechanism off;
static bool cached;			/* cache mode */
static bool blind;			/* to the fingerprint */
static u64 versions, passes_begun, passes_done;
static int depth;			/* of steps within metadata I/O */
static bool checkpointing, loading;
static const char *broken;		/* the first promise that was */

static u64 rnd(u64 n)
{
	return power_rnd(n);
}

static void fail(const char *what)
{
	if (!broken)
		broken = what;
}

static void steps(u32 n);

/* While metadata I/O is under way, all else goes on. */
static void meanwhile(void)
{
	if (depth || loading)
		return;
	depth++;
	steps(rnd(6));
	depth--;
}

static int disk_write(struct sd_dev *dev, u64 sector, const void *buf,
		      u32 bytes, bool fua)
{
	(void)dev;
	(void)sector;
	(void)buf;
	(void)bytes;
	(void)fua;
	fail("metadata code wrote to the disk");
	return 0;
}

/* --- the module's life --------------------------------------------------- */

static u64 slot_sector(u64 slot, u32 page)
{
	return layout.data_start + slot * BLOCK_SECTORS + page * SD_PAGE_SECTORS;
}

static bool page_agrees(u64 block, u64 slot, u32 page)
{
	const u64 *on_ssd = ssd.now + slot_sector(slot, page);
	const u64 *on_disk = disk.now + block * BLOCK_SECTORS +
			     page * SD_PAGE_SECTORS;

	return !memcmp(on_ssd, on_disk, SD_PAGE_SECTORS * sizeof(u64));
}

static void check_block(u64 block, const char *what)
{
	u64 slot = sd_table_find(&table, block);

	for (u32 page = 0; slot != SD_NO_SLOT && page < PAGES; page++)
		if (table.slots[slot].valid >> page & 1 &&
		    !page_agrees(block, slot, page))
			fail(what);
}

/*
 * A few hot blocks, some of them samples; all regions are reached.  More than
 * there are slots, in cache mode.
 */
static u64 pick_block(void)
{
	u64 i = rnd(HOT_BLOCKS);

	if (cached && rnd(2))
		return rnd(2 * CACHE_SLOTS);
	return i < 8 ? i : (i * 31) % DISK_BLOCKS;
}

static u64 pick_mask(void)
{
	u32 first = rnd(PAGES), n = 1 + rnd(PAGES - first);

	return ((1ull << n) - 1) << first;
}

static bool is_sample(u64 block)
{
	for (u32 i = 0; i < SD_NR_SAMPLES; i++)
		if (sd_sample_block(DISK_BLOCKS, i) == block)
			return true;
	return false;
}

/* Every sample that is this block: near the ends of a disk there are two. */
static bool samples_get(u64 block)
{
	bool durable = true;

	for (u32 i = 0; i < SD_NR_SAMPLES; i++)
		if (sd_sample_block(DISK_BLOCKS, i) == block)
			durable &= sd_intent_get(&meta.intent,
						 sd_meta_sample_bit(i));
	return durable;
}

static void samples_put(u64 block)
{
	for (u32 i = 0; i < SD_NR_SAMPLES; i++)
		if (sd_sample_block(DISK_BLOCKS, i) == block)
			sd_intent_put(&meta.intent, sd_meta_sample_bit(i));
}

static void begin_write(struct op *o, u64 block)
{
	u64 slot = sd_table_find(&table, block);
	u64 was = slot == SD_NO_SLOT ? 0 : table.slots[slot].valid;

	sd_op_begin_write(&guard, &table, &o->op, block, pick_mask());
	if (off == NO_INVALIDATE && slot != SD_NO_SLOT)
		table.slots[slot].valid = was;
	for (u32 i = 0; i < PAGES; i++)
		o->version[i] = ++versions;
}

static void start_write(struct op *o)
{
	u64 block = pick_block();
	bool durable = true;

	*o = (struct op) { .busy = true, .good = rnd(8), .sample = -1 };
	begin_write(o, block);
	if (o->op.slot != SD_NO_SLOT) {
		o->region = sd_meta_region(&meta, o->op.slot);
		durable = sd_intent_get(&meta.intent, o->region);
	} else {
		o->on_ssd = true;	/* there is nothing to write */
	}
	if (off != NO_SAMPLE_INTENT && is_sample(block)) {
		o->sample = 1;
		durable &= samples_get(block);
	}
	o->ready = durable || off == NO_INTENT;
	o->need = passes_begun + 1;
}

static void start_fill(struct op *o)
{
	*o = (struct op) { .kind = FILL, .good = rnd(8), .sample = -1 };
	o->busy = sd_op_begin_fill(&guard, &table, &o->op, pick_block(),
				   pick_mask(), true);
}

static void start_read(struct op *o)
{
	*o = (struct op) { .kind = READ };
	o->op.block = pick_block();
	o->busy = sd_read_begin(&table, &o->ticket, o->op.block, pick_mask());
}

static u32 first_page(const struct op *o)
{
	return __ffs64(o->op.mask);
}

static u64 disk_sector(const struct op *o)
{
	return o->op.block * BLOCK_SECTORS + first_page(o) * SD_PAGE_SECTORS;
}

static void read_for_fill(struct op *o)
{
	u64 at = disk_sector(o);

	for (u32 i = 0; i < hweight64(o->op.mask); i++) {
		o->version[i] = disk.now[at + i * SD_PAGE_SECTORS];
		for (u32 s = 1; s < SD_PAGE_SECTORS; s++)
			if (disk.now[at + i * SD_PAGE_SECTORS + s] !=
			    o->version[i])
				o->good = false;	/* torn: not modelled */
	}
	o->on_disk = true;
}

static void write_to_ssd(struct op *o)
{
	u32 pages = hweight64(o->op.mask);
	u64 garbage[PAGES];

	for (u32 i = 0; i < PAGES; i++)
		garbage[i] = rnd(~0ull);
	device_write_pages(&ssd, slot_sector(o->op.slot, first_page(o)), pages,
			   o->good ? o->version : garbage);
	o->on_ssd = true;
}

static void end_op(struct op *o)
{
	u32 crc[PAGES] = {};

	if (off == NO_SPOIL)
		o->op.spoiled = false;
	sd_op_end(&guard, &o->op, o->good ? ~0ull : 0, crc);
	if (o->kind == WRITE && o->op.slot != SD_NO_SLOT)
		sd_intent_put(&meta.intent, o->region);
	if (o->sample >= 0)
		samples_put(o->op.block);
	o->busy = false;
}

static void advance_write(struct op *o)
{
	if (!o->ready) {
		o->ready = passes_done >= o->need;
		return;
	}
	if (o->on_disk && o->on_ssd) {
		end_op(o);
	} else if (!o->on_disk && (o->on_ssd || rnd(2))) {
		device_write_pages(&disk, disk_sector(o),
				   hweight64(o->op.mask), o->version);
		o->on_disk = true;
	} else {
		write_to_ssd(o);
	}
}

static void advance_fill(struct op *o)
{
	if (!o->on_disk)
		read_for_fill(o);
	else if (!o->on_ssd)
		write_to_ssd(o);
	else
		end_op(o);
}

/*
 * What the SSD said is in version[].  Without a write since the read began it
 * must be what the disk holds; with one, the checksum decides.
 */
static void end_read(struct op *o)
{
	const struct sd_slot *s = &table.slots[o->ticket.slot];

	o->busy = false;
	if (off == NO_OWNER_COUNT)
		o->ticket.remaps = s->remaps;
	if (!sd_read_still_valid(&table, &o->ticket) || s->seq != o->ticket.seq)
		return;
	for (u32 i = 0; i < PAGES; i++)
		if (o->ticket.mask >> i & 1 &&
		    disk.now[o->op.block * BLOCK_SECTORS +
			     i * SD_PAGE_SECTORS] != o->version[i])
			fail("a read that was believed differs from the disk");
}

/* A slow SSD: slots change hands meanwhile. */
static void advance_read(struct op *o)
{
	if (rnd(8))
		return;
	if (o->on_ssd) {
		end_read(o);
		return;
	}
	for (u32 i = 0; i < PAGES; i++)
		o->version[i] = ssd.now[slot_sector(o->ticket.slot, i)];
	o->on_ssd = true;
}

static void start(struct op *o)
{
	switch (rnd(6)) {
	case 0:
		start_read(o);
		break;
	case 1 ... 3:
		start_fill(o);
		break;
	default:
		start_write(o);
	}
}

static void advance(struct op *o)
{
	if (!o->busy)
		start(o);
	else if (o->kind == FILL)
		advance_fill(o);
	else if (o->kind == READ)
		advance_read(o);
	else
		advance_write(o);
}

static void steps(u32 n)
{
	while (n-- && !broken) {
		advance(&ops[rnd(MAX_OPS)]);
		check_block(pick_block(), "a valid page differs from the disk");
	}
}

static void run_pass(void)
{
	u64 begun = ++passes_begun;

	if (sd_meta_pass(&meta))
		fail("a pass failed");
	passes_done = begun;
}

static void run_checkpoint(void)
{
	checkpointing = true;
	if (sd_meta_checkpoint(&meta, rnd(2)))
		fail("a checkpoint failed");
	checkpointing = false;
}

static u32 careless_leaving[2 * CACHE_SLOTS], nr_careless;

/* Without looking whether it is idle. */
static bool careless_give(void *of, u32 slot)
{
	(void)of;
	for (u32 i = 0; i < nr_careless; i++) {
		if (careless_leaving[i] != slot)
			continue;
		__sd_index_remove(&table.cache->index, slot);
		table.slots[slot].remaps++;
		table.slots[slot].valid = 0;
		return true;
	}
	return false;
}

static void make_room(void)
{
	struct sd_cache *c = table.cache;

	if (!c)
		return;
	nr_careless = c->nr_leaving;
	memcpy(careless_leaving, c->leaving, nr_careless * sizeof(u32));
	if (off == NO_STORED_FREE) {
		sd_cache_storing(c);
		sd_table_stored(&guard, &table);
		return;
	}
	checkpointing = true;
	if (sd_meta_make_room(&meta))
		fail("making room failed");
	checkpointing = false;
	if (off == NO_IDLE_CHECK) {
		sd_cache_storing(c);
		sd_cache_stored(c, careless_give, NULL);
	}
}

static void live(void)
{
	while (!broken) {
		steps(rnd(20));
		switch (rnd(5)) {
		case 0:
			run_checkpoint();
			break;
		case 1:
			device_settle(&disk, true);
			break;
		case 2:
			make_room();
			break;
		default:
			run_pass();
		}
	}
}

static void fill_super(struct sd_super *s, u64 epoch)
{
	*s = (struct sd_super) {
		.epoch = epoch,
		.disk_sectors = DISK_SECTORS,
		.layout = layout,
		.block_sectors = BLOCK_SECTORS,
		.nr_legs = 1,
		.mode = cached ? SUPERDISK_MODE_CACHE : SUPERDISK_MODE_MIRROR,
		.state = SD_SUPER_ACTIVE,
		.verify = true,
		.roster = { epoch },
	};
}

static void read_samples(u32 *sample)
{
	static u8 buf[BLOCK_SECTORS * SD_SECTOR];

	for (u32 i = 0; i < SD_NR_SAMPLES; i++)
		sd_meta_read_sample(&disk.dev, DISK_SECTORS, BLOCK_SECTORS, i,
				    buf, &sample[i]);
}

static void memory_init(const struct sd_super *s)
{
	memset(ops, 0, sizeof(ops));
	sd_guard_init(&guard);
	if (sd_table_init(&table, &geom, 0, layout.nr_slots,
			  sd_slots_per_chunk(PAGES), true) ||
	    (cached && sd_table_init_cache(&table, rnd(2) ? &sd_policy_s3fifo :
						  &sd_policy_sieve)) ||
	    sd_meta_init(&meta, &ssd.dev, &disk.dev, &table, &guard, s))
		fail("out of memory");
	meta.intent.lock.held = false;
}

static void memory_fini(void)
{
	sd_meta_fini(&meta);
	sd_table_fini(&table);
}

static void start_cold(u64 epoch)
{
	struct sd_super s;

	fill_super(&s, epoch);
	read_samples(s.sample);
	memory_init(&s);
	if (sd_meta_format(&meta))
		fail("formatting failed");
}

static u64 unread_chunk;

/* Now and then a chunk cannot be read, this once. */
static void load_units(void)
{
	static unsigned long want[BITS_TO_LONGS(SD_INTENT_MAX_BITS)];

	unread_chunk = rnd(4) ? table.nr_chunks : rnd(table.nr_chunks);
	if (unread_chunk < table.nr_chunks)
		ssd.unreadable = SD_UNIT_SECTOR +
				 unread_chunk * SD_CHUNK_SECTORS;
	memcpy(want, meta.intent.want, sizeof(want));
	sd_meta_load_units(&meta);
	if (off == NO_UNIT_DOUBT)
		memcpy(meta.intent.want, want, sizeof(want));
	ssd.unreadable = 0;
	if (sd_meta_pass(&meta))
		fail("a pass failed");
}

/* Recover as attach.c does; true if warm. */
static bool recover(void)
{
	static u8 buf[SD_CHUNK];
	struct sd_candidate c = { .present = true, .layout = layout };
	struct sd_super s;
	u32 best, now[SD_NR_SAMPLES];

	c.err = sd_meta_read_super(&ssd.dev, buf, &c.super);
	fill_super(&s, 1);
	if (sd_recover_placement(&geom, SUPERDISK_MODE_AUTO, &c) != s.mode)
		fail("the mode was forgotten");
	sd_recover(&geom, s.mode, SD_ATTACH_TRUST, true, &c, &best);
	if (!c.warm) {
		fail("an intact SSD was not believed");
		return false;
	}
	fill_super(&s, c.super.epoch);
	read_samples(now);
	memcpy(s.sample, now, sizeof(now));
	memory_init(&s);
	sd_meta_load_intents(&meta);
	if (!blind &&
	    !sd_recover_same_disk(&c.super, now, meta.intent.want)) {
		memory_fini();
		return false;
	}
	load_units();
	if (sd_meta_store_super(&meta))
		fail("the superblock was not stored");
	return true;
}

/* --- a run ---------------------------------------------------------------- */

static bool is_stored(u64 slot)
{
	return !test_bit(slot / table.slots_per_chunk, table.dirty) &&
	       !(cached && sd_cache_is_leaving(table.cache, slot)) &&
	       !sd_intent_doubted(&meta.intent, sd_meta_region(&meta, slot));
}

/*
 * Blocks that must survive, and their slots: stored, unchanged since, and not
 * in doubt, neither here nor, as a pass has yet to say so, on the SSD.
 */
static void note_warm(u64 *warm)
{
	bool told = !checkpointing && !meta.intent.stale && !meta.intent.passing;

	for (u64 i = 0; i < DISK_BLOCKS; i++) {
		warm[i] = told ? sd_table_find(&table, i) : SD_NO_SLOT;
		if (warm[i] != SD_NO_SLOT &&
		    !(table.slots[warm[i]].valid && is_stored(warm[i])))
			warm[i] = SD_NO_SLOT;
	}
}

static u64 warm_blocks, slots_given;

static void check_recovered(const u64 *warm)
{
	u64 slot;

	for (u64 i = 0; i < DISK_BLOCKS; i++) {
		check_block(i, "after a crash, a valid page differs from the disk");
		if (warm[i] == SD_NO_SLOT ||
		    warm[i] / table.slots_per_chunk == unread_chunk)
			continue;
		slot = sd_table_find(&table, i);
		if (!blind && (slot != warm[i] || !table.slots[slot].valid))
			fail("a block that was not in doubt is cold");
		warm_blocks++;
	}
}

/* Someone else mounts the disk: its first block changes. */
static bool tamper(void)
{
	u64 version[PAGES];

	if (sd_intent_doubted(&meta.intent, sd_meta_sample_bit(0)))
		return false;
	for (u32 i = 0; i < PAGES; i++)
		version[i] = ++versions;
	device_overwrite(&disk, 0, BLOCK_SECTORS, version);
	return true;
}

static void crash_and_recover(void)
{
	static u64 warm[DISK_BLOCKS];
	bool tampered;

	note_warm(warm);
	slots_given += meta.nr_given;
	checkpointing = false;
	depth = 0;
	device_settle(&ssd, false);
	device_settle(&disk, false);
	memory_fini();
	loading = true;
	power_cut_in(-1);
	if (!recover()) {
		fail("an unchanged disk was not recognised");
		start_cold(++versions);
	}
	check_recovered(warm);
	tampered = !rnd(4) && (!blind || off == NO_FINGERPRINT) && tamper();
	if (tampered) {
		memory_fini();
		if (recover())
			fail("a changed disk was taken for the same");
		else
			start_cold(++versions);
	}
	loading = false;
}

/* Nearly all slots hold blocks, so that they change hands from the start. */
static void fill_cache(void)
{
	u32 crc[PAGES] = {};
	struct op o;

	for (u64 block = 0; block < CACHE_SLOTS - CACHE_SLOTS / 16; block++) {
		o = (struct op) { .kind = FILL, .good = true };
		if (!sd_op_begin_fill(&guard, &table, &o.op, block, 1, true))
			continue;
		read_for_fill(&o);
		write_to_ssd(&o);
		sd_op_end(&guard, &o.op, o.good, crc);
	}
	run_checkpoint();
}

static void one_round(void)
{
	if (!setjmp(power_out)) {
		power_cut_in(1 + rnd(400));
		live();
	}
}

static void set_up(u64 seed, enum mechanism without)
{
	power_seed(seed);
	power_meanwhile = meanwhile;
	off = without;
	cached = seed % 2 == 0 || off >= NO_STORED_FREE;
	layout = layouts[cached];
	/* It would cover up for these by starting cold: so may what is cold. */
	blind = off >= NO_INTENT && off <= NO_SSD_FLUSH;
	blind |= off >= NO_STORED_FREE;
	blind |= off == NO_FINGERPRINT;
	broken = NULL;
	versions = 0;
	device_init(&ssd, SSD_SECTORS, layout.data_start);
	device_init(&disk, DISK_SECTORS, 0);
	disk.dev.write = disk_write;
	ssd.no_flush = off == NO_SSD_FLUSH;
	ssd.no_fua = off == NO_INTENT_FUA ? SD_INTENT_SECTOR : ~0ull;
	disk.no_flush = off == NO_DISK_FLUSH;
}

/* The first promise that this seed breaks, or NULL. */
static const char *run(u64 seed, enum mechanism without)
{
	set_up(seed, without);
	loading = true;
	start_cold(1);
	if (cached)
		fill_cache();
	loading = false;
	for (u32 i = 0; i < ROUNDS && !broken; i++) {
		one_round();
		if (!broken)
			crash_and_recover();
	}
	memory_fini();
	device_fini(&ssd);
	device_fini(&disk);
	return broken;
}

static int sound(u64 seed, u64 count)
{
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
	       "# %llu blocks had to be warm, and were; %llu slots changed hands\n",
	       (unsigned long long)warm_blocks,
	       (unsigned long long)slots_given);
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
	sd_geom_init(&geom, DISK_SECTORS, BLOCK_SECTORS, 1);
	if (lay_out())
		return 1;
	failed = sound(seed, count);
	for (int m = 1; m < NR_MECHANISMS; m++)
		failed |= canary(seed, m);
	return failed;
}
