// SPDX-License-Identifier: Apache-2.0
#include "gateway/batch.h"

#include <sys/uio.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "gateway/tls.h"

#define BIG_PAYLOAD (8u << 10)	/* sent from where it is, not copied */
#define BIGS_MAX 4		/* such payloads in one batch */
#define SPARES_MAX 1024		/* batches that a core keeps for the next send */
#define SPARE_BYTES (4u << 10)	/* and the memory that such a one may have */

/* A stretch of the batch that is not in `bytes`: it follows bytes[..at]. */
struct big {
	size_t at;
	struct blob *blob;
};

struct batch {
	struct batch *next;	/* in the pool */
	struct buf bytes;	/* heads and small payloads */
	size_t total;
	unsigned int bigs;
	struct big big[BIGS_MAX];
	struct iovec iov[2 * BIGS_MAX + 1];
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

	if (!batch)
		return mem_zalloc(sizeof(*batch));
	pool->spare = batch->next;
	pool->spares--;
	return batch;
}

static void drop_bigs(struct batch *batch)
{
	while (batch->bigs)
		blob_put(batch->big[--batch->bigs].blob);
}

void batch_free(struct batch_pool *pool, struct batch *batch)
{
	if (!batch)
		return;
	drop_bigs(batch);
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

static int put_bytes(struct batch *batch, const void *data, size_t len)
{
	batch->total += len;
	return buf_append(&batch->bytes, data, len);
}

static int put_blob(struct batch *batch, struct blob *blob)
{
	if (blob->len < BIG_PAYLOAD)
		return put_bytes(batch, blob->data, blob->len);
	check(batch->bigs < BIGS_MAX);
	batch->big[batch->bigs++] = (struct big){
		.at = batch->bytes.len,
		.blob = blob_get(blob),
	};
	batch->total += blob->len;
	return 0;
}

int batch_put(struct batch *batch, enum frame_opcode opcode, const void *head,
	      size_t head_len, struct blob *tail)
{
	uint8_t frame[FRAME_HEAD_MAX];
	size_t len = frame_head(frame, opcode,
				head_len + (tail ? tail->len : 0));
	int err = put_bytes(batch, frame, len);

	err = err ? err : put_bytes(batch, head, head_len);
	return err || !tail ? err : put_blob(batch, tail);
}

bool batch_full(const struct batch *batch)
{
	return batch->total >= BATCH_BYTES || batch->bigs == BIGS_MAX;
}

static unsigned int fill_iov(struct batch *batch)
{
	unsigned int n = 0, i;
	size_t from = 0;

	for (i = 0; i < batch->bigs; i++) {
		const struct big *big = &batch->big[i];

		if (big->at > from)
			batch->iov[n++] = (struct iovec){
				batch->bytes.data + from, big->at - from };
		batch->iov[n++] = (struct iovec){
			big->blob->data, big->blob->len };
		from = big->at;
	}
	if (batch->bytes.len > from)
		batch->iov[n++] = (struct iovec){
			batch->bytes.data + from, batch->bytes.len - from };
	return n;
}

int batch_seal(struct batch *batch, struct tls *tls)
{
	unsigned int n = fill_iov(batch), i;
	int err = 0;

	for (i = 0; !err && i < n; i++)
		err = tls_write(tls, batch->iov[i].iov_base,
				batch->iov[i].iov_len);
	drop_bigs(batch);
	buf_reset(&batch->bytes);
	return err ? err : tls_take(tls, &batch->bytes);
}

struct iovec *batch_iov(struct batch *batch, unsigned int *ret_count)
{
	*ret_count = fill_iov(batch);
	return batch->iov;
}
