// SPDX-License-Identifier: Apache-2.0
/*
 * Incoming WebSocket frames: the same bytes, in one piece and in pieces whose
 * size the first byte gives, must be read as the same messages, and as those
 * that a plain reader of RFC 6455, which has all bytes before it, finds.
 */
#include <stdbool.h>
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

/* --- the plain reader ----------------------------------------------------- */

/* The length of the character there, 0: it is none. */
static size_t character(const uint8_t *at, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = at[0] < 0x80 ? 1 : at[0] >> 5 == 6 ? 2 :
		   at[0] >> 4 == 14 ? 3 : at[0] >> 3 == 30 ? 4 : 0;
	uint32_t value = n == 1 ? at[0] : at[0] & (0x7f >> n);

	if (!n || n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (at[i] >> 6 != 2)
			return 0;
		value = value << 6 | (at[i] & 0x3f);
	}
	return value < least[n] || value > 0x10ffff ||
	       (value >= 0xd800 && value < 0xe000) ? 0 : n;
}

static bool is_text(const uint8_t *at, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i += n) {
		n = character(at + i, len - i);
		if (!n)
			return false;
	}
	return true;
}

static int plain_close(const uint8_t *data, size_t len)
{
	static const uint16_t allowed[][2] = {
		{ 1000, 1003 }, { 1007, 1014 }, { 3000, 4999 },
	};

	if (!len)
		return 1005;
	for (size_t i = 0; len > 1 && i < 3; i++) {
		int code = data[0] * 256 + data[1];

		if (code >= allowed[i][0] && code <= allowed[i][1])
			return is_text(data + 2, len - 2) ? code : -1007;
	}
	return -1002;
}

struct plain {
	struct digest digest;
	uint8_t open;			/* opcode of the message begun */
	size_t len;			/* of what is here of it */
	uint8_t message[LIMIT];
};

static bool breaks_a_rule(const struct plain *p, const uint8_t *head)
{
	uint8_t opcode = head[0] & 15;

	if (head[0] & 0x70 || !(head[1] & 0x80))
		return true;
	if (opcode >= 8)
		return opcode > 10 || !(head[0] & 0x80) ||
		       (head[1] & 0x7f) > 125;
	return opcode > 2 || (opcode == 0) == (p->open == 0);
}

static int plain_found(struct plain *p, uint8_t opcode, const uint8_t *data,
		       size_t len)
{
	p->digest.hash = hash_bytes(data, len, p->digest.hash ^ opcode);
	p->digest.count++;
	return opcode == 8 ? plain_close(data, len) : 0;
}

/* One frame whose head is good, and whose payload is all here. */
static int plain_frame(struct plain *p, uint8_t first, const uint8_t *mask,
		       const uint8_t *data, size_t len)
{
	uint8_t control[125], opcode = first & 15;
	uint8_t *to = opcode >= 8 ? control : p->message + p->len;

	for (size_t i = 0; i < len; i++)
		to[i] = data[i] ^ mask[i % 4];
	if (opcode >= 8)
		return plain_found(p, opcode, control, len);
	p->len += len;
	if (!(first & 0x80))
		return 0;
	opcode = p->open;
	p->open = 0;
	if (opcode == 1 && !is_text(p->message, p->len))
		return -1007;
	return plain_found(p, opcode, p->message, p->len);
}

static int plain_read(struct plain *p, const uint8_t *data, size_t size)
{
	size_t at = 0, head;
	int err = 0;

	while (!err && size - at >= 2) {
		const uint8_t *frame = data + at;
		uint8_t n = frame[1] & 0x7f, opcode = frame[0] & 15;
		uint64_t len = n;

		if (breaks_a_rule(p, frame))
			return -1002;
		head = n == 127 ? 14 : n == 126 ? 8 : 6;
		if (size - at < head)
			return 0;
		for (size_t i = 2; i < head - 4; i++)
			len = (i == 2 ? 0 : len << 8) | frame[i];
		if ((n == 126 && len < 126) ||
		    (n == 127 && (len < 65536 || len >> 63)))
			return -1002;
		if (opcode == 1 || opcode == 2) {
			p->open = opcode;
			p->len = 0;
		}
		if (opcode < 8 && len > LIMIT - p->len)
			return -1009;
		if (size - at - head < len)
			return 0;
		err = plain_frame(p, frame[0], frame + head - 4, frame + head,
				  len);
		at += head + len;
	}
	return err;
}

/* --- ours ----------------------------------------------------------------- */

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
	struct plain plain = { 0 };
	int err;

	if (!size)
		return 0;
	err = run(data + 1, size - 1, SIZE_MAX, &whole);
	check(err == run(data + 1, size - 1, data[0] % 7 + 1, &pieces));
	check(whole.hash == pieces.hash && whole.count == pieces.count);
	check(err == plain_read(&plain, data + 1, size - 1));
	check(whole.hash == plain.digest.hash &&
	      whole.count == plain.digest.count);
	return 0;
}
