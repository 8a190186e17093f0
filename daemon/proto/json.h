/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The models as the JSON that clients know, with exactly the keys that real
 * ones were seen to work with.  Each writes one value.
 */
#ifndef PROTO_JSON_H
#define PROTO_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/jsonw.h"
#include "proto/model.h"

void json_user(struct jsonw *w, const struct user *u);
/* With what only the user itself may see. */
void json_self_user(struct jsonw *w, const struct user *u);
void json_role(struct jsonw *w, const struct role *r);
void json_channel(struct jsonw *w, const struct channel *c);
/* A channel of `c->id` between its reader and `recipient`. */
void json_direct(struct jsonw *w, const struct channel *c,
		 const struct user *recipient);
/* The keys of a member, for within an object the caller has opened. */
void json_member_keys(struct jsonw *w, const struct member *m);
void json_member(struct jsonw *w, const struct member *m, bool with_user);
void json_invite(struct jsonw *w, const struct invite *i,
		 const struct guild_info *g, const struct channel *c,
		 const struct user *inviter, bool with_metadata);
void json_webhook(struct jsonw *w, const struct webhook *h, uint64_t guild_id,
		  const struct user *maker);

/* The keys of a guild up to, and without, its emojis; then the others. */
void json_guild_head(struct jsonw *w, const struct guild_info *g);
void json_guild_tail(struct jsonw *w, const struct guild_info *g);

/* One emoji of a message, as one reader sees it. */
struct reaction_view {
	const char *emoji;	/* "🔥", or "name:id" */
	uint32_t count;
	bool me;
};

/* {"id", "name"} of an emoji as paths write it. */
void json_emoji(struct jsonw *w, const char *emoji);

/* What surrounds a message where it is shown. */
struct message_view {
	uint64_t guild_id;		/* 0: REST, which leaves it out */
	uint8_t channel_type;
	const struct member *member;	/* the author's; NULL: left out */
	const char *nonce;		/* JSON; NULL: left out */
	const struct message *referenced;	/* of a reply; NULL: null */
	const struct reaction_view *reaction;
	uint32_t reaction_count;
	bool hide_content;		/* reader lacks MESSAGE_CONTENT */
};

/*
 * What the URLs of attached files begin with, which are kept without it: the
 * server may move.  Set once, before the actor system starts; borrowed.
 */
void json_set_base_url(const char *url);

void json_message(struct jsonw *w, const struct message *m,
		  const struct message_view *view);

#endif
