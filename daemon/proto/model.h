/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The things of the protocol as plain structs.  Strings end with a NUL and
 * are UTF-8 without one inside; NULL is JSON's null.  Who owns what a struct
 * points to depends on where it came from: model_x_fini() is for those filled
 * by model_x_copy() or by the catalog.
 *
 * Times are milliseconds since 1970, 0 where there is none.
 */
#ifndef PROTO_MODEL_H
#define PROTO_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct user {
	uint64_t id;
	char *name;
	char *global_name;
	char *avatar;
	uint16_t discriminator;
	bool bot;
};

struct role {
	uint64_t id;		/* the guild's own: @everyone */
	char *name;
	uint64_t permissions;
	uint32_t color;
	int32_t position;
	uint32_t flags;
	bool hoist;
	bool mentionable;
	bool managed;
};

struct perm_overwrite {
	uint64_t id;		/* of a role or a user */
	uint64_t allow;
	uint64_t deny;
	uint8_t target;		/* enum perm_target */
};

enum perm_target {
	PERM_TARGET_ROLE,
	PERM_TARGET_MEMBER,
};

enum channel_type {
	CHANNEL_TEXT		= 0,
	CHANNEL_DIRECT		= 1,
	CHANNEL_VOICE		= 2,
	CHANNEL_CATEGORY	= 4,
	CHANNEL_ANNOUNCEMENT	= 5,
	CHANNEL_STAGE		= 13,
	CHANNEL_FORUM		= 15,
};

struct channel {
	uint64_t id;
	uint64_t guild_id;
	uint64_t parent_id;
	uint64_t last_message_id;
	uint64_t last_pin_ms;
	char *name;
	char *topic;
	struct perm_overwrite *overwrite;
	uint32_t overwrite_count;
	int32_t position;
	uint32_t flags;
	uint32_t bitrate;
	uint32_t user_limit;
	uint16_t rate_limit_s;
	uint8_t type;		/* enum channel_type */
	bool nsfw;
};

struct member {
	struct user user;
	char *nick;
	uint64_t joined_ms;
	uint64_t timeout_until_ms;
	uint64_t *role;		/* ids, ascending, without @everyone */
	uint32_t role_count;
	uint32_t flags;
	bool deaf;
	bool mute;
	bool pending;
};

/* A guild's settings; its roles, channels and members are kept beside. */
struct guild_info {
	uint64_t id;
	uint64_t owner_id;
	uint64_t afk_channel_id;
	uint64_t system_channel_id;
	uint64_t rules_channel_id;
	uint64_t public_updates_channel_id;
	char *name;
	char *icon;
	char *description;
	char *locale;
	uint32_t afk_timeout_s;
	uint32_t system_channel_flags;
	uint8_t verification_level;
	uint8_t default_notifications;
	uint8_t content_filter;
};

struct invite {
	char *code;
	uint64_t channel_id;
	uint64_t inviter_id;
	uint64_t created_ms;
	uint32_t max_age_s;	/* 0: for ever */
	uint32_t max_uses;	/* 0: any number */
	uint32_t uses;
	bool temporary;
};

struct webhook {
	uint64_t id;
	uint64_t channel_id;
	uint64_t user_id;	/* who made it */
	char *name;
	char *avatar;
	char *token;
};

enum message_type {
	MESSAGE_DEFAULT	= 0,
	MESSAGE_PIN	= 6,
	MESSAGE_JOIN	= 7,
	MESSAGE_REPLY	= 19,
};

#define MESSAGE_SUPPRESS_EMBEDS		(1u << 2)
#define MESSAGE_SUPPRESS_NOTIFICATIONS	(1u << 12)

#define MESSAGE_MENTIONS_MAX 100

/*
 * A message.  As decoded from a record it borrows all of its strings and
 * arrays of users from there.
 */
struct message {
	uint64_t id;
	uint64_t channel_id;
	uint64_t edited_ms;
	uint64_t webhook_id;
	uint64_t ref_message_id;	/* 0: refers to none */
	uint64_t ref_channel_id;
	uint64_t ref_guild_id;
	struct user author;
	const char *content;
	size_t content_len;
	const char *embeds;		/* a JSON array; NULL: [] */
	const char *attachments;
	const char *components;
	uint32_t flags;
	uint8_t type;			/* enum message_type */
	bool tts;
	bool mention_everyone;
	bool pinned;
	bool reacted;			/* has rows in the reaction space */
	uint32_t mention_count;
	uint32_t mention_role_count;
	struct user mention[MESSAGE_MENTIONS_MAX];
	uint64_t mention_role[MESSAGE_MENTIONS_MAX];
};

/* Deep copies; -ENOMEM leaves *to empty. */
int model_user_copy(struct user *to, const struct user *from);
int model_role_copy(struct role *to, const struct role *from);
int model_channel_copy(struct channel *to, const struct channel *from);
int model_guild_copy(struct guild_info *to, const struct guild_info *from);
int model_member_copy(struct member *to, const struct member *from);
int model_invite_copy(struct invite *to, const struct invite *from);
int model_webhook_copy(struct webhook *to, const struct webhook *from);

void model_user_fini(struct user *u);
void model_role_fini(struct role *r);
void model_channel_fini(struct channel *c);
void model_member_fini(struct member *m);
void model_guild_fini(struct guild_info *g);
void model_invite_fini(struct invite *i);
void model_webhook_fini(struct webhook *w);

/* Replaces an owned string by a copy of `from` (may be NULL). -ENOMEM. */
int model_string_set(char **to, const char *from);

#endif
