/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one send of a connection carries: frames one after another, small
 * payloads copied, big ones sent from where they are.
 *
 * Batches come out of their core's pool and go back to it.  Context: all of it
 * on the thread of that core.
 */
#ifndef GATEWAY_BATCH_H
#define GATEWAY_BATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/frame.h"

struct batch;
struct blob;
struct os_send;
struct tls;

#define BATCH_BYTES (64u << 10)		/* it is full then; one frame may go over */

struct batch_pool {
	struct batch *spare;
	unsigned int spares;
};

void batch_pool_fini(struct batch_pool *pool);

/* NULL: no memory. */
struct batch *batch_new(struct batch_pool *pool);
/* Emptied, for the next send of any connection.  NULL is fine, for both. */
void batch_free(struct batch_pool *pool, struct batch *batch);

/* Appends the frame of one payload: `head`, then `tail` (may be NULL), of which
 * a large one is referenced.  After -ENOMEM the batch is no good. */
int batch_put(struct batch *batch, enum frame_opcode opcode, const void *head,
	      size_t head_len, struct blob *tail);
bool batch_full(const struct batch *batch);

/* Turns all of it into what TLS makes of it.  -ENOMEM, -EIO. */
int batch_seal(struct batch *batch, struct tls *tls);

/* The sending of it, which lives as long as it; done, ctx and fd are still to be
 * set.  Until it has ended the batch is left alone. */
struct os_send *batch_send(struct batch *batch);
/* The same, once it is under way. */
struct os_send *batch_op(struct batch *batch);

#endif
