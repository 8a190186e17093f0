// SPDX-License-Identifier: Apache-2.0
/* RocksDB, LMDB and SQLite: key (channel, ~id), so that newest come first. */
#include <endian.h>
#include <errno.h>
#include <lmdb.h>
#include <rocksdb/c.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_bench.h"

#define KEY_BYTES 16
#define MAP_BYTES (64ull << 30)

static void make_key(uint8_t *key, uint64_t channel, uint64_t inverse_id)
{
	channel = htobe64(channel);
	inverse_id = htobe64(inverse_id);
	memcpy(key, &channel, 8);
	memcpy(key + 8, &inverse_id, 8);
}

/* --- RocksDB ---------------------------------------------------------------- */

struct rocks {
	rocksdb_t *db;
	rocksdb_options_t *options;
	rocksdb_writeoptions_t *synced, *loose;
	rocksdb_readoptions_t *read;
};

static void rocks_check(char *err)
{
	if (err) {
		fprintf(stderr, "rocksdb: %s\n", err);
		exit(1);
	}
}

static void *rocks_open(const char *dir)
{
	struct rocks *r = calloc(1, sizeof(*r));
	rocksdb_block_based_table_options_t *table =
		rocksdb_block_based_options_create();
	char *err = NULL;

	r->options = rocksdb_options_create();
	rocksdb_options_set_create_if_missing(r->options, 1);
	rocksdb_options_increase_parallelism(r->options, 2);
	rocksdb_options_set_compression(r->options, rocksdb_lz4_compression);
	rocksdb_options_set_use_direct_reads(r->options, 1);
	rocksdb_block_based_options_set_block_cache(
		table, rocksdb_cache_create_lru(BENCH_CACHE));
	rocksdb_options_set_block_based_table_factory(r->options, table);
	r->synced = rocksdb_writeoptions_create();
	rocksdb_writeoptions_set_sync(r->synced, 1);
	r->loose = rocksdb_writeoptions_create();
	r->read = rocksdb_readoptions_create();
	r->db = rocksdb_open(r->options, dir, &err);
	rocks_check(err);
	return r;
}

static void rocks_close(void *store)
{
	struct rocks *r = store;

	rocksdb_close(r->db);
	rocksdb_options_destroy(r->options);
	free(r);
}

static void rocks_write(struct rocks *r, const struct bench_row *rows,
			uint32_t count, rocksdb_writeoptions_t *how)
{
	rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
	uint8_t key[KEY_BYTES];
	char *err = NULL;

	for (uint32_t i = 0; i < count; i++) {
		make_key(key, rows[i].channel, ~rows[i].id);
		rocksdb_writebatch_put(batch, (char *)key, KEY_BYTES,
				       (const char *)rows[i].data, BENCH_ROW);
	}
	rocksdb_write(r->db, how, batch, &err);
	rocks_check(err);
	rocksdb_writebatch_destroy(batch);
}

static uint64_t rocks_append(void *store, const struct bench_row *rows,
			 uint32_t count)
{
	uint64_t from = bench_now_ns();
	struct rocks *r = store;

	rocks_write(r, rows, count, r->synced);
	return bench_now_ns() - from;
}

static void rocks_load(void *store, const struct bench_row *rows,
		       uint32_t count)
{
	struct rocks *r = store;

	rocks_write(r, rows, count, r->loose);
}

static bool rocks_at(rocksdb_iterator_t *it, const uint8_t *channel_key)
{
	size_t len;

	return rocksdb_iter_valid(it) &&
	       !memcmp(rocksdb_iter_key(it, &len), channel_key, 8);
}

static uint32_t rocks_latest(void *store, uint64_t channel, uint64_t *ret_ns)
{
	char copy[BENCH_PAGE * BENCH_ROW];
	struct rocks *r = store;
	uint64_t from = bench_now_ns();
	rocksdb_iterator_t *it = rocksdb_create_iterator(r->db, r->read);
	uint8_t key[KEY_BYTES];
	uint32_t n = 0;
	size_t len;

	make_key(key, channel, 0);
	rocksdb_iter_seek(it, (char *)key, KEY_BYTES);
	for (; n < BENCH_PAGE && rocks_at(it, key); n++) {
		memcpy(copy + n * BENCH_ROW, rocksdb_iter_value(it, &len),
		       BENCH_ROW);
		rocksdb_iter_next(it);
	}
	rocksdb_iter_destroy(it);
	*ret_ns = bench_now_ns() - from;
	return n;
}

