// SPDX-License-Identifier: Apache-2.0
#include "base/blob.h"

#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"

struct blob *blob_new(const void *data, size_t len)
{
	struct blob *blob;

	if (len > BLOB_MAX)
		return NULL;
	blob = mem_alloc(sizeof(*blob) + len + 1);
	if (!blob)
		return NULL;
	atomic_init(&blob->refs, 1);
	blob->len = (uint32_t)len;
	if (data)
		memcpy(blob->data, data, len);
	else
		memset(blob->data, 0, len);
	blob->data[len] = 0;
	return blob;
}

struct blob *blob_from_str(const char *text)
{
	return blob_new(text, strlen(text));
}

struct blob *blob_from_buf(const struct buf *buf)
{
	if (buf->err)
		return NULL;
	return blob_new(buf->len ? buf->data : "", buf->len);
}

struct blob *blob_get_n(struct blob *blob, unsigned int n)
{
	/* Relaxed: whoever adds a reference already holds one. */
	unsigned int old = atomic_fetch_add_explicit(&blob->refs, n,
						     memory_order_relaxed);

	check(old > 0 && old + n > old);
	return blob;
}

struct blob *blob_get(struct blob *blob)
{
	return blob_get_n(blob, 1);
}

void blob_put_n(struct blob *blob, unsigned int n)
{
	unsigned int old;

	if (!n)
		return;
	/*
	 * Release: our reads of the bytes come before the free by whoever
	 * drops the last reference; acquire is that one's half.
	 */
	old = atomic_fetch_sub_explicit(&blob->refs, n, memory_order_acq_rel);
	check(old >= n);
	if (old == n)
		mem_free(blob);
}

void blob_put(struct blob *blob)
{
	if (blob)
		blob_put_n(blob, 1);
}
