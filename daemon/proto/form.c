// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blob.h"
#include "base/mem.h"
#include "proto/error.h"

#define FORM_PATH_MAX 256

struct form {
	json_t *errors;		/* the tree; NULL when memory was out */
	bool bad;
};

struct form *form_new(void)
{
	struct form *form = mem_zalloc(sizeof(*form));

	if (form)
		form->errors = json_object();
	return form;
}

void form_free(struct form *form)
{
	if (!form)
		return;
	json_decref(form->errors);
	mem_free(form);
}

bool form_is_good(const struct form *form)
{
	return form && !form->bad;
}

static json_t *child(json_t *node, const char *key)
{
	json_t *next = json_object_get(node, key);

	if (next)
		return next;
	next = json_object();
	return json_object_set_new(node, key, next) ? NULL : next;
}

/* The list of leaves at `path`, made on the way; NULL: out of memory. */
static json_t *leaves(json_t *root, const char *path)
{
	char copy[FORM_PATH_MAX], *save, *key;
	json_t *list;

	snprintf(copy, sizeof(copy), "%s", path);
	for (key = strtok_r(copy, ".", &save); key && root;
	     key = strtok_r(NULL, ".", &save))
		root = child(root, key);
	if (!root)
		return NULL;
	list = json_object_get(root, "_errors");
	if (list)
		return list;
	list = json_array();
	return json_object_set_new(root, "_errors", list) ? NULL : list;
}

void form_error(struct form *form, const char *path, const char *leaf,
		const char *message)
{
	json_t *list;

	if (!form)
		return;
	form->bad = true;
	list = leaves(form->errors, path);
	if (list)
		json_array_append_new(list, json_pack("{s:s,s:s}", "code", leaf,
						      "message", message));
}

void form_errorf(struct form *form, const char *leaf, const char *message,
		 const char *path_format, ...)
{
	char path[FORM_PATH_MAX];
	va_list ap;

	va_start(ap, path_format);
	vsnprintf(path, sizeof(path), path_format, ap);
	va_end(ap);
	form_error(form, path, leaf, message);
}

struct blob *form_body(const struct form *form)
{
	struct blob *blob = NULL;
	json_t *body;
	char *text;

	body = json_pack("{s:i,s:s,s:O}", "code", ERROR_FORM, "message",
			 error_message(ERROR_FORM), "errors", form->errors);
	text = json_dumps(body, JSON_COMPACT);
	if (text)
		blob = blob_from_str(text);
	free(text);
	json_decref(body);
	return blob;
}
