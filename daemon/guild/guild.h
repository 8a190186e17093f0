/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guild actor: owns one guild's state, serialises what happens in it, and
 * hands each event once to the relay of every core that has its sessions.
 * Receives proto/guild.h from sessions and proto/rest.h through the directory.
 */
#ifndef GUILD_GUILD_H
#define GUILD_GUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "actor/actor.h"

struct idgen;

struct guild_arg {
	uint64_t guild_id;	/* of a direct channel: the channel's */
	bool direct;		/* two users and a channel, no guild */
	actor_ref catalog;
	actor_ref directory;
	struct idgen *ids;	/* borrowed */
	unsigned int unsafe;	/* for tests only: enum guild_unsafe */
};

/* Mechanisms to leave out, so that a test can show that each is needed. */
enum guild_unsafe {
	/* A list of messages is read first; who may not see it is told then. */
	GUILD_UNSAFE_CHECK_LATE = 1 << 0,
};

extern const struct actor_class guild_actor_class;

/* Registers the messages that only guild/ knows.  Before the system starts. */
int guild_types_register(void);

#endif
