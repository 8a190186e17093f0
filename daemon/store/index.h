/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writing end of the index: two files, one of which counts.  Changes are
 * appended frame by frame, each durable before the next.  When most of the
 * file is history the whole index is written to the other file, and the
 * superblock then names that one.
 */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include <stdbool.h>

#include "base/buf.h"
#include "store/format.h"
#include "store/io.h"

struct index {
	struct io *io;
	struct os_file *file[2];
	uint64_t store_tag;
	uint32_t current;	/* file that counts */
	uint64_t offset;	/* in it, of the next frame */
	uint64_t frame;		/* its number */
	bool broken;		/* a write failed: rewrite before going on */
	struct buf records;	/* of the frame being made */
	uint32_t record_count;
	uint8_t *frame_buf;	/* FRAME_BYTES_MAX */
	struct io_req req;
	uint64_t bytes_written;
};

/* Rewritten when longer than twice what counts, and than this. */
#define INDEX_BYTES_MIN (1u << 20)
#define INDEX_RECORDS_MAX (FRAME_BYTES_MAX - FORMAT_SECTOR)

/* Its tag, files and place are what recovery finds. */
int index_init(struct index *index, struct io *io);
void index_fini(struct index *index);

/* Returns room for a record of `size`; NULL when the frame is full (write it
 * first) or memory is out. */
uint8_t *index_add(struct index *index, size_t size);

/* Forgets what was added to the frame being made. */
void index_discard(struct index *index);

/* Writes the frame made so far behind the others: durable at done(). */
void index_append(struct index *index, void (*done)(struct io_req *, int));
/* The same to the other file at *offset, which moves on; not yet durable. */
void index_write_other(struct index *index, uint64_t *offset,
		       void (*done)(struct io_req *, int));
/* The append was durable. */
void index_appended(struct index *index);

/* So many partitions and blocks count. */
bool index_wants_rewrite(const struct index *index, uint64_t parts,
			 uint64_t blocks);

#endif
