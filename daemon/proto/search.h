/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Full-text search.  The indexer, registered as "search", is told which
 * messages have changed and reads them from the data service itself: what it
 * is told is a hint, may be late, and may be lost without harm.
 *
 *	SEARCH_HELLO	guild -> indexer: its channels, and their newest ids
 *	SEARCH_CHANGED	guild -> indexer: these messages are new, edited, gone
 *	SEARCH_WHO	indexer -> guild: say HELLO, hints were lost
 *	SEARCH_QUERY	guild -> indexer -> SEARCH_HITS
 *	SEARCH_REINDEX	operator -> indexer
 *	SEARCH_FORGET	-> SEARCH_FORGOTTEN: this channel is gone
 *
 * A guild numbers its hints; a gap says that some were dropped.  A person's
 * direct messages are a cell too: its guild_id is the user's, and the directory
 * speaks for it.
 *
 * What a crash takes of the hints the indexer finds by comparing: of young
 * messages all, for what is edited or deleted mostly is young; of old ones
 * those that notes name.  A note is a row of STORE_SPACE_NOTE in the channel,
 * written before the change that it is about: its id is a new one, its bytes
 * are the ids of the messages, u64 little endian.  Notes are kept for
 * SEARCH_NOTE_DAYS.
 */
#ifndef PROTO_SEARCH_H
#define PROTO_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "actor/actor.h"
#include "proto/types.h"

struct form;

#define SEARCH_NAME "search"
#define SEARCH_YOUNG_MS 3600000ull	/* such a message needs no note */
#define SEARCH_NOTE_DAYS 7

enum search_msg_type {
	SEARCH_HELLO = PROTO_SEARCH,	/* struct search_hello_msg */
	SEARCH_CHANGED,			/* struct search_changed_msg */
	SEARCH_WHO,			/* struct actor_msg alone; tag: the cell */
	SEARCH_QUERY,			/* struct search_query_msg */
	SEARCH_HITS,			/* struct search_hits_msg */
	SEARCH_REINDEX,			/* struct search_reindex_msg */
	SEARCH_FORGET,			/* struct search_forget_msg */
	SEARCH_FORGOTTEN,		/* struct search_forgotten_msg */
};

/* Forget what is indexed of a guild, and read all of it anew.  No answer. */
struct search_reindex_msg {
	struct actor_msg head;
	uint64_t guild_id;
};

/* A channel whose messages are not in the store any more. */
struct search_forget_msg {
	struct actor_msg head;
	uint64_t guild_id;
	uint64_t channel_id;
};

/* -EOVERFLOW: ask again later. */
struct search_forgotten_msg {
	struct actor_msg head;
	int status;
};

struct search_hello_msg {
	struct actor_msg head;
	uint64_t guild_id;
	uint64_t seq;			/* of the last hint before */
	uint32_t count;
	struct {
		uint64_t channel_id;
		uint64_t newest;	/* message id; 0: none */
	} channel[];
};

struct search_changed_msg {
	struct actor_msg head;
	uint64_t guild_id;
	uint64_t channel_id;
	uint64_t seq;			/* one more than the hint before */
	uint32_t count;
	uint64_t id[];
};

enum search_has {
	SEARCH_HAS_LINK		= 1 << 0,
	SEARCH_HAS_EMBED	= 1 << 1,
	SEARCH_HAS_FILE		= 1 << 2,
	SEARCH_HAS_IMAGE	= 1 << 3,
	SEARCH_HAS_VIDEO	= 1 << 4,
	SEARCH_HAS_SOUND	= 1 << 5,
	SEARCH_HAS_STICKER	= 1 << 6,
	SEARCH_HAS_POLL		= 1 << 7,
	SEARCH_HAS_SNAPSHOT	= 1 << 8,
	SEARCH_HAS_BITS		= 9,
};

enum search_author {
	SEARCH_AUTHOR_USER	= 1 << 0,
	SEARCH_AUTHOR_BOT	= 1 << 1,
	SEARCH_AUTHOR_WEBHOOK	= 1 << 2,
	SEARCH_AUTHOR_BITS	= 3,
};

enum search_pinned { SEARCH_PINNED_ANY, SEARCH_PINNED_YES, SEARCH_PINNED_NO };

#define SEARCH_CONTENT_MAX 1024u	/* characters */
#define SEARCH_IDS_MAX 100u
#define SEARCH_LIMIT_MAX 25u
#define SEARCH_OFFSET_MAX 9975u
#define SEARCH_TOTAL_MAX 10000u		/* more are not counted */
#define SEARCH_SLOP_MAX 100u
#define SEARCH_SLOP_DEFAULT 2u

struct search_ids {
	uint32_t count;
	uint64_t id[SEARCH_IDS_MAX];
};

/* Each filter that is there narrows; within one, any of its values will do. */
struct search_query {
	char content[4 * SEARCH_CONTENT_MAX + 1];	/* "": any */
	struct search_ids channel, author, mention;
	uint64_t min_id, max_id;	/* exclusive; 0: none */
	uint16_t has, has_not;		/* enum search_has; has: all of them */
	uint8_t author_type;		/* enum search_author */
	uint8_t author_type_not;
	uint8_t pinned;			/* enum search_pinned */
	bool relevance;			/* best first, not newest */
	bool ascending;			/* oldest first */
	uint16_t slop, limit, offset;
};

/*
 * Decodes a query string, of GET /guilds/{guild}/messages/search.  Errors go
 * into the form.  Returns 0 or -ENOMEM; *ret_query is mem_free()d.
 */
int search_query_parse(const char *query, size_t len, void **ret_query,
		       struct form *form);
void search_query_fini(void *query);

/* Only hits in `readable`, channels in ascending order, are found. */
struct search_query_msg {
	struct actor_msg head;
	uint64_t guild_id;
	struct search_query query;
	uint32_t readable_count;
	uint64_t readable[];
};

struct search_hit {
	uint64_t channel_id;
	uint64_t id;
};

/* -EAGAIN: not yet indexed; -EOVERFLOW, -ETIMEDOUT: too busy. */
struct search_hits_msg {
	struct actor_msg head;
	int status;
	bool deep_index;	/* old messages are still being looked at */
	uint32_t total;		/* at most SEARCH_TOTAL_MAX */
	uint64_t indexed;	/* messages in the cell */
	uint32_t count;
	struct search_hit hit[SEARCH_LIMIT_MAX];
};

/* Registers the types above.  Once, before the actor system starts. */
int search_types_register(void);

/* Nobody while it is not up.  Any thread. */
actor_ref search_route(struct actor_system *sys);

struct search_hello_msg *search_hello_new(uint32_t count);
struct search_changed_msg *search_changed_new(uint32_t count);
struct search_query_msg *search_query_new(uint32_t readable_count);

#endif
