/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable byte buffer.  The first failure sticks in `err`; later appends do
 * nothing, so that a writer checks once, at the end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data;	/* NULL when nothing was ever appended */
	size_t len;
	size_t cap;
	size_t limit;	/* most bytes it may hold; 0: none */
	int err;	/* 0, -ENOMEM, or -EMSGSIZE beyond the limit */
};

#define BUF_INIT ((struct buf){ 0 })

void buf_init(struct buf *buf);
void buf_fini(struct buf *buf);

/* Makes room for `extra` more bytes.  Returns buf->err. */
int buf_reserve(struct buf *buf, size_t extra);
/* Appends `len` bytes for the caller to fill, NULL on failure. */
void *buf_grow(struct buf *buf, size_t len);
int buf_append(struct buf *buf, const void *data, size_t len);
int buf_puts(struct buf *buf, const char *text);
int buf_putc(struct buf *buf, char c);
int buf_printf(struct buf *buf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int buf_put_u64(struct buf *buf, uint64_t n);

/* Forgets the bytes and the error, keeps the memory. */
void buf_reset(struct buf *buf);
/* Drops the first `len` bytes. */
void buf_consume(struct buf *buf, size_t len);
/* The text so far, terminated; "" when empty or failed.  Borrows. */
const char *buf_str(struct buf *buf);
/* Returns the memory (terminated, mem_free() it) and empties the buffer;
 * NULL when it has failed. */
char *buf_steal(struct buf *buf, size_t *ret_len);

#endif