static void rocks_trim(void *store, uint64_t channel, uint32_t count)
{
	struct rocks *r = store;
	rocksdb_iterator_t *it = rocksdb_create_iterator(r->db, r->read);
	rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
	uint8_t key[KEY_BYTES];
	char *err = NULL;
	size_t len;

	make_key(key, channel, 0);
	rocksdb_iter_seek(it, (char *)key, KEY_BYTES);
	for (uint32_t n = 0; n < count && rocks_at(it, key); n++) {
		const char *at = rocksdb_iter_key(it, &len);

		rocksdb_writebatch_delete(batch, at, len);
		rocksdb_iter_next(it);
	}
	rocksdb_write(r->db, r->synced, batch, &err);
	rocks_check(err);
	rocksdb_writebatch_destroy(batch);
	rocksdb_iter_destroy(it);
}

static void rocks_settle(void *store)
{
	struct rocks *r = store;

	rocksdb_compact_range(r->db, NULL, 0, NULL, 0);
}

const struct bench_engine bench_rocksdb = {
	.name = "rocksdb",
	.open = rocks_open,
	.close = rocks_close,
	.append = rocks_append,
	.load = rocks_load,
	.latest = rocks_latest,
	.trim = rocks_trim,
	.settle = rocks_settle,
};

/* --- LMDB -------------------------------------------------------------------- */

struct lmdb {
	MDB_env *env;
	MDB_dbi dbi;
};

static void lmdb_check(int err)
{
	if (err) {
		fprintf(stderr, "lmdb: %s\n", mdb_strerror(err));
		exit(1);
	}
}

static void *lmdb_open(const char *dir)
{
	struct lmdb *l = calloc(1, sizeof(*l));
	MDB_txn *txn;

	lmdb_check(mdb_env_create(&l->env));
	lmdb_check(mdb_env_set_mapsize(l->env, MAP_BYTES));
	lmdb_check(mdb_env_open(l->env, dir, MDB_NORDAHEAD, 0600));
	lmdb_check(mdb_txn_begin(l->env, NULL, 0, &txn));
	lmdb_check(mdb_dbi_open(txn, NULL, 0, &l->dbi));
	lmdb_check(mdb_txn_commit(txn));
	return l;
}

static void lmdb_close(void *store)
{
	struct lmdb *l = store;

	mdb_env_close(l->env);
	free(l);
}

static uint64_t lmdb_append(void *store, const struct bench_row *rows,
			uint32_t count)
{
	uint64_t from = bench_now_ns();
	struct lmdb *l = store;
	uint8_t bytes[KEY_BYTES];
	MDB_txn *txn;

	lmdb_check(mdb_txn_begin(l->env, NULL, 0, &txn));
	for (uint32_t i = 0; i < count; i++) {
		MDB_val key = { KEY_BYTES, bytes };
		MDB_val value = { BENCH_ROW, (void *)rows[i].data };

		make_key(bytes, rows[i].channel, ~rows[i].id);
		lmdb_check(mdb_put(txn, l->dbi, &key, &value, 0));
	}
	lmdb_check(mdb_txn_commit(txn));
	return bench_now_ns() - from;
}

static void lmdb_load(void *store, const struct bench_row *rows,
		      uint32_t count)
{
	struct lmdb *l = store;

	lmdb_check(mdb_env_set_flags(l->env, MDB_NOSYNC, 1));
	lmdb_append(store, rows, count);
	lmdb_check(mdb_env_set_flags(l->env, MDB_NOSYNC, 0));
}

static uint32_t lmdb_latest(void *store, uint64_t channel, uint64_t *ret_ns)
{
	char copy[BENCH_PAGE * BENCH_ROW];
	struct lmdb *l = store;
	uint8_t bytes[KEY_BYTES];
	MDB_val key = { KEY_BYTES, bytes }, value;
	uint64_t from = bench_now_ns();
	MDB_cursor *cursor;
	MDB_txn *txn;
	uint32_t n = 0;
	int err;

	make_key(bytes, channel, 0);
	lmdb_check(mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn));
	lmdb_check(mdb_cursor_open(txn, l->dbi, &cursor));
	err = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	while (!err && n < BENCH_PAGE && !memcmp(key.mv_data, bytes, 8)) {
		memcpy(copy + n++ * BENCH_ROW, value.mv_data, BENCH_ROW);
		err = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	*ret_ns = bench_now_ns() - from;
	return n;
}

static void lmdb_trim(void *store, uint64_t channel, uint32_t count)
{
	struct lmdb *l = store;
	uint8_t bytes[KEY_BYTES];
	MDB_val key = { KEY_BYTES, bytes }, value;
	MDB_cursor *cursor;
	MDB_txn *txn;
	int err;

	make_key(bytes, channel, 0);
	lmdb_check(mdb_txn_begin(l->env, NULL, 0, &txn));
	lmdb_check(mdb_cursor_open(txn, l->dbi, &cursor));
	err = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	for (uint32_t n = 0; !err && n < count &&
	     !memcmp(key.mv_data, bytes, 8); n++) {
		lmdb_check(mdb_cursor_del(cursor, 0));
		err = mdb_cursor_get(cursor, &key, &value, MDB_GET_CURRENT);
	}
	mdb_cursor_close(cursor);
	lmdb_check(mdb_txn_commit(txn));
}

