/* SPDX-License-Identifier: Apache-2.0 */
/* GUILD_CREATE: what a session is told of a guild when it joins. */
#ifndef GUILD_GUILD_CREATE_H
#define GUILD_GUILD_CREATE_H

#include <stdint.h>

#include "guild/relay.h"

struct blob;
struct guild;
struct guild_join_msg;

/* Part of struct guild, zeroed at first; what is NULL is to be encoded. */
struct guild_create {
	struct blob *roles;
	struct blob *channels;	/* of `view` */
	struct relay_view view;
};

/* NULL when memory is out. */
struct blob *guild_create_payload(struct guild *g,
				  const struct guild_join_msg *join,
				  const struct relay_view *view);

/* Roles or channels have changed. */
void guild_create_forget(struct guild *g);
/* A channel's last message or pin has. */
void guild_create_forget_channels(struct guild *g);
/* A member has. */
void guild_create_forget_member(struct guild *g, uint64_t user_id);
void guild_create_forget_members(struct guild *g);

#endif
