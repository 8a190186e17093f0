// SPDX-License-Identifier: Apache-2.0
/*
 * A cell, as the indexer uses it, beside plain SQLite FTS5: the limit, for it
 * keeps no texts, so that nothing in it can be edited or deleted, and knows of
 * neither filters nor permissions.
 *
 *	search_bench [MESSAGES [DIR]]
 *
 * Messages have 12 words of a vocabulary of 50,000 by Zipf's law, in 20
 * channels of which the reader sees all, but one where said.  Both index in
 * batches of 800, in turns.  Then each search runs many times, in turns, for
 * the newest 25.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/rng.h"
#include "search/cell.h"

#define MESSAGES 300000u
#define BATCH 800u
#define WORDS 12u
#define VOCABULARY 50000u
#define CHANNELS 20u
#define AUTHORS 500u
#define TIMES 400u
#define FIRST_ID 1000u
#define PATH_SIZE 256

static double zipf[VOCABULARY];		/* cumulated */
static struct rng rng;
static struct message message;
static char text[WORDS * 12 + 32];

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* What indexing took, on the clock and of the processor. */
struct took {
	uint64_t ns, cpu;
};

static void take(struct took *t, int64_t sign)
{
	t->ns += (uint64_t)sign * now_ns();
	t->cpu += (uint64_t)sign * cpu_ns();
}

static void make_zipf(void)
{
	double sum = 0;

	for (uint32_t i = 0; i < VOCABULARY; i++)
		zipf[i] = sum += 1.0 / (i + 1);
}

