/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Discord's permission algorithm, as a pure function of what a member is and
 * what a channel says.
 */
#ifndef GUILD_PERM_H
#define GUILD_PERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/model.h"

#define PERM_CREATE_INVITE	(1ull << 0)
#define PERM_KICK_MEMBERS	(1ull << 1)
#define PERM_BAN_MEMBERS	(1ull << 2)
#define PERM_ADMINISTRATOR	(1ull << 3)
#define PERM_MANAGE_CHANNELS	(1ull << 4)
#define PERM_MANAGE_GUILD	(1ull << 5)
#define PERM_ADD_REACTIONS	(1ull << 6)
#define PERM_VIEW_AUDIT_LOG	(1ull << 7)
#define PERM_PRIORITY_SPEAKER	(1ull << 8)
#define PERM_STREAM		(1ull << 9)
#define PERM_VIEW_CHANNEL	(1ull << 10)
#define PERM_SEND_MESSAGES	(1ull << 11)
#define PERM_SEND_TTS		(1ull << 12)
#define PERM_MANAGE_MESSAGES	(1ull << 13)
#define PERM_EMBED_LINKS	(1ull << 14)
#define PERM_ATTACH_FILES	(1ull << 15)
#define PERM_READ_HISTORY	(1ull << 16)
#define PERM_MENTION_EVERYONE	(1ull << 17)
#define PERM_CONNECT		(1ull << 20)
#define PERM_SPEAK		(1ull << 21)
#define PERM_MUTE_MEMBERS	(1ull << 22)
#define PERM_DEAFEN_MEMBERS	(1ull << 23)
#define PERM_MOVE_MEMBERS	(1ull << 24)
#define PERM_USE_VAD		(1ull << 25)
#define PERM_CHANGE_NICKNAME	(1ull << 26)
#define PERM_MANAGE_NICKNAMES	(1ull << 27)
#define PERM_MANAGE_ROLES	(1ull << 28)
#define PERM_MANAGE_WEBHOOKS	(1ull << 29)
#define PERM_REQUEST_TO_SPEAK	(1ull << 32)
#define PERM_THREAD_SEND	(1ull << 38)
#define PERM_SOUNDBOARD		(1ull << 42)
#define PERM_MODERATE_MEMBERS	(1ull << 40)
#define PERM_EXTERNAL_SOUNDS	(1ull << 45)
#define PERM_PIN_MESSAGES	(1ull << 51)
#define PERM_BYPASS_SLOWMODE	(1ull << 52)

#define PERM_ALL		((1ull << 53) - 1 - (1ull << 47))
/* What @everyone of a new guild holds. */
#define PERM_DEFAULT		(PERM_CREATE_INVITE | PERM_ADD_REACTIONS | \
				 PERM_STREAM | PERM_VIEW_CHANNEL | \
				 PERM_SEND_MESSAGES | PERM_EMBED_LINKS | \
				 PERM_ATTACH_FILES | PERM_READ_HISTORY | \
				 PERM_MENTION_EVERYONE | PERM_CONNECT | \
				 PERM_SPEAK | PERM_USE_VAD | \
				 PERM_CHANGE_NICKNAME | PERM_THREAD_SEND)
/* What the two of a direct channel hold in it. */
#define PERM_DIRECT		(PERM_VIEW_CHANNEL | PERM_SEND_MESSAGES | \
				 PERM_SEND_TTS | PERM_EMBED_LINKS | \
				 PERM_ATTACH_FILES | PERM_READ_HISTORY | \
				 PERM_ADD_REACTIONS | PERM_PIN_MESSAGES)
/* Lost with the right that each stands on. */
#define PERM_NEED_SEND		(PERM_MENTION_EVERYONE | PERM_SEND_TTS | \
				 PERM_ATTACH_FILES | PERM_EMBED_LINKS)
#define PERM_NEED_CONNECT	(PERM_SPEAK | PERM_STREAM | PERM_USE_VAD | \
				 PERM_PRIORITY_SPEAKER | PERM_MUTE_MEMBERS | \
				 PERM_DEAFEN_MEMBERS | PERM_MOVE_MEMBERS | \
				 PERM_REQUEST_TO_SPEAK | PERM_SOUNDBOARD | \
				 PERM_EXTERNAL_SOUNDS)
#define PERM_TIMED_OUT		(PERM_VIEW_CHANNEL | PERM_READ_HISTORY)

/* A member as the algorithm sees it. */
struct perm_member {
	uint64_t user_id;
	uint64_t guild_id;	/* also the id of @everyone */
	bool is_owner;
	bool is_timed_out;
	uint64_t held;		/* @everyone's bits OR those of each role */
	const uint64_t *role;	/* ids, without @everyone */
	size_t role_count;
};

/* In the guild at large. */
uint64_t perm_in_guild(const struct perm_member *m);

/* In a channel with these overwrites; 0 when it cannot be seen. */
uint64_t perm_in_channel(const struct perm_member *m,
			 const struct perm_overwrite *overwrite, size_t count);

#endif
