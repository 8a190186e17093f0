// SPDX-License-Identifier: GPL-2.0-only
/*
 * The crash simulator: the module's own code for placement, validity, intents,
 * metadata and recovery, on an SSD and a disk that lose power.
 *
 *	kmod_crash_sim [SEED [COUNT]]
 *
 * Writes and fills are under way at once and advance in random order, also in
 * the middle of every metadata I/O.  Power is cut at a random device write or
 * flush.  What a volatile cache held, and each sector of a write in flight, then
 * survives or not by chance.  After each recovery, and all the time:
 *
 *	a page that is valid holds on the SSD what the disk holds (K1, K2);
 *	what was stored, and is not in doubt, is still warm (K4);
 *	a disk that was not changed is recognised, one that was is not (K5);
 *	nothing but the submitter's writes goes to the disk.
 *
 * Then the same runs with one mechanism switched off must fail: each is needed,
 * and this program can see it.
 */
#include <setjmp.h>
#include <stdio.h>

#include "meta.h"
#include "recover.h"

#define BLOCK_SECTORS	16u
#define PAGES		(BLOCK_SECTORS / SD_PAGE_SECTORS)
#define DISK_BLOCKS	1500u
#define DISK_SECTORS	(DISK_BLOCKS * BLOCK_SECTORS)
#define SSD_SECTORS	(DISK_SECTORS + 8 * SD_DATA_ALIGN_SECTORS)
#define HOT_BLOCKS	48u
#define MAX_OPS		12
#define ROUNDS		3
#define DEFAULT_SEEDS	600
#define CANARY_SEEDS	200

enum mechanism {
	ALL_ON, NO_INTENT, NO_INTENT_FUA, NO_DISK_FLUSH, NO_SSD_FLUSH,
	NO_SPOIL, NO_SAMPLE_INTENT, NO_FINGERPRINT, NO_INVALIDATE,
	NR_MECHANISMS
};

static const char * const off_name[] = {
	"nothing", "intents", "durable_intents", "disk_flushes", "ssd_flushes",
	"spoiling", "sample_intents", "the_fingerprint", "invalidation",
};

/* Contents are one word a sector: of data the version, of metadata a copy. */
struct device {
	struct sd_dev dev;
	u64 sectors;
	u64 *now, *stable;		/* data: a version for each sector */
	u8 *meta_now, *meta_stable;	/* sectors below data_start */
	u64 data_start;
	bool *is_volatile;		/* now, not yet stable */
	u32 *volatiles;			/* all of these */
	u32 nr_volatiles;
	bool cache;			/* has a volatile cache */
};

struct op {
	bool busy, fill, ready, on_disk, on_ssd, good;
	struct sd_op op;
	u64 version[PAGES];
	u64 need;			/* passes to wait for */
	u32 region;
	int sample;			/* of the fingerprint, or -1 */
};

static struct device ssd, disk;
static struct sd_geom geom;
static struct sd_layout layout;
static struct sd_table table;
static struct sd_guard guard;
static struct sd_meta meta;
static struct op ops[MAX_OPS];
static enum mechanism off;
static bool blind;			/* to the fingerprint */
static u64 random_state, versions, passes_begun, passes_done;
static int cut_in;			/* device writes until power fails */
static int depth;			/* of steps within metadata I/O */
static bool checkpointing, loading;
static jmp_buf power;
static const char *broken;		/* the first promise that was */

static u64 rnd(u64 n)
{
	random_state += 0x9e3779b97f4a7c15u;
	u64 z = random_state;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % n;
}

static void fail(const char *what)
{
	if (!broken)
		broken = what;
}

/* --- devices ------------------------------------------------------------ */

