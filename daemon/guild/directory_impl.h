/* SPDX-License-Identifier: Apache-2.0 */
/* Between the directory, the guilds and the administrator's socket. */
#ifndef GUILD_DIRECTORY_IMPL_H
#define GUILD_DIRECTORY_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "actor/actor.h"
#include "guild/admin.h"
#include "proto/model.h"
#include "proto/types.h"

#define DIR_INTERNAL (PROTO_DIR + 0x20)

enum dir_internal_type {
	DIR_INDEX = DIR_INTERNAL,	/* struct dir_index_msg, from a guild */
	DIR_USER_CHANGED,		/* struct dir_user_msg, to guilds */
	DIR_MEMBER_NEW,			/* struct dir_user_msg, to a guild */
	DIR_STARTED,			/* struct dir_index_msg: guild_id alone */
	DIR_ADMIN,			/* struct dir_admin_msg */
	DIR_ADMIN_REPLY,		/* struct dir_admin_reply_msg */
	/* from a direct channel */
	DIR_DIRECT_NEWEST,		/* struct dir_direct_msg */
	DIR_DIRECT_EVENT,		/* struct dir_direct_msg */
	DIR_DIRECT_IDLE,		/* struct dir_direct_msg */
	DIR_DIRECT_CHANGED,		/* struct dir_direct_changed_msg */
};

enum dir_index_kind {
	DIR_INDEX_CHANNEL,
	DIR_INDEX_WEBHOOK,
	DIR_INDEX_INVITE,	/* key: state_code_key() */
	DIR_INDEX_MEMBER,	/* key: a user id */
};

/*
 * A guild has gained or lost something by which it is found.  Sent before the
 * guild answers whoever caused it, so that what they ask next finds it.
 */
struct dir_index_msg {
	struct actor_msg head;
	uint64_t guild_id;
	uint64_t key;
	uint8_t kind;		/* enum dir_index_kind */
	bool add;
};

struct dir_user_msg {
	struct actor_msg head;
	struct user user;	/* owned */
};

struct dir_direct_msg {
	struct actor_msg head;
	uint64_t channel_id;
	uint64_t newest_id;		/* message; not of IDLE */
	uint64_t calls;			/* of IDLE: how many have come */
	uint64_t user_id;		/* of EVENT: for whom, 0: both */
	uint32_t intents;		/* of EVENT: all are needed */
	struct blob *payload;		/* of EVENT; owned */
};

/* For the search: these messages are new, changed or gone. */
struct dir_direct_changed_msg {
	struct actor_msg head;
	uint64_t channel_id;
	uint32_t count;
	uint64_t id[];
};

#define DIR_ADMIN_TEXT_MAX 4096

/* Arguments, each ended by a NUL. */
struct dir_admin_msg {
	struct actor_msg head;
	uint32_t argc;
	char text[DIR_ADMIN_TEXT_MAX];
};

struct dir_admin_reply_msg {
	struct actor_msg head;
	int error;
	uint32_t len;
	char text[];
};

#endif
