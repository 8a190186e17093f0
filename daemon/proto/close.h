/* SPDX-License-Identifier: Apache-2.0 */
/* Why the Gateway closes a connection: its codes, and the words sent with them. */
#ifndef PROTO_CLOSE_H
#define PROTO_CLOSE_H

#include <stdint.h>

enum close_code {
	CLOSE_UNKNOWN = 4000,
	CLOSE_OPCODE = 4001,
	CLOSE_DECODE = 4002,
	CLOSE_NOT_IDENTIFIED = 4003,
	CLOSE_TOKEN = 4004,
	CLOSE_IDENTIFIED = 4005,
	CLOSE_RATE = 4008,
	CLOSE_SHARD = 4010,
	CLOSE_VERSION = 4012,
	CLOSE_INTENTS = 4013,
	CLOSE_INTENTS_REFUSED = 4014,
};

/* For people who read a client's log, below 123 bytes; "" for other codes. */
const char *close_reason(uint16_t code);

#endif
