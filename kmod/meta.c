// SPDX-License-Identifier: GPL-2.0-only
/* Order of all metadata I/O of one SSD.  Pure core. */
#include "meta.h"

int sd_meta_init(struct sd_meta *m, struct sd_dev *ssd, struct sd_dev *disk,
		 struct sd_table *table, struct sd_guard *guard,
		 const struct sd_super *super)
{
	int err;

	*m = (struct sd_meta) {
		.ssd = ssd,
		.disk = disk,
		.table = table,
		.guard = guard,
		.super = *super,
	};
	err = sd_intent_init(&m->intent,
			     super->layout.nr_regions + SD_NR_SAMPLES);
	if (err)
		return err;
	m->batch = vzalloc(SD_META_BATCH * SD_CHUNK);
	m->super_page = vzalloc(SD_CHUNK);
	m->intent_page = vzalloc(SD_CHUNK);
	if (m->batch && m->super_page && m->intent_page)
		return 0;
	sd_meta_fini(m);
	return -ENOMEM;
}

void sd_meta_fini(struct sd_meta *m)
{
	kvfree(m->intent_page);
	kvfree(m->super_page);
	kvfree(m->batch);
	sd_intent_fini(&m->intent);
	*m = (struct sd_meta) {};
}

/*
 * The copies are written one after the other, each durable before the next, so
 * the first one is never older than the second.  The second counts if the
 * first is unreadable or was being written when power failed.
 */
int sd_meta_read_super(struct sd_dev *ssd, void *buf, struct sd_super *ret)
{
	int err, err2;

	err = ssd->read(ssd, SD_SUPER_SECTOR, buf, SD_CHUNK);
	if (!err)
		err = sd_super_decode(ret, buf);
	if (!err)
		return 0;
	err2 = ssd->read(ssd, SD_SUPER_SECTOR_2, buf, SD_CHUNK);
	if (!err2)
		err2 = sd_super_decode(ret, buf);
	/* Prefer the word of a copy that is ours. */
	return err2 == -ENODATA ? err : err2;
}

u64 sd_meta_read_doubts(struct sd_dev *ssd, const struct sd_super *s,
			void *buf)
{
	unsigned long bits[SD_INTENT_BITS_PER_SECTOR / BITS_PER_LONG] = {};
	u64 doubted = 0;
	u32 i;

	if (s->state & SD_SUPER_LOOSE ||
	    ssd->read(ssd, SD_INTENT_SECTOR, buf, SD_CHUNK) ||
	    sd_intent_decode(buf, s->epoch, 0, bits))
		return ~0ull;
	for (i = 0; i < SD_NR_SAMPLES; i++)
		if (test_bit(sd_meta_sample_bit(i), bits))
			doubted |= BIT_ULL(i);
	return doubted;
}

int sd_meta_store_super(struct sd_meta *m)
{
	int err;

	memset(m->super_page, 0, SD_CHUNK);
	sd_super_encode(&m->super, (struct sd_super_disk *)m->super_page);
	err = m->ssd->write(m->ssd, SD_SUPER_SECTOR, m->super_page, SD_CHUNK,
			    true);
	if (err)
		return err;
	return m->ssd->write(m->ssd, SD_SUPER_SECTOR_2, m->super_page, SD_CHUNK,
			     true);
}

int sd_meta_probe(struct sd_meta *m)
{
	struct sd_super ignored;

	return sd_meta_store_super(m) ?:
	       sd_meta_read_super(m->ssd, m->super_page, &ignored);
}

static void encode_intents(struct sd_meta *m, const unsigned long *bits,
			   unsigned long sectors)
{
	u32 i;

	for (i = 0; i < SD_INTENT_SECTORS; i++)
		if (sectors & BIT(i))
			sd_intent_encode((struct sd_intent_disk *)
					 (m->intent_page + i * SD_SECTOR),
					 m->super.epoch, i, bits);
}

