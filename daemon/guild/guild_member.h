/* SPDX-License-Identifier: Apache-2.0 */
/* Members of a guild and the events about them. */
#ifndef GUILD_GUILD_MEMBER_H
#define GUILD_GUILD_MEMBER_H

#include "guild/directory_impl.h"
#include "guild/guild_impl.h"

/* Takes a user that the catalog already has as a member into the state, tells
 * the directory and everybody.  -ENOMEM. */
int guild_add_member(struct guild *g, const struct user *user);

void member_event_add(struct guild *g, const struct member *m);
void member_event_update(struct guild *g, const struct member *m);
void member_event_remove(struct guild *g, const struct user *u);

/* Tells the directory by what it finds this guild. */
void guild_index(struct guild *g, enum dir_index_kind kind, uint64_t key,
		 bool add);

#endif
