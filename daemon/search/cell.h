/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cell: the index of one guild's messages (or of a user's direct ones), an
 * SQLite database with an FTS5 table whose rowid is the message's id.  It keeps
 * the texts, which FTS5 wants back to forget them, and how far each channel
 * has been read (search/follow.h), in the same transaction as what was read.
 *
 * Blocking, one thread at a time.  Errors: -EBADMSG: damaged, to be dropped and
 * made anew; -ENOSPC, -EIO, -ENOMEM.
 */
#ifndef SEARCH_CELL_H
#define SEARCH_CELL_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/model.h"
#include "proto/rows.h"
#include "proto/search.h"

struct cell;

/* How far a channel has been read; search/follow.h has what it means. */
struct cell_mark {
	uint64_t channel;
	uint64_t generation;
	uint64_t mark;
	uint64_t scrub;
	uint64_t scrub_end;
};

int cell_open(const char *path, struct cell **ret_cell);
/* What was committed is durable when this has returned 0. */
int cell_close(struct cell *cell);

/* The same, of one that stays open. */
int cell_sync(struct cell *cell);

int cell_begin(struct cell *cell);
int cell_commit(struct cell *cell);
void cell_rollback(struct cell *cell);

/* Adds or replaces; nothing is written when it is there as it is. */
int cell_put(struct cell *cell, const struct message *m);
int cell_delete(struct cell *cell, uint64_t id);

/*
 * Makes the index of (from, upto] of a channel that of `rows`, all there are in
 * that range; a row that cannot be decoded is left out.
 */
int cell_reconcile(struct cell *cell, uint64_t channel, uint64_t from,
		   uint64_t upto, const struct rows *rows);

/* Takes out some of a channel's messages, and when there are none its mark. */
int cell_forget(struct cell *cell, uint64_t channel, bool *ret_more);

/* Of messages.  Takes its time: it counts them. */
int cell_count(struct cell *cell, uint64_t *ret_count);

int cell_set_mark(struct cell *cell, const struct cell_mark *mark);
/* Calls fn for each; stops when it returns non-zero, and returns that. */
int cell_marks(struct cell *cell,
	       int (*fn)(void *ctx, const struct cell_mark *mark), void *ctx);

/*
 * Fills total, count and hit of *ret_hits.  `readable` is ascending.
 * -ETIMEDOUT: it would take too long.
 */
int cell_search(struct cell *cell, const struct search_query *q,
		const uint64_t *readable, uint32_t readable_count,
		struct search_hits_msg *ret_hits);

#endif
