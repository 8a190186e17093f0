// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "proto/body.h"
#include "proto/embed.h"
#include "proto/fields.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define COMPONENTS_MAX 16384	/* bytes of JSON */

static const struct field message_fields[] = {
#define MESSAGE(member, key, kind, bit, min, max) \
	FIELD(struct body_message, member, key, kind, bit, FIELD_NULLABLE, \
	      min, max)
	MESSAGE(content, "content", FIELD_TEXT, BODY_CONTENT, 0,
		BODY_CONTENT_MAX),
	MESSAGE(tts, "tts", FIELD_BOOL, 0, 0, 0),
	MESSAGE(flags, "flags", FIELD_NUMBER, BODY_FLAGS, 0, UINT32_MAX),
	MESSAGE(enforce_nonce, "enforce_nonce", FIELD_BOOL, 0, 0, 0),
	MESSAGE(username, "username", FIELD_TEXT, 0, 1, 80),
	MESSAGE(avatar_url, "avatar_url", FIELD_TEXT, 0, 0, 2048),
#undef MESSAGE
};

static const struct field reference_fields[] = {
	FIELD(struct body_message, ref_message_id, "message_id", FIELD_ID,
	      BODY_REFERENCE, FIELD_REQUIRED, 0, 0),
	FIELD(struct body_message, ref_channel_id, "channel_id", FIELD_ID, 0,
	      FIELD_NULLABLE, 0, 0),
	FIELD(struct body_message, ref_guild_id, "guild_id", FIELD_ID, 0,
	      FIELD_NULLABLE, 0, 0),
};

void body_message_fini(void *body)
{
	struct body_message *b = body;

	mem_free(b->content);
	mem_free(b->embeds);
	mem_free(b->components);
	mem_free(b->nonce);
	mem_free(b->username);
	mem_free(b->avatar_url);
	for (uint32_t i = 0; i < b->attachment_count; i++)
		mem_free(b->attachment[i].description);
	mem_free(b->upload);
	mem_free(b->attachments);
	mem_free(b);
}

/* A copy as JSON text. */
static int dump(const json_t *value, char **ret_json)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	*ret_json = text ? mem_strdup(text) : NULL;
	free(text);
	return *ret_json ? 0 : -ENOMEM;
}

static int parse_nonce(const json_t *nonce, struct body_message *b,
		       struct form *form)
{
	if (!nonce || json_is_null(nonce))
		return 0;
	if (json_is_string(nonce) ? utf8_count(json_string_value(nonce),
					       json_string_length(nonce)) >
					    BODY_NONCE_MAX :
				    !json_is_integer(nonce)) {
		form_error(form, "nonce", FORM_TOO_LONG,
			   "Must be an integer or at most 25 characters.");
		return 0;
	}
	return dump(nonce, &b->nonce);
}

static int parse_reference(const json_t *ref, struct body_message *b,
			   struct form *form)
{
	if (!ref || json_is_null(ref))
		return 0;
	b->ref_may_be_missing =
		json_is_false(json_object_get(ref, "fail_if_not_exists"));
	return fields_decode(ref, reference_fields, COUNT(reference_fields), b,
			     &b->set, form, "message_reference.");
}

static int parse_embeds(const json_t *json, struct body_message *b,
			struct form *form)
{
	const json_t *embeds = json_object_get(json, "embeds");

	if (!embeds)
		return 0;
	b->set |= BODY_EMBEDS;
	return json_is_null(embeds) ? 0 :
				      embeds_normalise(embeds, &b->embeds,
						       form);
}

static int parse_components(const json_t *json, struct body_message *b,
			    struct form *form)
{
	const json_t *list = json_object_get(json, "components");
	int err;

	if (!list)
		return 0;
	b->set |= BODY_COMPONENTS;
	if (!json_array_size(list))
		return 0;
	err = dump(list, &b->components);
	if (!err && strlen(b->components) > COMPONENTS_MAX)
		form_error(form, "components", FORM_TOO_LONG, "Is too long.");
	return err;
}

