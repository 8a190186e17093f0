// SPDX-License-Identifier: Apache-2.0
#include "gateway/frame.h"

#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

#define BIT_FIN 0x80
#define BITS_RESERVED 0x70
#define BIT_MASK 0x80
#define HEAD_SHORT 2		/* bytes before an extended length */
#define MASK_LEN 4
#define MESSAGE_CAP_MIN 256

size_t frame_head(uint8_t head[FRAME_HEAD_MAX], enum frame_opcode opcode,
		  size_t payload_len)
{
	int i;

	head[0] = BIT_FIN | opcode;
	if (payload_len < 126) {
		head[1] = payload_len;
		return 2;
	}
	if (payload_len <= UINT16_MAX) {
		head[1] = 126;
		head[2] = payload_len >> 8;
		head[3] = payload_len;
		return 4;
	}
	head[1] = 127;
	for (i = 0; i < 8; i++)
		head[2 + i] = (uint64_t)payload_len >> (56 - 8 * i);
	return 10;
}

void frame_reader_init(struct frame_reader *reader, uint32_t limit)
{
	memset(reader, 0, sizeof(*reader));
	reader->limit = limit;
}

static void message_end(struct frame_reader *reader)
{
	mem_free(reader->data);
	reader->data = NULL;
	reader->len = 0;
	reader->cap = 0;
	reader->message = 0;
}

void frame_reader_fini(struct frame_reader *reader)
{
	message_end(reader);
	mem_free(reader->control);
	reader->control = NULL;
}

static bool is_control(uint8_t opcode)
{
	return opcode & 0x08;
}

/* Length of the head whose first two bytes are here: length and mask. */
static size_t head_size(const struct frame_reader *reader)
{
	static const uint8_t extended[128] = { [126] = 2, [127] = 8 };

	if (reader->head_len < HEAD_SHORT)
		return HEAD_SHORT;
	return HEAD_SHORT + extended[reader->head[1] & 0x7f] + MASK_LEN;
}

static uint64_t head_payload_len(const struct frame_reader *reader)
{
	uint8_t n = reader->head[1] & 0x7f;
	size_t bytes = n == 126 ? 2 : n == 127 ? 8 : 0;
	uint64_t len = 0;
	size_t i;

	if (!bytes)
		return n;
	for (i = 0; i < bytes; i++)
		len = len << 8 | reader->head[HEAD_SHORT + i];
	return len;
}

/* The rules that the first two bytes can break. */
static int check_head(const struct frame_reader *reader)
{
	uint8_t opcode = reader->head[0] & 0x0f;
	bool fin = reader->head[0] & BIT_FIN;
	uint8_t len = reader->head[1] & 0x7f;

	if (reader->head[0] & BITS_RESERVED)
		return -FRAME_CLOSE_PROTOCOL;
	if (!(reader->head[1] & BIT_MASK))
		return -FRAME_CLOSE_PROTOCOL;
	if (is_control(opcode)) {
		if (opcode > FRAME_PONG || !fin || len > FRAME_CONTROL_MAX)
			return -FRAME_CLOSE_PROTOCOL;
		return 0;
	}
	if (opcode > FRAME_BINARY)
		return -FRAME_CLOSE_PROTOCOL;
	/* A continuation needs an open message, a start must not have one. */
	if ((opcode == FRAME_CONTINUATION) != (reader->message != 0))
		return -FRAME_CLOSE_PROTOCOL;
	return 0;
}

/* The shortest form is demanded, and no bit 63. */
static int check_length(const struct frame_reader *reader, uint64_t len)
{
	uint8_t n = reader->head[1] & 0x7f;

	if (n == 126 && len < 126)
		return -FRAME_CLOSE_PROTOCOL;
	if (n == 127 && (len <= UINT16_MAX || len >> 63))
		return -FRAME_CLOSE_PROTOCOL;
	return 0;
}

static int control_begin(struct frame_reader *reader)
{
	reader->control_len = 0;
	if (reader->control)
		return 0;
	reader->control = mem_alloc(FRAME_CONTROL_MAX);
	return reader->control ? 0 : -FRAME_CLOSE_NO_MEMORY;
}

/* Makes room for `extra` bytes of the open message, growing by doubling. */
static int message_reserve(struct frame_reader *reader, size_t extra)
{
	uint32_t cap = reader->cap ? reader->cap : MESSAGE_CAP_MIN;
	uint8_t *data;

	while (cap < reader->len + extra)
		cap *= 2;
	if (cap == reader->cap)
		return 0;
	data = mem_realloc(reader->data, cap);
	if (!data)
		return -FRAME_CLOSE_NO_MEMORY;
	reader->data = data;
	reader->cap = cap;
	return 0;
}

