/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A relay: the sessions of one guild on one core.  Its guild hands it every
 * event once; it decides who may see it, and gives each session all that has
 * gathered since its last turn as one message.
 */
#ifndef GUILD_RELAY_H
#define GUILD_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "actor/actor.h"
#include "guild/state.h"
#include "proto/types.h"

struct blob;

enum relay_msg_type {
	RELAY_ADD = PROTO_RELAY,	/* struct relay_add_msg */
	RELAY_REMOVE,			/* struct relay_session_msg */
	RELAY_VIEWS,			/* struct relay_views_msg */
	RELAY_EVENT,			/* struct relay_event_msg */
	RELAY_DIRECT,			/* struct relay_direct_msg */
	RELAY_FLUSH,			/* to itself */
	RELAY_GONE,			/* struct relay_session_msg, to the guild */
	RELAY_ATTEND,			/* struct relay_attend_msg */
};

#define RELAY_VIEW_WORDS ((STATE_CHANNELS_MAX + 63) / 64)

/* What a user may see: its permissions in the guild, and the channels by
 * their slots. */
struct relay_view {
	uint64_t perms;
	uint64_t channel[RELAY_VIEW_WORDS];
};

struct relay_add_msg {
	struct actor_msg head;
	uint64_t guild_id;
	actor_ref session;
	uint64_t user_id;
	uint32_t intents;
	struct relay_view view;
	struct blob *first;	/* GUILD_CREATE; NULL: none; owned */
};

struct relay_session_msg {
	struct actor_msg head;
	actor_ref session;
};

struct relay_view_of {
	uint64_t user_id;
	struct relay_view view;
};

/* What those are told who begin or cease to see a channel. */
struct relay_slot {
	uint32_t slot;
	struct blob *appears;	/* owned; NULL was lost: they are closed */
	struct blob *vanishes;	/* the same */
};

/* For all sessions of these users. */
struct relay_views_msg {
	struct actor_msg head;
	struct blob *views;	/* of relay_view_of by ascending users; owned */
	uint32_t slot_count;
	struct relay_slot slot[];
};

struct relay_attend_msg {
	struct actor_msg head;
	actor_ref session;
	bool active;
	uint32_t slot;		/* with !active; RELAY_NO_SLOT: none */
	uint16_t list;		/* the member list it looks at; 0: none */
	uint32_t rows;		/* of that, from the first on */
};

#define RELAY_NO_SLOT UINT32_MAX

enum relay_flag {
	RELAY_PASSIVE_TOO = 1 << 0,	/* not for active sessions only */
	RELAY_PASSIVE_ONLY = 1 << 1,
	RELAY_MENTIONED_TOO = 1 << 2,	/* passive ones that are exempt */
};

/* A session gets it when it has one of the intents (0: needs none), sees the
 * channel, holds one of the permissions (0: needs none). */
struct relay_target {
	uint32_t intents;
	uint32_t without;	/* not for those who have one of these */
	uint32_t slot;		/* RELAY_NO_SLOT: of no channel */
	uint64_t perms;
	uint64_t user_id;	/* 0: everybody */
	uint32_t row;		/* with `list`: whose rows go beyond it */
	uint16_t list;		/* who looks at that one; 0: everybody */
	uint32_t flags;		/* enum relay_flag */
};

struct relay_event_msg {
	struct actor_msg head;
	struct relay_target to;
	struct blob *payload;	/* owned */
	struct blob *stripped;	/* without content; NULL: the same; owned */
	uint32_t exempt_count;	/* users who see the content in any case: the
				 * author and those who are mentioned */
	uint64_t exempt[];
};

/* For one session alone, whatever its intents. */
struct relay_direct_msg {
	struct actor_msg head;
	actor_ref session;
	struct blob *payload;	/* owned */
};

extern const struct actor_class relay_actor_class;

#endif
