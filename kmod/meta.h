/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The metadata of one SSD: when what is stored in which order.  Pure core; the
 * devices are behind struct sd_dev, so that the crash simulator runs this very
 * code on disks that lose power.
 *
 * The argument, step by step.  "On disk" means durable, volatile caches
 * flushed.
 *
 *   W1 A region's intent is on disk before the first write that may make SSD
 *	and disk differ is sent to either (sd_intent_get, sd_meta_pass).
 *   W2 It stays until C5 of a checkpoint during which no write used it.
 *   F1 A fill needs no intent: what is stored says its pages are invalid.
 *	(A page that was valid and is repaired holds an intent.)
 *
 *   C1 choose: regions without writes under way, not used lately.
 *   C2 snapshot the changed chunks of validity and checksums.
 *   C3 flush the disk, flush the SSD: every byte that a snapshot calls valid is
 *	on both, as what was filled or written was complete before C2.
 *   C4 store the snapshots, flush the SSD.
 *   C5 regions still unused since C1: clear the intent, store the map.
 *
 * A crash before C5 leaves the regions written to in doubt: cold, right.  A
 * crash within C4 leaves for every sector its old or its new state: for a
 * region in doubt neither counts, and for any other both are true, as only
 * fills have changed it since the old one was stored.
 */
#ifndef SD_META_H
#define SD_META_H

#include "format.h"
#include "guard.h"

/*
 * Blocking; 4 KiB aligned.  0, -EIO or -ETIMEDOUT: any other errno has a meaning
 * of its own here, whatever the driver says.
 */
struct sd_dev {
	int (*read)(struct sd_dev *d, u64 sector, void *buf, u32 bytes);
	int (*write)(struct sd_dev *d, u64 sector, const void *buf, u32 bytes,
		     bool fua);
	int (*flush)(struct sd_dev *d);
};

#define SD_META_BATCH	64u	/* chunks: 256 KiB, holds a block too */
static_assert(SD_META_BATCH * SD_CHUNK >= SD_MAX_BLOCK_SECTORS * SD_SECTOR);

/* Chunks whose snapshots are in the buffer. */
struct sd_batch {
	u32 nr;
	u64 chunk[SD_META_BATCH];
};

struct sd_meta {
	struct sd_dev *ssd;
	struct sd_dev *disk;
	struct sd_table *table;
	struct sd_guard *guard;
	struct sd_intent intent;
	struct sd_super super;		/* as stored, or about to be */
	u8 *batch;			/* checkpoint and load */
	struct sd_batch taken;
	bool unflushed;			/* units, even of a pass that failed */
	u8 *super_page;
	u8 *intent_page;		/* passes */
	u64 nr_writes;			/* chunks stored */
	u64 nr_passes;
	u64 nr_given;			/* slots that became FREE again */
};

/* Buffers are virtually contiguous and page aligned. */
int sd_meta_init(struct sd_meta *m, struct sd_dev *ssd, struct sd_dev *disk,
		 struct sd_table *table, struct sd_guard *guard,
		 const struct sd_super *super);
void sd_meta_fini(struct sd_meta *m);

/* Read whichever copy of the superblock is good.  buf: SD_CHUNK bytes. */
int sd_meta_read_super(struct sd_dev *ssd, void *buf, struct sd_super *ret);
/*
 * Which samples of an SSD with this superblock are in doubt: all, if that is
 * not known.  buf: SD_CHUNK bytes.
 */
u64 sd_meta_read_doubts(struct sd_dev *ssd, const struct sd_super *s,
			void *buf);
/* Store m->super, both copies. */
int sd_meta_store_super(struct sd_meta *m);
/* Does it store a superblock, and read it back? */
int sd_meta_probe(struct sd_meta *m);
/* Start cold: an empty intent map, then the superblock with a new epoch. */
int sd_meta_format(struct sd_meta *m);
/* Continue the cache with the epoch in m->super: what is in doubt ... */
int sd_meta_load_intents(struct sd_meta *m);
/*
 * ... and then what is valid.  This may find more to doubt: the next pass must be
 * done before anything is served.
 */
void sd_meta_load_units(struct sd_meta *m);

/*
 * Bits of the intent map.  Samples come first: their places do not move when
 * the disk grows.
 */
static inline u32 sd_meta_region(const struct sd_meta *m, u64 slot)
{
	return SD_NR_SAMPLES + (slot >> m->super.layout.region_shift);
}

static inline u32 sd_meta_sample_bit(u32 sample)
{
	return sample;
}

/* Store the intent map if it has changed.  One caller at a time. */
int sd_meta_pass(struct sd_meta *m);
/*
 * C1 to C5, but for the last store, which the next pass does.  `eager`: do not
 * spare regions used lately.  -EREMOTEIO: the disk failed, nothing is lost.
 * Any other error is the SSD's, and what it stores is no longer known.
 */
int sd_meta_checkpoint(struct sd_meta *m, bool eager);
/* Cache mode: only C2 to C4, so that slots become FREE. */
int sd_meta_make_room(struct sd_meta *m);
/* Nothing is under way any more: leave nothing in doubt. */
int sd_meta_close(struct sd_meta *m);

/* Sum of a sampled block; buf: a block. */
int sd_meta_read_sample(struct sd_dev *disk, u64 disk_sectors,
			u32 block_sectors, u32 i, void *buf, u32 *ret_sum);

#endif
