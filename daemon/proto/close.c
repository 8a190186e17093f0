// SPDX-License-Identifier: Apache-2.0
#include "proto/close.h"

#include <stddef.h>

static const struct {
	uint16_t code;
	const char *reason;
} closes[] = {
	{ CLOSE_UNKNOWN, "Unknown error." },
	{ CLOSE_OPCODE, "Unknown opcode, or what it cannot carry." },
	{ CLOSE_DECODE, "Error while decoding payload." },
	{ CLOSE_NOT_IDENTIFIED, "Not authenticated." },
	{ CLOSE_TOKEN, "Authentication failed." },
	{ CLOSE_IDENTIFIED, "Already authenticated." },
	{ CLOSE_RATE, "Too many payloads, or read too slowly." },
	{ CLOSE_SHARD, "Invalid shard." },
	{ CLOSE_VERSION, "Invalid API version." },
	{ CLOSE_INTENTS, "Invalid intent(s)." },
	{ CLOSE_INTENTS_REFUSED, "Disallowed intent(s)." },
};

const char *close_reason(uint16_t code)
{
	for (size_t i = 0; i < sizeof(closes) / sizeof(*closes); i++)
		if (closes[i].code == code)
			return closes[i].reason;
	return "";
}
