/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite with statements kept prepared and arguments named by a format:
 *
 *	db_run(db, "DELETE FROM ban WHERE guild_id = ? AND user_id = ?",
 *	       "ii", guild_id, user_id);
 *
 * i: uint64_t, s: const char * (NULL: null), b: const void *, size_t.
 * Statements are cached by the address of their text, which must be a literal.
 * Everything blocks.  One thread at a time.
 */
#ifndef GUILD_DB_H
#define GUILD_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct db_row;

/* WAL, synchronous=FULL: committed means durable.  -EIO, -ENOMEM, … */
int db_open(const char *path, struct db **ret_db);
void db_close(struct db *db);

/* Several statements without arguments or results: a schema. */
int db_script(struct db *db, const char *sql);

/* -EEXIST: a constraint; -ENOSPC, -ENOMEM, -EIO. */
int db_run(struct db *db, const char *sql, const char *format, ...);
/* Rows changed by the last db_run(). */
int db_changes(const struct db *db);

/* An error may roll back all of a transaction, not just what has failed. */
bool db_in_transaction(const struct db *db);

/* Calls fn for each row until it returns non-zero, which is returned. */
int db_query(struct db *db, const char *sql,
	     int (*fn)(void *ctx, struct db_row *row), void *ctx,
	     const char *format, ...);

/* Columns count from 0.  Borrowed until fn returns. */
uint64_t db_u64(struct db_row *row, int column);
const char *db_text(struct db_row *row, int column);	/* NULL: null */
const void *db_blob(struct db_row *row, int column, size_t *ret_len);

#endif
