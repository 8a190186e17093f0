/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block: up to some hundred rows of one partition, ascending ids, the unit
 * of reading, checksums, compression and caching.  Pure: no I/O.
 *
 * The payload is a table of (id minus the id before, size), both as varints,
 * then the rows' bytes one behind the other; in whole compressed or not.
 */
#ifndef STORE_BLOCK_H
#define STORE_BLOCK_H

#include <stdbool.h>

#include "proto/rows.h"
#include "store/format.h"

struct blob;
struct block_codec;

#define BLOCK_MAGIC 0x4b424453u		/* "SDBK" */

enum block_coding {
	BLOCK_PLAIN,
	BLOCK_ZSTD,
};

struct block_head {
	uint32_t magic;
	uint32_t crc;
	uint64_t store_tag;
	uint64_t channel;
	uint64_t first_id;
	uint64_t last_id;
	uint64_t seq;		/* of the newest change in it */
	uint32_t raw_bytes;	/* of the payload before coding */
	uint32_t stored_bytes;	/* and after */
	uint32_t rows;
	uint8_t space;
	uint8_t coding;		/* enum block_coding */
	uint16_t zero;
};
static_assert(sizeof(struct block_head) == 64, "block head");
static_assert(sizeof(struct block_head) % BLOCK_ALIGN == 0, "packing");

/*
 * How many rows go together: a block is closed when it has either, unless
 * what remains is too little for one of its own and fits.  So the latest 50
 * rows of a settled partition are in one block.
 */
#define BLOCK_ROWS 64u
#define BLOCK_BYTES (32u << 10)
#define BLOCK_RAW_MAX (1u << 20)	/* of a payload that is believed */

/* What a block is about. */
struct block_id {
	uint64_t store_tag, channel, seq;
	uint8_t space;
};

/* One per shard: compression contexts. */
int block_codec_new(bool compress, struct block_codec **ret_codec);
void block_codec_free(struct block_codec *codec);

/* How many of the first of `count` rows make the next block. */
uint32_t block_cut(const struct row *rows, uint32_t count);

/* The payload of a block of these rows, ascending and at least one; or NULL. */
struct blob *block_pack(const struct row *rows, uint32_t count);

/* The rows of a payload, ascending, which they own; -EBADMSG, -ENOMEM. */
int block_unpack(struct blob *raw, uint32_t count, uint64_t first_id,
		 uint64_t last_id, struct rows **ret_rows);

/* The most that block_seal() needs for these rows, padding included; never
 * more than BLOCK_BOUND when block_cut() chose them. */
size_t block_bound(const struct row *rows, uint32_t count);
#define BLOCK_BOUND (128u << 10)

/*
 * Writes the whole block to `buf`; returns its bytes, without the padding to
 * BLOCK_ALIGN, which is zeroed.  `compress` counts if the codec can.
 */
uint32_t block_seal(struct block_codec *codec, const struct block_id *id,
		    const struct row *rows, uint32_t count, bool compress,
		    uint8_t *buf);

/*
 * Checks and decodes the block that the index promises at buf.  -EBADMSG when
 * it is not what was promised, or damaged.
 */
int block_open(struct block_codec *codec, const uint8_t *buf,
	       const struct block_id *id, const struct block_ref *ref,
	       struct rows **ret_rows);

/* For a walk through a slot without an index: is there a whole block at buf?
 * -ENOENT: none, -EBADMSG: damaged (its head may be believed no further). */
int block_probe(const uint8_t *buf, size_t len, uint64_t store_tag,
		struct block_id *ret_id, struct block_ref *ret_ref);

#endif
