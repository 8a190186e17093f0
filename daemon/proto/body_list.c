// SPDX-License-Identifier: Apache-2.0
/* Bodies with lists in them: roles of a member, moves, ids. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/body.h"
#include "proto/fields.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MEMBER_ROLES_MAX 250
#define MOVES_MAX 500
#define BAN_DELETE_MAX_S 604800

static const struct field member_fields[] = {
#define MEMBER(member_, key, kind, bit, flags, min, max) \
	FIELD(struct body_member, member.member_, key, kind, bit, flags, min, \
	      max)
	MEMBER(nick, "nick", FIELD_TEXT, BODY_MEMBER_NICK, FIELD_NULLABLE, 0,
	       32),
	MEMBER(mute, "mute", FIELD_BOOL, BODY_MEMBER_MUTE, FIELD_NULLABLE, 0,
	       0),
	MEMBER(deaf, "deaf", FIELD_BOOL, BODY_MEMBER_DEAF, FIELD_NULLABLE, 0,
	       0),
	MEMBER(timeout_until_ms, "communication_disabled_until", FIELD_TIME,
	       BODY_MEMBER_TIMEOUT, FIELD_NULLABLE, 0, 0),
	MEMBER(flags, "flags", FIELD_NUMBER, BODY_MEMBER_FLAGS,
	       FIELD_NULLABLE, 0, UINT16_MAX),
#undef MEMBER
};

/*
 * Reads the ids of `list` into id[], of room for `max`; returns their number,
 * or -1 with an error in the form.
 */
static int read_ids(const json_t *list, const char *path, uint64_t *id,
		    size_t max, struct form *form)
{
	size_t i, n = json_array_size(list);
	json_t *item;

	if (!json_is_array(list) || n > max) {
		form_error(form, path, FORM_LENGTH,
			   "Must be an array, and not too long.");
		return -1;
	}
	json_array_foreach(list, i, item) {
		if (fields_id(item, &id[i]))
			continue;
		form_errorf(form, FORM_COERCE, "Value is not snowflake.",
			    "%s.%zu", path, i);
		return -1;
	}
	return (int)n;
}

static int by_id(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void body_member_fini(void *body)
{
	struct body_member *b = body;

	model_member_fini(&b->member);
	mem_free(b);
}

static int parse_roles(const json_t *list, struct member *m, struct form *form)
{
	uint32_t kept = 0;
	int n;

	m->role = mem_zalloc(MEMBER_ROLES_MAX * sizeof(*m->role));
	if (!m->role)
		return -ENOMEM;
	n = read_ids(list, "roles", m->role, MEMBER_ROLES_MAX, form);
	if (n <= 0)
		return 0;
	qsort(m->role, (size_t)n, sizeof(*m->role), by_id);
	for (int i = 0; i < n; i++)
		if (!kept || m->role[kept - 1] != m->role[i])
			m->role[kept++] = m->role[i];
	m->role_count = kept;
	return 0;
}

int body_member_parse(const void *json, void **ret_body, struct form *form)
{
	const json_t *roles = json_object_get(json, "roles");
	struct body_member *b = mem_zalloc(sizeof(*b));
	int err;

	if (!b)
		return -ENOMEM;
	err = fields_decode(json, member_fields, COUNT(member_fields), b,
			    &b->set, form, "");
	if (!err && roles) {
		b->set |= BODY_MEMBER_ROLES;
		if (!json_is_null(roles))
			err = parse_roles(roles, &b->member, form);
	}
	if (err)
		body_member_fini(b);
	else
		*ret_body = b;
	return err;
}

static const struct field move_fields[] = {
	FIELD(struct body_move, id, "id", FIELD_ID, 0, FIELD_REQUIRED, 0, 0),
	FIELD(struct body_move, position, "position", FIELD_NUMBER,
	      BODY_MOVE_POSITION, FIELD_NULLABLE, 0, BODY_POSITION_MAX),
	FIELD(struct body_move, parent_id, "parent_id", FIELD_ID,
	      BODY_MOVE_PARENT, FIELD_NULLABLE, 0, 0),
	FIELD(struct body_move, lock_permissions, "lock_permissions",
	      FIELD_BOOL, BODY_MOVE_LOCK, FIELD_NULLABLE, 0, 0),
};

void body_moves_fini(void *body)
{
	mem_free(body);
}

int body_moves_parse(const void *json, void **ret_body, struct form *form)
{
	size_t i, n = json_array_size(json);
	struct body_moves *b;
	json_t *item;
	char prefix[24];
	int err = 0;

	if (!json_is_array((const json_t *)json) || n > MOVES_MAX) {
		form_error(form, "", FORM_TYPE, "Must be a list.");
		return 0;
	}
	b = mem_zalloc(sizeof(*b) + n * sizeof(b->move[0]));
	if (!b)
		return -ENOMEM;
	b->count = (uint32_t)n;
	json_array_foreach((const json_t *)json, i, item) {
		snprintf(prefix, sizeof(prefix), "%zu.", i);
		if (!err)
			err = fields_decode(item, move_fields,
					    COUNT(move_fields), &b->move[i],
					    &b->move[i].set, form, prefix);
	}
	if (err)
		mem_free(b);
	else
		*ret_body = b;
	return err;
}

static int parse_id_list(const json_t *list, const char *path, void **ret_body,
			 struct form *form)
{
	struct body_ids *b = mem_zalloc(sizeof(*b));
	int n = 0;

	if (!b)
		return -ENOMEM;
	if (list)
		n = read_ids(list, path, b->id, BODY_IDS_MAX, form);
	b->count = n > 0 ? (uint32_t)n : 0;
	*ret_body = b;
	return 0;
}

void body_messages_fini(void *body)
{
	mem_free(body);
}

int body_messages_parse(const void *json, void **ret_body, struct form *form)
{
	const json_t *list = json_object_get(json, "messages");

	if (!list)
		form_error(form, "messages", FORM_REQUIRED,
			   "This field is required.");
	return parse_id_list(list, "messages", ret_body, form);
}

static const struct field ban_fields[] = {
	FIELD(struct body_ids, delete_s, "delete_message_seconds",
	      FIELD_NUMBER, 0, FIELD_NULLABLE, 0, BAN_DELETE_MAX_S),
};

void body_bans_fini(void *body)
{
	mem_free(body);
}

int body_bans_parse(const void *json, void **ret_body, struct form *form)
{
	struct body_ids *b;
	int err;

	err = parse_id_list(json_object_get(json, "user_ids"), "user_ids",
			    ret_body, form);
	if (err)
		return err;
	b = *ret_body;
	return fields_decode(json, ban_fields, COUNT(ban_fields), b, &b->set,
			     form, "");
}
