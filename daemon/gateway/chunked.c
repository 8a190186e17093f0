// SPDX-License-Identifier: Apache-2.0
#include "gateway/chunked.h"

#include <errno.h>

#include "base/buf.h"

#define DIGITS_MAX 7		/* a chunk is below 256 MiB */
#define LINE_MAX_BYTES 1024	/* of an extension, or a trailer */

/*
 * SIZE -> [EXTENSION] -> SIZE_END -> DATA -> DATA_CR -> DATA_END -> SIZE ...
 * with a size of 0: SIZE_END -> TRAILER -> [FIELD -> TRAILER ...] -> END
 */
enum state {
	SIZE, EXTENSION, SIZE_END, DATA, DATA_CR, DATA_END,
	TRAILER, FIELD, FIELD_END, LAST_END, END,
};

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Returns the next state, -EINVAL. */
static int read_size(struct chunked *c, char byte)
{
	int digit = digit_of(byte);

	if (digit >= 0 && c->digits < DIGITS_MAX) {
		c->left = c->left << 4 | (uint32_t)digit;
		c->digits++;
		return SIZE;
	}
	if (digit >= 0 || !c->digits)
		return -EINVAL;
	c->line = 0;
	return byte == '\r' ? SIZE_END :
	       byte == ';' || byte == ' ' ? EXTENSION : -EINVAL;
}

static int skip(struct chunked *c, char byte, enum state end)
{
	if (byte == '\r')
		return end;
	return byte == '\n' || ++c->line > LINE_MAX_BYTES ? -EINVAL :
							    (int)c->state;
}

static int expect(char byte, char wanted, enum state next)
{
	return byte == wanted ? (int)next : -EINVAL;
}

static int step(struct chunked *c, char byte)
{
	switch ((enum state)c->state) {
	case SIZE:
		return read_size(c, byte);
	case EXTENSION:
		return skip(c, byte, SIZE_END);
	case SIZE_END:
		return expect(byte, '\n', c->left ? DATA : TRAILER);
	case DATA_CR:
		return expect(byte, '\r', DATA_END);
	case DATA_END:
		c->digits = 0;
		return expect(byte, '\n', SIZE);
	case TRAILER:
		c->line = 0;
		return byte == '\r' ? LAST_END :
		       byte == '\n' ? -EINVAL : FIELD;
	case FIELD:
		return skip(c, byte, FIELD_END);
	case FIELD_END:
		return expect(byte, '\n', TRAILER);
	case LAST_END:
		return expect(byte, '\n', END);
	case DATA:
	case END:
		break;
	}
	return -EINVAL;
}

/* Returns how much of it was the chunk's. */
static size_t take(struct chunked *c, const char *data, size_t len,
		   struct buf *out)
{
	size_t n = len < c->left ? len : c->left;

	buf_append(out, data, n);
	c->left -= (uint32_t)n;
	if (!c->left)
		c->state = DATA_CR;
	return n;
}

int chunked_read(struct chunked *c, const char *data, size_t len,
		 struct buf *out)
{
	size_t at = 0;
	int next;

	while (at < len && c->state != END) {
		if (c->state == DATA) {
			at += take(c, data + at, len - at, out);
			if (out->err)
				return out->err;
			continue;
		}
		next = step(c, data[at++]);
		if (next < 0)
			return next;
		c->state = (uint8_t)next;
	}
	return c->state == END;
}