/* 0 is the most common one. */
static uint32_t word(void)
{
	double at = (double)(rng_next(&rng) >> 11) / (double)(1ull << 53) *
		    zipf[VOCABULARY - 1];
	uint32_t low = 0, high = VOCABULARY - 1;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (zipf[mid] < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void make_message(uint64_t id)
{
	size_t len = 0;

	for (uint32_t i = 0; i < WORDS; i++)
		len += (size_t)sprintf(text + len, "%sw%ux", i ? " " : "",
				       word());
	if (!rng_below(&rng, 20))
		len += (size_t)sprintf(text + len, " https://example.org");
	message.id = id;
	message.channel_id = 1 + rng_below(&rng, CHANNELS);
	message.author.id = 1 + rng_below(&rng, AUTHORS);
	message.content = text;
	message.content_len = len;
}

/* --- plain --- */

static sqlite3 *db;
static sqlite3_stmt *insert, *find;

static void sql(const char *what)
{
	check(!sqlite3_exec(db, what, NULL, NULL, NULL));
}

static void plain_open(const char *dir)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/plain.db", dir);
	check(!sqlite3_open(path, &db));
	sql("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
	    "PRAGMA cache_size = -2048;"
	    "CREATE VIRTUAL TABLE t USING fts5 (x, content = '')");
	check(!sqlite3_prepare_v2(db, "INSERT INTO t (rowid, x) VALUES (?1, ?2)",
				  -1, &insert, NULL));
	check(!sqlite3_prepare_v2(db, "SELECT rowid FROM t WHERE t MATCH ?1"
				  " ORDER BY rowid DESC LIMIT 25", -1, &find,
				  NULL));
}

static void plain_put(void)
{
	sqlite3_bind_int64(insert, 1, (int64_t)message.id);
	sqlite3_bind_text(insert, 2, message.content, (int)message.content_len,
			  SQLITE_STATIC);
	check(sqlite3_step(insert) == SQLITE_DONE);
	sqlite3_reset(insert);
}

static uint32_t plain_find(const char *match)
{
	uint32_t n = 0;

	sqlite3_bind_text(find, 1, match, -1, SQLITE_STATIC);
	while (sqlite3_step(find) == SQLITE_ROW)
		n++;
	sqlite3_reset(find);
	return n;
}

/* --- the two in turns --- */

static void report(const char *dir, const char *name, uint64_t messages,
		   const struct took *took)
{
	char path[PATH_SIZE];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.db", dir, name);
	file = fopen(path, "r");
	check(file && !fseek(file, 0, SEEK_END));
	printf("%-8s %9.0f messages/s %6.1f us of CPU %6.0f bytes each\n",
	       name, (double)messages * 1e9 / (double)took->ns,
	       (double)took->cpu / 1e3 / (double)messages,
	       (double)ftell(file) / (double)messages);
	fclose(file);
}

static void index_ours(struct cell *cell, uint64_t first)
{
	check(!cell_begin(cell));
	for (uint64_t i = first; i < first + BATCH; i++) {
		make_message(FIRST_ID + i);
		check(!cell_put(cell, &message));
	}
	check(!cell_set_mark(cell, &(struct cell_mark){
		.channel = 1, .mark = FIRST_ID + first + BATCH - 1 }));
	check(!cell_commit(cell));
}

static void index_plain(uint64_t first)
{
	sql("BEGIN");
	for (uint64_t i = first; i < first + BATCH; i++) {
		make_message(FIRST_ID + i);
		plain_put();
	}
	sql("COMMIT");
}

static void index_all(struct cell *cell, uint64_t messages, struct took *ours,
		      struct took *plain)
{
	for (uint64_t n = 0; n < messages; n += BATCH) {
		struct rng again = rng;

		take(ours, -1);
		index_ours(cell, n);
		take(ours, 1);
		rng = again;
		take(plain, -1);
		index_plain(n);
		take(plain, 1);
	}
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void print_times(uint64_t *ns, uint32_t found)
{
	if (!ns[0]) {
		printf(" %9s %9s %6s", "", "", "");
		return;
	}
	qsort(ns, TIMES, sizeof(*ns), by_size);
	printf(" %9.3f %9.3f %6u", (double)ns[TIMES / 2] / 1e6,
	       (double)ns[TIMES * 99 / 100] / 1e6, found);
}

static const struct {
	const char *name, *content, *match;
	struct search_query filter;
	uint32_t hidden;
} searches[] = {
	{ "the most common word", "w0x", "w0x", { .offset = 0 }, 0 },
	{ "that, less a channel", "w0x", NULL, { .offset = 0 }, 1 },
	{ "a common word", "w20x", "w20x", { .offset = 0 }, 0 },
	{ "a rare word", "w40000x", "w40000x", { .offset = 0 }, 0 },
	{ "two words", "w3x w20x", "NEAR(w3x w20x, 2)", { .slop = 2 }, 0 },
	{ "page 100 of a word", "w0x", NULL, { .offset = 2475 }, 0 },
	{ "from: and a word", "w5x", NULL, { .author = { 1, { 7 } } }, 0 },
	{ "from: alone", "", NULL, { .author = { 1, { 7 } } }, 0 },
	{ "in: has: and a word", "w5x", NULL,
	  { .channel = { 1, { 3 } }, .has = SEARCH_HAS_LINK }, 0 },
	{ "everything", "", NULL, { .offset = 0 }, 0 },
	{ "by relevance", "w20x", NULL, { .relevance = true }, 0 },
};

static void search_all(struct cell *cell, uint32_t which)
{
	static uint64_t ours[TIMES], plain[TIMES], readable[CHANNELS];
	static struct search_query q;
	static struct search_hits_msg hits;
	uint32_t found = 0;

	for (uint32_t i = 0; i < CHANNELS; i++)
		readable[i] = i + 1;
	q = searches[which].filter;
	strcpy(q.content, searches[which].content);
	q.limit = SEARCH_LIMIT_MAX;
	memset(plain, 0, sizeof(plain));
	for (uint32_t i = 0; i < TIMES; i++) {
		uint64_t start = now_ns();

		check(!cell_search(cell, &q, readable,
				   CHANNELS - searches[which].hidden, &hits));
		ours[i] = now_ns() - start;
		if (!searches[which].match)
			continue;
		start = now_ns();
		found = plain_find(searches[which].match);
		plain[i] = now_ns() - start;
	}
	printf("%-22s", searches[which].name);
	print_times(ours, hits.count);
	print_times(plain, found);
	printf("\n");
}

int main(int argc, char **argv)
{
	uint64_t messages = argc > 1 ? strtoull(argv[1], NULL, 0) : MESSAGES;
	char dir[] = ".build/search_bench.XXXXXX", path[PATH_SIZE];
	const char *where = argc > 2 ? argv[2] : dir;
	struct took ours = { 0 }, plain = { 0 };
	struct cell *cell;

	setvbuf(stdout, NULL, _IOLBF, 0);
	messages = (messages + BATCH - 1) / BATCH * BATCH;
	check(argc > 2 || mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/cell.db", where);
	rng_init(&rng, 1);
	make_zipf();
	check(!cell_open(path, &cell));
	plain_open(where);
	index_all(cell, messages, &ours, &plain);
	check(!sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE,
					 NULL, NULL));
	check(!cell_close(cell) && !cell_open(path, &cell));
	printf("# %llu messages in batches of %u\n",
	       (unsigned long long)messages, BATCH);
	report(where, "cell", messages, &ours);
	report(where, "plain", messages, &plain);
	printf("%-22s %9s %9s %6s %9s %9s %6s\n", "newest 25, ms", "cell p50",
	       "p99", "hits", "plain p50", "p99", "hits");
	for (uint32_t i = 0; i < sizeof(searches) / sizeof(searches[0]); i++)
		search_all(cell, i);
	cell_close(cell);
	sqlite3_finalize(insert);
	sqlite3_finalize(find);
	sqlite3_close(db);
	snprintf(path, sizeof(path), "rm -rf %s", dir);
	return argc > 2 ? 0 : !!system(path);
}
