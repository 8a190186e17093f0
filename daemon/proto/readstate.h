/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read states: what a user has read of a channel, and how often the user was
 * mentioned there since.  Kept by a few shards, by user; send to
 * readstate_route().
 *
 *	READSTATE_ACK		-> READSTATE_DONE when it is durable
 *	READSTATE_MENTION	-> nothing
 *	READSTATE_LIST		-> READSTATE_ENTRIES
 *	READSTATE_FORGET	-> READSTATE_DONE likewise; to every shard
 */
#ifndef PROTO_READSTATE_H
#define PROTO_READSTATE_H

#include <stdbool.h>
#include <stdint.h>

#include "actor/actor.h"
#include "proto/types.h"

struct jsonw;

enum readstate_msg_type {
	READSTATE_ACK = PROTO_READSTATE, /* struct readstate_ack_msg */
	READSTATE_DONE,			/* struct readstate_done_msg */
	READSTATE_MENTION,		/* struct readstate_mention_msg */
	READSTATE_LIST,			/* struct readstate_list_msg */
	READSTATE_ENTRIES,		/* struct readstate_entries_msg */
	READSTATE_STEP,			/* the shard's own */
	READSTATE_FORGET,		/* struct readstate_forget_msg */
};

/* Of every installation, whatever its cores: part of the files' names. */
#define READSTATE_SHARDS 4u

struct readstate_ack_msg {
	struct actor_msg head;
	uint64_t user_id;
	uint64_t channel_id;
	uint64_t message_id;
	uint32_t mentions;		/* that are left; normally 0 */
	bool manual;			/* may go back ("mark as unread") */
};

/* -EOVERFLOW: shed, ask again later.  Other errors: not known to be done. */
struct readstate_done_msg {
	struct actor_msg head;
	int status;
};

/* All users are of one shard: readstate_shard(). */
struct readstate_mention_msg {
	struct actor_msg head;
	uint64_t channel_id;
	uint64_t message_id;
	uint32_t count;
	uint64_t user_id[];
};

/* Of a channel that is gone, the states of all users of the shard. */
struct readstate_forget_msg {
	struct actor_msg head;
	uint64_t channel_id;
};

struct readstate_list_msg {
	struct actor_msg head;
	uint64_t user_id;
};

struct readstate_entry {
	uint64_t channel_id;
	uint64_t message_id;
	uint32_t mentions;
};

struct readstate_entries_msg {
	struct actor_msg head;
	uint32_t count;
	struct readstate_entry entry[];
};

/* Registers the types above.  Once, before the actor system starts. */
int readstate_types_register(void);

uint32_t readstate_shard(uint64_t user_id);
/* Nobody while it is not up.  Any thread. */
actor_ref readstate_route(struct actor_system *sys, uint64_t user_id);
actor_ref readstate_shard_route(struct actor_system *sys, uint32_t shard);

/* Returns a message with room for `count` users or entries; NULL: memory. */
struct readstate_mention_msg *readstate_mention_new(uint32_t count);
struct readstate_entries_msg *readstate_entries_new(uint32_t count);

/* READY's "read_state" object. */
void readstate_json(struct jsonw *w, const struct readstate_entries_msg *m);

#define READSTATE_NAME_FORMAT "readstate.%u"
#define READSTATE_NAME_MAX 24

#endif
