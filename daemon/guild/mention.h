/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a message's text names, and whom of these it may notify. */
#ifndef GUILD_MENTION_H
#define GUILD_MENTION_H

#include "guild/state.h"
#include "proto/body.h"
#include "proto/model.h"

/*
 * Fills the mentions of m from its content.  `allowed` is what its author
 * wished, `perms` what it may; `replied_to` is the author of the message it
 * answers, NULL: none.  The users borrow from the state and `replied_to`.
 */
void mention_resolve(const struct state *s, const struct body_mentions *allowed,
		     uint64_t perms, const struct user *replied_to,
		     struct message *m);

#endif
