/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a shard of read states, little endian, in units of a block.
 *
 * `log` is a ring of frames: written once as zeroes, then only overwritten.  A
 * frame starts at a block and does not wrap; one that would, starts at the
 * ring's first block instead.  Its records hold values, not changes, so that
 * replaying some of them twice, in order, is harmless.
 *
 * Checkpoint N is a row of units in the file `checkpoint.(N % 2)`: one HEAD,
 * PARTs with images of parts (read_table.h), one END.  It counts when all are
 * there; until then N - 1 does, which is in the other file.  HEAD says at which
 * frame of the log to go on.
 *
 * Frames and units carry the same head.  The checksum covers all that follows
 * it, up to `size`; the rest of the last block is zero.
 */
#ifndef DATA_READ_FORMAT_H
#define DATA_READ_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define READ_BLOCK 4096u
#define READ_FRAME_MAX (2u << 20)	/* bytes */
#define READ_UNIT_MAX (1u << 30)
/* Version 1 had frames of at most 64 KiB. */
#define READ_VERSION 2
#define READ_VERSION_MIN 1

enum read_kind {
	READ_KIND_FRAME = 1,
	READ_KIND_HEAD,
	READ_KIND_PART,
	READ_KIND_END,
};

struct read_head {
	uint32_t magic;
	uint32_t crc;
	uint64_t seq;		/* frames: of the log; units: in their file */
	uint64_t place;		/* frames: block since ever; units: their
				 * round, drawn at random: what a round left
				 * unfinished must not pass for another's */
	uint32_t size;		/* bytes, this head included */
	uint16_t kind;		/* enum read_kind */
	uint16_t version;
};

struct read_record {
	uint64_t user;
	uint64_t channel;
	uint64_t last;
	uint32_t mentions;
} __attribute__((packed));

/* Behind a HEAD unit's head. */
struct read_round_head {
	uint64_t number;	/* N */
	uint64_t log_place;	/* where to go on in the log */
	uint64_t log_seq;
	uint64_t log_blocks;
	uint32_t shard;
	uint32_t shards;
};

_Static_assert(sizeof(struct read_head) == 32, "format");
_Static_assert(sizeof(struct read_record) == 28, "format");
_Static_assert(sizeof(struct read_round_head) == 40, "format");

static inline uint32_t read_blocks(uint32_t size)
{
	return (size + READ_BLOCK - 1) / READ_BLOCK;
}

/* Fills in the head of the `size` bytes at `data`, and zeroes the rest of the
 * last block. */
void read_seal(void *data, enum read_kind kind, uint64_t seq, uint64_t place,
	       uint32_t size);

/* Does it look like one?  Its checksum is not looked at. */
bool read_is_head(const struct read_head *head);

/*
 * What lies at `data`, of `room` bytes: -EPROTO: nothing of ours, or torn, or
 * more than `room`; -ENOTSUP: another version's.
 */
int read_unseal(const void *data, size_t room, struct read_head *ret_head);

#endif
