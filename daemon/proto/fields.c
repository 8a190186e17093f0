// SPDX-License-Identifier: Apache-2.0
#include "proto/fields.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "base/utf8.h"

/* Digits only, no sign, no blank, within 64 bits. */
static bool parse_u64(const char *text, uint64_t *ret_n)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*ret_n = strtoull(text, &end, 10);
	return !*end && !errno;
}

bool fields_id(const json_t *value, uint64_t *ret_id)
{
	if (json_is_string(value))
		return parse_u64(json_string_value(value), ret_id);
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*ret_id = (uint64_t)json_integer_value(value);
	return true;
}

struct target {
	const struct field *f;
	void *at;
	struct form *form;
	const char *prefix;
};

static int bad(const struct target *t, const char *leaf, const char *message)
{
	form_errorf(t->form, leaf, message, "%s%s", t->prefix, t->f->key);
	return 0;
}

static int text_field(const struct target *t, const json_t *value)
{
	size_t len = json_string_length(value);
	int64_t n;
	char **to = t->at;

	if (!json_is_string(value))
		return bad(t, FORM_TYPE, "Must be a string.");
	n = (int64_t)utf8_count(json_string_value(value), len);
	if (n < t->f->min || n > t->f->max)
		return bad(t, FORM_LENGTH, "Has the wrong length.");
	mem_free(*to);
	*to = mem_strdup(json_string_value(value));
	return *to ? 0 : -ENOMEM;
}

static void store_number(const struct target *t, int64_t n)
{
	/* Little and big endian alike: through a member of the right width. */
	switch (t->f->size) {
	case 1:
		*(uint8_t *)t->at = (uint8_t)n;
		break;
	case 2:
		*(uint16_t *)t->at = (uint16_t)n;
		break;
	case 4:
		*(uint32_t *)t->at = (uint32_t)n;
		break;
	default:
		*(uint64_t *)t->at = (uint64_t)n;
	}
}

static int number_field(const struct target *t, const json_t *value)
{
	int64_t n = json_integer_value(value);

	if (!json_is_integer(value))
		return bad(t, FORM_COERCE, "Must be an integer.");
	if (n < t->f->min || n > t->f->max)
		return bad(t, FORM_RANGE, "Is out of range.");
	store_number(t, n);
	return 0;
}

static int bool_field(const struct target *t, const json_t *value)
{
	if (!json_is_boolean(value))
		return bad(t, FORM_TYPE, "Must be either true or false.");
	*(bool *)t->at = json_is_true(value);
	return 0;
}

static int id_field(const struct target *t, const json_t *value)
{
	uint64_t id;

	if (!fields_id(value, &id))
		return bad(t, FORM_COERCE, "Value is not snowflake.");
	*(uint64_t *)t->at = id;
	return 0;
}

static int time_field(const struct target *t, const json_t *value)
{
	uint64_t ms;

	if (!json_is_string(value) ||
	    timefmt_parse(json_string_value(value), &ms))
		return bad(t, FORM_TYPE, "Not a valid ISO8601 timestamp.");
	*(uint64_t *)t->at = ms;
	return 0;
}

static int (*const decode[])(const struct target *, const json_t *) = {
	[FIELD_TEXT] = text_field,
	[FIELD_NUMBER] = number_field,
	[FIELD_BOOL] = bool_field,
	[FIELD_ID] = id_field,
	[FIELD_BITS] = id_field,
	[FIELD_TIME] = time_field,
};

static int null_field(const struct target *t)
{
	if (!(t->f->flags & FIELD_NULLABLE))
		return bad(t, FORM_REQUIRED, "This field is required.");
	if (t->f->kind == FIELD_TEXT)
		mem_free(*(char **)t->at);
	memset(t->at, 0, t->f->size);
	return 0;
}

int fields_decode(const json_t *object, const struct field *field,
		  size_t count, void *to, uint32_t *set, struct form *form,
		  const char *prefix)
{
	int err = 0;

	for (size_t i = 0; i < count && !err; i++) {
		struct target t = { &field[i], (char *)to + field[i].offset,
				    form, prefix };
		const json_t *value = json_object_get(object, field[i].key);

		if (!value) {
			if (field[i].flags & FIELD_REQUIRED)
				bad(&t, FORM_REQUIRED,
				    "This field is required.");
			continue;
		}
		*set |= field[i].bit;
		err = json_is_null(value) ? null_field(&t) :
					    decode[field[i].kind](&t, value);
	}
	return err;
}
