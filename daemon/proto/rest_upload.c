// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "proto/body.h"
#include "proto/multipart.h"
#include "proto/rest.h"

/* A form in its parts: the files, and all else as one JSON object. */
struct upload {
	json_t *fields;
	size_t fields_size;
	const char *json;	/* payload_json, in the body; NULL: none */
	size_t json_size;
	uint32_t file_count;
	struct body_file file[FILES_MAX];
};

static enum error_code take_file(struct upload *u,
				 const struct multipart_part *part)
{
	struct body_file *f = &u->file[u->file_count];
	const char *number = strchr(part->name, '[');

	if (u->file_count == FILES_MAX)
		return ERROR_MAX_ATTACHMENTS;
	if (part->size > FILE_SIZE_MAX)
		return ERROR_ENTITY_TOO_LARGE;
	f->number = number ? (uint32_t)strtoul(number + 1, NULL, 10) :
			     u->file_count;
	files_name_clean(f->name, part->filename);
	f->data = (const uint8_t *)part->data;
	f->size = part->size;
	u->file_count++;
	return ERROR_NONE;
}

static enum error_code take_field(struct upload *u,
				  const struct multipart_part *part)
{
	json_t *value;

	u->fields_size += strlen(part->name) + part->size + 1;
	if (u->fields_size > REST_JSON_MAX)
		return ERROR_ENTITY_TOO_LARGE;
	if (!strcmp(part->name, "payload_json")) {
		u->json = part->data;
		u->json_size = part->size;
		return ERROR_NONE;
	}
	if (!utf8_valid(part->data, part->size))
		return ERROR_JSON;
	value = strcmp(part->name, "tts") ?
			json_stringn(part->data, part->size) :
			json_boolean(part->size == 4);
	json_object_set_new(u->fields, part->name, value);
	return ERROR_NONE;
}

static enum error_code take_parts(struct upload *u, const struct buf *body,
				  const char *boundary)
{
	enum error_code code = ERROR_NONE;
	struct multipart_part part;
	struct multipart m;
	int more = 0;

	multipart_init(&m, boundary, body->data, body->len);
	while (!code && (more = multipart_next(&m, &part)) > 0)
		code = part.filename[0] ? take_file(u, &part) :
					  take_field(u, &part);
	return code || !more ? code : ERROR_JSON;
}

/* The message takes the files, with the memory they are in. */
static enum error_code give_files(struct rest_msg *msg, struct upload *u,
				  struct buf *body)
{
	struct body_message *b = msg->body;
	const uint8_t *before = (const uint8_t *)body->data;

	if (!rest_info(msg->kind)->files || !b)
		return ERROR_FORM;
	b->upload = buf_steal(body, NULL);
	if (!b->upload)
		return ERROR_OVERLOADED;
	for (uint32_t i = 0; i < u->file_count; i++) {
		b->file[i] = u->file[i];
		b->file[i].data = (uint8_t *)b->upload +
				  (u->file[i].data - before);
	}
	b->file_count = u->file_count;
	return ERROR_NONE;
}

static struct rest_reply_msg *parse_json(struct rest_msg *msg,
					 const struct upload *u,
					 const char *query, size_t query_len)
{
	struct rest_reply_msg *reply;
	char *text;

	if (u->json)
		return rest_parse(msg, query, query_len, u->json,
				  u->json_size);
	text = json_dumps(u->fields, JSON_COMPACT);
	if (!text)
		return rest_reply_error(ERROR_OVERLOADED);
	reply = rest_parse(msg, query, query_len, text, strlen(text));
	free(text);
	return reply;
}

struct rest_reply_msg *rest_parse_upload(struct rest_msg *msg,
					 const char *query, size_t query_len,
					 struct buf *body,
					 const char *boundary)
{
	struct upload u = { .fields = json_object() };
	struct rest_reply_msg *reply = NULL;
	enum error_code code;

	code = u.fields && body->len ? take_parts(&u, body, boundary) :
				       ERROR_JSON;
	if (!code)
		reply = parse_json(msg, &u, query, query_len);
	if (!code && !reply && u.file_count)
		code = give_files(msg, &u, body);
	json_decref(u.fields);
	return code ? rest_reply_error(code) : reply;
}
