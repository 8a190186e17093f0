/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sweeper: deletes what a deleted channel has left in the store (messages,
 * their reactions, pins, notes), among the files, in the search and in read
 * states; one channel at a time, beside everything else.  The catalog says
 * which are to be swept, so a crash only makes it begin anew.
 */
#ifndef GUILD_SWEEPER_H
#define GUILD_SWEEPER_H

#include "actor/actor.h"
#include "proto/types.h"

#define SWEEPER_NAME "sweeper"

enum sweep_msg_type {
	SWEEP_CHANNEL = PROTO_SWEEP,	/* struct sweep_channel_msg */
};

/* The guild has no such channel any more, and the catalog says so.  One that is
 * lost is swept after the next start. */
struct sweep_channel_msg {
	struct actor_msg head;
	uint64_t channel_id;
	uint64_t guild_id;
};

struct sweeper_arg {
	actor_ref catalog;
};

extern const struct actor_class sweeper_class;

/* Tells it.  From a handler. */
void sweeper_channel_gone(struct actor *self, uint64_t guild_id,
			  uint64_t channel_id);

#endif
