// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/blob.h"
#include "proto/record.h"
#include "search/cell.h"

#define CHANNEL 5u
#define OTHER 6u

static struct cell *cell;
static struct search_query query;
static struct search_hits_msg hits;

static int setup(void **state)
{
	(void)state;
	query = (struct search_query){ .limit = SEARCH_LIMIT_MAX };
	return cell_open(":memory:", &cell);
}

static int teardown(void **state)
{
	(void)state;
	return cell_close(cell);
}

static struct message message(uint64_t id, uint64_t channel, const char *text)
{
	return (struct message){
		.id = id, .channel_id = channel, .author = { .id = 7 },
		.content = text, .content_len = strlen(text),
	};
}

static void put(uint64_t id, uint64_t channel, const char *text)
{
	static struct message m;

	m = message(id, channel, text);
	assert_int_equal(cell_put(cell, &m), 0);
}

/* Finds these ids, in this order; 0 ends the list. */
static void finds(const char *text, const uint64_t *ids)
{
	static const uint64_t readable[] = { CHANNEL };
	uint32_t n = 0;

	strcpy(query.content, text);
	assert_int_equal(cell_search(cell, &query, readable, 1, &hits), 0);
	for (; ids[n]; n++)
		assert_int_equal(n < hits.count ? hits.hit[n].id : 0, ids[n]);
	assert_int_equal(hits.count, n);
}

#define FINDS(text, ...) finds(text, (const uint64_t[]){ __VA_ARGS__ 0 })

static void newest_first_in_pages_and_between_ids(void **state)
{
	(void)state;
	for (uint64_t id = 1; id <= 5; id++)
		put(id, CHANNEL, "a word");
	FINDS("word", 5, 4, 3, 2, 1,);
	assert_int_equal(hits.total, 5);
	query.limit = 2;
	FINDS("word", 5, 4,);
	assert_int_equal(hits.total, 5);
	query.offset = 4;
	FINDS("word", 1,);
	query = (struct search_query){ .limit = 9, .ascending = true };
	FINDS("word", 1, 2, 3, 4, 5,);
	query.min_id = 2;
	query.max_id = 5;
	FINDS("word", 3, 4,);
}

static void only_what_may_be_read(void **state)
{
	(void)state;
	put(1, CHANNEL, "a word");
	put(2, OTHER, "a word");
	FINDS("word", 1,);
	assert_int_equal(hits.total, 1);
}

static void nor_among_many_channels(void **state)
{
	(void)state;
	for (uint64_t id = 1; id <= 200; id++)
		put(id, 1000 + id, "a word");
	put(300, CHANNEL, "a word");
	FINDS("word", 300,);
	assert_int_equal(hits.total, 1);
}

static void nothing_is_for_who_may_read_nothing(void **state)
{
	(void)state;
	put(1, CHANNEL, "a word");
	strcpy(query.content, "word");
	assert_int_equal(cell_search(cell, &query, NULL, 0, &hits), 0);
	assert_int_equal(hits.count, 0);
	assert_int_equal(hits.total, 0);
}

static void forgets_what_an_edit_took_away(void **state)
{
	(void)state;
	put(1, CHANNEL, "before");
	put(1, CHANNEL, "after");
	FINDS("before", );
	FINDS("after", 1,);
	put(1, CHANNEL, "after");
	FINDS("after", 1,);
	assert_int_equal(cell_delete(cell, 1), 0);
	FINDS("after", );
	assert_int_equal(cell_delete(cell, 1), 0);
}

static void better_ones_first_when_asked(void **state)
{
	(void)state;
	put(1, CHANNEL, "word");
	put(2, CHANNEL, "a word among very many others that dilute it");
	query.relevance = true;
	FINDS("word", 1, 2,);
}

static void a_rollback_leaves_nothing(void **state)
{
	(void)state;
	assert_int_equal(cell_begin(cell), 0);
	put(1, CHANNEL, "word");
	cell_rollback(cell);
	FINDS("word", );
}

static struct rows *rows_of(uint64_t id, const char *text)
{
	static struct message m;
	struct rows *rows = rows_new(1, 1);
	struct blob *blob;

	m = message(id, CHANNEL, text);
	blob = record_encode(&m);
	assert_non_null(rows);
	assert_non_null(blob);
	rows->row[rows->count++] = (struct row){ id, blob->data, blob->len };
	rows_own(rows, blob);
	blob_put(blob);
	return rows;
}

static void a_range_becomes_what_the_store_has(void **state)
{
	struct rows *rows = rows_of(3, "three anew");

	(void)state;
	for (uint64_t id = 1; id <= 5; id++)
		put(id, CHANNEL, "word");
	put(4, OTHER, "word");
	assert_int_equal(cell_reconcile(cell, CHANNEL, 1, 4, rows), 0);
	FINDS("word", 5, 1,);
	FINDS("anew", 3,);
	rows_put(rows);
}

static int no_mark(void *ctx, const struct cell_mark *mark)
{
	(void)ctx;
	(void)mark;
	return -1;
}

static void a_channel_is_forgotten_bit_by_bit(void **state)
{
	const struct cell_mark mark = { CHANNEL, 2, 30, 10, 20 };
	uint64_t count = 0;
	bool more = true;
	int calls = 0;

	(void)state;
	for (uint64_t id = 1; id <= 300; id++)
		put(id, CHANNEL, "word");
	put(400, OTHER, "word");
	assert_int_equal(cell_set_mark(cell, &mark), 0);
	for (; more; calls++)
		assert_int_equal(cell_forget(cell, CHANNEL, &more), 0);
	assert_true(calls > 1);
	FINDS("word", );
	assert_int_equal(cell_count(cell, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(cell_marks(cell, no_mark, NULL), 0);
}

static int one_mark(void *ctx, const struct cell_mark *mark)
{
	*(struct cell_mark *)ctx = *mark;
	return 0;
}

static void keeps_marks(void **state)
{
	const struct cell_mark mark = { CHANNEL, 2, 30, 10, 20 };
	struct cell_mark found = { 0 };

	(void)state;
	assert_int_equal(cell_set_mark(cell, &mark), 0);
	assert_int_equal(cell_marks(cell, one_mark, &found), 0);
	assert_memory_equal(&found, &mark, sizeof(mark));
}

/* Not a database, or cut short: said to be damaged, never taken for empty. */
static void a_damaged_file_is_found_out(void **state)
{
	char path[] = "/tmp/search_cell_test.XXXXXX";
	int fd = mkstemp(path);
	struct cell *bad;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "this is no database, certainly not one", 38),
			 38);
	assert_int_equal(ftruncate(fd, 8192), 0);
	close(fd);
	assert_int_equal(cell_open(path, &bad), -EBADMSG);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			newest_first_in_pages_and_between_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(only_what_may_be_read, setup,
						teardown),
		cmocka_unit_test_setup_teardown(nor_among_many_channels, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			nothing_is_for_who_may_read_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(forgets_what_an_edit_took_away,
						setup, teardown),
		cmocka_unit_test_setup_teardown(better_ones_first_when_asked,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_rollback_leaves_nothing,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_range_becomes_what_the_store_has, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_channel_is_forgotten_bit_by_bit, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_marks, setup, teardown),
		cmocka_unit_test(a_damaged_file_is_found_out),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
