// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/mem.h"
#include "proto/body.h"
#include "proto/rest.h"

/* Parses a call; *ret_reply is what it is refused with, or NULL. */
static struct rest_msg *parse(enum rest_kind kind, const char *query,
			      const char *body,
			      struct rest_reply_msg **ret_reply)
{
	struct rest_msg *msg = rest_msg_new(kind);

	assert_non_null(msg);
	*ret_reply = rest_parse(msg, query, strlen(query), body, strlen(body));
	return msg;
}

static struct rest_msg *good(enum rest_kind kind, const char *query,
			     const char *body)
{
	struct rest_reply_msg *reply;
	struct rest_msg *msg = parse(kind, query, body, &reply);

	if (reply)
		print_error("# %s\n", (char *)reply->body->data);
	assert_null(reply);
	return msg;
}

/* Refused with `code`, and with this leaf at this path of the tree. */
static void bad(enum rest_kind kind, const char *query, const char *body,
		int code, const char *path, const char *leaf)
{
	struct rest_reply_msg *reply;
	struct rest_msg *msg = parse(kind, query, body, &reply);
	char copy[128], *save, *key;
	json_t *tree, *node;

	assert_non_null(reply);
	assert_int_equal(reply->status, 400);
	tree = json_loadb((char *)reply->body->data, reply->body->len, 0,
			  NULL);
	assert_int_equal(json_integer_value(json_object_get(tree, "code")),
			 code);
	node = json_object_get(tree, "errors");
	snprintf(copy, sizeof(copy), "%s", path ? path : "");
	for (key = strtok_r(copy, ".", &save); key;
	     key = strtok_r(NULL, ".", &save))
		node = json_object_get(node, key);
	if (leaf) {
		node = json_array_get(json_object_get(node, "_errors"), 0);
		assert_string_equal(json_string_value(json_object_get(
					    node, "code")), leaf);
	}
	json_decref(tree);
	actor_msg_free(&reply->head);
	actor_msg_free(&msg->head);
}

static void a_message_is_decoded(void **state)
{
	struct rest_msg *msg = good(REST_MESSAGE_CREATE, "",
		"{\"content\":\"hi\",\"nonce\":\"n1\",\"tts\":false,"
		"\"enforce_nonce\":true,\"unknown\":{},\"flags\":4,"
		"\"message_reference\":{\"message_id\":\"12\","
		"\"fail_if_not_exists\":false},"
		"\"allowed_mentions\":{\"parse\":[\"roles\"],"
		"\"users\":[\"7\"]},\"embeds\":[{\"title\":\"t\","
		"\"type\":\"image\",\"fields\":[{\"name\":\"a\","
		"\"value\":\"b\"}]}]}");
	const struct body_message *b = msg->body;

	(void)state;
	assert_string_equal(b->content, "hi");
	assert_string_equal(b->nonce, "\"n1\"");
	assert_true(b->enforce_nonce);
	assert_int_equal(b->flags, 4);
	assert_int_equal(b->ref_message_id, 12);
	assert_true(b->ref_may_be_missing);
	assert_true(b->mentions.roles);
	assert_false(b->mentions.users);
	assert_false(b->mentions.everyone);
	assert_int_equal(b->mentions.user_count, 1);
	assert_int_equal(b->mentions.user[0], 7);
	assert_string_equal(b->embeds,
			    "[{\"type\":\"rich\",\"title\":\"t\",\"fields\":"
			    "[{\"name\":\"a\",\"value\":\"b\","
			    "\"inline\":false}]}]");
	actor_msg_free(&msg->head);
}

static void without_allowed_mentions_all_are(void **state)
{
	struct rest_msg *msg = good(REST_MESSAGE_CREATE, "",
				    "{\"content\":\"hi\"}");
	const struct body_message *b = msg->body;

	(void)state;
	assert_true(b->mentions.users && b->mentions.roles &&
		    b->mentions.everyone && b->mentions.replied_user);
	actor_msg_free(&msg->head);
}

