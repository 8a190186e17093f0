// SPDX-License-Identifier: Apache-2.0
#include "gateway/squeeze.h"

#include <errno.h>
#include <stdint.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/mem.h"

/* A connection's window and hash: 2^(bits + 2) + 2^(level + 9) bytes, 48 KiB.
 * zlib's defaults take 256 KiB and save a few per cent more. */
#define WINDOW_BITS 13
#define MEMORY_LEVEL 5
#define CHUNK 1024

struct squeeze {
	z_stream z;
};

static void *zalloc(void *opaque, unsigned int items, unsigned int size)
{
	(void)opaque;
	return mem_alloc((size_t)items * size);
}

static void zfree(void *opaque, void *ptr)
{
	(void)opaque;
	mem_free(ptr);
}

struct squeeze *squeeze_new(void)
{
	struct squeeze *squeeze = mem_zalloc(sizeof(*squeeze));

	if (!squeeze)
		return NULL;
	squeeze->z.zalloc = zalloc;
	squeeze->z.zfree = zfree;
	if (deflateInit2(&squeeze->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
			 WINDOW_BITS, MEMORY_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK) {
		mem_free(squeeze);
		return NULL;
	}
	return squeeze;
}

void squeeze_free(struct squeeze *squeeze)
{
	if (!squeeze)
		return;
	deflateEnd(&squeeze->z);
	mem_free(squeeze);
}

static int run(struct squeeze *squeeze, const void *data, size_t len, int flush,
	       struct buf *out)
{
	z_stream *z = &squeeze->z;
	int err;

	z->next_in = (uint8_t *)(uintptr_t)data;
	z->avail_in = len;
	do {
		z->next_out = buf_grow(out, CHUNK);
		if (!z->next_out)
			return out->err;
		z->avail_out = CHUNK;
		err = deflate(z, flush);
		out->len -= z->avail_out;
		if (err != Z_OK && err != Z_BUF_ERROR && err != Z_STREAM_END)
			return -EIO;
	} while (!z->avail_out);
	return 0;
}

int squeeze_put(struct squeeze *squeeze, const void *data, size_t len,
		struct buf *out)
{
	return run(squeeze, data, len, Z_NO_FLUSH, out);
}

int squeeze_flush(struct squeeze *squeeze, struct buf *out)
{
	return run(squeeze, NULL, 0, Z_SYNC_FLUSH, out);
}

int squeeze_once(const void *head, size_t head_len, const void *tail,
		 size_t tail_len, struct buf *out)
{
	struct squeeze *squeeze = squeeze_new();
	int err;

	if (!squeeze)
		return -ENOMEM;
	err = squeeze_put(squeeze, head, head_len, out);
	err = err ? err : squeeze_put(squeeze, tail, tail_len, out);
	err = err ? err : run(squeeze, NULL, 0, Z_FINISH, out);
	squeeze_free(squeeze);
	return err;
}
