/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zlib for the gateway: a stream that lives as long as its connection
 * (zlib-stream), and single payloads (IDENTIFY's compress).
 */
#ifndef GATEWAY_SQUEEZE_H
#define GATEWAY_SQUEEZE_H

#include <stddef.h>

struct buf;
struct squeeze;

/* NULL when memory is out. */
struct squeeze *squeeze_new(void);
void squeeze_free(struct squeeze *squeeze);

/* Adds part of a message. */
int squeeze_put(struct squeeze *squeeze, const void *data, size_t len,
		struct buf *out);
/* Ends a message: out then ends with 00 00 ff ff.  -ENOMEM, -EIO. */
int squeeze_flush(struct squeeze *squeeze, struct buf *out);

/* One payload, whole, with no context.  -ENOMEM, -EIO. */
int squeeze_once(const void *head, size_t head_len, const void *tail,
		 size_t tail_len, struct buf *out);

#endif