static void long_content_is_refused(void **state)
{
	char body[2100 * 4];
	size_t n = (size_t)sprintf(body, "{\"content\":\"");

	(void)state;
	for (int i = 0; i < 2000; i++)
		n += (size_t)sprintf(body + n, "\xc3\xa4");
	strcpy(body + n, "\"}");
	actor_msg_free(&good(REST_MESSAGE_CREATE, "", body)->head);
	strcpy(body + n, "x\"}");
	bad(REST_MESSAGE_CREATE, "", body, 50035, "content", FORM_LENGTH);
}

static void what_is_wrong_is_named(void **state)
{
	(void)state;
	bad(REST_MESSAGE_CREATE, "", "{\"content\":5}", 50035, "content",
	    FORM_TYPE);
	bad(REST_MESSAGE_CREATE, "", "{", 50109, NULL, NULL);
	bad(REST_MESSAGE_CREATE, "", "[]", 50035, "", FORM_TYPE);
	bad(REST_MESSAGE_CREATE, "", "{\"nonce\":\"12345678901234567890123456"
	    "\"}", 50035, "nonce", FORM_TOO_LONG);
	bad(REST_MESSAGE_CREATE, "",
	    "{\"content\":\"x\",\"allowed_mentions\":{\"parse\":[\"users\"],"
	    "\"users\":[\"1\"]}}", 50035, "allowed_mentions",
	    "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE");
	bad(REST_MESSAGE_CREATE, "",
	    "{\"message_reference\":{\"message_id\":\"x\"}}", 50035,
	    "message_reference.message_id", FORM_COERCE);
	bad(REST_MESSAGE_CREATE, "",
	    "{\"embeds\":[{},{\"fields\":[{\"name\":\"a\"}]}]}", 50035,
	    "embeds.1.fields.0", FORM_REQUIRED);
	bad(REST_LOGIN, "", "{\"login\":\"a\"}", 50035, "password",
	    FORM_REQUIRED);
	bad(REST_CHANNEL_CREATE, "", "{\"name\":\"\"}", 50035, "name",
	    FORM_LENGTH);
	bad(REST_CHANNEL_CREATE, "",
	    "{\"name\":\"a\",\"permission_overwrites\":[{\"id\":\"1\"}]}",
	    50035, "permission_overwrites.0.type", FORM_REQUIRED);
	bad(REST_CHANNEL_EDIT, "", "{\"rate_limit_per_user\":21601}", 50035,
	    "rate_limit_per_user", FORM_RANGE);
	bad(REST_ROLES_MOVE, "", "[{\"position\":1}]", 50035, "0.id",
	    FORM_REQUIRED);
	bad(REST_MESSAGE_BULK_DELETE, "", "{\"messages\":[\"1\",\"z\"]}",
	    50035, "messages.1", FORM_COERCE);
	bad(REST_MEMBER_EDIT, "",
	    "{\"communication_disabled_until\":\"soon\"}", 50035,
	    "communication_disabled_until", FORM_TYPE);
}

static void embeds_have_limits(void **state)
{
	static char body[8192];
	size_t n;

	(void)state;
	n = (size_t)sprintf(body, "{\"embeds\":[{\"title\":\"");
	memset(body + n, 'x', 257);
	strcpy(body + n + 257, "\"}]}");
	bad(REST_MESSAGE_CREATE, "", body, 50035, "embeds.0.title",
	    FORM_TOO_LONG);
	n = (size_t)sprintf(body, "{\"embeds\":[{\"description\":\"");
	memset(body + n, 'x', 4000);
	n += 4000;
	n += (size_t)sprintf(body + n, "\"},{\"description\":\"");
	memset(body + n, 'x', 2001);
	strcpy(body + n + 2001, "\"}]}");
	bad(REST_MESSAGE_CREATE, "", body, 50035, "embeds",
	    "MAX_EMBED_SIZE_EXCEEDED");
}

