/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who reacted to one message with what.  Kept in the store as one row for each
 * user (space STORE_SPACE_REACTION, channel: the message's id):
 *
 *	u8 version, then for each emoji: u64 ms since 1970, u8 length, bytes
 */
#ifndef GUILD_REACTION_SET_H
#define GUILD_REACTION_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/json.h"

struct blob;

#define REACTION_EMOJI_MAX 20		/* distinct ones of a message */
#define REACTION_NAME_MAX 100		/* bytes */

struct reaction_emoji {
	char *name;		/* "🔥", or "name:id" */
	uint64_t first_ms;	/* of the earliest reaction still there */
	struct reactor {
		uint64_t user_id;
		uint64_t ms;
	} *by;			/* ascending user ids */
	uint32_t count, room;
};

struct reaction_set {
	struct reaction_emoji emoji[REACTION_EMOJI_MAX];
	uint32_t count;
};

void reaction_set_init(struct reaction_set *s);
void reaction_set_fini(struct reaction_set *s);
/* One on the heap; NULL is fine. */
void reaction_set_free(struct reaction_set *s);

/* Adds what a user's row holds.  -EPROTO, -ENOMEM. */
int reaction_set_load(struct reaction_set *s, uint64_t user_id,
		      const void *row, size_t size);
/* Returns the row of a user; *ret_row NULL: it has none (any more). */
int reaction_set_row(const struct reaction_set *s, uint64_t user_id,
		     struct blob **ret_row);

struct reaction_emoji *reaction_set_find(const struct reaction_set *s,
					 const char *name);
bool reaction_set_has(const struct reaction_set *s, const char *name,
		      uint64_t user_id);
/* With any emoji. */
bool reaction_set_has_user(const struct reaction_set *s, uint64_t user_id);

/* -ENOSPC: 20 others are there.  -ENOMEM. */
int reaction_set_add(struct reaction_set *s, const char *name,
		     uint64_t user_id, uint64_t ms);
void reaction_set_del(struct reaction_set *s, const char *name,
		      uint64_t user_id);
void reaction_set_del_emoji(struct reaction_set *s, const char *name);

/* Oldest emoji first; borrows the names. */
uint32_t reaction_set_view(const struct reaction_set *s, uint64_t reader_id,
			   struct reaction_view view[REACTION_EMOJI_MAX]);

#endif
