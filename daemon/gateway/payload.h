/* SPDX-License-Identifier: Apache-2.0 */
/* What a client sends over the gateway, decoded and checked for its form. */
#ifndef GATEWAY_PAYLOAD_H
#define GATEWAY_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/guild.h"
#include "proto/rest.h"

struct blob;

enum payload_op {
	PAYLOAD_DISPATCH = 0,
	PAYLOAD_HEARTBEAT = 1,
	PAYLOAD_IDENTIFY = 2,
	PAYLOAD_PRESENCE = 3,
	PAYLOAD_VOICE_STATE = 4,
	PAYLOAD_RESUME = 6,
	PAYLOAD_RECONNECT = 7,
	PAYLOAD_MEMBERS = 8,
	PAYLOAD_INVALID_SESSION = 9,
	PAYLOAD_HELLO = 10,
	PAYLOAD_HEARTBEAT_ACK = 11,
	PAYLOAD_ATTEND = 14,
	PAYLOAD_SOUNDBOARD = 31,
	PAYLOAD_CHANNEL_INFO = 43,
	PAYLOAD_OPS,
};

#define PAYLOAD_SIZE_MAX 4096	/* bytes of a client's payload */
#define PAYLOAD_SESSION_ID_MAX 64
#define PAYLOAD_USER_IDS_MAX 100

struct payload_presence {
	uint8_t status;			/* enum presence_status */
	struct blob *activities;	/* JSON array, NULL: []; owned */
};

struct payload_identify {
	char token[REST_TOKEN_MAX];	/* without "Bot " */
	bool has_intents;
	uint32_t intents;
	bool compress;
	uint16_t large_threshold;
	bool has_shard;
	uint32_t shard_id;
	uint32_t shard_count;
	struct payload_presence presence;
};

struct payload_resume {
	char token[REST_TOKEN_MAX];
	char session_id[PAYLOAD_SESSION_ID_MAX];
	uint64_t seq;
};

struct payload_members {
	uint64_t guild_id;
	struct guild_members_msg *msg;	/* owned; NULL after it is sent */
};

/*
 * Op 14, of people: {guild_id, active?: true, channels?: {id: [[from, to]]}}.
 * Of the channels the first one counts.
 */
struct payload_attend {
	uint64_t guild_id;
	uint64_t channel_id;	/* 0: none */
	bool active;
	uint8_t range_count;
	struct guild_range range[GUILD_RANGES_MAX];
};

struct payload {
	enum payload_op op;
	union {
		uint64_t heartbeat;	/* last seq, 0 for null */
		struct payload_identify identify;
		struct payload_resume resume;
		struct payload_presence presence;
		struct payload_members members;
		struct payload_attend attend;
	};
};

/*
 * 0; -EBADMSG: no JSON or no such envelope; -EINVAL: an opcode no client may
 * send, or a `d` that does not fit it; -ENOMEM.  On success *ret_payload is to
 * be given to payload_fini().
 */
int payload_parse(const char *text, size_t len, struct payload *ret_payload);
void payload_fini(struct payload *payload);

#endif
