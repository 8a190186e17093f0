/* SPDX-License-Identifier: Apache-2.0 */
/* What chatd-store does with a store that nobody has open.  Blocking. */
#ifndef STORE_TOOL_H
#define STORE_TOOL_H

#include <stdio.h>

#include "proto/rows.h"
#include "store/engine.h"

/* What was found on the way. */
struct tool_sum {
	uint64_t partitions, blocks, rows, bytes;
	uint64_t damaged_blocks, damaged_rows, lost_frames, lost_indexes;
	uint64_t lost_supers;
};

/* One row, oldest first within its partition; non-zero ends the walk. */
typedef int (*tool_row_fn)(void *ctx, uint64_t channel, uint8_t space,
			   const struct row *row);

/*
 * Reads every row of every shard, checking all.  What is damaged is described
 * on `out` and left out.  -EBADMSG: a shard that cannot be opened, which is
 * described too.  `salvage`: go on behind damaged log.
 */
int tool_walk(struct os_loop *loop, const char *dir, bool salvage, FILE *out,
	      tool_row_fn fn, void *ctx, struct tool_sum *ret_sum);

/* The same for the copy of a store that was open: its logs end at these
 * frames. */
int tool_walk_at(struct os_loop *loop, const char *dir,
		 const uint64_t *log_ends, FILE *out, tool_row_fn fn,
		 void *ctx, struct tool_sum *ret_sum);

/* A new store being filled.  `shards` as in store_opts. */
struct tool_writer;

int tool_writer_open(struct os_loop *loop, const char *dir, uint32_t shards,
		     struct tool_writer **ret_writer);
/* A tool_row_fn; ctx is the writer. */
int tool_writer_add(void *writer, uint64_t channel, uint8_t space,
		    const struct row *row);
/* Waits until all is durable; the first error there was. */
int tool_writer_close(struct tool_writer *writer);

/*
 * A backup is one file of frames (store/format.h), numbered from 1; an empty
 * frame ends it.  A RECORD_APPEND is a row, a RECORD_EDIT, of which there are
 * none else, is the next piece of an attached file: its channel and its id.
 */
struct tool_backup;

#define TOOL_PIECE_MAX (32u << 10)

/* A file's next piece; they come one after the other, file after file. */
typedef int (*tool_piece_fn)(void *ctx, uint64_t channel, uint64_t id,
			     const void *data, uint32_t size);

int tool_backup_open(const char *path, struct tool_backup **ret_backup);
/* A tool_row_fn; ctx is the backup. */
int tool_backup_add(void *backup, uint64_t channel, uint8_t space,
		    const struct row *row);
/* A tool_piece_fn; likewise. */
int tool_backup_add_piece(void *backup, uint64_t channel, uint64_t id,
			  const void *data, uint32_t size);
int tool_backup_close(struct tool_backup *backup);

/* -EBADMSG: damaged, or cut short. */
int tool_backup_read(const char *path, tool_row_fn row, void *row_ctx,
		     tool_piece_fn piece, void *piece_ctx);

#endif