const struct bench_engine bench_lmdb = {
	.name = "lmdb",
	.open = lmdb_open,
	.close = lmdb_close,
	.append = lmdb_append,
	.load = lmdb_load,
	.latest = lmdb_latest,
	.trim = lmdb_trim,
};

/* --- SQLite ------------------------------------------------------------------ */

struct sqlite {
	sqlite3 *db;
	sqlite3_stmt *insert, *latest, *trim;
};

static void sqlite_check(struct sqlite *s, int rc)
{
	if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW) {
		fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(s->db));
		exit(1);
	}
}

static void sqlite_run(struct sqlite *s, const char *sql)
{
	sqlite_check(s, sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

static void *sqlite_open_store(const char *dir)
{
	struct sqlite *s = calloc(1, sizeof(*s));
	char path[4096];

	snprintf(path, sizeof(path), "%s/db", dir);
	sqlite_check(s, sqlite3_open(path, &s->db));
	sqlite_run(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		      "PRAGMA cache_size = -65536;"
		      "CREATE TABLE IF NOT EXISTS rows (channel INTEGER,"
		      " id INTEGER, data BLOB, PRIMARY KEY (channel, id))"
		      " WITHOUT ROWID");
	sqlite_check(s, sqlite3_prepare_v2(s->db,
		"INSERT INTO rows VALUES (?, ?, ?)", -1, &s->insert, NULL));
	sqlite_check(s, sqlite3_prepare_v2(s->db,
		"SELECT data FROM rows WHERE channel = ? ORDER BY id DESC"
		" LIMIT 50", -1, &s->latest, NULL));
	sqlite_check(s, sqlite3_prepare_v2(s->db,
		"DELETE FROM rows WHERE channel = ?1 AND id IN (SELECT id FROM"
		" rows WHERE channel = ?1 ORDER BY id DESC LIMIT ?2)", -1,
		&s->trim, NULL));
	return s;
}

static void sqlite_close_store(void *store)
{
	struct sqlite *s = store;

	sqlite3_finalize(s->insert);
	sqlite3_finalize(s->latest);
	sqlite3_finalize(s->trim);
	sqlite3_close(s->db);
	free(s);
}

static uint64_t sqlite_append(void *store, const struct bench_row *rows,
			  uint32_t count)
{
	uint64_t from = bench_now_ns();
	struct sqlite *s = store;

	sqlite_run(s, "BEGIN");
	for (uint32_t i = 0; i < count; i++) {
		sqlite3_bind_int64(s->insert, 1, (int64_t)rows[i].channel);
		sqlite3_bind_int64(s->insert, 2, (int64_t)rows[i].id);
		sqlite3_bind_blob(s->insert, 3, rows[i].data, BENCH_ROW,
				  SQLITE_STATIC);
		sqlite_check(s, sqlite3_step(s->insert));
		sqlite3_reset(s->insert);
	}
	sqlite_run(s, "COMMIT");
	return bench_now_ns() - from;
}

static void sqlite_load(void *store, const struct bench_row *rows,
			uint32_t count)
{
	struct sqlite *s = store;

	sqlite_run(s, "PRAGMA synchronous = OFF");
	sqlite_append(store, rows, count);
	sqlite_run(s, "PRAGMA synchronous = FULL");
}

static uint32_t sqlite_latest(void *store, uint64_t channel, uint64_t *ret_ns)
{
	char copy[BENCH_PAGE * BENCH_ROW];
	struct sqlite *s = store;
	uint64_t from = bench_now_ns();
	uint32_t n = 0;

	sqlite3_bind_int64(s->latest, 1, (int64_t)channel);
	while (sqlite3_step(s->latest) == SQLITE_ROW)
		memcpy(copy + n++ * BENCH_ROW,
		       sqlite3_column_blob(s->latest, 0), BENCH_ROW);
	sqlite3_reset(s->latest);
	*ret_ns = bench_now_ns() - from;
	return n;
}

static void sqlite_trim(void *store, uint64_t channel, uint32_t count)
{
	struct sqlite *s = store;

	sqlite3_bind_int64(s->trim, 1, (int64_t)channel);
	sqlite3_bind_int(s->trim, 2, (int)count);
	sqlite_check(s, sqlite3_step(s->trim));
	sqlite3_reset(s->trim);
}

static void sqlite_settle(void *store)
{
	sqlite_run(store, "PRAGMA wal_checkpoint(TRUNCATE)");
}

const struct bench_engine bench_sqlite = {
	.name = "sqlite",
	.open = sqlite_open_store,
	.close = sqlite_close_store,
	.append = sqlite_append,
	.load = sqlite_load,
	.latest = sqlite_latest,
	.trim = sqlite_trim,
	.settle = sqlite_settle,
};
