/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes a JSON object into a struct as a table says.  Unknown keys are
 * ignored, as Discord does; what is wrong goes into the form.
 */
#ifndef PROTO_FIELDS_H
#define PROTO_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

enum field_kind {
	FIELD_TEXT,	/* char *, owned; min .. max characters */
	FIELD_NUMBER,	/* any width; min .. max */
	FIELD_BOOL,	/* bool */
	FIELD_ID,	/* uint64_t; a snowflake as string or number */
	FIELD_BITS,	/* uint64_t; permissions as string or number */
	FIELD_TIME,	/* uint64_t ms since 1970; ISO 8601 */
};

enum field_flag {
	FIELD_REQUIRED	= 1 << 0,
	FIELD_NULLABLE	= 1 << 1,	/* null: NULL or 0, and counts as set */
};

struct field {
	const char *key;
	uint8_t kind;		/* enum field_kind */
	uint8_t size;		/* of the struct's member */
	uint16_t offset;
	uint32_t bit;		/* ORed into *set when the key was there */
	uint32_t flags;		/* enum field_flag */
	int64_t min, max;
};

#define FIELD(type, member, key_, kind_, bit_, flags_, min_, max_) {	\
	.key = (key_), .kind = (kind_), .bit = (bit_), .flags = (flags_), \
	.size = sizeof(((type *)0)->member),				\
	.offset = offsetof(type, member), .min = (min_), .max = (max_),	\
}

/*
 * Decodes the `count` fields of `object` into *to.  `prefix` is the path of
 * the object within the request, "" or ending with a dot.  -ENOMEM.
 */
int fields_decode(const json_t *object, const struct field *field,
		  size_t count, void *to, uint32_t *set, struct form *form,
		  const char *prefix);

/* A snowflake from a string or an integer; false when it is neither. */
bool fields_id(const json_t *value, uint64_t *ret_id);

#endif