static int store_intents(struct sd_meta *m)
{
	static_assert(SD_INTENT_SECTORS * SD_SECTOR == SD_CHUNK);
	m->nr_passes++;
	return m->ssd->write(m->ssd, SD_INTENT_SECTOR, m->intent_page, SD_CHUNK,
			     true);
}

int sd_meta_format(struct sd_meta *m)
{
	int err;

	/* Intents first: with the superblock's new epoch they count. */
	encode_intents(m, m->intent.want, ~0ul);
	err = store_intents(m);
	if (err)
		return err;
	if (m->table->cache)
		sd_cache_ready(m->table->cache);
	return sd_meta_store_super(m);
}

int sd_meta_pass(struct sd_meta *m)
{
	int err;

	if (!sd_intent_pass_begin(&m->intent))
		return 0;
	encode_intents(m, m->intent.snap, m->intent.passing);
	err = store_intents(m);
	if (!err)
		sd_intent_pass_end(&m->intent);
	return err;
}

/* A sector that is not right puts all its regions in doubt. */
int sd_meta_load_intents(struct sd_meta *m)
{
	u32 i, bit, per = SD_INTENT_BITS_PER_SECTOR;
	bool unread;

	unread = m->ssd->read(m->ssd, SD_INTENT_SECTOR, m->intent_page,
			      SD_CHUNK);
	for (i = 0; i < SD_INTENT_SECTORS; i++) {
		const void *at = m->intent_page + i * SD_SECTOR;

		if (!unread && !sd_intent_decode(at, m->super.epoch, i,
						 m->intent.snap))
			continue;
		for (bit = i * per; bit < (i + 1) * per; bit++)
			__set_bit(bit, m->intent.snap);
	}
	for_each_set_bit(bit, m->intent.snap, m->intent.nr_bits)
		sd_intent_doubt(&m->intent, bit);
	encode_intents(m, m->intent.want, ~0ul);
	return store_intents(m);
}

static u64 clamp_valid(const struct sd_table *t, u64 valid)
{
	u32 pages = t->geom->pages;

	return pages == SD_MAX_PAGES ? valid : valid & (BIT_ULL(pages) - 1);
}

/*
 * What is stored of this slot is not known, or not right.  Unread, it may be read
 * well the next time, and call pages valid that were filled anew meanwhile; in
 * cache mode it may name a block that will be written elsewhere.  Then it is in
 * doubt until it has been stored anew.
 */
static void distrust_entry(struct sd_meta *m, u64 slot, bool unread)
{
	sd_table_mark_dirty(m->table, slot);
	if (unread || m->table->cache)
		sd_intent_doubt(&m->intent, sd_meta_region(m, slot));
}

static void load_entry(struct sd_meta *m, u64 slot,
		       const struct sd_entry_disk *e)
{
	u64 block = le64_to_cpu(e->block), other = SD_NO_SLOT;
	struct sd_table *t = m->table;
	u32 i, pages = t->geom->pages;
	int err;

	if (!block)
		return;
	for (i = 0; t->crc && i < pages; i++)
		t->crc[slot * pages + i] = le32_to_cpu(e->crc[i]);
	err = sd_table_load(t, slot, block - 1,
			    clamp_valid(t, le64_to_cpu(e->valid)), &other);
	if (err)
		distrust_entry(m, slot, false);
	if (err == -EEXIST)
		distrust_entry(m, other, false);
}

/* d: NULL if unread.  snap: what was stored as in doubt, not what is found to be. */
static void load_unit(struct sd_meta *m, u64 index, struct sd_unit_disk *d)
{
	struct sd_table *t = m->table;
	u32 pages = t->geom->pages, per = sd_slots_per_unit(pages), i;
	u64 slot = index * per;
	bool good = d && !sd_unit_check(d, m->super.epoch, index, per);

	for (i = 0; i < per && slot < t->nr_slots; i++, slot++) {
		if (!good)
			distrust_entry(m, slot, !d);
		else if (test_bit(sd_meta_region(m, slot), m->intent.snap))
			sd_table_mark_dirty(t, slot);
		else
			load_entry(m, slot, sd_unit_entry(d, i, pages));
	}
}

