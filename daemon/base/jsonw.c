// SPDX-License-Identifier: Apache-2.0
#include "base/jsonw.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/timefmt.h"
#include "base/utf8.h"

void jsonw_init(struct jsonw *w, struct buf *buf)
{
	*w = (struct jsonw){ .buf = buf };
}

static void value(struct jsonw *w)
{
	if (w->comma)
		buf_putc(w->buf, ',');
	w->comma = true;
}

static void enter(struct jsonw *w, char c, bool is_array)
{
	value(w);
	check(w->depth < JSONW_DEPTH_MAX);
	buf_putc(w->buf, c);
	if (is_array)
		w->arrays |= 1ull << w->depth;
	else
		w->arrays &= ~(1ull << w->depth);
	w->depth++;
	w->comma = false;
}

void jsonw_obj(struct jsonw *w)
{
	enter(w, '{', false);
}

void jsonw_arr(struct jsonw *w)
{
	enter(w, '[', true);
}

void jsonw_end(struct jsonw *w)
{
	check(w->depth > 0);
	w->depth--;
	buf_putc(w->buf, w->arrays >> w->depth & 1 ? ']' : '}');
	w->comma = true;
}

void jsonw_key(struct jsonw *w, const char *key)
{
	value(w);
	buf_putc(w->buf, '"');
	buf_puts(w->buf, key);
	buf_append(w->buf, "\":", 2);
	w->comma = false;
}

/* 0: stands for itself; 'u': as \u00XX; else the letter after the backslash */
static const char escapes[256] = {
	[0 ... 7] = 'u', ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', [11] = 'u',
	['\f'] = 'f', ['\r'] = 'r', [14 ... 31] = 'u',
	['"'] = '"', ['\\'] = '\\', [127] = 'u', [128 ... 255] = '8',
};

static void put_escape(struct buf *buf, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char text[6] = { '\\', escapes[c], '0', '0', hex[c >> 4], hex[c & 15] };

	buf_append(buf, text, escapes[c] == 'u' ? 6 : 2);
}

/* Writes the character at text[at]; returns its length in bytes. */
static size_t put_special(struct buf *buf, const char *text, size_t at,
			  size_t len)
{
	unsigned char c = (unsigned char)text[at];
	size_t n;

	if (escapes[c] != '8') {
		put_escape(buf, c);
		return 1;
	}
	n = utf8_len(text + at, len - at);
	if (n)
		buf_append(buf, text + at, n);
	else
		buf_puts(buf, UTF8_REPLACEMENT);
	return n ? n : 1;
}

void jsonw_strn(struct jsonw *w, const char *text, size_t len)
{
	size_t from, at = 0;

	value(w);
	buf_reserve(w->buf, len + 2);
	buf_putc(w->buf, '"');
	while (at < len) {
		for (from = at; at < len; at++)
			if (escapes[(unsigned char)text[at]])
				break;
		buf_append(w->buf, text + from, at - from);
		if (at < len)
			at += put_special(w->buf, text, at, len);
	}
	buf_putc(w->buf, '"');
}

void jsonw_str(struct jsonw *w, const char *text)
{
	if (text)
		jsonw_strn(w, text, strlen(text));
	else
		jsonw_null(w);
}

void jsonw_u64(struct jsonw *w, uint64_t n)
{
	value(w);
	buf_put_u64(w->buf, n);
}

void jsonw_i64(struct jsonw *w, int64_t n)
{
	value(w);
	if (n < 0)
		buf_putc(w->buf, '-');
	buf_put_u64(w->buf, n < 0 ? -(uint64_t)n : (uint64_t)n);
}

void jsonw_double(struct jsonw *w, double x)
{
	if (!isfinite(x)) {
		jsonw_null(w);
		return;
	}
	value(w);
	buf_printf(w->buf, "%.17g", x);
}

void jsonw_bool(struct jsonw *w, bool b)
{
	value(w);
	buf_puts(w->buf, b ? "true" : "false");
}

void jsonw_null(struct jsonw *w)
{
	value(w);
	buf_append(w->buf, "null", 4);
}

void jsonw_id(struct jsonw *w, uint64_t id)
{
	if (!id) {
		jsonw_null(w);
		return;
	}
	value(w);
	buf_putc(w->buf, '"');
	buf_put_u64(w->buf, id);
	buf_putc(w->buf, '"');
}

void jsonw_time_ms(struct jsonw *w, uint64_t unix_ms)
{
	char text[TIMEFMT_SIZE];

	timefmt_iso(unix_ms, text);
	value(w);
	buf_printf(w->buf, "\"%s\"", text);
}

void jsonw_raw(struct jsonw *w, const void *json, size_t len)
{
	value(w);
	buf_append(w->buf, json, len);
}

void jsonw_key_str(struct jsonw *w, const char *key, const char *text)
{
	jsonw_key(w, key);
	jsonw_str(w, text);
}

void jsonw_key_u64(struct jsonw *w, const char *key, uint64_t n)
{
	jsonw_key(w, key);
	jsonw_u64(w, n);
}

void jsonw_key_bool(struct jsonw *w, const char *key, bool b)
{
	jsonw_key(w, key);
	jsonw_bool(w, b);
}

void jsonw_key_id(struct jsonw *w, const char *key, uint64_t id)
{
	jsonw_key(w, key);
	jsonw_id(w, id);
}

void jsonw_key_time_ms(struct jsonw *w, const char *key, uint64_t unix_ms)
{
	jsonw_key(w, key);
	jsonw_time_ms(w, unix_ms);
}

void jsonw_key_null(struct jsonw *w, const char *key)
{
	jsonw_key(w, key);
	jsonw_null(w);
}

void jsonw_key_obj(struct jsonw *w, const char *key)
{
	jsonw_key(w, key);
	jsonw_obj(w);
}

void jsonw_key_arr(struct jsonw *w, const char *key)
{
	jsonw_key(w, key);
	jsonw_arr(w);
}
