/* SPDX-License-Identifier: Apache-2.0 */
/* A query string, pair by pair, percent-decoded. */
#ifndef PROTO_QUERY_STRING_H
#define PROTO_QUERY_STRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUERY_KEY_MAX 64

struct query_string {
	const char *at, *end;		/* borrowed */
};

/*
 * The next pair; false at the end.  Too long a key or value is cut; zero bytes
 * are left out; a key without a value has "".
 */
bool query_string_next(struct query_string *q, char key[QUERY_KEY_MAX],
		       char *value, size_t value_size);

/* Digits and nothing else. */
bool query_number(const char *text, uint64_t *ret_n);
bool query_is_true(const char *text);

#endif
