/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a catalog_visit() saw, or what an administrator has added: collected on
 * the thread that may block, then handed to the directory.
 */
#ifndef GUILD_OVERVIEW_H
#define GUILD_OVERVIEW_H

#include <stddef.h>
#include <stdint.h>

#include "guild/catalog.h"

struct overview_user {
	struct user user;
	char *password;		/* a hash; NULL: none */
};

struct overview_token {
	uint8_t hash[TOKEN_HASH_SIZE];
	uint64_t user_id;
};

struct overview_reset {
	uint64_t user_id;
	char *password;		/* as above */
};

struct overview_pair {
	uint64_t key;		/* channel, webhook, code key, or guild */
	uint64_t value;		/* its guild, or a member */
};

struct overview_guild {
	uint64_t id;
	char *name;
};

#define OVERVIEW_LIST(type, name)	\
	struct {			\
		type *at;		\
		size_t count, room;	\
	} name

struct overview {
	OVERVIEW_LIST(struct overview_user, users);
	OVERVIEW_LIST(struct overview_token, tokens);
	OVERVIEW_LIST(struct overview_guild, guilds);
	OVERVIEW_LIST(struct overview_pair, members);
	OVERVIEW_LIST(struct overview_pair, channels);
	OVERVIEW_LIST(struct overview_pair, webhooks);
	OVERVIEW_LIST(struct overview_pair, invites);
	OVERVIEW_LIST(struct direct, directs);
	OVERVIEW_LIST(struct overview_reset, resets);
};

void overview_init(struct overview *o);
void overview_fini(struct overview *o);

/* A visitor that adds to `o`. */
struct catalog_visitor overview_visitor(struct overview *o);

#endif
