/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest guild that lives: its owner, a bot with a token, one channel. */
#ifndef TESTS_ONE_GUILD_H
#define TESTS_ONE_GUILD_H

#include <stdint.h>

#include "base/check.h"
#include "guild/catalog.h"
#include "guild/perm.h"
#include "proto/types.h"

#define GUILD 1100000000000000000ull
#define CHANNEL (GUILD + 1)
#define USER (GUILD + 1000)
#define TOKEN "a-token"

static inline struct catalog *one_guild(void)
{
	const struct guild_info g = { .id = GUILD, .name = "guild",
				      .owner_id = USER };
	const struct role everyone = { .id = GUILD, .name = "@everyone",
				       .permissions = PERM_DEFAULT };
	const struct channel channel = { .id = CHANNEL, .guild_id = GUILD,
					 .name = "channel" };
	const struct member m = { .user = { .id = USER, .name = "owner",
					    .bot = true }, .joined_ms = 1 };
	uint8_t hash[TOKEN_HASH_SIZE];
	struct catalog *c;

	check(!catalog_open(NULL, &c));
	check(!catalog_put_guild(c, &g));
	check(!catalog_put_role(c, GUILD, &everyone));
	check(!catalog_put_channel(c, &channel));
	token_hash(catalog_secret(c), TOKEN, hash);
	check(!catalog_add_user(c, &m.user, NULL));
	check(!catalog_add_token(c, hash, USER, 1));
	check(!catalog_put_member(c, GUILD, &m));
	return c;
}

#endif
