// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "search/tokens.h"

static sqlite3 *db;

static int setup(void **state)
{
	(void)state;
	if (sqlite3_open(":memory:", &db) || tokens_register(db))
		return -1;
	return sqlite3_exec(db, "CREATE VIRTUAL TABLE t USING fts5 (x,"
			    " tokenize = 'superdisk');"
			    "CREATE VIRTUAL TABLE v USING"
			    " fts5vocab (t, 'instance')", NULL, NULL, NULL);
}

static int teardown(void **state)
{
	(void)state;
	sqlite3_close(db);
	return 0;
}

static int add_term(void *ctx, int columns, char **values, char **names)
{
	(void)columns;
	(void)names;
	return buf_printf(ctx, "%s%s@%s", ((struct buf *)ctx)->len ? " " : "",
			  values[0], values[1]);
}

/* What is indexed of a text: term@place, in order. */
static void indexes(const char *text, const char *terms)
{
	struct buf out = BUF_INIT;
	sqlite3_stmt *stmt;

	assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO t VALUES (?1)", -1,
					    &stmt, NULL), SQLITE_OK);
	sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_finalize(stmt);
	assert_int_equal(sqlite3_exec(db, "SELECT term, offset FROM v"
				      " ORDER BY offset, length(term) DESC,"
				      " term", add_term, &out, NULL),
			 SQLITE_OK);
	assert_string_equal(buf_str(&out), terms);
	buf_fini(&out);
	sqlite3_exec(db, "DELETE FROM t", NULL, NULL, NULL);
}

static void words_lose_case_and_marks(void **state)
{
	(void)state;
	indexes("The Crème BRÛLÉE", "the@0 creme@1 brulee@2");
	indexes("foo-bar_baz 42", "foo@0 bar@1 baz@2 42@3");
	indexes("", "");
	indexes("!?", "");
}

static void scripts_without_spaces_are_pairs_and_characters(void **state)
{
	(void)state;
	indexes("東京都", "東京@0 東@0 京都@1 京@1 都@2");
	indexes("都", "都@0");
	indexes("abc東京", "abc@0 東京@1 東@1 京@2");
	indexes("東京abc", "東京@0 東@0 京@1 abc@2");
}

static void bytes_that_are_no_text_do_no_harm(void **state)
{
	(void)state;
	static const char bad[] = "\xe6\x9d\xff\xed\xa0\x80\xf8";
	struct tokens *t = tokens_new(db);

	/* Whatever it makes of them; the sanitizers watch. */
	for (size_t len = 0; len < sizeof(bad); len++)
		assert_in_range(tokens_count(t, bad, len), 0, len);
	tokens_free(t);
}

static void a_query_has_as_many_terms_as_it_asks_for(void **state)
{
	struct tokens *t = tokens_new(db);
	static const struct {
		const char *text;
		int count;
	} queries[] = {
		{ "", 0 }, { "?!", 0 }, { "one", 1 }, { "foo-bar", 2 },
		{ "都", 1 }, { "東京", 1 }, { "東京都", 2 }, { "a東京", 2 },
	};

	(void)state;
	assert_non_null(t);
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
		assert_int_equal(tokens_count(t, queries[i].text,
					      strlen(queries[i].text)),
				 queries[i].count);
	tokens_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(words_lose_case_and_marks,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			scripts_without_spaces_are_pairs_and_characters, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			bytes_that_are_no_text_do_no_harm, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_query_has_as_many_terms_as_it_asks_for, setup,
			teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
