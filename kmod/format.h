/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stands on an SSD.  All of it little endian.
 *
 *	sector	   0	superblock
 *	sector	   8	superblock, second copy (same content)
 *	sector	  16	intent map, SD_INTENT_SECTORS sectors
 *	sector	  64	units, SD_UNITS_PER_CHUNK to a chunk of 4 KiB
 *	data_start	slots, aligned to 1 MiB
 *
 * Every sector of metadata stands for itself: its own checksum over all that
 * follows it, its own place, and the epoch of the cache it belongs to.  An SSD
 * writes a sector whole or not at all, so there is no torn state to repair; a
 * sector that is not right makes what it describes cold, nothing else.  A new
 * epoch in the superblock disowns all older units and intents at once.
 */
#ifndef SD_FORMAT_H
#define SD_FORMAT_H

#include "core.h"
#include "intent.h"

#define SD_VERSION		1
#define SD_SUPER_SECTOR		0u
#define SD_SUPER_SECTOR_2	8u
#define SD_INTENT_SECTOR	16u
#define SD_UNIT_SECTOR		64u
#define SD_DATA_ALIGN_SECTORS	2048u
#define SD_CHUNK		4096u
#define SD_CHUNK_SECTORS	(SD_CHUNK / SD_SECTOR)
#define SD_UNITS_PER_CHUNK	(SD_CHUNK / SD_SECTOR)
#define SD_NR_SAMPLES		64u

/* sd_super.state */
#define SD_SUPER_ACTIVE		1u	/* in use: the intent map counts */
#define SD_SUPER_LOOSE		2u	/* in use without intents: all in doubt */
#define SD_SUPER_OUT		4u	/* taken out of service */
#define SD_SUPER_UNVERIFIED	8u	/* units are to be compared with the disk */

struct sd_super_disk {
	__le32 crc;
	__le32 version;
	u8 magic[16];
	u8 set_uuid[16];	/* the cache this SSD is a part of */
	__le64 epoch;		/* random, new whenever the SSD starts cold */
	__le64 generation;	/* rises with activations, changes of members */
	__le64 disk_sectors;
	__le64 nr_slots;
	__le64 data_start;	/* sectors */
	__le32 block_sectors;
	__le32 nr_legs;
	__le32 leg;
	__le32 mode;		/* enum superdisk_mode */
	__le32 state;
	__le32 verify;		/* units hold checksums */
	__le32 region_shift;	/* log2 of slots in a region */
	__le32 nr_regions;
	__le64 roster[SD_MAX_LEGS];	/* epochs of the members, 0: none */
	__le32 sample[SD_NR_SAMPLES];	/* sums of blocks of the disk */
	u8 zero[16];
};

static_assert(sizeof(struct sd_super_disk) == SD_SECTOR);

struct sd_intent_disk {
	__le32 crc;
	__le32 index;
	__le64 epoch;
	u8 bits[SD_INTENT_BITS_PER_SECTOR / 8];
	u8 zero[16];
};

static_assert(sizeof(struct sd_intent_disk) == SD_SECTOR);

#define SD_UNIT_HEADER	32u
#define SD_ENTRY_HEADER	16u

struct sd_unit_disk {
	__le32 crc;
	__le32 nr_entries;
	__le64 epoch;
	__le64 index;
	u8 zero[8];
	u8 entries[SD_SECTOR - SD_UNIT_HEADER];
};

static_assert(sizeof(struct sd_unit_disk) == SD_SECTOR);

/* One slot; `pages` checksums follow, so that the next may begin at a half. */
struct sd_entry_disk {
	__le64 block;		/* of the disk, plus one; 0: free */
	__le64 valid;
	__le32 crc[];
} __packed __aligned(sizeof(__le32));

static_assert(sizeof(struct sd_entry_disk) == SD_ENTRY_HEADER);

static inline u32 sd_entry_size(u32 pages)
{
	return SD_ENTRY_HEADER + pages * (u32)sizeof(__le32);
}

static inline u32 sd_slots_per_unit(u32 pages)
{
	return (SD_SECTOR - SD_UNIT_HEADER) / sd_entry_size(pages);
}

static inline u32 sd_slots_per_chunk(u32 pages)
{
	return sd_slots_per_unit(pages) * SD_UNITS_PER_CHUNK;
}

/* Where things are on an SSD of a size. */
struct sd_layout {
	u64 data_start;		/* sectors */
	u64 nr_slots;
	u32 region_shift;
	u32 nr_regions;
};

/* At most max_slots; -ENOSPC if not even one fits. */
int sd_layout_init(struct sd_layout *l, u64 ssd_sectors, u32 block_sectors,
		   u64 max_slots);

struct sd_super {
	u8 set_uuid[16];
	u64 epoch;
	u64 generation;
	u64 disk_sectors;
	struct sd_layout layout;
	u32 block_sectors;
	u32 nr_legs;
	u32 leg;
	u32 mode;
	u32 state;
	bool verify;
	u64 roster[SD_MAX_LEGS];
	u32 sample[SD_NR_SAMPLES];
};

void sd_super_encode(const struct sd_super *s, struct sd_super_disk *d);
/* -ENODATA: not ours; -EBADMSG: damaged; -EOPNOTSUPP: from a newer version. */
int sd_super_decode(struct sd_super *s, const struct sd_super_disk *d);

void sd_intent_encode(struct sd_intent_disk *d, u64 epoch, u32 index,
		      const unsigned long *bits);
/* The bits of a stored sector, or -EBADMSG. */
int sd_intent_decode(const struct sd_intent_disk *d, u64 epoch, u32 index,
		     unsigned long *bits);

void sd_unit_begin(struct sd_unit_disk *d, u64 epoch, u64 index, u32 entries);
void sd_unit_seal(struct sd_unit_disk *d);
int sd_unit_check(const struct sd_unit_disk *d, u64 epoch, u64 index,
		  u32 entries);

static inline struct sd_entry_disk *sd_unit_entry(struct sd_unit_disk *d,
						  u32 i, u32 pages)
{
	return (struct sd_entry_disk *)(d->entries + i * sd_entry_size(pages));
}

/* The i-th sampled block of the disk. */
u64 sd_sample_block(u64 nr_blocks, u32 i);
/*
 * What a superblock remembers of it; bytes: a multiple of 8.  No CRC32C: what
 * ends with its own, as the superblock of ext4 does, has the same one whatever
 * it says, and a mount would not be seen.
 */
u32 sd_sample_sum(const void *buf, u32 bytes);

/*
 * What is kept for a page: its CRC32C, and the last word of each KiB mixed in.
 * For the reason above: there such a thing ends, and has other words when it is
 * another one, which an SSD that lost a write returns.  In pieces or at once.
 */
struct sd_sum {
	u32 crc, at;
	u32 word;		/* the last bytes of it */
	u64 mix;
};

#define SD_SUM_INIT	((struct sd_sum){ .crc = ~0u })

void sd_sum_add(struct sd_sum *sum, const void *bytes, u32 len);
u32 sd_sum_end(const struct sd_sum *sum);
u32 sd_page_sum(const void *page);

#endif