static const struct field attachment_fields[] = {
	FIELD(struct body_attachment, id, "id", FIELD_ID, 0, FIELD_REQUIRED, 0,
	      0),
	FIELD(struct body_attachment, description, "description", FIELD_TEXT,
	      0, FIELD_NULLABLE, 0, 1024),
};

static int parse_attachments(const json_t *json, struct body_message *b,
			     struct form *form)
{
	const json_t *list = json_object_get(json, "attachments");
	char prefix[40];
	uint32_t unused = 0;
	json_t *item;
	size_t i;
	int err = 0;

	if (!list)
		return 0;
	b->set |= BODY_ATTACHMENTS;
	if (json_array_size(list) > FILES_MAX) {
		form_error(form, "attachments", FORM_TOO_LONG, "At most 10.");
		return 0;
	}
	json_array_foreach(list, i, item) {
		snprintf(prefix, sizeof(prefix), "attachments.%zu.", i);
		if (!err)
			err = fields_decode(item, attachment_fields,
					    COUNT(attachment_fields),
					    &b->attachment[i], &unused, form,
					    prefix);
		b->attachment_count++;
	}
	return err;
}

static void parse_kinds(const json_t *parse, struct body_mentions *m)
{
	const char *kind;
	json_t *item;
	size_t i;

	json_array_foreach(parse, i, item) {
		kind = json_string_value(item);
		if (!kind)
			continue;
		m->users |= !strcmp(kind, "users");
		m->roles |= !strcmp(kind, "roles");
		m->everyone |= !strcmp(kind, "everyone");
	}
}

static uint32_t parse_allowed(const json_t *list, const char *path,
			      uint64_t *id, struct form *form)
{
	uint32_t n = 0;
	json_t *item;
	size_t i;

	if (json_array_size(list) > MESSAGE_MENTIONS_MAX) {
		form_error(form, path, FORM_TOO_LONG, "At most 100.");
		return 0;
	}
	json_array_foreach(list, i, item) {
		if (fields_id(item, &id[n]))
			n++;
		else
			form_errorf(form, FORM_COERCE,
				    "Value is not snowflake.", "%s.%zu", path,
				    i);
	}
	return n;
}

static void parse_mentions(const json_t *json, struct body_message *b,
			   struct form *form)
{
	const json_t *allowed = json_object_get(json, "allowed_mentions");
	struct body_mentions *m = &b->mentions;

	if (!json_is_object(allowed)) {
		m->users = m->roles = m->everyone = m->replied_user = true;
		return;
	}
	b->set |= BODY_MENTIONS;
	parse_kinds(json_object_get(allowed, "parse"), m);
	m->replied_user =
		json_is_true(json_object_get(allowed, "replied_user"));
	m->user_count = parse_allowed(json_object_get(allowed, "users"),
				      "allowed_mentions.users", m->user, form);
	m->role_count = parse_allowed(json_object_get(allowed, "roles"),
				      "allowed_mentions.roles", m->role, form);
	if ((m->users && m->user_count) || (m->roles && m->role_count))
		form_error(form, "allowed_mentions",
			   "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
			   "parse and a list exclude each other.");
}

int body_message_parse(const void *json, void **ret_body, struct form *form)
{
	struct body_message *b;
	int err;

	if (!json_is_object((const json_t *)json)) {
		form_error(form, "", FORM_TYPE, "Must be an object.");
		return 0;
	}
	b = mem_zalloc(sizeof(*b));
	if (!b)
		return -ENOMEM;
	*ret_body = b;
	err = fields_decode(json, message_fields, COUNT(message_fields), b,
			    &b->set, form, "");
	if (!err)
		err = parse_nonce(json_object_get(json, "nonce"), b, form);
	if (!err)
		err = parse_reference(json_object_get(json,
						      "message_reference"),
				      b, form);
	if (!err)
		err = parse_embeds(json, b, form);
	if (!err)
		err = parse_components(json, b, form);
	if (!err)
		err = parse_attachments(json, b, form);
	parse_mentions(json, b, form);
	return err;
}
