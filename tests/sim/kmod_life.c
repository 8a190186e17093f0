// SPDX-License-Identifier: GPL-2.0-only
/* Reads, writes and fills, as the module does them. */
#include "kmod_life.h"

#define HOT_BLOCKS	48u
#define MAX_OPS		12

enum kind { WRITE, FILL, READ, VERIFY };

struct op {
	bool busy, ready, on_disk, on_ssd, good;
	enum kind kind;
	struct sd_op op;
	u64 version[PAGES];
	u64 need;			/* passes to wait for */
	u32 region;
	int sample;			/* of the fingerprint, or -1 */
	struct sd_ticket ticket;	/* read */
	u64 said[2][PAGES * SD_PAGE_SECTORS];	/* verify: by disk, by SSD */
};

struct life life;
static struct op ops[MAX_OPS];
static u64 passes_begun, passes_done;
static int depth;			/* of steps within metadata I/O */

static u64 rnd(u64 n)
{
	return power_rnd(n);
}

void life_reset(void)
{
	memset(ops, 0, sizeof(ops));
	life.audit_at = 0;
	depth = 0;
}

void life_fail(const char *what)
{
	if (!life.broken)
		life.broken = what;
}

void life_meanwhile(void)
{
	if (depth || life.loading)
		return;
	depth++;
	life_steps(rnd(6));
	depth--;
}

static u64 slot_sector(u64 slot, u32 page)
{
	return life.layout.data_start + slot * BLOCK_SECTORS + page * SD_PAGE_SECTORS;
}

static bool page_agrees(u64 block, u64 slot, u32 page)
{
	const u64 *on_ssd = life.ssd.now + slot_sector(slot, page);
	const u64 *on_disk = life.disk.now + block * BLOCK_SECTORS +
			     page * SD_PAGE_SECTORS;

	return !memcmp(on_ssd, on_disk, SD_PAGE_SECTORS * sizeof(u64));
}

void life_check_block(u64 block, const char *what)
{
	u64 slot = sd_table_find(&life.table, block);

	for (u32 page = 0; slot != SD_NO_SLOT && page < PAGES; page++)
		if (life.table.slots[slot].valid >> page & 1 &&
		    !page_agrees(block, slot, page))
			life_fail(what);
}

/*
 * A few hot blocks, some of them samples; all regions are reached.  More than
 * there are slots, in cache mode.
 */
static u64 pick_block(void)
{
	u64 i = rnd(HOT_BLOCKS);

	if (life.cached && rnd(2))
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
			durable &= sd_intent_get(&life.meta.intent,
						 sd_meta_sample_bit(i));
	return durable;
}

static void samples_put(u64 block)
{
	for (u32 i = 0; i < SD_NR_SAMPLES; i++)
		if (sd_sample_block(DISK_BLOCKS, i) == block)
			sd_intent_put(&life.meta.intent, sd_meta_sample_bit(i));
}

static void begin_write(struct op *o, u64 block)
{
	u64 slot = sd_table_find(&life.table, block);
	u64 was = slot == SD_NO_SLOT ? 0 : life.table.slots[slot].valid;

	sd_op_begin_write(&life.guard, &life.table, &o->op, block, pick_mask());
	if (life.off == NO_INVALIDATE && slot != SD_NO_SLOT)
		life.table.slots[slot].valid = was;
	for (u32 i = 0; i < PAGES; i++)
		o->version[i] = ++life.versions;
}

static void start_write(struct op *o)
{
	u64 block = pick_block();
	bool durable = true;

	*o = (struct op) { .busy = true, .good = rnd(8), .sample = -1 };
	begin_write(o, block);
	if (o->op.slot != SD_NO_SLOT) {
		o->region = sd_meta_region(&life.meta, o->op.slot);
		durable = sd_intent_get(&life.meta.intent, o->region);
	} else {
		o->on_ssd = true;	/* there is nothing to write */
	}
	if (life.off != NO_SAMPLE_INTENT && is_sample(block)) {
		o->sample = 1;
		durable &= samples_get(block);
	}
	o->ready = durable || life.off == NO_INTENT;
	o->need = passes_begun + 1;
}

static void start_fill(struct op *o)
{
	*o = (struct op) { .kind = FILL, .good = rnd(8), .sample = -1 };
	o->busy = sd_op_begin_fill(&life.guard, &life.table, &o->op, pick_block(),
				   pick_mask(), true);
}

static void start_read(struct op *o)
{
	*o = (struct op) { .kind = READ };
	o->op.block = pick_block();
	o->busy = sd_read_begin(&life.table, &o->ticket, o->op.block, pick_mask());
}

/* The walk: a block that has pages to be verified, or none near. */
static u64 pick_unverified(void)
{
	u64 at = life.audit_at;

	for (u32 i = 0; i < 16; i++) {
		at = (at + 1) % DISK_BLOCKS;
		if (sd_table_unverified(&life.table, at))
			break;
	}
	life.audit_at = at;
	return at;
}

