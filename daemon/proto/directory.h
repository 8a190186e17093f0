/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory, registered as "directory": who may come in, which guilds a
 * user is in, and which actor is the guild of an id.  REST calls go through it
 * as well (proto/rest.h).
 */
#ifndef PROTO_DIRECTORY_H
#define PROTO_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "actor/actor.h"
#include "proto/rest.h"
#include "proto/types.h"

struct blob;

#define DIRECTORY_NAME "directory"

enum dir_msg_type {
	DIR_AUTH = PROTO_DIR,		/* struct dir_auth_msg */
	DIR_AUTH_REPLY,			/* struct dir_auth_reply_msg */
	DIR_SESSION_OPEN,		/* struct dir_session_open_msg */
	DIR_SESSION_OPEN_REPLY,		/* struct dir_session_reply_msg */
	DIR_SESSION_CLOSE,		/* struct actor_msg alone */
};

/* Whose token is this?  For calls that no guild answers (/gateway/bot), and
 * before much is taken of anybody. */
struct dir_auth_msg {
	struct actor_msg head;
	uint64_t webhook_id;		/* not 0: it is this one's, nobody's */
	char token[REST_TOKEN_MAX];	/* without "Bot " */
};

struct dir_auth_reply_msg {
	struct actor_msg head;
	int error;			/* 0, -EACCES, -ENOENT: no such webhook */
	uint64_t webhook_id;		/* as asked */
	bool is_bot;
	uint64_t user_id;
	uint32_t guild_count;
};

/*
 * Sent by a session actor on IDENTIFY.  From a good reply on, until
 * DIR_SESSION_CLOSE or its end, which the directory monitors, the session
 * hears of guilds its user enters and leaves.
 */
struct dir_session_open_msg {
	struct actor_msg head;
	char token[REST_TOKEN_MAX];
};

struct dir_guild {
	uint64_t id;
	actor_ref ref;
};

struct dir_session_reply_msg {
	struct actor_msg head;
	int error;			/* 0 or -EACCES */
	bool is_bot;
	uint64_t user_id;
	struct blob *self_user;		/* READY's "user" object; owned */
	struct blob *private_channels;	/* a JSON array; NULL: []; owned */
	uint32_t guild_count;
	struct dir_guild guild[];	/* ascending ids */
};

#endif
