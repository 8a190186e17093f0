// SPDX-License-Identifier: Apache-2.0
#include "search/cell.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "proto/record.h"
#include "search/cell_impl.h"
#include "search/match.h"
#include "search/tokens.h"

/* A cell of another version, and with it of other terms, is made anew. */
#define VERSION 1
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

static const char schema[] =
	"BEGIN;"
	"CREATE TABLE doc (id INTEGER PRIMARY KEY, channel INTEGER NOT NULL,"
	" scope TEXT NOT NULL, content TEXT NOT NULL);"
	"CREATE INDEX doc_channel ON doc (channel, id);"
	"CREATE VIRTUAL TABLE texts USING fts5 (word, scope, content = '',"
	" tokenize = 'superdisk');"
	"CREATE TABLE mark (channel INTEGER PRIMARY KEY,"
	" generation INTEGER, mark INTEGER, scrub INTEGER, scrub_end INTEGER);"
	"PRAGMA user_version = " TEXT(VERSION) ";"
	"COMMIT";

/* WAL with synchronous=NORMAL: a commit is whole after a crash or not there at
 * all, and what it says of marks goes with it. */
static const char pragmas[] =
	"PRAGMA journal_mode = WAL;"
	"PRAGMA synchronous = NORMAL;"
	"PRAGMA cache_size = -2048;"
	"PRAGMA wal_autocheckpoint = 4000;"
	"PRAGMA temp_store = MEMORY";

static const char *const sql[CELL_STMTS] = {
	[CELL_GET] = "SELECT scope, content FROM doc WHERE id = ?1",
	/* Not OR REPLACE: that takes a savepoint for each, and FTS5 writes
	 * all it has gathered at every one. */
	[CELL_PUT] = "INSERT INTO doc VALUES (?1, ?2, ?3, ?4)",
	[CELL_CHANGE] = "UPDATE doc SET channel = ?2, scope = ?3, content = ?4"
			" WHERE id = ?1",
	[CELL_DEL] = "DELETE FROM doc WHERE id = ?1",
	[CELL_ADD_TEXT] =
		"INSERT INTO texts (rowid, word, scope) VALUES (?1, ?2, ?3)",
	[CELL_DEL_TEXT] = "INSERT INTO texts (texts, rowid, word, scope)"
			  " VALUES ('delete', ?1, ?2, ?3)",
	[CELL_RANGE] = "SELECT id FROM doc WHERE channel = ?1 AND id > ?2"
		       " AND id <= ?3 ORDER BY id DESC",
	[CELL_SET_MARK] =
		"INSERT OR REPLACE INTO mark VALUES (?1, ?2, ?3, ?4, ?5)",
	[CELL_DEL_MARK] = "DELETE FROM mark WHERE channel = ?1",
	[CELL_MARKS] = "SELECT * FROM mark",
	[CELL_COUNT] = "SELECT count(*) FROM doc",
	/* One step in the index each, however many messages there are. */
	[CELL_NEXT_CHANNEL] = "SELECT channel FROM doc WHERE channel > ?1"
			      " ORDER BY channel LIMIT 1",
};

int cell_errno(int err)
{
	switch (err & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_INTERRUPT:
		return -ETIMEDOUT;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_ERROR:
		return -EINVAL;
	default:
		return -EIO;
	}
}

sqlite3_stmt *cell_stmt(struct cell *c, enum cell_stmt which)
{
	sqlite3_stmt **stmt = &c->stmt[which];

	if (*stmt)
		sqlite3_reset(*stmt);
	else if (sqlite3_prepare_v3(c->db, sql[which], -1,
				    SQLITE_PREPARE_PERSISTENT, stmt, NULL))
		*stmt = NULL;
	return *stmt;
}

int cell_unprepared(struct cell *c)
{
	int err = cell_errno(sqlite3_errcode(c->db));

	return err == -EINVAL || !err ? -EBADMSG : err;
}

