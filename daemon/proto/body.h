/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bodies of REST calls, decoded: what rest_msg.body points to, by kind.
 * `set` tells which keys were there, for calls that change only those.
 */
#ifndef PROTO_BODY_H
#define PROTO_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/files.h"
#include "proto/model.h"

struct form;

struct body_login {
	uint32_t set;
	char *login;
	char *password;
};

/* Of the last message read. */
struct body_ack {
	uint32_t set;
	uint32_t mentions;	/* that are left */
	bool manual;		/* may go back */
};

struct body_user {
	uint32_t set;		/* enum body_user_bit */
	char *username;
	char *global_name;
	char *avatar;
};

/* DIRECT_OPEN */
struct body_direct {
	uint32_t set;
	uint64_t recipient_id;
};

enum body_user_bit {
	BODY_USER_NAME		= 1 << 0,
	BODY_USER_GLOBAL	= 1 << 1,
	BODY_USER_AVATAR	= 1 << 2,
};

#define BODY_CONTENT_MAX 2000	/* characters */
/* What is made later stands above, or moves others up: there is room for it. */
#define BODY_POSITION_MAX (1 << 30)
#define BODY_NONCE_MAX 25
#define BODY_EMBEDS_MAX 10

/* Who a message may notify.  By default everybody it names. */
struct body_mentions {
	bool users;
	bool roles;
	bool everyone;
	bool replied_user;
	uint32_t user_count;
	uint32_t role_count;
	uint64_t user[MESSAGE_MENTIONS_MAX];
	uint64_t role[MESSAGE_MENTIONS_MAX];
};

enum body_message_bit {
	BODY_CONTENT	= 1 << 0,
	BODY_EMBEDS	= 1 << 1,
	BODY_COMPONENTS	= 1 << 2,
	BODY_FLAGS	= 1 << 3,
	BODY_MENTIONS	= 1 << 4,
	BODY_REFERENCE	= 1 << 5,
	BODY_ATTACHMENTS = 1 << 6,
};

/* Uploaded beside the JSON, as files[number]. */
struct body_file {
	uint32_t number;
	char name[FILE_NAME_MAX];	/* that may stand in a URL */
	const uint8_t *data;		/* in `upload` */
	size_t size;
};

/* An entry of the list of attachments: a file's number, or the id of one that
 * the message has. */
struct body_attachment {
	uint64_t id;
	char *description;
};

/* MESSAGE_CREATE, MESSAGE_EDIT, WEBHOOK_EXECUTE */
struct body_message {
	uint32_t set;			/* enum body_message_bit */
	uint32_t flags;
	char *content;			/* NULL: null */
	char *embeds;			/* JSON array; NULL: empty */
	char *components;
	char *nonce;			/* JSON: a string or a number */
	char *username;			/* of a webhook's message */
	char *avatar_url;
	bool enforce_nonce;
	bool tts;
	bool ref_may_be_missing;
	uint64_t ref_message_id;
	uint64_t ref_channel_id;
	uint64_t ref_guild_id;
	struct body_mentions mentions;
	uint32_t attachment_count;
	struct body_attachment attachment[FILES_MAX];
	uint32_t file_count;
	struct body_file file[FILES_MAX];
	char *upload;			/* what the files are in */
	char *attachments;		/* JSON of those stored: guild/attach.h */
};

enum body_channel_bit {
	BODY_CHANNEL_NAME	= 1 << 0,
	BODY_CHANNEL_TYPE	= 1 << 1,
	BODY_CHANNEL_TOPIC	= 1 << 2,
	BODY_CHANNEL_POSITION	= 1 << 3,
	BODY_CHANNEL_PARENT	= 1 << 4,
	BODY_CHANNEL_NSFW	= 1 << 5,
	BODY_CHANNEL_RATE	= 1 << 6,
	BODY_CHANNEL_BITRATE	= 1 << 7,
	BODY_CHANNEL_USERS	= 1 << 8,
	BODY_CHANNEL_OVERWRITES	= 1 << 9,
};

struct body_channel {
	uint32_t set;			/* enum body_channel_bit */
	struct channel channel;
};

enum body_role_bit {
	BODY_ROLE_NAME		= 1 << 0,
	BODY_ROLE_PERMISSIONS	= 1 << 1,
	BODY_ROLE_COLOR		= 1 << 2,
	BODY_ROLE_HOIST		= 1 << 3,
	BODY_ROLE_MENTIONABLE	= 1 << 4,
};

