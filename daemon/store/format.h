/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a shard keeps on disk, byte by byte.  Pure: no I/O, no clock.
 *
 * A shard is a folder of these files:
 *
 *	super	two copies of the superblock, the newer valid one counts
 *	log	a ring of frames, written once and then overwritten for ever
 *	index.0, index.1	frames, appended: which blocks each partition
 *		consists of; one counts, the other is the next one
 *	data	slots, filled with blocks packed one behind the other
 *
 * Integers are little-endian.  Every checksum is CRC-32C over everything
 * behind it in its unit.
 */
#ifndef STORE_FORMAT_H
#define STORE_FORMAT_H

#include <assert.h>
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT_VERSION 1u
#define FORMAT_SECTOR 4096u	/* unit of every write */

#define SUPER_MAGIC 0x3145524f54534453ull	/* "SDSTORE1" */
#define SUPER_COMPRESS (1u << 0)

struct super_disk {
	uint64_t magic;
	uint32_t crc;
	uint32_t version;
	uint64_t generation;	/* the higher of the two copies counts */
	uint64_t store_tag;	/* random; in every frame and block as well */
	uint32_t shard;
	uint32_t shards;
	uint64_t log_bytes;
	uint32_t slot_bytes;
	uint32_t flags;
	uint64_t index_file;	/* 0 or 1: which of the two counts */
	uint64_t index_first;	/* the number of its first frame */
	uint64_t index_frames;	/* so many are known to be whole */
	uint8_t zero[FORMAT_SECTOR - 80];
};
static_assert(sizeof(struct super_disk) == FORMAT_SECTOR, "superblock");

/* The same in memory. */
struct super {
	uint64_t generation, store_tag, log_bytes;
	uint64_t index_file, index_first, index_frames;
	uint32_t shard, shards, slot_bytes, flags;
};

/* Where it lies in its file. */
static inline uint64_t super_offset(const struct super *super)
{
	return super->generation % 2 * sizeof(struct super_disk);
}

void super_encode(const struct super *super, struct super_disk *ret_disk);
/* -EBADMSG: checksum; -EINVAL: not ours; -EPROTONOSUPPORT: other version. */
int super_decode(const struct super_disk *disk, struct super *ret_super);
/* Picks the newer of the two copies; the error of the better one if none, and
 * -EPROTONOSUPPORT if either is of another version.  *ret_pair: the other copy
 * would do as well. */
int super_choose(const struct super_disk copy[2], struct super *ret_super,
		 bool *ret_pair);

/*
 * A frame: what one group commit writes, to the log or to the index.  Records
 * follow the head; zeroes fill it up to a sector.  Frame numbers rise by one
 * and never begin again, so that what a file held before is not believed.  A
 * frame is written when the one before is durable: behind a frame that is not
 * whole there is no other, or the disk has lost something.
 */
#define FRAME_MAGIC 0x4d524644u		/* "DFRM" */

struct frame_head {
	uint32_t magic;
	uint32_t crc;
	uint64_t store_tag;
	uint64_t number;
	uint64_t first_seq;	/* of its first record; log only */
	uint32_t bytes;		/* of records */
	uint32_t records;
};
static_assert(sizeof(struct frame_head) == 40, "frame head");

#define FRAME_BYTES_MAX (1u << 20)	/* of a whole frame */
#define LOG_BYTES_MIN (1u << 20)	/* of the ring */

static inline uint32_t frame_size(uint32_t bytes)
{
	uint32_t all = (uint32_t)sizeof(struct frame_head) + bytes;

	return (all + FORMAT_SECTOR - 1) & ~(FORMAT_SECTOR - 1);
}

struct frame {
	uint64_t number, first_seq;
	uint32_t bytes, records;
	const uint8_t *data;		/* the records */
};

/* Fills in the head and the padding of `buf`, whose records are in place. */
void frame_seal(uint8_t *buf, uint64_t store_tag, const struct frame *frame);
/*
 * Is there a whole frame at buf?  -ENOENT: none (foreign, or its number is
 * not the wanted one), -EBADMSG: a head of the wanted number with a body that
 * does not match, -ENODATA: `len` holds only a part of it.
 */
