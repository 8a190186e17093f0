// SPDX-License-Identifier: Apache-2.0
/* Query strings and bodies of REST calls. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/blob.h"
#include "base/snowflake.h"
#include "base/timefmt.h"
#include "base/utf8.h"
#include "proto/query_string.h"
#include "proto/rest.h"

#define VALUE_MAX 256

/* A snowflake, or a time, which becomes the first one of that time. */
static bool parse_cursor(const char *text, uint64_t *ret_id)
{
	uint64_t ms;

	if (query_number(text, ret_id))
		return true;
	if (timefmt_parse(text, &ms))
		return false;
	*ret_id = snowflake_floor(ms);
	return true;
}

static bool cursor(const char *key, const char *value, uint64_t *to,
		   struct form *form)
{
	if (parse_cursor(value, to))
		return true;
	form_error(form, key, FORM_COERCE, "Value is not snowflake.");
	return false;
}

static void limit(const char *value, struct rest_msg *msg, struct form *form)
{
	const struct rest_info *info = rest_info(msg->kind);
	uint64_t n;

	if (!info->max_limit)
		return;
	if (!query_number(value, &n) || n < 1 || n > info->max_limit)
		form_error(form, "limit", FORM_RANGE, "Is out of range.");
	else
		msg->query.limit = (uint32_t)n;
}

static void action_type(const char *value, struct rest_query *q,
			struct form *form)
{
	uint64_t n;

	if (!query_number(value, &n) || n > UINT8_MAX)
		form_error(form, "action_type", FORM_CHOICES,
			   "Is no action type.");
	else
		q->action_type = (uint32_t)n;
}

static void text_value(const char *value, struct rest_query *q)
{
	size_t len = strnlen(value, sizeof(q->text) - 1);

	if (!utf8_valid(value, len))
		len = 0;
	memcpy(q->text, value, len);
	q->text[len] = 0;
}

static void parameter(struct rest_msg *msg, const char *key,
		      const char *value, struct form *form)
{
	struct rest_query *q = &msg->query;

	if (!strcmp(key, "before"))
		q->has_before = cursor(key, value, &q->before, form);
	else if (!strcmp(key, "after"))
		q->has_after = cursor(key, value, &q->after, form);
	else if (!strcmp(key, "around"))
		q->has_around = cursor(key, value, &q->around, form);
	else if (!strcmp(key, "user_id"))
		cursor(key, value, &q->user_id, form);
	else if (!strcmp(key, "action_type"))
		action_type(value, q, form);
	else if (!strcmp(key, "limit"))
		limit(value, msg, form);
	else if (!strcmp(key, "with_counts"))
		q->with_counts = query_is_true(value);
	else if (!strcmp(key, "wait"))
		q->wait = query_is_true(value);
	else if (!strcmp(key, "query"))
		text_value(value, q);
}

static void parse_query(struct rest_msg *msg, const char *query, size_t len,
			struct form *form)
{
	struct query_string at = { query, query + len };
	const struct rest_query *q = &msg->query;
	char key[QUERY_KEY_MAX], value[VALUE_MAX];

	while (query_string_next(&at, key, value, sizeof(value)))
		parameter(msg, key, value, form);
	if (q->has_before + q->has_after + q->has_around > 1)
		form_error(form, "", "MESSAGE_QUERY_EXCLUSIVE",
			   "Only one of before, after and around.");
}

/* 0, -ENOMEM, or -EINVAL: not JSON at all. */
static int parse_body(struct rest_msg *msg, const char *body, size_t len,
		      struct form *form)
{
	const struct rest_info *info = rest_info(msg->kind);
	json_t *json;
	int err;

	if (!info->parse)
		return 0;
	json = len ? json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL) :
		     json_object();
	if (!json)
		return -EINVAL;
	err = info->parse(json, &msg->body, form);
	json_decref(json);
	return err;
}

static struct rest_reply_msg *form_reply(const struct form *form)
{
	return rest_reply_new(error_status(ERROR_FORM), form_body(form));
}

struct rest_reply_msg *rest_parse(struct rest_msg *msg, const char *query,
				  size_t query_len, const char *body,
				  size_t body_len)
{
	struct rest_reply_msg *reply = NULL;
	struct form *form = form_new();
	int err;

	if (!form)
		return rest_reply_error(ERROR_OVERLOADED);
	if (rest_info(msg->kind)->parse_query) {
		err = rest_info(msg->kind)->parse_query(query, query_len,
							&msg->body, form);
	} else {
		parse_query(msg, query, query_len, form);
		err = parse_body(msg, body, body_len, form);
	}
	if (err == -EINVAL)
		reply = rest_reply_error(ERROR_JSON);
	else if (err)
		reply = rest_reply_error(ERROR_OVERLOADED);
	else if (!form_is_good(form))
		reply = form_reply(form);
	form_free(form);
	return reply;
}
