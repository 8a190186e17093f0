// SPDX-License-Identifier: Apache-2.0
/* Client payloads, with what discord.js, eris and oceanic.js really send. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/blob.h"
#include "gateway/payload.h"

static int parse(const char *text, struct payload *payload)
{
	return payload_parse(text, strlen(text), payload);
}

static void expect(const char *text, int err)
{
	struct payload payload;

	assert_int_equal(parse(text, &payload), err);
	if (!err)
		payload_fini(&payload);
}

static void reads_heartbeats(void **state)
{
	struct payload payload;

	(void)state;
	assert_int_equal(parse("{\"op\":1,\"d\":251}", &payload), 0);
	assert_int_equal(payload.heartbeat, 251);
	assert_int_equal(parse("{\"op\":1,\"d\":null}", &payload), 0);
	assert_int_equal(payload.heartbeat, 0);
	expect("{\"op\":1}", 0);
	expect("{\"op\":1,\"d\":-1}", -EINVAL);
	expect("{\"op\":1,\"d\":\"3\"}", -EINVAL);
}

static void tells_broken_json_from_wrong_opcodes(void **state)
{
	(void)state;
	expect("", -EBADMSG);
	expect("{", -EBADMSG);
	expect("[]", -EBADMSG);
	expect("7", -EBADMSG);
	expect("{\"d\":1}", -EBADMSG);
	expect("{\"op\":\"1\"}", -EBADMSG);
	expect("{\"op\":1,\"op\":2}", -EBADMSG);
	expect("{\"op\":0,\"d\":{}}", -EINVAL);
	expect("{\"op\":5}", -EINVAL);
	expect("{\"op\":-1}", -EINVAL);
	expect("{\"op\":44}", -EINVAL);
	expect("{\"op\":9223372036854775807}", -EINVAL);
}

static void reads_the_identify_of_discord_js(void **state)
{
	struct payload payload;

	(void)state;
	assert_int_equal(parse(
		"{\"op\":2,\"d\":{\"token\":\"T\",\"properties\":{\"browser\":"
		"\"b\",\"device\":\"d\",\"os\":\"linux\"},\"intents\":33281,"
		"\"compress\":false,\"shard\":[0,1],\"large_threshold\":50,"
		"\"presence\":{\"activities\":[],\"afk\":false,\"since\":null,"
		"\"status\":\"online\"}}}", &payload), 0);
	assert_string_equal(payload.identify.token, "T");
	assert_true(payload.identify.has_intents);
	assert_int_equal(payload.identify.intents, 33281);
	assert_true(payload.identify.has_shard);
	assert_int_equal(payload.identify.shard_count, 1);
	assert_int_equal(payload.identify.presence.status, PRESENCE_ONLINE);
	payload_fini(&payload);
}

static void reads_the_identify_of_eris(void **state)
{
	struct payload payload;

	(void)state;
	assert_int_equal(parse(
		"{\"op\":2,\"d\":{\"token\":\"Bot T\",\"v\":10,\"compress\":"
		"false,\"large_threshold\":250,\"intents\":513,\"properties\":"
		"{},\"presence\":{\"activities\":null,\"afk\":false,\"since\":"
		"null,\"status\":\"offline\"}}}", &payload), 0);
	assert_string_equal(payload.identify.token, "T");
	assert_false(payload.identify.has_shard);
	assert_int_equal(payload.identify.large_threshold, 250);
	assert_int_equal(payload.identify.presence.status, PRESENCE_INVISIBLE);
	payload_fini(&payload);
}

static void reads_compress_that_is_no_boolean(void **state)
{
	struct payload payload;

	(void)state;
	assert_int_equal(parse(
		"{\"op\":2,\"d\":{\"token\":\"Bot T\",\"intents\":1,"
		"\"compress\":\"zlib-stream\"}}", &payload), 0);
	assert_false(payload.identify.compress);
	assert_int_equal(payload.identify.large_threshold, 50);
	payload_fini(&payload);
}

static void refuses_an_identify_without_its_form(void **state)
{
	char text[512];

	(void)state;
	expect("{\"op\":2}", -EINVAL);
	expect("{\"op\":2,\"d\":{\"intents\":1}}", -EINVAL);
	expect("{\"op\":2,\"d\":{\"token\":7,\"intents\":1}}", -EINVAL);
	expect("{\"op\":2,\"d\":{\"token\":\"a\\u0000b\"}}", -EBADMSG);
	expect("{\"op\":2,\"d\":{\"token\":\"T\",\"shard\":[1]}}", -EINVAL);
	expect("{\"op\":2,\"d\":{\"token\":\"T\",\"shard\":[-1,2]}}", -EINVAL);
	expect("{\"op\":2,\"d\":{\"token\":\"T\",\"presence\":"
	       "{\"status\":\"away\"}}}", -EINVAL);
	snprintf(text, sizeof(text), "{\"op\":2,\"d\":{\"token\":\"%0200d\"}}",
		 0);
	expect(text, -EINVAL);
}

static void keeps_an_intent_bit_that_does_not_exist(void **state)
{
	struct payload payload;

	(void)state;
	assert_int_equal(parse("{\"op\":2,\"d\":{\"token\":\"T\",\"intents\":"
			       "4294967296}}", &payload), 0);
	assert_int_equal(payload.identify.intents, UINT32_MAX);
	payload_fini(&payload);
}

static void reads_resume(void **state)
{
	struct payload payload;

	(void)state;
	assert_int_equal(parse("{\"op\":6,\"d\":{\"token\":\"Bot T\","
			       "\"session_id\":\"abc\",\"seq\":12}}",
			       &payload), 0);
	assert_string_equal(payload.resume.token, "T");
	assert_string_equal(payload.resume.session_id, "abc");
	assert_int_equal(payload.resume.seq, 12);
	expect("{\"op\":6,\"d\":{\"token\":\"T\",\"seq\":12}}", -EINVAL);
	expect("{\"op\":6,\"d\":{\"token\":\"T\",\"session_id\":\"a\","
	       "\"seq\":1.5}}", -EINVAL);
}

static void reads_members_requests(void **state)
{
	struct payload payload;

	(void)state;
	assert_int_equal(parse(
		"{\"op\":8,\"d\":{\"guild_id\":\"11\",\"limit\":0,"
		"\"user_ids\":[\"5\",\"6\"],\"nonce\":\"n\"}}", &payload), 0);
	assert_int_equal(payload.members.guild_id, 11);
	assert_int_equal(payload.members.msg->user_count, 2);
	assert_int_equal(payload.members.msg->user_id[1], 6);
	assert_string_equal(payload.members.msg->nonce, "n");
	payload_fini(&payload);
	assert_int_equal(parse(
		"{\"op\":8,\"d\":{\"guild_id\":[\"11\"],\"query\":\"\","
		"\"limit\":0,\"presences\":true}}", &payload), 0);
	assert_true(payload.members.msg->has_query);
	assert_true(payload.members.msg->presences);
	payload_fini(&payload);
	expect("{\"op\":8,\"d\":{\"guild_id\":\"11\"}}", -EINVAL);
	expect("{\"op\":8,\"d\":{\"guild_id\":11,\"query\":\"\"}}", -EINVAL);
	expect("{\"op\":8,\"d\":{\"guild_id\":\"1\",\"user_ids\":[1]}}",
	       -EINVAL);
}

static void keeps_activities_as_json(void **state)
{
	struct payload payload;

	(void)state;
	assert_int_equal(parse(
		"{\"op\":3,\"d\":{\"since\":null,\"afk\":false,\"status\":"
		"\"dnd\",\"activities\":[{\"name\":\"chess\",\"type\":0}]}}",
		&payload), 0);
	assert_int_equal(payload.presence.status, PRESENCE_DND);
	assert_string_equal((char *)payload.presence.activities->data,
			    "[{\"name\":\"chess\",\"type\":0}]");
	payload_fini(&payload);
	expect("{\"op\":3,\"d\":{\"status\":\"dnd\",\"activities\":[{}]}}",
	       -EINVAL);
	expect("{\"op\":3,\"d\":{\"status\":\"dnd\",\"activities\":7}}",
	       -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_heartbeats),
		cmocka_unit_test(tells_broken_json_from_wrong_opcodes),
		cmocka_unit_test(reads_the_identify_of_discord_js),
		cmocka_unit_test(reads_the_identify_of_eris),
		cmocka_unit_test(reads_compress_that_is_no_boolean),
		cmocka_unit_test(refuses_an_identify_without_its_form),
		cmocka_unit_test(keeps_an_intent_bit_that_does_not_exist),
		cmocka_unit_test(reads_resume),
		cmocka_unit_test(reads_members_requests),
		cmocka_unit_test(keeps_activities_as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
