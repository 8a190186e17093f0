// SPDX-License-Identifier: Apache-2.0
/*
 * Incoming WebSocket frames: the same bytes, in one piece and in pieces whose
 * size the first byte gives, must be read as the same messages.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "gateway/frame.h"

#define LIMIT 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct digest {
	uint64_t hash;
	unsigned int count;
};

static int on_found(void *ctx, enum frame_opcode opcode, const uint8_t *data,
		    size_t len)
{
	struct digest *digest = ctx;

	check(len <= (opcode & 8 ? FRAME_CONTROL_MAX : LIMIT));
	digest->hash = hash_bytes(data, len, digest->hash ^ opcode);
	digest->count++;
	if (opcode != FRAME_CLOSE)
		return 0;
	return frame_close_code(data, len);
}

static int run(const uint8_t *data, size_t size, size_t step,
	       struct digest *digest)
{
	uint8_t *copy = malloc(size + 1);
	struct frame_reader reader;
	size_t at, n;
	int err = 0;

	check(copy);
	memcpy(copy, data, size);
	memset(digest, 0, sizeof(*digest));
	frame_reader_init(&reader, LIMIT);
	for (at = 0; at < size && !err; at += n) {
		n = size - at < step ? size - at : step;
		err = frame_read(&reader, copy + at, n, on_found, digest);
	}
	frame_reader_fini(&reader);
	free(copy);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct digest whole, pieces;

	if (!size)
		return 0;
	check(run(data + 1, size - 1, SIZE_MAX, &whole) ==
	      run(data + 1, size - 1, data[0] % 7 + 1, &pieces));
	check(whole.hash == pieces.hash && whole.count == pieces.count);
	return 0;
}
