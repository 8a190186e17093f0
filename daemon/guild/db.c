// SPDX-License-Identifier: Apache-2.0
#include "guild/db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

#define STATEMENTS_MAX 96
#define BUSY_TIMEOUT_MS 5000

struct db {
	sqlite3 *handle;
	unsigned int count;
	struct {
		const char *sql;
		sqlite3_stmt *stmt;
	} statement[STATEMENTS_MAX];
};

/* The handle is the row: struct db_row is never defined. */
static sqlite3_stmt *stmt_of(struct db_row *row)
{
	return (sqlite3_stmt *)row;
}

static int errno_of(struct db *db, int rc, const char *sql)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
		return -EBUSY;
	}
	log_error("catalog", "sqlite_failed", "rc=%d message=\"%s\" sql=\"%s\"",
		  rc, sqlite3_errmsg(db->handle), sql);
	return (rc & 0xff) == SQLITE_FULL ? -ENOSPC : -EIO;
}

int db_script(struct db *db, const char *sql)
{
	return errno_of(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL),
			sql);
}

int db_open(const char *path, struct db **ret_db)
{
	struct db *db = mem_zalloc(sizeof(*db));
	int err;

	if (!db)
		return -ENOMEM;
	err = errno_of(db, sqlite3_open(path, &db->handle), path);
	if (!err) {
		sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
		err = db_script(db, "PRAGMA journal_mode = WAL;"
				    "PRAGMA synchronous = FULL;"
				    "PRAGMA foreign_keys = ON;");
	}
	if (err)
		db_close(db);
	else
		*ret_db = db;
	return err;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	for (unsigned int i = 0; i < db->count; i++)
		sqlite3_finalize(db->statement[i].stmt);
	sqlite3_close(db->handle);
	mem_free(db);
}

static int prepare(struct db *db, const char *sql, sqlite3_stmt **ret_stmt)
{
	int rc;

	for (unsigned int i = 0; i < db->count; i++) {
		if (db->statement[i].sql == sql) {
			*ret_stmt = db->statement[i].stmt;
			return 0;
		}
	}
	check(db->count < STATEMENTS_MAX);
	rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
				ret_stmt, NULL);
	if (rc)
		return errno_of(db, rc, sql);
	db->statement[db->count].sql = sql;
	db->statement[db->count++].stmt = *ret_stmt;
	return 0;
}

static int bind_one(sqlite3_stmt *stmt, int column, char kind, va_list *ap)
{
	const void *data;

	switch (kind) {
	case 'i':
		return sqlite3_bind_int64(stmt, column,
					  (int64_t)va_arg(*ap, uint64_t));
	case 's':
		return sqlite3_bind_text(stmt, column,
					 va_arg(*ap, const char *), -1,
					 SQLITE_TRANSIENT);
	default:
		check(kind == 'b');
		data = va_arg(*ap, const void *);
		return sqlite3_bind_blob64(stmt, column, data,
					   va_arg(*ap, size_t),
					   SQLITE_TRANSIENT);
	}
}

static int bind_all(sqlite3_stmt *stmt, const char *format, va_list *ap)
{
	int rc = SQLITE_OK;

	for (int i = 0; format[i] && !rc; i++)
		rc = bind_one(stmt, i + 1, format[i], ap);
	return rc;
}

static int run(struct db *db, const char *sql,
	       int (*fn)(void *ctx, struct db_row *row), void *ctx,
	       const char *format, va_list *ap)
{
	sqlite3_stmt *stmt;
	int rc, err;

	err = prepare(db, sql, &stmt);
	if (err)
		return err;
	rc = bind_all(stmt, format, ap);
	while (!rc && !err) {
		rc = sqlite3_step(stmt);
		if (rc != SQLITE_ROW)
			break;
		rc = SQLITE_OK;
		if (fn)
			err = fn(ctx, (struct db_row *)stmt);
	}
	if (!err)
		err = errno_of(db, rc, sql);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return err;
}

int db_run(struct db *db, const char *sql, const char *format, ...)
{
	va_list ap;
	int err;

	va_start(ap, format);
	err = run(db, sql, NULL, NULL, format, &ap);
	va_end(ap);
	return err;
}

int db_query(struct db *db, const char *sql,
	     int (*fn)(void *ctx, struct db_row *row), void *ctx,
	     const char *format, ...)
{
	va_list ap;
	int err;

	va_start(ap, format);
	err = run(db, sql, fn, ctx, format, &ap);
	va_end(ap);
	return err;
}

int db_changes(const struct db *db)
{
	return sqlite3_changes(db->handle);
}

bool db_in_transaction(const struct db *db)
{
	return !sqlite3_get_autocommit(db->handle);
}

uint64_t db_u64(struct db_row *row, int column)
{
	return (uint64_t)sqlite3_column_int64(stmt_of(row), column);
}

const char *db_text(struct db_row *row, int column)
{
	return (const char *)sqlite3_column_text(stmt_of(row), column);
}

const void *db_blob(struct db_row *row, int column, size_t *ret_len)
{
	const void *data = sqlite3_column_blob(stmt_of(row), column);

	*ret_len = (size_t)sqlite3_column_bytes(stmt_of(row), column);
	return data;
}
