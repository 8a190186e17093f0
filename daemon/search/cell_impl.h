/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEARCH_CELL_IMPL_H
#define SEARCH_CELL_IMPL_H

#include <sqlite3.h>

#include "base/buf.h"
#include "search/cell.h"

enum cell_stmt {
	CELL_GET,
	CELL_PUT,
	CELL_CHANGE,
	CELL_DEL,
	CELL_ADD_TEXT,
	CELL_DEL_TEXT,
	CELL_RANGE,
	CELL_SET_MARK,
	CELL_MARKS,
	CELL_COUNT,
	CELL_NEXT_CHANNEL,
	CELL_DEL_MARK,
	CELL_STMTS,
};

struct cell {
	sqlite3 *db;
	sqlite3_stmt *stmt[CELL_STMTS];	/* prepared when first used */
	struct tokens *tokens;
	struct buf scope;
	struct message message;		/* too big for stacks */
	/* Of the search under way. */
	const uint64_t *readable;
	uint32_t readable_count;
	uint32_t budget;
};

int cell_errno(int sqlite_error);

/* The statement, reset; NULL: see cell_unprepared(). */
sqlite3_stmt *cell_stmt(struct cell *c, enum cell_stmt which);
/* Why it could not be: the texts are ours, so it is the file, or memory. */
int cell_unprepared(struct cell *c);
/* Runs one that gives no rows. */
int cell_run(sqlite3_stmt *stmt);

#endif