static void a_patch_knows_what_was_there(void **state)
{
	struct rest_msg *msg = good(REST_CHANNEL_EDIT, "",
				    "{\"topic\":null,\"nsfw\":true}");
	const struct body_channel *b = msg->body;

	(void)state;
	assert_int_equal(b->set, BODY_CHANNEL_TOPIC | BODY_CHANNEL_NSFW);
	assert_null(b->channel.topic);
	assert_true(b->channel.nsfw);
	actor_msg_free(&msg->head);
}

static void roles_of_a_member_are_sorted_once_each(void **state)
{
	struct rest_msg *msg = good(REST_MEMBER_EDIT, "",
				    "{\"roles\":[\"9\",\"3\",9,\"5\"]}");
	const struct body_member *b = msg->body;
	const uint64_t expected[] = { 3, 5, 9 };

	(void)state;
	assert_int_equal(b->member.role_count, 3);
	assert_memory_equal(b->member.role, expected, sizeof(expected));
	actor_msg_free(&msg->head);
}

static void an_invite_lasts_a_day_unless_told(void **state)
{
	struct rest_msg *msg = good(REST_INVITE_CREATE, "", "");

	(void)state;
	assert_int_equal(((struct body_invite *)msg->body)->invite.max_age_s,
			 86400);
	actor_msg_free(&msg->head);
	msg = good(REST_INVITE_CREATE, "", "{\"max_age\":0}");
	assert_int_equal(((struct body_invite *)msg->body)->invite.max_age_s,
			 0);
	actor_msg_free(&msg->head);
}

static void a_query_is_decoded(void **state)
{
	struct rest_msg *msg;

	(void)state;
	msg = good(REST_MESSAGE_LIST, "", "");
	assert_int_equal(msg->query.limit, 50);
	actor_msg_free(&msg->head);
	msg = good(REST_MESSAGE_LIST, "limit=100&before=18446744073709551615",
		   "");
	assert_int_equal(msg->query.limit, 100);
	assert_int_equal(msg->query.before, UINT64_MAX);
	actor_msg_free(&msg->head);
	msg = good(REST_MEMBER_SEARCH, "query=a%20b%2B&limit=3&with_counts=1",
		   "");
	assert_string_equal(msg->query.text, "a b+");
	assert_true(msg->query.with_counts);
	actor_msg_free(&msg->head);
	msg = good(REST_PIN_LIST, "before=2026-11-22T04:05:06.000000%2B00:00",
		   "");
	assert_true(msg->query.before > 1500000000000000000ull);
	actor_msg_free(&msg->head);
}

static void a_bad_query_is_refused(void **state)
{
	(void)state;
	bad(REST_MESSAGE_LIST, "limit=0", "", 50035, "limit", FORM_RANGE);
	bad(REST_MESSAGE_LIST, "limit=101", "", 50035, "limit", FORM_RANGE);
	bad(REST_MESSAGE_LIST, "before=x", "", 50035, "before", FORM_COERCE);
	bad(REST_MESSAGE_LIST, "before=99999999999999999999", "", 50035,
	    "before", FORM_COERCE);
	bad(REST_MESSAGE_LIST, "before=1&after=2", "", 50035, "",
	    "MESSAGE_QUERY_EXCLUSIVE");
}

/* With the n-th allocation failing, for every n: refused, nothing leaks. */
static void put_part(struct buf *form, const char *name, const char *content,
		     size_t times)
{
	buf_printf(form, "--B\r\nContent-Disposition: form-data; name=\"%s\""
		   "\r\n\r\n", name);
	while (times--)
		buf_puts(form, content);
	buf_puts(form, "\r\n");
}

/* The code of its refusal; 0: it is good. */
static int form_error_of(struct buf *form)
{
	struct rest_msg *msg = rest_msg_new(REST_MESSAGE_CREATE);
	struct rest_reply_msg *reply;
	json_t *tree;
	int code = 0;

	buf_puts(form, "--B--\r\n");
	assert_non_null(msg);
	reply = rest_parse_upload(msg, "", 0, form, "B");
	if (reply) {
		tree = json_loadb((char *)reply->body->data, reply->body->len,
				  0, NULL);
		code = (int)json_integer_value(json_object_get(tree, "code"));
		json_decref(tree);
		actor_msg_free(&reply->head);
	}
	actor_msg_free(&msg->head);
	buf_fini(form);
	return code;
}

