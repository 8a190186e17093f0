/* SPDX-License-Identifier: Apache-2.0 */
/* Reactions and pins as the rest of the guild sees them. */
#ifndef GUILD_REACTION_H
#define GUILD_REACTION_H

#include "guild/guild_impl.h"
#include "guild/reaction_set.h"

/*
 * Reads the reactions of a message from the store.  `then` gets the set, which
 * it takes (reaction_set_fini() and mem_free()), or NULL and an error.
 */
void reaction_read(struct guild *g, uint64_t message_id,
		   void (*then)(struct guild *g, void *ctx,
				struct reaction_set *set, int err), void *ctx);

/* A message has been removed: so are its reactions, pin and files. */
void message_gone(struct guild *g, uint64_t channel_id,
		  const struct message *m);

#endif
