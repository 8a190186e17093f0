/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the session actor share; for them alone. */
#ifndef GATEWAY_SESSION_IMPL_H
#define GATEWAY_SESSION_IMPL_H

#include "gateway/conn.h"
#include "gateway/journal.h"
#include "gateway/payload.h"
#include "gateway/session.h"
#include "proto/close.h"
#include "proto/directory.h"
#include "proto/session.h"

struct admission_place;
struct admit;
struct blob;
struct buf;

struct readstate_entries_msg;

enum session_phase {
	SESSION_NEW,
	SESSION_OPENING,
	SESSION_LIVE,
	SESSION_ASKING,
	SESSION_GIVING,
};

#define SECRET_LEN 16
#define TOKEN_HASH_LEN 32

/* What goes out beside events; a queue of these is enough for one client. */
enum notice {
	NOTICE_HELLO,
	NOTICE_ACK,
	NOTICE_INVALID,
	NOTICE_RECONNECT,
};

#define NOTICES_MAX 8

/* What belongs to the connection and goes with it. */
struct presence_of_conn {
	uint64_t last_beat_ns;
	uint64_t window_ns;		/* begin of the rate-limit window */
	uint32_t payloads;		/* in it */
	uint8_t notices;
	uint8_t notice[NOTICES_MAX];	/* enum notice, oldest first */
};

struct session {
	const struct session_config *config;
	struct conns *conns;
	struct conn *conn;		/* NULL: away */
	struct presence_of_conn link;
	uint64_t attachment;		/* the connection's tag: which one */
	union {
		uint64_t away_since_ns;	/* without a connection */
		uint64_t target_seq;	/* while ASKING or GIVING, with one */
	};
	struct journal journal;

	uint64_t user_id;
	uint32_t intents;
	uint16_t large_threshold;
	bool is_bot;
	bool has_shard;
	uint32_t shard_id;
	uint32_t shard_count;
	struct payload_presence presence;
	uint8_t secret[SECRET_LEN];
	uint8_t token_hash[TOKEN_HASH_LEN];
	uint32_t guild_count;
	uint8_t phase;			/* enum session_phase */
	struct dir_guild *guild;

	struct admission *admission;	/* of the core */
	struct admit *admit;		/* NULL: see session_admit.c */
	struct opening *opening;	/* NULL: see session_read.c */

	actor_ref target;		/* while ASKING or GIVING */
};

_Static_assert(sizeof(struct session) <= 256, "a block of the actors' pool");

/* session.c */
void session_notice(struct session *s, enum notice notice);
void session_flush(struct session *s);
/* Op 9: back to NEW, where the client may IDENTIFY on the same connection.
 * Always 0. */
int session_refuse(struct session *s);
/* Closes the connection, if there is one.  The session goes on, away. */
void session_hang_up(struct actor *self, struct session *s, uint16_t code);
/* Takes a connection over; events after seq are sent.  0 or -errno, then the
 * connection is closed. */
int session_attach(struct actor *self, struct session *s, struct conn *conn);
/* Tells superdiskd whose connection it is now. */
void session_name_conn(struct actor *self, const struct session *s);
/* Numbers an event and queues it; takes it.  -ENOBUFS, -ENOMEM: the session
 * has lost it and must end. */
int session_event(struct session *s, struct blob *payload);
void session_forget(struct actor *self, struct session *s);

/*
 * session_admit.c: IDENTIFY asks the directory when the core has a place; it is
 * given back when the session has all its guilds, or is no more.
 */

/* 0 or the negated close code. */
int session_admit(struct actor *self, struct session *s, const char *token);
int session_admit_go_on(struct actor *self, struct session *s);
/* Its guilds are about to be joined; the GUILD_CREATE of one is here, or will
 * not come, which may be said more than once. */
void session_admit_expect(struct session *s);
void session_admit_guild(struct session *s, uint64_t guild_id);
/* Gives the place back, if all is said and sent; in any case. */
void session_admit_check(struct actor *self, struct session *s);
void session_admit_leave(struct actor *self, struct session *s);

/* session_op.c: runs a client's payload.  0 or the negated close code. */
int session_payload(struct actor *self, struct session *s, const char *text,
		    size_t len);
/* The directory has answered IDENTIFY; of bots no read states are known.
 * 0 (READY, or op 9: the client may try again) or the negated close code. */
int session_opened(struct actor *self, struct session *s,
		   struct dir_session_reply_msg *reply,
		   const struct readstate_entries_msg *read_states);
void session_guild_add(struct actor *self, struct session *s,
		       const struct dir_guild *guild);
void session_guild_remove(struct session *s, uint64_t guild_id);
/* Is an event without a guild for this session? */
bool session_wants_direct(const struct session *s, uint32_t intents);

/*
 * session_read.c: between the directory's answer and READY a person's read
 * states are asked for; what comes meanwhile is held.
 */

/* Asks, and takes the reply; false: there is nobody to be asked. */
bool session_read_ask(struct actor *self, struct session *s,
		      struct dir_session_reply_msg *reply);
/* Takes a message that must wait; false: it need not, or cannot. */
bool session_read_hold(struct actor *self, struct session *s,
		       struct actor_msg *msg);
bool session_read_overdue(struct actor *self, const struct session *s);
/* Ends the waiting; returns what was held, to be freed with _free(). */
struct opening *session_read_end(struct session *s);
void session_read_free(struct opening *o);

#define SESSION_HELD_MAX 32

struct opening {
	struct dir_session_reply_msg *reply;
	uint64_t since_ns;
	uint32_t held_count;
	struct actor_msg *held[SESSION_HELD_MAX];
};

/* session_take.c: RESUME. */
int session_resume(struct actor *self, struct session *s,
		   const struct payload_resume *resume);
int session_take_message(struct actor *self, struct session *s,
			 struct actor_msg *msg);
/* The connection is idle, or time has passed: goes on with giving it away.
 * ACTOR_STOP when it is given. */
int session_give(struct actor *self, struct session *s);
void session_token_hash(const char *token, uint8_t ret_hash[TOKEN_HASH_LEN]);
/* Writes the id that READY tells. */
void session_put_id(struct actor *self, const struct session *s,
		    struct buf *buf);

/* ready.c: READY's payload; NULL when memory is out. */
struct blob *ready_payload(struct actor *self, const struct session *s,
			   const struct dir_session_reply_msg *reply,
			   const struct readstate_entries_msg *read_states);

#endif