static u64 chunk_sector(u64 chunk)
{
	return SD_UNIT_SECTOR + chunk * SD_CHUNK_SECTORS;
}

/* What cannot be read is cold. */
static void load_chunks(struct sd_meta *m, u64 chunk, u32 nr)
{
	u32 i;
	int err;

	err = m->ssd->read(m->ssd, chunk_sector(chunk), m->batch,
			   nr * SD_CHUNK);
	if (err && nr > 1) {
		for (i = 0; i < nr; i++)
			load_chunks(m, chunk + i, 1);
		return;
	}
	for (i = 0; i < nr * SD_UNITS_PER_CHUNK; i++)
		load_unit(m, chunk * SD_UNITS_PER_CHUNK + i,
			  err ? NULL : (struct sd_unit_disk *)
					(m->batch + i * SD_SECTOR));
}

void sd_meta_load_units(struct sd_meta *m)
{
	u64 chunk, end = m->table->nr_chunks;

	for (chunk = 0; chunk < end; chunk += SD_META_BATCH) {
		load_chunks(m, chunk, min_t(u64, SD_META_BATCH, end - chunk));
		cond_resched();
	}
	if (m->table->cache)
		sd_cache_ready(m->table->cache);
}

/*
 * Validity before checksums, as they were published in the opposite order: a
 * page that this calls valid has the checksum that was published with it, or
 * a newer one in a region that is in doubt.
 */
static void snapshot_entry(struct sd_table *t, u64 slot,
			   struct sd_entry_disk *e)
{
	u64 valid = t->unverified ? READ_ONCE(t->unverified[slot]) : 0;
	u32 i, pages = t->geom->pages;

	if (t->cache && sd_cache_is_leaving(t->cache, slot))
		return;		/* E2: free */
	/* Pairs with __publish().  What is verified meanwhile is in both. */
	valid |= smp_load_acquire(&t->slots[slot].valid);
	e->valid = cpu_to_le64(valid);
	e->block = cpu_to_le64(sd_table_owner(t, slot) + 1);
	for (i = 0; t->crc && i < pages; i++)
		e->crc[i] = cpu_to_le32(sd_table_crc(t, slot, i));
}

static void snapshot_unit(struct sd_meta *m, u64 index, struct sd_unit_disk *d)
{
	struct sd_table *t = m->table;
	u32 pages = t->geom->pages, per = sd_slots_per_unit(pages), i;
	u64 slot = index * per;

	sd_unit_begin(d, m->super.epoch, index, per);
	for (i = 0; i < per && slot < t->nr_slots; i++, slot++)
		snapshot_entry(t, slot, sd_unit_entry(d, i, pages));
	sd_unit_seal(d);
}

static void snapshot_chunk(struct sd_meta *m, u64 chunk, u8 *to)
{
	u32 i;

	for (i = 0; i < SD_UNITS_PER_CHUNK; i++)
		snapshot_unit(m, chunk * SD_UNITS_PER_CHUNK + i,
			      (struct sd_unit_disk *)(to + i * SD_SECTOR));
}

/* C2.  The mark is taken before the content, so a later change marks again. */
static bool take_snapshots(struct sd_meta *m, u64 *from)
{
	struct sd_batch *b = &m->taken;
	struct sd_table *t = m->table;

	for (b->nr = 0; b->nr < SD_META_BATCH; b->nr++) {
		*from = find_next_bit(t->dirty, t->nr_chunks, *from);
		if (*from >= t->nr_chunks)
			break;
		clear_bit(*from, t->dirty);
		smp_mb__after_atomic();	/* pairs with sd_table_mark_dirty() */
		b->chunk[b->nr] = *from;
		snapshot_chunk(m, *from, m->batch + b->nr * SD_CHUNK);
		++*from;
	}
	return b->nr;
}

static int flush_ssd(struct sd_meta *m)
{
	int err = m->ssd->flush(m->ssd);

	if (!err)
		m->unflushed = false;
	return err;
}

