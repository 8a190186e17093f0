// SPDX-License-Identifier: Apache-2.0
/* A call's kind (first byte; from 128 on with a body of parts, whose boundary is
 * B), query (up to a newline) and body, as clients send them: accepted with bounded parts, or refused with a well-formed answer. */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/check.h"
#include "proto/body.h"
#include "proto/rest.h"
#include "proto/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return proto_types_register();
}

static void check_refusal(const struct rest_reply_msg *reply)
{
	json_t *body = json_loadb((char *)reply->body->data, reply->body->len,
				  0, NULL);

	check(reply->status == 400);
	check(json_is_integer(json_object_get(body, "code")));
	json_decref(body);
}

static void check_message(const struct body_message *b)
{
	check(!b->content || strlen(b->content) <= 4 * BODY_CONTENT_MAX);
	check(b->file_count <= FILES_MAX);
	for (uint32_t i = 0; i < b->file_count; i++)
		check(strlen(b->file[i].name) && (!b->file[i].size ||
		      b->file[i].data[b->file[i].size - 1] + 1));
	check(b->mentions.user_count <= MESSAGE_MENTIONS_MAX);
	check(b->mentions.role_count <= MESSAGE_MENTIONS_MAX);
}

static void check_accepted(const struct rest_msg *msg)
{
	const struct rest_info *info = rest_info(msg->kind);

	check(!info->max_limit || (msg->query.limit >= 1 &&
				   msg->query.limit <= info->max_limit));
	check(memchr(msg->query.text, 0, sizeof(msg->query.text)));
	check(!info->parse || msg->body);
	if (info->parse == body_message_parse)
		check_message(msg->body);
}

static struct rest_reply_msg *parse(struct rest_msg *msg, bool parts,
				    const char *query, size_t query_len,
				    const char *body, size_t len)
{
	struct rest_reply_msg *reply;
	struct buf buf = BUF_INIT;

	if (!parts)
		return rest_parse(msg, query, query_len, body, len);
	buf_append(&buf, body, len);
	reply = rest_parse_upload(msg, query, query_len, &buf, "B");
	buf_fini(&buf);
	return reply;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1, *line;
	struct rest_reply_msg *reply;
	struct rest_msg *msg;
	size_t query;

	if (!size)
		return 0;
	size--;
	line = memchr(text, '\n', size);
	query = line ? (size_t)(line - text) : size;
	msg = rest_msg_new(1 + data[0] % (REST_KINDS - 1));
	check(msg);
	reply = parse(msg, data[0] & 0x80, text, query,
		      line ? line + 1 : text, line ? size - query - 1 : 0);
	if (reply) {
		check_refusal(reply);
		actor_msg_free(&reply->head);
	} else {
		check_accepted(msg);
	}
	actor_msg_free(&msg->head);
	return 0;
}
