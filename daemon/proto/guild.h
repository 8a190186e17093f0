/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guild actor receives from sessions.  (REST calls: proto/rest.h.)
 *
 * A session that has joined gets the guild's events, GUILD_CREATE first when
 * it has that intent, as SESSION_EVENTS from the guild's relay on its core,
 * one total order per guild.
 */
#ifndef PROTO_GUILD_H
#define PROTO_GUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "actor/actor.h"
#include "proto/types.h"

struct blob;

enum guild_msg_type {
	GUILD_JOIN = PROTO_GUILD,	/* struct guild_join_msg */
	GUILD_LEAVE,			/* struct actor_msg alone */
	GUILD_MEMBERS_REQUEST,		/* struct guild_members_msg */
	GUILD_PRESENCE,			/* struct guild_presence_msg */
	GUILD_ATTEND,			/* struct guild_attend_msg */
};

/* From a session.  A second JOIN replaces the first. */
struct guild_join_msg {
	struct actor_msg head;
	uint64_t user_id;
	uint32_t intents;
	uint16_t core;			/* where the session is bound */
	uint16_t large_threshold;
	bool is_bot;
};

#define GUILD_NONCE_MAX 32
#define GUILD_QUERY_MAX 128

/* Op 8.  The answer comes as GUILD_MEMBERS_CHUNK events. */
struct guild_members_msg {
	struct actor_msg head;
	char query[GUILD_QUERY_MAX];	/* a prefix; "" with has_query: all */
	char nonce[GUILD_NONCE_MAX + 1];
	bool has_query;
	bool presences;
	uint32_t limit;
	uint32_t user_count;		/* at most 100 */
	uint64_t user_id[];
};

enum presence_status {
	PRESENCE_OFFLINE,
	PRESENCE_ONLINE,
	PRESENCE_IDLE,
	PRESENCE_DND,
	PRESENCE_INVISIBLE,
};

/* Op 3, or the presence of IDENTIFY. */
struct guild_presence_msg {
	struct actor_msg head;
	uint8_t status;			/* enum presence_status */
	struct blob *activities;	/* a checked JSON array; NULL: []; owned */
};

/*
 * Op 14: how closely a session looks.  A passive session gets no events of
 * messages, reactions, typing and presences but in the channel it attends to,
 * and messages that mention it; it is told of others by CHANNEL_UNREAD_UPDATE,
 * now and then.  Sessions are active when they join.  Rows of the member list
 * of a channel are told by GUILD_MEMBER_LIST_UPDATE, at first and when they
 * change, until the next op 14.
 */
#define GUILD_RANGES_MAX 3
#define GUILD_RANGE_ROWS 100		/* of a range at most */

/* Rows of a member list, both included. */
struct guild_range {
	uint32_t from, to;
};

struct guild_attend_msg {
	struct actor_msg head;
	bool active;			/* all channels */
	uint64_t channel_id;		/* with !active: this one; 0: none */
	uint8_t range_count;		/* of that channel's member list */
	struct guild_range range[GUILD_RANGES_MAX];
};

#endif
