/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes JSON straight onto a buffer: commas and colons are the writer's
 * business, nesting the caller's.  Errors stick in the buffer.
 *
 *	jsonw_obj(&w);
 *	jsonw_key(&w, "op");  jsonw_u64(&w, 0);
 *	jsonw_key(&w, "d");   jsonw_null(&w);
 *	jsonw_end(&w);
 */
#ifndef BASE_JSONW_H
#define BASE_JSONW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define JSONW_DEPTH_MAX 64

struct jsonw {
	struct buf *buf;	/* borrowed */
	uint64_t arrays;	/* bit n: level n is an array */
	uint8_t depth;
	bool comma;		/* something stands before on this level */
};

void jsonw_init(struct jsonw *w, struct buf *buf);

void jsonw_obj(struct jsonw *w);
void jsonw_arr(struct jsonw *w);
/* Ends the innermost object or array. */
void jsonw_end(struct jsonw *w);

/* Keys are ours, of characters that need no escape. */
void jsonw_key(struct jsonw *w, const char *key);

/* Escapes, and replaces what is not UTF-8 by U+FFFD.  NULL text: null. */
void jsonw_str(struct jsonw *w, const char *text);
void jsonw_strn(struct jsonw *w, const char *text, size_t len);
void jsonw_u64(struct jsonw *w, uint64_t n);
void jsonw_i64(struct jsonw *w, int64_t n);
void jsonw_double(struct jsonw *w, double x);	/* not finite: null */
void jsonw_bool(struct jsonw *w, bool b);
void jsonw_null(struct jsonw *w);
/* A snowflake: a decimal string; 0 is null. */
void jsonw_id(struct jsonw *w, uint64_t id);
/* ISO 8601 with microseconds and +00:00, as Discord writes them. */
void jsonw_time_ms(struct jsonw *w, uint64_t unix_ms);
/* A value that is JSON already, copied as it stands. */
void jsonw_raw(struct jsonw *w, const void *json, size_t len);

/* key and value in one */
void jsonw_key_str(struct jsonw *w, const char *key, const char *text);
void jsonw_key_u64(struct jsonw *w, const char *key, uint64_t n);
void jsonw_key_bool(struct jsonw *w, const char *key, bool b);
void jsonw_key_id(struct jsonw *w, const char *key, uint64_t id);
void jsonw_key_time_ms(struct jsonw *w, const char *key, uint64_t unix_ms);
void jsonw_key_null(struct jsonw *w, const char *key);
void jsonw_key_obj(struct jsonw *w, const char *key);
void jsonw_key_arr(struct jsonw *w, const char *key);

#endif