static int frame_begin(struct frame_reader *reader)
{
	uint64_t len = head_payload_len(reader);
	int err = check_length(reader, len);

	if (err)
		return err;
	reader->opcode = reader->head[0] & 0x0f;
	reader->fin = reader->head[0] & BIT_FIN;
	reader->left = len;
	reader->mask_at = 0;
	if (is_control(reader->opcode))
		return control_begin(reader);
	if (reader->opcode != FRAME_CONTINUATION)
		reader->message = reader->opcode;
	/* By what is announced: never read what would be thrown away. */
	if (len > reader->limit - reader->len)
		return -FRAME_CLOSE_TOO_BIG;
	return 0;
}

static int read_head(struct frame_reader *reader, const uint8_t *data,
		     size_t len, size_t *ret_used)
{
	size_t used = 0;
	int err;

	while (reader->head_len < head_size(reader) && used < len) {
		reader->head[reader->head_len++] = data[used++];
		if (reader->head_len == HEAD_SHORT) {
			err = check_head(reader);
			if (err)
				return err;
		}
	}
	*ret_used = used;
	/* head_size() of a head shorter than HEAD_SHORT is not the real one. */
	if (reader->head_len < HEAD_SHORT + MASK_LEN ||
	    reader->head_len < head_size(reader))
		return 0;
	return frame_begin(reader);
}

static bool head_is_whole(const struct frame_reader *reader)
{
	return reader->head_len >= HEAD_SHORT + MASK_LEN &&
	       reader->head_len == head_size(reader);
}

static void unmask(struct frame_reader *reader, uint8_t *data, size_t len)
{
	const uint8_t *mask = reader->head + reader->head_len - MASK_LEN;
	size_t i;

	for (i = 0; i < len; i++)
		data[i] ^= mask[(reader->mask_at + i) & 3];
	/* Only its low two bits matter: it may wrap. */
	reader->mask_at += len;
}

static int read_payload(struct frame_reader *reader, uint8_t *data, size_t len)
{
	int err;

	unmask(reader, data, len);
	reader->left -= len;
	if (is_control(reader->opcode)) {
		memcpy(reader->control + reader->control_len, data, len);
		reader->control_len += len;
		return 0;
	}
	err = message_reserve(reader, len);
	if (err)
		return err;
	memcpy(reader->data + reader->len, data, len);
	reader->len += len;
	return 0;
}

static int message_found(struct frame_reader *reader, frame_found_fn found,
			 void *ctx)
{
	static const uint8_t nothing[1];
	const uint8_t *data = reader->data ? reader->data : nothing;
	int err;

	if (reader->message == FRAME_TEXT &&
	    !utf8_valid((const char *)data, reader->len))
		return -FRAME_CLOSE_UTF8;
	err = found(ctx, reader->message, data, reader->len);
	message_end(reader);
	return err;
}

static int frame_end(struct frame_reader *reader, frame_found_fn found,
		     void *ctx)
{
	reader->head_len = 0;
	if (is_control(reader->opcode))
		return found(ctx, reader->opcode, reader->control,
			     reader->control_len);
	return reader->fin ? message_found(reader, found, ctx) : 0;
}

int frame_read(struct frame_reader *reader, uint8_t *data, size_t len,
	       frame_found_fn found, void *ctx)
{
	size_t n;
	int err;

	while (len || (head_is_whole(reader) && !reader->left)) {
		if (!head_is_whole(reader)) {
			err = read_head(reader, data, len, &n);
		} else {
			n = len < reader->left ? len : reader->left;
			err = n ? read_payload(reader, data, n) : 0;
			if (!err && !reader->left)
				err = frame_end(reader, found, ctx);
		}
		if (err)
			return err;
		data += n;
		len -= n;
	}
	return 0;
}

int frame_close_code(const uint8_t *data, size_t len)
{
	unsigned int code;

	if (!len)
		return FRAME_CLOSE_NONE;
	if (len == 1)
		return -FRAME_CLOSE_PROTOCOL;
	code = data[0] << 8 | data[1];
	if (code < 1000 || code >= 5000 || (code >= 1015 && code < 3000) ||
	    code == 1004 || code == FRAME_CLOSE_NONE ||
	    code == FRAME_CLOSE_LOST)
		return -FRAME_CLOSE_PROTOCOL;
	if (!utf8_valid((const char *)data + 2, len - 2))
		return -FRAME_CLOSE_UTF8;
	return code;
}
