/* SPDX-License-Identifier: Apache-2.0 */
/* Takes the chunks of a request's body (RFC 9112, 7.1) apart, as they come. */
#ifndef GATEWAY_CHUNKED_H
#define GATEWAY_CHUNKED_H

#include <stddef.h>
#include <stdint.h>

struct buf;

struct chunked {
	uint8_t state;
	uint8_t digits;		/* of the size so far */
	uint16_t line;		/* bytes of a line that is skipped */
	uint32_t left;		/* of the chunk */
};

/* All zeroes is the beginning.  Appends what is body to `out`: 1 when it ends
 * here, 0: not yet, -EINVAL, or what `out` says. */
int chunked_read(struct chunked *c, const char *data, size_t len,
		 struct buf *out);

#endif
