/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WebSocket framing of the server's side (RFC 6455), on bytes alone: heads of
 * outgoing frames, and a reader of incoming ones that takes them as they
 * arrive, in pieces of any size.  No extensions.
 */
#ifndef GATEWAY_FRAME_H
#define GATEWAY_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_opcode {
	FRAME_CONTINUATION = 0,
	FRAME_TEXT = 1,
	FRAME_BINARY = 2,
	FRAME_CLOSE = 8,
	FRAME_PING = 9,
	FRAME_PONG = 10,
};

enum frame_close {
	FRAME_CLOSE_NORMAL = 1000,
	FRAME_CLOSE_AWAY = 1001,
	FRAME_CLOSE_PROTOCOL = 1002,
	FRAME_CLOSE_NONE = 1005,	/* never on the wire: no code given */
	FRAME_CLOSE_LOST = 1006,	/* never on the wire: no close frame */
	FRAME_CLOSE_UTF8 = 1007,
	FRAME_CLOSE_TOO_BIG = 1009,
	FRAME_CLOSE_NO_MEMORY = 1011,
};

#define FRAME_HEAD_MAX 10	/* of a server's frame: no mask */
#define FRAME_CONTROL_MAX 125	/* payload bytes of a control frame */

/* Writes the head of a whole, unfragmented frame; returns its length. */
size_t frame_head(uint8_t head[FRAME_HEAD_MAX], enum frame_opcode opcode,
		  size_t payload_len);

/*
 * What a reader found: a whole message (FRAME_TEXT, FRAME_BINARY) or a control
 * frame.  The data are borrowed for the call.  0 to go on, else frame_read()
 * stops and returns the value.
 */
typedef int (*frame_found_fn)(void *ctx, enum frame_opcode opcode,
			      const uint8_t *data, size_t len);

struct frame_reader {
	uint8_t head[14];	/* of the frame being read */
	uint8_t head_len;	/* bytes of it that are here */
	uint8_t opcode;		/* of the frame being read */
	uint8_t message;	/* opcode of the open message, 0: none */
	bool fin;
	uint8_t control_len;
	uint32_t mask_at;	/* payload bytes of this frame already read */
	uint64_t left;		/* payload bytes of this frame to come */
	uint32_t limit;		/* bytes a message may have */
	uint32_t len;		/* bytes of the open message */
	uint32_t cap;
	uint8_t *data;		/* of the open message; NULL between messages */
	uint8_t *control;	/* of the control frame, FRAME_CONTROL_MAX */
};

void frame_reader_init(struct frame_reader *reader, uint32_t limit);
void frame_reader_fini(struct frame_reader *reader);

/*
 * Unmasks and consumes all of data (which is changed).  Returns 0, what found
 * returned, or the negated code to close with: -FRAME_CLOSE_PROTOCOL, _UTF8,
 * _TOO_BIG, _NO_MEMORY.  After anything but 0 the reader is spent.
 */
int frame_read(struct frame_reader *reader, uint8_t *data, size_t len,
	       frame_found_fn found, void *ctx);

/*
 * What a close frame says: its code, FRAME_CLOSE_NONE for an empty one, or a
 * negated code to answer with when it is malformed.
 */
int frame_close_code(const uint8_t *data, size_t len);

#endif