/* C3. */
static int flush_both(struct sd_meta *m)
{
	if (m->disk->flush(m->disk))
		return -EREMOTEIO;
	return flush_ssd(m);
}

/* C4: adjacent chunks in one write. */
static int store_snapshots(struct sd_meta *m)
{
	const struct sd_batch *b = &m->taken;
	u32 i, run;
	int err;

	m->unflushed = true;
	for (i = 0; i < b->nr; i += run) {
		for (run = 1; i + run < b->nr; run++)
			if (b->chunk[i + run] != b->chunk[i] + run)
				break;
		err = m->ssd->write(m->ssd, chunk_sector(b->chunk[i]),
				    m->batch + i * SD_CHUNK, run * SD_CHUNK,
				    false);
		if (err)
			return err;
		m->nr_writes += run;
	}
	return 0;
}

static int store_batch(struct sd_meta *m)
{
	u32 i;
	int err;

	err = flush_both(m);
	if (err == -EREMOTEIO)
		for (i = 0; i < m->taken.nr; i++)
			set_bit(m->taken.chunk[i], m->table->dirty);
	return err ?: store_snapshots(m);
}

/* C2 to C4; the flush after the last one is yet to be done. */
static int store_changes(struct sd_meta *m)
{
	u64 from = 0;
	int err = 0;

	if (m->table->cache)
		sd_cache_storing(m->table->cache);
	while (!err && take_snapshots(m, &from)) {
		err = store_batch(m);
		cond_resched();
	}
	return err;
}

int sd_meta_read_sample(struct sd_dev *disk, u64 disk_sectors,
			u32 block_sectors, u32 i, void *buf, u32 *ret_sum)
{
	u64 nr_blocks = DIV_ROUND_UP_ULL(disk_sectors, block_sectors);
	u64 at = sd_sample_block(nr_blocks, i) * block_sectors;
	u32 bytes = min_t(u64, block_sectors, disk_sectors - at) * SD_SECTOR;
	int err;

	err = disk->read(disk, at, buf, bytes);
	if (!err)
		*ret_sum = sd_sample_sum(buf, bytes);
	return err;
}

/*
 * Samples that were written to: look at them again, on the disk and after the
 * flush, and store them before their intent is cleared.
 */
static int refresh_samples(struct sd_meta *m)
{
	struct sd_super *s = &m->super;
	bool any = false;
	u32 i;

	for (i = 0; i < SD_NR_SAMPLES; i++) {
		u32 bit = sd_meta_sample_bit(i);

		if (!sd_intent_chosen(&m->intent, bit))
			continue;
		any = true;
		if (sd_meta_read_sample(m->disk, s->disk_sectors,
					s->block_sectors, i, m->batch,
					&s->sample[i]))
			return -EREMOTEIO;
	}
	return any ? sd_meta_store_super(m) : 0;
}

int sd_meta_checkpoint(struct sd_meta *m, bool eager)
{
	u32 chosen = sd_intent_choose(&m->intent, eager);
	int err;

	err = store_changes(m);
	if (!err && (m->unflushed || chosen))
		err = flush_both(m);
	if (!err)
		m->nr_given += sd_table_stored(m->guard, m->table);
	if (!err && chosen)
		err = refresh_samples(m);
	if (!err)
		sd_intent_clear_chosen(&m->intent);
	return err;
}

int sd_meta_make_room(struct sd_meta *m)
{
	int err;

	err = store_changes(m);
	if (!err && m->unflushed)
		err = flush_ssd(m);
	if (!err)
		m->nr_given += sd_table_stored(m->guard, m->table);
	return err;
}

int sd_meta_close(struct sd_meta *m)
{
	int err;

	err = sd_meta_checkpoint(m, true);
	if (!err)
		err = sd_meta_pass(m);
	if (err || sd_intent_count(&m->intent))
		return err ?: -EBUSY;
	m->super.state &= ~(SD_SUPER_ACTIVE | SD_SUPER_LOOSE);
	return sd_meta_store_super(m);
}