struct body_role {
	uint32_t set;			/* enum body_role_bit */
	struct role role;
};

enum body_member_bit {
	BODY_MEMBER_NICK	= 1 << 0,
	BODY_MEMBER_ROLES	= 1 << 1,
	BODY_MEMBER_MUTE	= 1 << 2,
	BODY_MEMBER_DEAF	= 1 << 3,
	BODY_MEMBER_TIMEOUT	= 1 << 4,
	BODY_MEMBER_FLAGS	= 1 << 5,
};

struct body_member {
	uint32_t set;			/* enum body_member_bit */
	struct member member;		/* user is empty */
};

enum body_guild_bit {
	BODY_GUILD_NAME		= 1 << 0,
	BODY_GUILD_ICON		= 1 << 1,
	BODY_GUILD_DESCRIPTION	= 1 << 2,
	BODY_GUILD_LOCALE	= 1 << 3,
	BODY_GUILD_AFK_CHANNEL	= 1 << 4,
	BODY_GUILD_AFK_TIMEOUT	= 1 << 5,
	BODY_GUILD_SYSTEM	= 1 << 6,
	BODY_GUILD_SYSTEM_FLAGS	= 1 << 7,
	BODY_GUILD_RULES	= 1 << 8,
	BODY_GUILD_UPDATES	= 1 << 9,
	BODY_GUILD_VERIFICATION	= 1 << 10,
	BODY_GUILD_NOTIFY	= 1 << 11,
	BODY_GUILD_FILTER	= 1 << 12,
	BODY_GUILD_OWNER	= 1 << 13,
};

struct body_guild {
	uint32_t set;			/* enum body_guild_bit */
	struct guild_info guild;
};

struct body_overwrite {
	uint32_t set;
	struct perm_overwrite overwrite;
};

enum body_move_bit {
	BODY_MOVE_POSITION	= 1 << 0,
	BODY_MOVE_PARENT	= 1 << 1,
	BODY_MOVE_LOCK		= 1 << 2,
};

struct body_move {
	uint32_t set;			/* enum body_move_bit */
	uint64_t id;
	uint64_t parent_id;
	int32_t position;
	bool lock_permissions;
};

/* CHANNELS_MOVE, ROLES_MOVE */
struct body_moves {
	uint32_t count;
	struct body_move move[];
};

#define BODY_IDS_MAX 200

/* MESSAGE_BULK_DELETE, BAN_BULK, BAN_ADD */
struct body_ids {
	uint32_t set;
	uint32_t delete_s;		/* delete_message_seconds */
	uint32_t count;
	uint64_t id[BODY_IDS_MAX];
};

struct body_invite {
	uint32_t set;
	struct invite invite;
	bool unique;
};

enum body_webhook_bit {
	BODY_WEBHOOK_NAME	= 1 << 0,
	BODY_WEBHOOK_AVATAR	= 1 << 1,
	BODY_WEBHOOK_CHANNEL	= 1 << 2,
};

struct body_webhook {
	uint32_t set;			/* enum body_webhook_bit */
	struct webhook webhook;
};

/*
 * The decoders, as struct rest_info has them: `json` is a json_t, *ret_body
 * NULL before.  0 or -ENOMEM; what is wrong with the body is in the form.  A
 * body may be left in *ret_body in each of these cases.
 */
#define BODY_DECODER(name)						\
	int body_##name##_parse(const void *json, void **ret_body,	\
				struct form *form);			\
	void body_##name##_fini(void *body)

BODY_DECODER(login);
BODY_DECODER(ack);
BODY_DECODER(user);
BODY_DECODER(direct);
BODY_DECODER(message);
BODY_DECODER(channel);
BODY_DECODER(role);
BODY_DECODER(member);
BODY_DECODER(guild);
BODY_DECODER(overwrite);
BODY_DECODER(moves);
BODY_DECODER(messages);		/* struct body_ids */
BODY_DECODER(bans);		/* struct body_ids */
BODY_DECODER(invite);
BODY_DECODER(webhook);

#undef BODY_DECODER

/* INVITE_ACCEPT carries no body of the client's, but the struct user who comes
 * in, from the directory. */
void body_joiner_fini(void *user);

#endif
