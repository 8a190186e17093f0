/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session actor receives from relays and from the directory.
 *
 * An event's payload is the tail of its frame, encoded once and shared by all
 * sessions:
 *
 *	,"t":"MESSAGE_CREATE","op":0,"d":{...}}
 *
 * A session writes SESSION_FRAME_HEAD with its own sequence number in front of
 * it, and keeps a reference in its replay buffer.
 */
#ifndef PROTO_SESSION_H
#define PROTO_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "actor/actor.h"
#include "proto/types.h"

struct blob;

#define SESSION_FRAME_HEAD "{\"s\":%" PRIu64

enum session_msg_type {
	SESSION_EVENTS = PROTO_SESSION,	/* struct session_events_msg */
	SESSION_GUILD_ADD,		/* struct session_guild_msg */
	SESSION_GUILD_REMOVE,		/* struct session_guild_msg */
	SESSION_CLOSE,			/* struct session_close_msg */
	SESSION_DIRECT,			/* struct session_direct_msg */
};

/* Events in the order in which the session must number them. */
struct session_events_msg {
	struct actor_msg head;
	uint32_t count;
	uint64_t opens;			/* the guild whose GUILD_CREATE this
					 * is, alone; 0: it is another */
	struct blob *payload[];		/* owned: one reference each */
};

/*
 * The session's user is now in (ADD), or no longer in (REMOVE), this guild.
 * On ADD the session sends the guild a GUILD_JOIN.  ADD for a guild it knows
 * names a restarted guild: join again.  On REMOVE it forgets the guild; the
 * GUILD_DELETE event has come before.
 */
struct session_guild_msg {
	struct actor_msg head;
	uint64_t guild_id;
	actor_ref guild;		/* nobody on REMOVE */
};

/* End the session: its token is gone (4004), it is too slow (4008), … */
struct session_close_msg {
	struct actor_msg head;
	uint16_t code;			/* of the close frame, see proto/close.h */
};

/* An event that belongs to no guild: for a session that has all of `intents`,
 * and is on the first shard. */
struct session_direct_msg {
	struct actor_msg head;
	uint32_t intents;
	struct blob *payload;		/* owned */
};

/* Returns a message with room for `count` payloads; NULL: out of memory. */
struct session_events_msg *session_events_new(uint32_t count);

#endif