static void put_sector(struct device *d, u64 sector, const u8 *bytes,
		       u64 version, bool durable)
{
	if (bytes && sector < d->data_start) {
		memcpy(d->meta_now + sector * SD_SECTOR, bytes, SD_SECTOR);
		if (durable)
			memcpy(d->meta_stable + sector * SD_SECTOR, bytes,
			       SD_SECTOR);
	} else {
		d->now[sector] = version;
		if (durable)
			d->stable[sector] = version;
	}
	if (!durable && !d->is_volatile[sector]) {
		d->is_volatile[sector] = true;
		d->volatiles[d->nr_volatiles++] = sector;
	}
}

static void settle(struct device *d, u64 sector, bool survives)
{
	u8 *now = d->meta_now + sector * SD_SECTOR;
	u8 *stable = d->meta_stable + sector * SD_SECTOR;

	if (sector >= d->data_start) {
		if (survives)
			d->stable[sector] = d->now[sector];
		else
			d->now[sector] = d->stable[sector];
	} else if (survives) {
		memcpy(stable, now, SD_SECTOR);
	} else {
		memcpy(now, stable, SD_SECTOR);
	}
}

/* All of a volatile cache: written, or of each sector nobody knows. */
static void settle_all(struct device *d, bool flush)
{
	for (u32 i = 0; i < d->nr_volatiles; i++) {
		d->is_volatile[d->volatiles[i]] = false;
		settle(d, d->volatiles[i], flush || rnd(2));
	}
	d->nr_volatiles = 0;
}

/* Power fails within this write: each of its sectors is written or not. */
static void maybe_cut(struct device *d, u64 sector, u32 nr, const u8 *bytes,
		      const u64 *version)
{
	if (cut_in < 0 || cut_in--)
		return;
	for (u32 i = 0; i < nr; i++)
		if (rnd(2))
			put_sector(d, sector + i, bytes ? bytes + i * SD_SECTOR :
				   NULL, version ? version[i / SD_PAGE_SECTORS] :
				   0, true);
	longjmp(power, 1);
}