static void start_verify(struct op *o)
{
	*o = (struct op) { .kind = VERIFY, .sample = -1 };
	o->busy = sd_op_begin_verify(&life.guard, &life.table, &o->op,
				     pick_unverified(), ~0ull);
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
		o->version[i] = life.disk.now[at + i * SD_PAGE_SECTORS];
		for (u32 s = 1; s < SD_PAGE_SECTORS; s++)
			if (life.disk.now[at + i * SD_PAGE_SECTORS + s] !=
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
	device_write_pages(&life.ssd, slot_sector(o->op.slot, first_page(o)), pages,
			   o->good ? o->version : garbage);
	o->on_ssd = true;
}

static void end_op(struct op *o)
{
	u32 crc[PAGES] = {};

	if (life.off == NO_SPOIL)
		o->op.spoiled = false;
	sd_op_end(&life.guard, &o->op, o->good ? ~0ull : 0, crc);
	if (o->kind == WRITE && o->op.slot != SD_NO_SLOT)
		sd_intent_put(&life.meta.intent, o->region);
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
		device_write_pages(&life.disk, disk_sector(o),
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
	const struct sd_slot *s = &life.table.slots[o->ticket.slot];

	o->busy = false;
	if (life.off == NO_OWNER_COUNT)
		o->ticket.remaps = s->remaps;
	if (!sd_read_still_valid(&life.table, &o->ticket) || s->seq != o->ticket.seq)
		return;
	for (u32 i = 0; i < PAGES; i++)
		if (o->ticket.mask >> i & 1 &&
		    life.disk.now[o->op.block * BLOCK_SECTORS +
			     i * SD_PAGE_SECTORS] != o->version[i])
			life_fail("a read that was believed differs from the disk");
}

/* Pages of which disk and SSD said the same. */
static u64 equal_pages(const struct op *o)
{
	u64 equal = 0;
	u32 first = first_page(o);

	for (u32 i = 0; i < hweight64(o->op.mask); i++)
		if (!memcmp(&o->said[0][i * SD_PAGE_SECTORS],
			    &o->said[1][i * SD_PAGE_SECTORS],
			    SD_PAGE_SECTORS * sizeof(u64)))
			equal |= 1ull << (first + i);
	return equal;
}

static void advance_verify(struct op *o)
{
	size_t bytes = hweight64(o->op.mask) * SD_PAGE_SECTORS * sizeof(u64);
	u32 crc[PAGES] = {};

	if (!o->on_disk && (o->on_ssd || rnd(2))) {
		memcpy(o->said[0], life.disk.now + disk_sector(o), bytes);
		o->on_disk = true;
	} else if (!o->on_ssd) {
		memcpy(o->said[1], life.ssd.now +
		       slot_sector(o->op.slot, first_page(o)), bytes);
		o->on_ssd = true;
	} else if (o->on_disk) {
		if (life.off == NO_SPOIL)
			o->op.spoiled = false;
		sd_op_end(&life.guard, &o->op, life.off == NO_COMPARE ? ~0ull :
			  equal_pages(o), crc);
		o->busy = false;
	}
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
		o->version[i] = life.ssd.now[slot_sector(o->ticket.slot, i)];
	o->on_ssd = true;
}

static void start(struct op *o)
{
	if (life.auditing && rnd(2)) {
		start_verify(o);
		return;
	}
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
	else if (o->kind == VERIFY)
		advance_verify(o);
	else
		advance_write(o);
}

void life_steps(u32 n)
{
	while (n-- && !life.broken) {
		advance(&ops[rnd(MAX_OPS)]);
		life_check_block(pick_block(), "a valid page differs from the disk");
	}
}

void life_pass(void)
{
	u64 begun = ++passes_begun;

	if (sd_meta_pass(&life.meta))
		life_fail("a pass failed");
	passes_done = begun;
}

bool life_checkpoint(void)
{
	int err;

	if (life.off == NO_OWED_FLUSH)
		life.meta.unflushed = false;
	life.checkpointing = true;
	err = sd_meta_checkpoint(&life.meta, rnd(2));
	if (err && err != -EREMOTEIO)
		life_fail("a checkpoint failed");
	life.checkpointing = false;
	return !err;
}

/* V2: what was found out is stored before the note goes. */
void life_finish_audit(void)
{
	if (!life.auditing || sd_table_count_unverified(&life.table))
		return;
	if (life.off == NO_STORED_VERDICT)
		power_cut_in(2 + power_rnd(4));	/* before another checkpoint */
	else if (!life_checkpoint())
		return;
	life.meta.super.state &= ~SD_SUPER_UNVERIFIED;
	if (sd_meta_store_super(&life.meta))
		life_fail("the superblock was not stored");
	life.auditing = false;
}

static u32 careless_leaving[2 * CACHE_SLOTS], nr_careless;

/* Without looking whether it is idle. */
static bool careless_give(void *of, u32 slot)
{
	(void)of;
	for (u32 i = 0; i < nr_careless; i++) {
		if (careless_leaving[i] != slot)
			continue;
		__sd_index_remove(&life.table.cache->index, slot);
		life.table.slots[slot].remaps++;
		life.table.slots[slot].valid = 0;
		return true;
	}
	return false;
}

void life_make_room(void)
{
	struct sd_cache *c = life.table.cache;
	int err;

	if (!c)
		return;
	nr_careless = c->nr_leaving;
	memcpy(careless_leaving, c->leaving, nr_careless * sizeof(u32));
	if (life.off == NO_STORED_FREE) {
		sd_cache_storing(c);
		sd_table_stored(&life.guard, &life.table);
		return;
	}
	life.checkpointing = true;
	err = sd_meta_make_room(&life.meta);
	if (err && err != -EREMOTEIO)
		life_fail("making room failed");
	life.checkpointing = false;
	if (life.off == NO_IDLE_CHECK) {
		sd_cache_storing(c);
		sd_cache_stored(c, careless_give, NULL);
	}
}

void life_fill_cache(void)
{
	u32 crc[PAGES] = {};
	struct op o;

	for (u64 block = 0; block < CACHE_SLOTS - CACHE_SLOTS / 16; block++) {
		o = (struct op) { .kind = FILL, .good = true };
		if (!sd_op_begin_fill(&life.guard, &life.table, &o.op, block, 1, true))
			continue;
		read_for_fill(&o);
		write_to_ssd(&o);
		sd_op_end(&life.guard, &o.op, o.good, crc);
	}
	life_checkpoint();
}