int cell_run(sqlite3_stmt *stmt)
{
	int err = sqlite3_step(stmt);

	/* What is bound may go away, and no lock is to stay. */
	sqlite3_reset(stmt);
	return cell_errno(err);
}

static int exec(struct cell *c, const char *text)
{
	return cell_errno(sqlite3_exec(c->db, text, NULL, NULL, NULL));
}

/* --- life --- */

static int read_version(struct cell *c, int *ret_version)
{
	sqlite3_stmt *stmt;
	int err = sqlite3_prepare_v2(c->db, "PRAGMA user_version", -1, &stmt,
				     NULL);

	if (err)
		return cell_errno(err);
	err = sqlite3_step(stmt);
	*ret_version = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return cell_errno(err);
}

static int prepare_db(struct cell *c)
{
	int version = 0, err;

	sqlite3_extended_result_codes(c->db, 1);
	err = cell_errno(tokens_register(c->db));
	if (!err)
		err = exec(c, pragmas);
	if (!err)
		err = read_version(c, &version);
	if (!err && !version)
		err = exec(c, schema);
	else if (!err && version != VERSION)
		err = -EBADMSG;
	if (!err)
		c->tokens = tokens_new(c->db);
	/* Neither pragmas nor schema fit what is there. */
	if (err == -EINVAL)
		err = -EBADMSG;
	return err ? err : c->tokens ? 0 : -ENOMEM;
}

int cell_open(const char *path, struct cell **ret_cell)
{
	struct cell *c = mem_zalloc(sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	err = cell_errno(sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READWRITE |
					 SQLITE_OPEN_CREATE |
					 SQLITE_OPEN_NOMUTEX, NULL));
	if (!err)
		err = prepare_db(c);
	if (err)
		cell_close(c);
	else
		*ret_cell = c;
	return err;
}

int cell_close(struct cell *c)
{
	int err = 0;

	for (int i = 0; i < CELL_STMTS; i++)
		sqlite3_finalize(c->stmt[i]);
	tokens_free(c->tokens);
	buf_fini(&c->scope);
	if (c->db)
		err = cell_sync(c);
	sqlite3_close(c->db);
	mem_free(c);
	return err;
}