static void write_pages(struct device *d, u64 sector, u32 pages,
			const u64 *version)
{
	maybe_cut(d, sector, pages * SD_PAGE_SECTORS, NULL, version);
	for (u32 i = 0; i < pages * SD_PAGE_SECTORS; i++)
		put_sector(d, sector + i, NULL, version[i / SD_PAGE_SECTORS],
			   !d->cache);
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

static int ssd_write(struct sd_dev *dev, u64 sector, const void *buf, u32 bytes,
		     bool fua)
{
	struct device *d = container_of(dev, struct device, dev);

	if (off == NO_INTENT_FUA && sector == SD_INTENT_SECTOR)
		fua = false;
	meanwhile();
	maybe_cut(d, sector, bytes / SD_SECTOR, buf, NULL);
	for (u32 i = 0; i < bytes / SD_SECTOR; i++)
		put_sector(d, sector + i, (const u8 *)buf + i * SD_SECTOR, 0,
			   fua || !d->cache);
	meanwhile();
	return 0;
}

static int ssd_read(struct sd_dev *dev, u64 sector, void *buf, u32 bytes)
{
	struct device *d = container_of(dev, struct device, dev);

	memcpy(buf, d->meta_now + sector * SD_SECTOR, bytes);
	return 0;
}

static int ssd_flush(struct sd_dev *dev)
{
	struct device *d = container_of(dev, struct device, dev);

	meanwhile();
	maybe_cut(d, 0, 0, NULL, NULL);
	if (off != NO_SSD_FLUSH)
		settle_all(d, true);
	meanwhile();
	return 0;
}

static int disk_read(struct sd_dev *dev, u64 sector, void *buf, u32 bytes)
{
	struct device *d = container_of(dev, struct device, dev);
	u64 *to = buf;

	memset(buf, 0, bytes);
	for (u32 i = 0; i < bytes / SD_SECTOR; i++)
		to[i * SD_SECTOR / sizeof(*to)] = d->now[sector + i];
	return 0;
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

static int disk_flush(struct sd_dev *dev)
{
	struct device *d = container_of(dev, struct device, dev);

	meanwhile();
	maybe_cut(d, 0, 0, NULL, NULL);
	if (off != NO_DISK_FLUSH)
		settle_all(d, true);
	meanwhile();
	return 0;
}

static void device_init(struct device *d, u64 sectors, u64 data_start)
{
	d->sectors = sectors;
	d->data_start = data_start;
	d->now = calloc(sectors, sizeof(u64));
	d->stable = calloc(sectors, sizeof(u64));
	d->meta_now = calloc(data_start + 1, SD_SECTOR);
	d->meta_stable = calloc(data_start + 1, SD_SECTOR);
	d->is_volatile = calloc(sectors, sizeof(bool));
	d->volatiles = calloc(sectors, sizeof(u32));
	d->nr_volatiles = 0;
	d->cache = rnd(2);
}

static void device_fini(struct device *d)
{
	free(d->volatiles);
	free(d->is_volatile);
	free(d->meta_stable);
	free(d->meta_now);
	free(d->stable);
	free(d->now);
}

/* --- the module's life --------------------------------------------------- */

static u64 slot_sector(u64 slot, u32 page)
{
	return layout.data_start + slot * BLOCK_SECTORS + page * SD_PAGE_SECTORS;
}

static bool page_agrees(u64 block, u32 page)
{
	const u64 *on_ssd = ssd.now + slot_sector(block, page);
	const u64 *on_disk = disk.now + block * BLOCK_SECTORS +
			     page * SD_PAGE_SECTORS;

	return !memcmp(on_ssd, on_disk, SD_PAGE_SECTORS * sizeof(u64));
}

static void check_block(u64 block, const char *what)
{
	for (u32 page = 0; page < PAGES; page++)
		if (table.slots[block].valid >> page & 1 &&
		    !page_agrees(block, page))
			fail(what);
}

/* A few hot blocks, some of them samples; all regions are reached. */
static u64 pick_block(void)
{
	u64 i = rnd(HOT_BLOCKS);

	return i < 8 ? i : (i * 31) % DISK_BLOCKS;
}

static u64 pick_mask(void)
{
	u32 first = rnd(PAGES), n = 1 + rnd(PAGES - first);

	return ((1ull << n) - 1) << first;
}

static int sample_of(u64 block)
{
	for (u32 i = 0; i < SD_NR_SAMPLES; i++)
		if (sd_sample_block(DISK_BLOCKS, i) == block)
			return i;
	return -1;
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

static void start_write(struct op *o)
{
	u64 block = pick_block(), was = table.slots[block].valid;
	bool durable;

	*o = (struct op) { .busy = true, .good = rnd(8), .sample = -1 };
	sd_op_begin_write(&guard, &table, &o->op, block, pick_mask());
	if (off == NO_INVALIDATE)
		table.slots[block].valid = was;
	for (u32 i = 0; i < PAGES; i++)
		o->version[i] = ++versions;
	o->region = sd_meta_region(&meta, o->op.slot);
	durable = sd_intent_get(&meta.intent, o->region);
	if (off != NO_SAMPLE_INTENT && sample_of(block) >= 0) {
		o->sample = 1;
		durable &= samples_get(block);
	}
	o->ready = durable || off == NO_INTENT;
	o->need = passes_begun + 1;
}

static void start_fill(struct op *o)
{
	*o = (struct op) { .fill = true, .good = rnd(8), .sample = -1 };
	o->busy = sd_op_begin_fill(&guard, &table, &o->op, pick_block(),
				   pick_mask(), false);
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
	write_pages(&ssd, slot_sector(o->op.slot, first_page(o)), pages,
		    o->good ? o->version : garbage);
	o->on_ssd = true;
}

static void end_op(struct op *o)
{
	u32 crc[PAGES] = {};

	if (off == NO_SPOIL)
		o->op.spoiled = false;
	sd_op_end(&guard, &o->op, o->good ? ~0ull : 0, crc);
	if (!o->fill)
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
		write_pages(&disk, disk_sector(o), hweight64(o->op.mask),
			    o->version);
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

static void advance(struct op *o)
{
	if (!o->busy && rnd(3))
		start_write(o);
	else if (!o->busy)
		start_fill(o);
	else if (o->fill)
		advance_fill(o);
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

static void live(void)
{
	while (!broken) {
		steps(rnd(20));
		switch (rnd(4)) {
		case 0:
			run_checkpoint();
			break;
		case 1:
			settle_all(&disk, true);
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
		.mode = SUPERDISK_MODE_MIRROR,
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

/* Recover as attach.c does; true if warm. */
static bool recover(void)
{
	static u8 buf[SD_CHUNK];
	struct sd_candidate c = { .present = true, .layout = layout };
	struct sd_super s;
	u32 best, now[SD_NR_SAMPLES];

	c.err = sd_meta_read_super(&ssd.dev, buf, &c.super);
	sd_recover(&geom, SUPERDISK_MODE_MIRROR, SD_ATTACH_TRUST, true, &c,
		   &best);
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
	sd_meta_load_units(&meta);
	if (sd_meta_store_super(&meta))
		fail("the superblock was not stored");
	return true;
}

/* --- a run ---------------------------------------------------------------- */

/*
 * Pages that must survive: stored, unchanged since, and not in doubt, neither
 * here nor, as a pass has yet to say so, on the SSD.
 */
static void note_warm(bool *warm)
{
	bool told = !checkpointing && !meta.intent.stale && !meta.intent.passing;

	for (u64 i = 0; i < DISK_BLOCKS; i++)
		warm[i] = told && table.slots[i].valid &&
			  !test_bit(i / table.slots_per_chunk, table.dirty) &&
			  !sd_intent_doubted(&meta.intent,
					     sd_meta_region(&meta, i));
}

static u64 warm_blocks;

static void check_recovered(const bool *warm)
{
	for (u64 i = 0; i < DISK_BLOCKS; i++) {
		check_block(i, "after a crash, a valid page differs from the disk");
		if (warm[i] && !table.slots[i].valid)
			fail("a block that was not in doubt is cold");
		warm_blocks += warm[i];
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
	for (u32 i = 0; i < BLOCK_SECTORS; i++)
		put_sector(&disk, i, NULL, version[i / SD_PAGE_SECTORS], true);
	return true;
}

static void crash_and_recover(void)
{
	static bool warm[DISK_BLOCKS];
	bool tampered;

	note_warm(warm);
	checkpointing = false;
	depth = 0;
	settle_all(&ssd, false);
	settle_all(&disk, false);
	memory_fini();
	loading = true;
	cut_in = -1;
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

static void one_round(void)
{
	cut_in = 1 + rnd(400);
	if (!setjmp(power))
		live();
}

/* The first promise that this seed breaks, or NULL. */
static const char *run(u64 seed, enum mechanism without)
{
	random_state = seed;
	off = without;
	/* It would cover up for these by starting cold. */
	blind = off >= NO_INTENT && off <= NO_SSD_FLUSH;
	blind |= off == NO_FINGERPRINT;
	broken = NULL;
	versions = 0;
	cut_in = -1;
	loading = true;
	device_init(&ssd, SSD_SECTORS, layout.data_start);
	device_init(&disk, DISK_SECTORS, 0);
	ssd.dev = (struct sd_dev) { ssd_read, ssd_write, ssd_flush };
	disk.dev = (struct sd_dev) { disk_read, disk_write, disk_flush };
	start_cold(1);
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
	printf("ok 1 - every_promise_holds\n# %llu blocks had to be warm, and were\n",
	       (unsigned long long)warm_blocks);
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
	if (sd_layout_init(&layout, SSD_SECTORS, BLOCK_SECTORS, DISK_BLOCKS))
		return 1;
	failed = sound(seed, count);
	for (int m = 1; m < NR_MECHANISMS; m++)
		failed |= canary(seed, m);
	return failed;
}
