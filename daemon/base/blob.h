/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Immutable bytes shared by reference: a payload is encoded once and held by
 * every queue it waits in.  The bytes never change after blob_new() returns to
 * its caller's caller; the count is atomic, so any thread may hold one.
 */
#ifndef BASE_BLOB_H
#define BASE_BLOB_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

struct blob {
	atomic_uint refs;	/* blob_get/blob_put only */
	uint32_t len;
	uint8_t data[];		/* data[len] is 0, for reading text */
};

/* A blob may not be longer; nothing we send or store is. */
#define BLOB_MAX (64u << 20)

/* Copies; `data` may be NULL: zeroes, which the caller fills before it shares
 * the blob.  Returns one reference, NULL when memory is out or len too big. */
struct blob *blob_new(const void *data, size_t len);
struct blob *blob_from_str(const char *text);
/* Copies what buf holds; NULL when it has failed, too. */
struct blob *blob_from_buf(const struct buf *buf);

/* Adds `n` references at once: one atomic operation for a fan-out. */
struct blob *blob_get_n(struct blob *blob, unsigned int n);
struct blob *blob_get(struct blob *blob);
/* Drops one; NULL is nothing. */
void blob_put(struct blob *blob);
/* Drops `n`, which may be none. */
void blob_put_n(struct blob *blob, unsigned int n);

#endif
