// SPDX-License-Identifier: Apache-2.0
#include "proto/embed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "proto/body.h"
#include "proto/error.h"

#define FIELDS_MAX 25
#define TEXT_MAX 6000		/* of all embeds together */
#define URL_MAX 2048
#define PATH_ROOM 24		/* embeds.N */
#define SUB_ROOM 64		/* embeds.N.fields.M */

/* Runs over all embeds of one message. */
struct checker {
	struct form *form;
	size_t text;		/* characters so far */
};

/* Copies object[key], if there, to out: a string of at most `max`. */
static void copy_text(struct checker *c, json_t *out, const json_t *object,
		      const char *path, const char *key, size_t max,
		      bool counts)
{
	json_t *value = json_object_get(object, key);
	size_t n;

	if (!value || json_is_null(value))
		return;
	if (!json_is_string(value)) {
		form_errorf(c->form, FORM_TYPE, "Must be a string.", "%s.%s",
			    path, key);
		return;
	}
	n = utf8_count(json_string_value(value), json_string_length(value));
	if (n > max)
		form_errorf(c->form, FORM_TOO_LONG, "Is too long.", "%s.%s",
			    path, key);
	if (counts)
		c->text += n;
	json_object_set(out, key, value);
}

/* Copies object[key] of a JSON type. */
static void copy_plain(json_t *out, const json_t *object, const char *key,
		       bool fits)
{
	json_t *value = json_object_get(object, key);

	if (value && fits)
		json_object_set(out, key, value);
}

struct part {
	const char *key;
	struct {
		const char *key;
		uint16_t max;
		bool counts;
	} text[3];
};

static const struct part parts[] = {
	{ "footer", { { "text", 2048, true }, { "icon_url", URL_MAX, false } } },
	{ "image", { { "url", URL_MAX, false } } },
	{ "thumbnail", { { "url", URL_MAX, false } } },
	{ "author", { { "name", 256, true }, { "url", URL_MAX, false },
		      { "icon_url", URL_MAX, false } } },
};

static void copy_part(struct checker *c, json_t *out, const json_t *embed,
		      const char *path, const struct part *part)
{
	const json_t *object = json_object_get(embed, part->key);
	char sub[SUB_ROOM];
	json_t *copy;

	if (!json_is_object(object))
		return;
	snprintf(sub, sizeof(sub), "%s.%s", path, part->key);
	copy = json_object();
	for (size_t i = 0; i < 3 && part->text[i].key; i++)
		copy_text(c, copy, object, sub, part->text[i].key,
			  part->text[i].max, part->text[i].counts);
	json_object_set_new(out, part->key, copy);
}

static void copy_fields(struct checker *c, json_t *out, const json_t *embed,
			const char *path)
{
	const json_t *list = json_object_get(embed, "fields");
	json_t *copy, *item, *field;
	char sub[SUB_ROOM];
	size_t i;

	if (!json_is_array(list) || !json_array_size(list))
		return;
	if (json_array_size(list) > FIELDS_MAX)
		form_errorf(c->form, FORM_TOO_LONG, "At most 25 fields.",
			    "%s.fields", path);
	copy = json_array();
	json_array_foreach(list, i, item) {
		snprintf(sub, sizeof(sub), "%s.fields.%u", path,
			 (unsigned int)i);
		field = json_object();
		copy_text(c, field, item, sub, "name", 256, true);
		copy_text(c, field, item, sub, "value", 1024, true);
		if (!json_object_get(field, "name") ||
		    !json_object_get(field, "value"))
			form_error(c->form, sub, FORM_REQUIRED,
				   "A field has a name and a value.");
		json_object_set_new(field, "inline",
				    json_boolean(json_is_true(json_object_get(
					    item, "inline"))));
		json_array_append_new(copy, field);
	}
	json_object_set_new(out, "fields", copy);
}

static json_t *normalise_one(struct checker *c, const json_t *embed, size_t i)
{
	char path[PATH_ROOM];
	json_t *out;

	snprintf(path, sizeof(path), "embeds.%u", (unsigned int)i);
	if (!json_is_object(embed)) {
		form_error(c->form, path, FORM_TYPE, "Must be an object.");
		return NULL;
	}
	out = json_pack("{s:s}", "type", "rich");
	copy_text(c, out, embed, path, "title", 256, true);
	copy_text(c, out, embed, path, "description", 4096, true);
	copy_text(c, out, embed, path, "url", URL_MAX, false);
	copy_text(c, out, embed, path, "timestamp", 40, false);
	copy_plain(out, embed, "color",
		   json_is_integer(json_object_get(embed, "color")));
	for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++)
		copy_part(c, out, embed, path, &parts[p]);
	copy_fields(c, out, embed, path);
	return out;
}

static int dump(const json_t *array, char **ret_json)
{
	char *text = json_dumps(array, JSON_COMPACT);

	*ret_json = text ? mem_strdup(text) : NULL;
	free(text);
	return *ret_json ? 0 : -ENOMEM;
}

int embeds_normalise(const json_t *list, char **ret_json, struct form *form)
{
	struct checker c = { .form = form };
	size_t i, n = json_array_size(list);
	json_t *all, *item;
	int err = 0;

	*ret_json = NULL;
	if (!json_is_array(list) || n > BODY_EMBEDS_MAX) {
		form_error(form, "embeds", FORM_TOO_LONG,
			   "Must be an array of at most 10.");
		return 0;
	}
	if (!n)
		return 0;
	all = json_array();
	json_array_foreach(list, i, item)
		json_array_append_new(all, normalise_one(&c, item, i));
	if (c.text > TEXT_MAX)
		form_error(form, "embeds", "MAX_EMBED_SIZE_EXCEEDED",
			   "Embed size exceeds maximum size of 6000");
	else
		err = dump(all, ret_json);
	json_decref(all);
	return err;
}