static void json_in_a_form_is_as_short_as_alone(void **state)
{
	struct buf form = BUF_INIT;
	char name[16];

	(void)state;
	put_part(&form, "payload_json", "{\"content\":\"x\"}", 1);
	assert_int_equal(form_error_of(&form), 0);
	put_part(&form, "payload_json", "[],", REST_JSON_MAX / 3);
	assert_int_equal(form_error_of(&form), ERROR_ENTITY_TOO_LARGE);
	for (int i = 0; i < 5; i++)
		put_part(&form, "content", "x", REST_JSON_MAX / 5);
	assert_int_equal(form_error_of(&form), ERROR_ENTITY_TOO_LARGE);
	for (uint32_t i = 0; i < REST_JSON_MAX / 8; i++) {
		snprintf(name, sizeof(name), "%08u", i);
		put_part(&form, name, "", 0);
	}
	assert_int_equal(form_error_of(&form), ERROR_ENTITY_TOO_LARGE);
}

static void lost_memory_is_survived(void **state)
{
	const char *body =
		"{\"content\":\"hi\",\"nonce\":\"n\",\"embeds\":[{\"title\":"
		"\"t\"}],\"components\":[{}],\"username\":\"u\"}";
	struct rest_reply_msg *reply;
	struct rest_msg *msg;
	uint64_t made;

	(void)state;
	for (uint64_t n = 1;; n++) {
		msg = rest_msg_new(REST_MESSAGE_CREATE);
		mem_fail_nth(n);
		reply = rest_parse(msg, "", 0, body, strlen(body));
		made = mem_fail_nth(0);
		if (reply)
			actor_msg_free(&reply->head);
		actor_msg_free(&msg->head);
		if (made < n)
			break;
	}
	assert_null(reply);
}

static void every_kind_is_described(void **state)
{
	(void)state;
	for (int kind = REST_NONE + 1; kind < REST_KINDS; kind++) {
		const struct rest_info *info = rest_info(kind);

		assert_non_null(info->name);
		assert_int_not_equal(info->place, REST_AT_NOWHERE);
		assert_int_not_equal(info->limit, 0);
		assert_int_not_equal(info->window_s, 0);
		if (info->parse)
			assert_non_null(info->fini);
	}
}

static void every_error_has_its_status(void **state)
{
	struct rest_reply_msg *reply = rest_reply_error(ERROR_UNAUTHORIZED);

	(void)state;
	assert_int_equal(reply->status, 401);
	assert_string_equal((char *)reply->body->data,
			    "{\"message\": \"401: Unauthorized\", "
			    "\"code\": 0}");
	actor_msg_free(&reply->head);
	assert_int_equal(error_status(ERROR_UNKNOWN_MESSAGE), 404);
	assert_int_equal(error_status(ERROR_MISSING_PERMISSION), 403);
	assert_int_equal(error_status(ERROR_REPLY_NO_HISTORY), 400);
	assert_int_equal(error_status((enum error_code)12345), 500);
	reply = rest_reply_error(ERROR_OVERLOADED);
	assert_int_equal(reply->retry_after_s, 1);
	actor_msg_free(&reply->head);
}

static int setup(void **state)
{
	(void)state;
	return proto_types_register();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_decoded),
		cmocka_unit_test(without_allowed_mentions_all_are),
		cmocka_unit_test(long_content_is_refused),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(embeds_have_limits),
		cmocka_unit_test(a_patch_knows_what_was_there),
		cmocka_unit_test(roles_of_a_member_are_sorted_once_each),
		cmocka_unit_test(an_invite_lasts_a_day_unless_told),
		cmocka_unit_test(a_query_is_decoded),
		cmocka_unit_test(a_bad_query_is_refused),
		cmocka_unit_test(json_in_a_form_is_as_short_as_alone),
		cmocka_unit_test(lost_memory_is_survived),
		cmocka_unit_test(every_kind_is_described),
		cmocka_unit_test(every_error_has_its_status),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
