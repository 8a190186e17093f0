// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define BUF_MIN 256

void buf_init(struct buf *buf)
{
	*buf = BUF_INIT;
}

void buf_fini(struct buf *buf)
{
	mem_free(buf->data);
	*buf = BUF_INIT;
}

/* The capacity, a byte for the terminator included. */
static size_t next_cap(const struct buf *buf, size_t need)
{
	size_t cap = buf->cap ? buf->cap : BUF_MIN;

	while (cap < need)
		cap += cap / 2;
	return cap;
}

int buf_reserve(struct buf *buf, size_t extra)
{
	size_t need, cap;
	char *data;

	if (buf->err)
		return buf->err;
	if (__builtin_add_overflow(buf->len, extra, &need) ||
	    (buf->limit && need > buf->limit) || need > SIZE_MAX / 4)
		return buf->err = -EMSGSIZE;
	if (need < buf->cap)
		return 0;
	cap = next_cap(buf, need + 1);
	data = mem_realloc(buf->data, cap);
	if (!data)
		return buf->err = -ENOMEM;
	buf->data = data;
	buf->cap = cap;
	return 0;
}

void *buf_grow(struct buf *buf, size_t len)
{
	void *at;

	if (buf_reserve(buf, len))
		return NULL;
	at = buf->data + buf->len;
	buf->len += len;
	return at;
}

int buf_append(struct buf *buf, const void *data, size_t len)
{
	void *at;

	if (!len)
		return buf->err;
	at = buf_grow(buf, len);
	if (at)
		memcpy(at, data, len);
	return buf->err;
}

int buf_puts(struct buf *buf, const char *text)
{
	return buf_append(buf, text, strlen(text));
}

int buf_putc(struct buf *buf, char c)
{
	return buf_append(buf, &c, 1);
}

int buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list ap;
	char *at;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	check(len >= 0);
	at = buf_grow(buf, (size_t)len);
	if (!at)
		return buf->err;
	/* buf_reserve() keeps a byte for the terminator. */
	va_start(ap, fmt);
	vsnprintf(at, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return 0;
}

int buf_put_u64(struct buf *buf, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	return buf_append(buf, digits + at, sizeof(digits) - at);
}

void buf_reset(struct buf *buf)
{
	buf->len = 0;
	buf->err = 0;
}

void buf_consume(struct buf *buf, size_t len)
{
	check(len <= buf->len);
	if (!len)
		return;
	buf->len -= len;
	memmove(buf->data, buf->data + len, buf->len);
}

const char *buf_str(struct buf *buf)
{
	if (buf->err || !buf->len)
		return "";
	buf->data[buf->len] = 0;
	return buf->data;
}

char *buf_steal(struct buf *buf, size_t *ret_len)
{
	char *data;

	if (buf_reserve(buf, 0))
		return NULL;
	data = buf->data;
	data[buf->len] = 0;
	if (ret_len)
		*ret_len = buf->len;
	*buf = BUF_INIT;
	return data;
}
