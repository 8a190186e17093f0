/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a store shard receives, and what it answers.  Only the data service
 * talks to shards; everybody else to the data service (proto/data.h), which
 * uses the same structs under numbers of its own.
 *
 * A row is named by (channel, space, id).  Every request is answered by one
 * STORE_WRITTEN or STORE_ROWS with the request's tag.
 */
#ifndef PROTO_STORE_H
#define PROTO_STORE_H

#include <stdint.h>

#include "actor/actor.h"
#include "proto/rows.h"
#include "proto/types.h"

struct blob;

enum store_msg_type {
	STORE_APPEND = PROTO_STORE,	/* struct store_put_msg */
	STORE_EDIT,			/* struct store_put_msg */
	STORE_DELETE,			/* struct store_delete_msg */
	STORE_GET,			/* struct store_read_msg */
	STORE_PAGE,			/* struct store_read_msg */
	STORE_WRITTEN,			/* struct store_written_msg */
	STORE_ROWS,			/* struct store_rows_msg */
	STORE_STEP,			/* a shard's to itself */
	STORE_HOLD,			/* struct store_hold_msg */
	STORE_HELD,			/* struct store_held_msg */
};

/* Rows of different kinds of one channel never meet in a page. */
enum store_space {
	STORE_SPACE_MESSAGE,
	STORE_SPACE_PIN,	/* id: the pinned message's */
	STORE_SPACE_REACTION,	/* channel: the message's id; id: the user's */
	STORE_SPACE_NOTE,	/* for the search, see proto/search.h */
	STORE_SPACE_COUNT,
};

#define STORE_ROW_MAX (64u << 10)	/* bytes of one row */
#define STORE_DELETE_MAX 128		/* ids of one request */
#define STORE_PAGE_MAX 256		/* rows of one page */

/*
 * STORE_APPEND adds a row: -EEXIST when the id is there.  STORE_EDIT replaces
 * one: -ENOENT when it is not.  -EMSGSIZE beyond STORE_ROW_MAX.
 */
struct store_put_msg {
	struct actor_msg head;
	uint64_t channel;
	uint64_t id;
	uint32_t space;			/* enum store_space */
	struct blob *row;		/* owned */
};

/* Ids that do not exist are ignored; the answer counts the others. */
struct store_delete_msg {
	struct actor_msg head;
	uint64_t channel;
	uint32_t space;
	uint32_t count;
	uint64_t id[];
};

/*
 * The answer to a write.  0: done, and durable.  -ENOSPC, -EIO: refused, and
 * not done; -EOVERFLOW: shed, nothing tried, ask again later; -ETIMEDOUT:
 * not known.  Writes to one channel are done, and answered, in the order sent.
 */
struct store_written_msg {
	struct actor_msg head;
	int status;			/* 0 or negative errno */
	uint32_t count;			/* rows changed */
};

enum store_dir {
	STORE_BEFORE,	/* the newest rows with ids below `id` (0: the latest) */
	STORE_AFTER,	/* the oldest rows with ids above `id` */
	STORE_AROUND,	/* limit / 2 at or below `id`, the others above it */
};

/* STORE_GET uses id only and answers at most one row: -ENOENT. */
struct store_read_msg {
	struct actor_msg head;
	uint64_t channel;
	uint64_t id;
	uint32_t space;
	uint16_t dir;			/* enum store_dir */
	uint16_t limit;			/* 1 .. STORE_PAGE_MAX */
};

/* -EBADMSG: the rows asked for lie in a block whose checksum is wrong. */
struct store_rows_msg {
	struct actor_msg head;
	int status;			/* 0 or negative errno */
	struct rows *rows;		/* owned; NULL unless status is 0 */
};

/*
 * For a backup of the shard's files: what must not change meanwhile.  Writes
 * and reads go on.  Each raises or lowers what the one before has asked for.
 */
enum store_hold {
	STORE_HOLD_NONE,
	STORE_HOLD_SPACE,	/* no block that was there is overwritten */
	STORE_HOLD_ALL,		/* nor is the index, nor what the log holds */
};

struct store_hold_msg {
	struct actor_msg head;
	uint32_t hold;			/* enum store_hold */
};

/*
 * The answer, when it is so.  -ESTALE: it was not held as this assumes, what
 * was copied is worth nothing.
 */
struct store_held_msg {
	struct actor_msg head;
	int status;
	uint64_t frame;			/* the log's last that is durable */
};

/* Registers the types above.  Once, before the actor system starts. */
int store_types_register(void);

/* The shard of a channel; the same for ever. */
uint32_t store_shard_of(uint64_t channel, uint32_t shards);

/* The reference of a shard; nobody while it is not up. */
actor_ref store_route(struct actor_system *sys, uint32_t shard);

/* A new delete message with room for `count` ids, or NULL. */
struct store_delete_msg *store_delete_new(uint32_t type, uint32_t count);

#endif
