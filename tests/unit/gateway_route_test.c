// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/route.h"
#include "gateway/upgrade.h"

#define G "1100000000000000000"
#define C "1100000000000000001"
#define M "1573911098409615361"

static int start(void **state)
{
	(void)state;
	route_init();
	return 0;
}

static void finds_each_kind_of_call(void **state)
{
	static const struct {
		enum route_method method;
		const char *path;
		uint16_t kind;
	} cases[] = {
		{ ROUTE_GET, "/users/@me", REST_USER_ME },
		{ ROUTE_GET, "/users/" G, REST_USER_GET },
		{ ROUTE_GET, "/users/@me/guilds", REST_USER_GUILDS },
		{ ROUTE_GET, "/guilds/" G "/", REST_GUILD_GET },
		{ ROUTE_GET, "/guilds/" G "/roles/member-counts",
		  REST_ROLE_COUNTS },
		{ ROUTE_GET, "/guilds/" G "/roles/" C, REST_ROLE_GET },
		{ ROUTE_GET, "/guilds/" G "/members/search",
		  REST_MEMBER_SEARCH },
		{ ROUTE_POST, "/channels/" C "/messages", REST_MESSAGE_CREATE },
		{ ROUTE_GET, "/channels/" C "/messages/pins", REST_PIN_LIST },
		{ ROUTE_GET, "/channels/" C "/messages/" M, REST_MESSAGE_GET },
		{ ROUTE_POST, "/channels/" C "/messages/bulk-delete",
		  REST_MESSAGE_BULK_DELETE },
		{ ROUTE_PUT, "/channels/" C "/messages/" M
		  "/reactions/\xf0\x9f\x94\xa5/@me", REST_REACTION_ADD },
		{ ROUTE_DELETE, "/channels/" C "/messages/" M
		  "/reactions/a:1/@me", REST_REACTION_REMOVE },
		{ ROUTE_POST, "/webhooks/" C "/token", REST_WEBHOOK_EXECUTE },
	};
	struct route_match match;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(route_find(cases[i].method, cases[i].path,
					    &match), ERROR_NONE);
		assert_int_equal(match.kind, cases[i].kind);
	}
}

static void takes_ids_and_text_from_the_path(void **state)
{
	struct route_match match;

	(void)state;
	assert_int_equal(route_find(ROUTE_DELETE, "/channels/" C "/messages/" M
				    "/reactions/smile:12/@me", &match),
			 ERROR_NONE);
	assert_int_equal(match.id[REST_ID_CHANNEL], 1100000000000000001);
	assert_int_equal(match.id[REST_ID_MESSAGE], 1573911098409615361);
	assert_int_equal(match.id[REST_ID_USER], REST_ID_ME);
	assert_string_equal(match.text, "smile:12");
}

static void tells_unknown_paths_from_wrong_methods(void **state)
{
	struct route_match match;

	(void)state;
	assert_int_equal(route_find(ROUTE_GET, "", &match), ERROR_NO_ROUTE);
	assert_int_equal(route_find(ROUTE_GET, "/", &match), ERROR_NO_ROUTE);
	assert_int_equal(route_find(ROUTE_GET, "/nothing", &match),
			 ERROR_NO_ROUTE);
	assert_int_equal(route_find(ROUTE_GET, "/a/b/c/d/e/f/g/h/i/j", &match),
			 ERROR_NO_ROUTE);
	assert_int_equal(route_find(ROUTE_PUT, "/users/@me", &match),
			 ERROR_METHOD);
	assert_int_equal(route_find(ROUTE_METHODS, "/gateway", &match),
			 ERROR_METHOD);
}

static void names_an_id_that_is_no_snowflake(void **state)
{
	static const char *const bad[] = {
		"/channels/abc", "/channels/-1", "/channels/1x",
		"/channels/18446744073709551616",
		"/channels/999999999999999999999",
	};
	struct route_match match;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(route_find(ROUTE_GET, bad[i], &match),
				 ERROR_FORM);
		assert_string_equal(match.bad_id, "channel_id");
	}
	assert_int_equal(route_find(ROUTE_GET, "/channels/18446744073709551614",
				    &match), ERROR_NONE);
}

static void refuses_text_that_is_too_long(void **state)
{
	char path[512] = "/invites/";
	struct route_match match;

	(void)state;
	memset(path + 9, 'a', REST_TEXT_MAX - 1);
	assert_int_equal(route_find(ROUTE_GET, path, &match), ERROR_NONE);
	memset(path + 9, 'a', REST_TEXT_MAX);
	assert_int_equal(route_find(ROUTE_GET, path, &match), ERROR_NO_ROUTE);
}

static void reads_the_gateway_url(void **state)
{
	(void)state;
	assert_int_equal(upgrade_parse(NULL).close, 0);
	assert_int_equal(upgrade_parse("").close, 0);
	assert_int_equal(upgrade_parse("v=10&encoding=json").close, 0);
	assert_int_equal(upgrade_parse("v=9").close, 0);
	assert_int_equal(upgrade_parse("v=8").close, 4012);
	assert_int_equal(upgrade_parse("v=").close, 4012);
	assert_int_equal(upgrade_parse("encoding=etf").close, 4002);
	assert_int_equal(upgrade_parse("compress=lzma").close, 4002);
	assert_false(upgrade_parse("v=10&&x").zlib_stream);
	assert_true(upgrade_parse("compress=zlib-stream&v=10").zlib_stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_each_kind_of_call),
		cmocka_unit_test(takes_ids_and_text_from_the_path),
		cmocka_unit_test(tells_unknown_paths_from_wrong_methods),
		cmocka_unit_test(names_an_id_that_is_no_snowflake),
		cmocka_unit_test(refuses_text_that_is_too_long),
		cmocka_unit_test(reads_the_gateway_url),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
