// SPDX-License-Identifier: Apache-2.0
#include "gateway/batch.h"

#include <string.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "gateway/tls.h"
#include "os/sock.h"

/*
 * A batch of few bytes is sent from one place, where all of it is copied to.
 * What makes it longer is sent from where it is, if it is worth a piece: so
 * that what waits for a socket holds no memory of its own, and the bytes of
 * many sessions stay in the processor's cache.
 */
#define COPIED_BYTES (2u << 10)
#define PIECE_MIN 256
#define SHARED_MAX 128		/* payloads of one batch that are not copied */
#define SPARES_MAX 128		/* batches that a core keeps for the next send */
#define SPARE_BYTES (16u << 10)	/* and the memory that such a one may have */

/* A stretch of the batch that is not in `bytes`: it follows bytes[..at]. */
struct shared {
	size_t at;
	struct blob *blob;
};

struct batch {
	struct batch *next;	/* in the pool */
	struct buf bytes;	/* heads and copied payloads */
	size_t total;
	unsigned int count;
	struct os_send send;
	struct shared shared[SHARED_MAX];
	struct iovec iov[2 * SHARED_MAX + 1];
};

static void destroy(struct batch *batch)
{
	buf_fini(&batch->bytes);
	mem_free(batch);
}

void batch_pool_fini(struct batch_pool *pool)
{
	while (pool->spare) {
		struct batch *batch = pool->spare;

		pool->spare = batch->next;
		destroy(batch);
	}
	pool->spares = 0;
}

struct batch *batch_new(struct batch_pool *pool)
{
	struct batch *batch = pool->spare;

	if (!batch) {
		batch = mem_alloc(sizeof(*batch));
		if (!batch)
			return NULL;
		batch->bytes = BUF_INIT;
		batch->total = 0;
		batch->count = 0;
		return batch;
	}
	pool->spare = batch->next;
	pool->spares--;
	return batch;
}

static void drop_shared(struct batch *batch)
{
	while (batch->count)
		blob_put(batch->shared[--batch->count].blob);
}

void batch_free(struct batch_pool *pool, struct batch *batch)
{
	if (!batch)
		return;
	drop_shared(batch);
	if (!pool || pool->spares == SPARES_MAX ||
	    batch->bytes.cap > SPARE_BYTES) {
		destroy(batch);
		return;
	}
	buf_reset(&batch->bytes);
	batch->total = 0;
	batch->next = pool->spare;
	pool->spare = batch;
	pool->spares++;
}

static bool is_shared(const struct batch *batch, const struct blob *tail)
{
	return tail && tail->len >= PIECE_MIN &&
	       batch->bytes.len + tail->len > COPIED_BYTES;
}

static void share(struct batch *batch, struct blob *blob)
{
	check(batch->count < SHARED_MAX);
	batch->shared[batch->count++] = (struct shared){
		.at = batch->bytes.len,
		.blob = blob_get(blob),
	};
}

int batch_put(struct batch *batch, enum frame_opcode opcode, const void *head,
	      size_t head_len, struct blob *tail)
{
	size_t tail_len = tail ? tail->len : 0, frame_len, copied;
	uint8_t frame[FRAME_HEAD_MAX];
	char *to;

	frame_len = frame_head(frame, opcode, head_len + tail_len);
	copied = is_shared(batch, tail) ? 0 : tail_len;
	to = buf_grow(&batch->bytes, frame_len + head_len + copied);
	if (!to)
		return batch->bytes.err;
	memcpy(to, frame, frame_len);
	memcpy(to + frame_len, head, head_len);
	if (copied)
		memcpy(to + frame_len + head_len, tail->data, copied);
	else if (tail_len)
		share(batch, tail);
	batch->total += frame_len + head_len + tail_len;
	return 0;
}

bool batch_full(const struct batch *batch)
{
	return batch->total >= BATCH_BYTES || batch->count == SHARED_MAX;
}

static unsigned int fill_iov(struct batch *batch)
{
	struct iovec *iov = batch->iov;
	size_t from = 0;

	for (unsigned int i = 0; i < batch->count; i++) {
		const struct shared *shared = &batch->shared[i];

		if (shared->at > from)
			*iov++ = (struct iovec){ batch->bytes.data + from,
						 shared->at - from };
		*iov++ = (struct iovec){ shared->blob->data,
					 shared->blob->len };
		from = shared->at;
	}
	if (batch->bytes.len > from)
		*iov++ = (struct iovec){ batch->bytes.data + from,
					 batch->bytes.len - from };
	return (unsigned int)(iov - batch->iov);
}

int batch_seal(struct batch *batch, struct tls *tls)
{
	unsigned int n = fill_iov(batch), i;
	int err = 0;

	for (i = 0; !err && i < n; i++)
		err = tls_write(tls, batch->iov[i].iov_base,
				batch->iov[i].iov_len);
	drop_shared(batch);
	buf_reset(&batch->bytes);
	return err ? err : tls_take(tls, &batch->bytes);
}

struct os_send *batch_op(struct batch *batch)
{
	return &batch->send;
}

struct os_send *batch_send(struct batch *batch)
{
	batch->send = (struct os_send){
		.iov = batch->iov,
		.iovcnt = fill_iov(batch),
	};
	return &batch->send;
}