int frame_open(const uint8_t *buf, size_t len, uint64_t store_tag,
	       uint64_t number, struct frame *ret_frame);

/*
 * A record of the log.  Each has a sequence number of its own: its place in
 * the frame added to first_seq.  APPEND is a row that did not exist, EDIT and
 * DELETE are about rows that did.
 */
enum record_type {
	RECORD_APPEND = 1,
	RECORD_EDIT,
	RECORD_DELETE,
};

struct logrec_head {
	uint32_t size;		/* bytes of row that follow */
	uint8_t type;		/* enum record_type */
	uint8_t space;
	uint16_t zero;
	uint64_t channel;
	uint64_t id;
};
static_assert(sizeof(struct logrec_head) == 24, "record head");

struct logrec {
	uint64_t channel, id;
	const uint8_t *data;
	uint32_t size;
	uint8_t type, space;
};

static inline size_t logrec_size(uint32_t size)
{
	return sizeof(struct logrec_head) + size;
}

/* Writes logrec_size() bytes. */
void logrec_encode(const struct logrec *rec, uint8_t *buf);
/* Takes the next record off a frame's data; -EBADMSG when it makes no sense,
 * -ENODATA at the end. */
int logrec_decode(const uint8_t **pos, const uint8_t *end,
		  struct logrec *ret_rec);

/* Where a block lies: its place in `data` counted in BLOCK_ALIGN. */
#define BLOCK_ALIGN 64u

struct block_ref {
	uint64_t first_id;
	uint64_t last_id;
	uint32_t place;
	uint32_t bytes;		/* head and payload as stored */
	uint16_t rows;
	uint16_t dead;		/* of them shadowed by unflushed changes */
};

static inline uint64_t block_offset(const struct block_ref *ref)
{
	return (uint64_t)ref->place * BLOCK_ALIGN;
}

/* A change of the index: some blocks of a partition give way to others. */
enum change_type {
	CHANGE_PART = 1,	/* struct change_part_disk and its lists */
	CHANGE_TAIL,		/* struct change_tail_disk */
};

struct change_part_disk {
	uint8_t type;
	uint8_t space;
	uint16_t zero;
	uint32_t removed;	/* le32 places follow */
	uint32_t added;		/* struct block_ref_disk follow them */
	uint32_t zero2;
	uint64_t channel;
	uint64_t flushed_seq;	/* what the log knew up to here is in blocks */
};
static_assert(sizeof(struct change_part_disk) == 32, "change of a partition");

struct block_ref_disk {
	uint64_t first_id;
	uint64_t last_id;
	uint32_t place;
	uint32_t bytes;
	uint32_t rows;
	uint32_t zero;
};
static_assert(sizeof(struct block_ref_disk) == 32, "block reference");

/* The log before this frame is no longer needed. */
struct change_tail_disk {
	uint8_t type;
	uint8_t zero[7];
	uint64_t frame;
	uint64_t offset;
	uint64_t seq;		/* the frame's first_seq */
};
static_assert(sizeof(struct change_tail_disk) == 32, "log tail");

struct log_tail {
	uint64_t frame, offset, seq;
};

struct change {
	uint8_t type, space;
	uint64_t channel, flushed_seq;
	uint32_t removed, added;
	const uint8_t *removed_data, *added_data;
	struct log_tail tail;
};

size_t change_part_size(uint32_t removed, uint32_t added);
/* Writes the head; returns where the lists go. */
uint8_t *change_part_begin(uint8_t *buf, uint64_t channel, uint8_t space,
			   uint64_t flushed_seq, uint32_t removed,
			   uint32_t added);
uint8_t *change_put_place(uint8_t *buf, uint32_t place);
uint8_t *change_put_ref(uint8_t *buf, const struct block_ref *ref);
uint8_t *change_put_tail(uint8_t *buf, const struct log_tail *tail);

int change_decode(const uint8_t **pos, const uint8_t *end,
		  struct change *ret_change);
uint32_t change_place(const struct change *change, uint32_t n);
/* -EBADMSG when it makes no sense. */
int change_ref(const struct change *change, uint32_t n,
	       struct block_ref *ret_ref);

#endif