/* The checkpoint syncs the log, then the file. */
int cell_sync(struct cell *c)
{
	return cell_errno(sqlite3_wal_checkpoint_v2(
		c->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
}

int cell_begin(struct cell *c)
{
	return exec(c, "BEGIN IMMEDIATE");
}

int cell_commit(struct cell *c)
{
	return exec(c, "COMMIT");
}

void cell_rollback(struct cell *c)
{
	exec(c, "ROLLBACK");
}

/* --- messages --- */

static bool column_is(sqlite3_stmt *stmt, int column, const char *text,
		      size_t len)
{
	return (size_t)sqlite3_column_bytes(stmt, column) == len &&
	       !memcmp(sqlite3_column_text(stmt, column), text, len);
}

/* Takes the texts of CELL_GET's row out of the index. */
static int forget(struct cell *c, sqlite3_stmt *row, uint64_t id)
{
	sqlite3_stmt *stmt = cell_stmt(c, CELL_DEL_TEXT);

	if (!stmt)
		return cell_unprepared(c);
	sqlite3_bind_int64(stmt, 1, (int64_t)id);
	sqlite3_bind_value(stmt, 2, sqlite3_column_value(row, 1));
	sqlite3_bind_value(stmt, 3, sqlite3_column_value(row, 0));
	return cell_run(stmt);
}

static int write_doc(struct cell *c, const struct message *m, bool is_new)
{
	sqlite3_stmt *doc = cell_stmt(c, is_new ? CELL_PUT : CELL_CHANGE);
	sqlite3_stmt *text = cell_stmt(c, CELL_ADD_TEXT);
	int err;

	if (!doc || !text)
		return cell_unprepared(c);
	sqlite3_bind_int64(doc, 1, (int64_t)m->id);
	sqlite3_bind_int64(doc, 2, (int64_t)m->channel_id);
	sqlite3_bind_text(doc, 3, c->scope.data, (int)c->scope.len,
			  SQLITE_STATIC);
	sqlite3_bind_text(doc, 4, m->content, (int)m->content_len,
			  SQLITE_STATIC);
	err = cell_run(doc);
	if (err)
		return err;
	sqlite3_bind_int64(text, 1, (int64_t)m->id);
	sqlite3_bind_text(text, 2, m->content, (int)m->content_len,
			  SQLITE_STATIC);
	sqlite3_bind_text(text, 3, c->scope.data, (int)c->scope.len,
			  SQLITE_STATIC);
	return cell_run(text);
}

/* Ids beyond SQLite's integers are of dates that do not come. */
static bool is_id(uint64_t id)
{
	return id && id <= INT64_MAX;
}

int cell_put(struct cell *c, const struct message *m)
{
	sqlite3_stmt *old = cell_stmt(c, CELL_GET);
	int err, found;

	if (!old)
		return cell_unprepared(c);
	if (!is_id(m->id))
		return 0;
	buf_reset(&c->scope);
	match_put_scope(&c->scope, m);
	if (c->scope.err)
		return c->scope.err;
	sqlite3_bind_int64(old, 1, (int64_t)m->id);
	found = sqlite3_step(old);
	err = cell_errno(found);
	if (found == SQLITE_ROW) {
		if (column_is(old, 0, c->scope.data, c->scope.len) &&
		    column_is(old, 1, m->content, m->content_len))
			goto out;
		err = forget(c, old, m->id);
	}
	if (!err)
		err = write_doc(c, m, found != SQLITE_ROW);
out:
	sqlite3_reset(old);
	return err;
}

int cell_delete(struct cell *c, uint64_t id)
{
	sqlite3_stmt *old = cell_stmt(c, CELL_GET);
	sqlite3_stmt *del = cell_stmt(c, CELL_DEL);
	int err, found;

	if (!old || !del)
		return cell_unprepared(c);
	sqlite3_bind_int64(old, 1, (int64_t)id);
	found = sqlite3_step(old);
	err = cell_errno(found);
	if (found == SQLITE_ROW) {
		sqlite3_bind_int64(del, 1, (int64_t)id);
		err = forget(c, old, id);
		if (!err)
			err = cell_run(del);
	}
	sqlite3_reset(old);
	return err;
}

static bool in_rows(const struct rows *rows, uint64_t id)
{
	for (uint32_t i = 0; i < rows->count; i++)
		if (rows->row[i].id == id)
			return true;
	return false;
}

#define STALE_MAX 128

/* Up to STALE_MAX ids of the range that the rows do not have. */
static int find_stale(struct cell *c, uint64_t channel, uint64_t from,
		      uint64_t upto, const struct rows *rows, uint64_t *stale,
		      uint32_t *ret_count)
{
	sqlite3_stmt *range = cell_stmt(c, CELL_RANGE);
	uint32_t n = 0;
	int err;

	if (!range)
		return cell_unprepared(c);
	sqlite3_bind_int64(range, 1, (int64_t)channel);
	sqlite3_bind_int64(range, 2, (int64_t)(is_id(from) ? from : 0));
	sqlite3_bind_int64(range, 3, is_id(upto) ? (int64_t)upto : INT64_MAX);
	while ((err = sqlite3_step(range)) == SQLITE_ROW && n < STALE_MAX) {
		uint64_t id = (uint64_t)sqlite3_column_int64(range, 0);

		if (!in_rows(rows, id))
			stale[n++] = id;
	}
	sqlite3_reset(range);
	*ret_count = n;
	return cell_errno(err);
}

static int delete_stale(struct cell *c, uint64_t channel, uint64_t from,
			uint64_t upto, const struct rows *rows)
{
	uint64_t stale[STALE_MAX];
	uint32_t count;
	int err;

	do {
		err = find_stale(c, channel, from, upto, rows, stale, &count);
		for (uint32_t i = 0; !err && i < count; i++)
			err = cell_delete(c, stale[i]);
	} while (!err && count == STALE_MAX);
	return err;
}

static int delete_mark(struct cell *c, uint64_t channel)
{
	sqlite3_stmt *stmt = cell_stmt(c, CELL_DEL_MARK);

	if (!stmt)
		return cell_unprepared(c);
	sqlite3_bind_int64(stmt, 1, (int64_t)channel);
	return cell_run(stmt);
}

int cell_forget(struct cell *c, uint64_t channel, bool *ret_more)
{
	static const struct rows none;
	uint64_t id[STALE_MAX];
	uint32_t count;
	int err;

	err = find_stale(c, channel, 0, UINT64_MAX, &none, id, &count);
	for (uint32_t i = 0; !err && i < count; i++)
		err = cell_delete(c, id[i]);
	*ret_more = count == STALE_MAX;
	return err || *ret_more ? err : delete_mark(c, channel);
}

int cell_reconcile(struct cell *c, uint64_t channel, uint64_t from,
		   uint64_t upto, const struct rows *rows)
{
	struct message *m = &c->message;
	int err = delete_stale(c, channel, from, upto, rows);

	/* Upwards: FTS5 writes all it has gathered when an id is below the one
	 * before it. */
	for (uint32_t i = rows->count; !err && i--;) {
		const struct row *row = &rows->row[i];

		if (record_decode(m, row->data, row->size)) {
			log_error("search", "record_bad", "channel=%llu id=%llu",
				  (unsigned long long)channel,
				  (unsigned long long)row->id);
			continue;
		}
		m->id = row->id;
		m->channel_id = channel;
		err = cell_put(c, m);
	}
	return err;
}

/* --- marks --- */

int cell_set_mark(struct cell *c, const struct cell_mark *mark)
{
	sqlite3_stmt *stmt = cell_stmt(c, CELL_SET_MARK);

	if (!stmt)
		return cell_unprepared(c);
	sqlite3_bind_int64(stmt, 1, (int64_t)mark->channel);
	sqlite3_bind_int64(stmt, 2, (int64_t)mark->generation);
	sqlite3_bind_int64(stmt, 3, (int64_t)mark->mark);
	sqlite3_bind_int64(stmt, 4, (int64_t)mark->scrub);
	sqlite3_bind_int64(stmt, 5, (int64_t)mark->scrub_end);
	return cell_run(stmt);
}

int cell_marks(struct cell *c,
	       int (*fn)(void *ctx, const struct cell_mark *mark), void *ctx)
{
	sqlite3_stmt *stmt = cell_stmt(c, CELL_MARKS);
	int err, ret = 0;

	if (!stmt)
		return cell_unprepared(c);
	while (!ret && (err = sqlite3_step(stmt)) == SQLITE_ROW) {
		const struct cell_mark mark = {
			(uint64_t)sqlite3_column_int64(stmt, 0),
			(uint64_t)sqlite3_column_int64(stmt, 1),
			(uint64_t)sqlite3_column_int64(stmt, 2),
			(uint64_t)sqlite3_column_int64(stmt, 3),
			(uint64_t)sqlite3_column_int64(stmt, 4),
		};

		ret = fn(ctx, &mark);
	}
	sqlite3_reset(stmt);
	return ret ? ret : cell_errno(err);
}

int cell_count(struct cell *c, uint64_t *ret_count)
{
	sqlite3_stmt *stmt = cell_stmt(c, CELL_COUNT);
	int err;

	if (!stmt)
		return cell_unprepared(c);
	err = sqlite3_step(stmt);
	*ret_count = (uint64_t)sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return cell_errno(err);
}
