// SPDX-License-Identifier: Apache-2.0
/* Searching a cell. */
#include <errno.h>

#include "search/cell_impl.h"
#include "search/match.h"

/*
 * A search may cost so many steps of SQLite's machine, about a second's worth;
 * it is counted every so many.
 */
#define STEPS_MAX 20000000u
#define STEPS_BETWEEN 10000

/*
 * A reader who may read every channel of the cell, as most may, has hits that
 * need not be looked up one by one, which is most of the cost where thousands
 * are counted.  (An expression that leaves out the others costs more: it goes
 * through all of their messages.)
 */

/* How many hits there are is not counted further than anybody can page. */
#define FOUND \
	" FROM texts WHERE texts MATCH ?1 AND rowid > ?2 AND rowid < ?3"
#define CHECKED FOUND " AND readable(" CHANNEL ")"
#define CHANNEL "(SELECT channel FROM doc WHERE id = texts.rowid)"

static const char *const count_sql[] = {
	[false] = "SELECT count(*) FROM (SELECT 1" FOUND " LIMIT ?4)",
	[true] = "SELECT count(*) FROM (SELECT 1" CHECKED " LIMIT ?4)",
};

enum order { NEWEST, OLDEST, BEST, ORDERS };

#define PAGE " LIMIT ?4 OFFSET ?5"
#define DOWN " ORDER BY rowid DESC" PAGE
#define UP " ORDER BY rowid ASC" PAGE
/* The scope's terms say nothing of how well it fits. */
#define FIT " ORDER BY bm25(texts, 1.0, 0.0), rowid DESC" PAGE
#define HIT "SELECT " CHANNEL ", rowid"

static const char *const page_sql[ORDERS][2] = {
	[NEWEST] = { HIT FOUND DOWN, HIT CHECKED DOWN },
	[OLDEST] = { HIT FOUND UP, HIT CHECKED UP },
	[BEST] = { HIT FOUND FIT, HIT CHECKED FIT },
};

/* --- who may read what --- */

static bool is_readable(const struct cell *c, uint64_t channel)
{
	uint32_t low = 0, high = c->readable_count;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (c->readable[mid] < channel)
			low = mid + 1;
		else
			high = mid;
	}
	return low < c->readable_count && c->readable[low] == channel;
}

static void readable(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	(void)argc;
	sqlite3_result_int(ctx, is_readable(sqlite3_user_data(ctx),
					    (uint64_t)sqlite3_value_int64(
						    argv[0])));
}

/* Has the cell a channel that is not readable? */
static int find_hidden(struct cell *c, bool *ret_any)
{
	sqlite3_stmt *next = cell_stmt(c, CELL_NEXT_CHANNEL);
	uint64_t channel = 0;
	int err;

	if (!next)
		return cell_unprepared(c);
	*ret_any = false;
	do {
		sqlite3_reset(next);
		sqlite3_bind_int64(next, 1, (int64_t)channel);
		err = sqlite3_step(next);
		channel = (uint64_t)sqlite3_column_int64(next, 0);
		*ret_any = err == SQLITE_ROW && !is_readable(c, channel);
	} while (err == SQLITE_ROW && !*ret_any);
	sqlite3_reset(next);
	return cell_errno(err);
}

/* Not zero: give up. */
static int spend(void *ctx)
{
	struct cell *c = ctx;

	c->budget -= STEPS_BETWEEN;
	return c->budget < STEPS_BETWEEN;
}

static int prepare(struct cell *c, const char *text,
		   const struct search_query *q, const char *match,
		   sqlite3_stmt **ret_stmt)
{
	uint64_t max = q->max_id && q->max_id < INT64_MAX ? q->max_id :
							    INT64_MAX;
	uint64_t min = q->min_id < INT64_MAX ? q->min_id : INT64_MAX;
	int err = sqlite3_prepare_v2(c->db, text, -1, ret_stmt, NULL);

	if (err)
		return cell_errno(err);
	sqlite3_bind_text(*ret_stmt, 1, match, -1, SQLITE_STATIC);
	sqlite3_bind_int64(*ret_stmt, 2, (int64_t)min);
	sqlite3_bind_int64(*ret_stmt, 3, (int64_t)max);
	return 0;
}

static int count_hits(struct cell *c, const struct search_query *q,
		      const char *match, bool checked, uint32_t *ret_total)
{
	sqlite3_stmt *stmt;
	int err = prepare(c, count_sql[checked], q, match, &stmt);

	if (err)
		return err;
	sqlite3_bind_int(stmt, 4, SEARCH_TOTAL_MAX);
	err = sqlite3_step(stmt);
	*ret_total = (uint32_t)sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return cell_errno(err);
}

static int read_page(struct cell *c, const struct search_query *q,
		     const char *match, bool checked,
		     struct search_hits_msg *hits)
{
	enum order order = q->relevance && q->content[0] ? BEST :
			   q->ascending ? OLDEST : NEWEST;
	sqlite3_stmt *stmt;
	int err = prepare(c, page_sql[order][checked], q, match, &stmt);

	if (err)
		return err;
	sqlite3_bind_int(stmt, 4, q->limit < SEARCH_LIMIT_MAX ?
				  q->limit : (int)SEARCH_LIMIT_MAX);
	sqlite3_bind_int(stmt, 5, q->offset);
	while ((err = sqlite3_step(stmt)) == SQLITE_ROW)
		hits->hit[hits->count++] = (struct search_hit){
			(uint64_t)sqlite3_column_int64(stmt, 0),
			(uint64_t)sqlite3_column_int64(stmt, 1),
		};
	sqlite3_finalize(stmt);
	return cell_errno(err);
}

static int search(struct cell *c, const struct search_query *q,
		  const char *match, bool checked,
		  struct search_hits_msg *hits)
{
	int err;

	/* Anew each time: functions and handlers are the connection's. */
	err = cell_errno(sqlite3_create_function(c->db, "readable", 1,
						 SQLITE_UTF8, c, readable,
						 NULL, NULL));
	if (err)
		return err;
	c->budget = STEPS_MAX;
	sqlite3_progress_handler(c->db, STEPS_BETWEEN, spend, c);
	err = count_hits(c, q, match, checked, &hits->total);
	if (!err)
		err = read_page(c, q, match, checked, hits);
	sqlite3_progress_handler(c->db, 0, NULL, NULL);
	return err;
}

int cell_search(struct cell *c, const struct search_query *q,
		const uint64_t *list, uint32_t count,
		struct search_hits_msg *ret_hits)
{
	struct buf match = BUF_INIT;
	bool checked = true;
	int err;

	c->readable = list;
	c->readable_count = count;
	ret_hits->total = 0;
	ret_hits->count = 0;
	err = find_hidden(c, &checked);
	if (!err)
		err = match_put_query(&match, q, c->tokens);
	if (!err)
		err = search(c, q, buf_str(&match), checked, ret_hits);
	buf_fini(&match);
	/* There is nothing that could be found. */
	if (err == -ENOENT)
		err = 0;
	return err;
}
