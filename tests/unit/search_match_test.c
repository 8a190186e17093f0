// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "search/match.h"
#include "search/tokens.h"

static sqlite3 *db;
static struct tokens *tokens;
static struct search_query query;

static int setup(void **state)
{
	(void)state;
	query = (struct search_query){ .slop = 2 };
	if (sqlite3_open(":memory:", &db) || tokens_register(db))
		return -1;
	tokens = tokens_new(db);
	return tokens ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	tokens_free(tokens);
	sqlite3_close(db);
	return 0;
}

static void becomes(const char *expression)
{
	struct buf out = BUF_INIT;

	assert_int_equal(match_put_query(&out, &query, tokens), 0);
	assert_string_equal(buf_str(&out), expression);
	buf_fini(&out);
}

static void content(const char *text)
{
	strcpy(query.content, text);
}

static void nothing_asked_is_everything(void **state)
{
	(void)state;
	becomes("(scope : x)");
}

static void words_are_phrases_near_each_other(void **state)
{
	(void)state;
	content("alpha  beta");
	becomes("(word : NEAR(\"alpha\" \"beta\", 2))");
	content(" one two three four ");
	becomes("(word : NEAR(\"one\" \"two\" \"three\" \"four\", 4))");
}

static void what_users_type_is_never_an_operator(void **state)
{
	(void)state;
	content("a\" OR \"b NOT c*");
	becomes("(word : NEAR(\"a\"\"\" \"OR\" \"\"\"b\" \"NOT\" \"c*\", 5))");
}

static void words_without_letters_are_left_out(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	content("?! alpha");
	becomes("(word : NEAR(\"alpha\", 2))");
	content("?!");
	assert_int_equal(match_put_query(&out, &query, tokens), -ENOENT);
	buf_fini(&out);
}

static void filters_narrow_and_their_values_widen(void **state)
{
	(void)state;
	query.channel = (struct search_ids){ 2, { 36, 37 } };
	query.author = (struct search_ids){ 1, { 35 } };
	query.mention = (struct search_ids){ 1, { 1 } };
	query.has = SEARCH_HAS_LINK | SEARCH_HAS_IMAGE;
	query.has_not = SEARCH_HAS_EMBED;
	query.author_type = SEARCH_AUTHOR_BOT | SEARCH_AUTHOR_WEBHOOK;
	query.pinned = SEARCH_PINNED_NO;
	becomes("(scope : (c10 OR c11) AND scope : (az) AND scope : (m1)"
		" AND scope : hlink AND scope : himage"
		" AND scope : (tbot OR twebhook))"
		" NOT scope : hembed NOT scope : p");
}

static void a_message_says_what_filters_ask_for(void **state)
{
	static struct message m = {
		.id = 9, .channel_id = 36, .author = { .id = 35, .bot = true },
		.content = "see https://example.org", .pinned = true,
		.mention = { { .id = 1 } }, .mention_count = 1,
		.attachments = "[{\"content_type\":\"image/png\"}]",
	};
	struct buf out = BUF_INIT;

	(void)state;
	match_put_scope(&out, &m);
	assert_string_equal(buf_str(&out),
			    "c10 az tbot hlink hfile himage m1 x p");
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_asked_is_everything,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			words_are_phrases_near_each_other, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_users_type_is_never_an_operator, setup, teardown),
		cmocka_unit_test_setup_teardown(
			words_without_letters_are_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(
			filters_narrow_and_their_values_widen, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_message_says_what_filters_ask_for, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
