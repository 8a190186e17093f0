/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the guild actor share. */
#ifndef GUILD_GUILD_IMPL_H
#define GUILD_GUILD_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "actor/actor.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/jsonw.h"
#include "base/list.h"
#include "guild/catalog_actor.h"
#include "guild/guild.h"
#include "guild/guild_create.h"
#include "guild/guild_view.h"
#include "guild/nonce.h"
#include "guild/page_body.h"
#include "guild/relay.h"
#include "guild/roster.h"
#include "guild/state.h"
#include "proto/data.h"
#include "proto/error.h"
#include "proto/rest.h"

#define GUILD_CORES_MAX 256
#define GUILD_OPS_MAX 8192	/* in flight; beyond: 503 */
#define GUILD_STASH_MAX 4096	/* messages kept while loading */

enum guild_phase {
	GUILD_LOADING,		/* the catalog is being read */
	GUILD_TAILS,		/* the newest id of each channel is */
	GUILD_READY,
	GUILD_STOPPING,		/* no new calls; ops still finish */
};

struct guild_relay {
	actor_ref ref;
	uint32_t sessions;
	bool lost;		/* an event: its sessions are to be closed */
};

/* A joined session. */
struct guild_session {
	actor_ref ref;
	uint64_t user_id;
	uint32_t intents;
	uint16_t core;
	bool is_bot;
	bool passive;		/* see struct guild_attend_msg */
	struct roster_watch *watch; /* NULL: looks at no member list */
};

/* A user with sessions. */
struct guild_online {
	uint32_t sessions;
	uint8_t status;			/* enum presence_status */
	struct blob *activities;	/* NULL: [] */
	struct relay_view view;		/* as the relays have it */
	struct blob *member;		/* their JSON, once someone was told; */
	struct blob *presence;		/* NULL: to be encoded */
};

struct guild {
	struct actor *self;
	struct guild_arg arg;
	enum guild_phase phase;
	struct state state;
	struct hmap ops;		/* tag -> struct op */
	uint64_t last_tag;
	uint64_t calls;			/* that have come, and as many ... */
	uint64_t calls_then;		/* ... some time ago: guild/direct.h */
	struct list stash;		/* struct stashed */
	uint32_t stash_count;
	struct actor_msg *stashed;	/* being handled, from a list of ours */
	uint64_t search_seq;		/* of the last hint to the indexer */
	uint32_t notes;			/* written for it, see search_note.h */
	uint32_t tails;			/* reads of GUILD_TAILS under way */
	struct nonces nonces;
	bool changing;			/* see guild/change.h */
	struct list changes;		/* calls that wait, struct stashed */
	uint32_t change_count;
	struct hmap modifying;		/* message id -> struct modify */
	struct hmap sessions;		/* ref -> struct guild_session */
	struct hmap online;		/* user id -> struct guild_online */
	struct roster *roster;		/* NULL: nobody looks at a list */
	bool lost;			/* one of the relays has lost an event */
	struct guild_views views;
	struct guild_create create;
	uint32_t no_content;		/* sessions without MESSAGE_CONTENT */
	uint32_t passive;		/* passive sessions */
	uint64_t unread_timer;		/* see guild/unread.h; 0: none */
	uint64_t unread[RELAY_VIEW_WORDS]; /* slots with new messages */
	struct guild_relay relay[GUILD_CORES_MAX];
	struct page_body page;
	struct message scratch[2];	/* too big for stacks */
};

typedef enum error_code guild_call(struct guild *g, struct rest_msg *call);

/* Cookies of the guild's timers. */
enum guild_timer {
	GUILD_TIMER_UNREAD,
	GUILD_TIMER_ROSTER,
	GUILD_TIMER_IDLE,
};

/* actor_msg_take(), for a message that may have waited in a list of ours. */
void guild_take(struct guild *g, struct actor_msg *msg);

/* Runs a call, which has waited since it came, as if it came now; takes it. */
enum error_code guild_run_again(struct guild *g, struct rest_msg *call,
				guild_call *fn);

/* --- calls and their answers (op.c) --- */

/* Whom to answer. */
struct caller {
	actor_ref ref;
	uint64_t tag;
};

struct caller guild_caller(const struct rest_msg *call);
/* Takes `body` (NULL: none). */
void guild_reply(struct guild *g, const struct caller *to, unsigned int status,
		 struct blob *body);
/* Takes what `buf` holds; a failed buffer answers ERROR_OVERLOADED. */
void guild_reply_buf(struct guild *g, const struct caller *to, struct buf *buf);
void guild_reply_error(struct guild *g, const struct caller *to,
		       enum error_code code);
/* The same, with when it is worth to try again: within UINT16_MAX seconds. */
void guild_reply_later(struct guild *g, const struct caller *to,
		       enum error_code code, uint64_t wait_ms);
/* A JSON answer, written on a buffer of its own. */
struct answer {
	struct buf buf;
	struct jsonw w;
};

struct jsonw *answer_open(struct answer *a);
/* Always ERROR_NONE: it has been answered. */
enum error_code answer_send(struct guild *g, const struct rest_msg *call,
			    struct answer *a);

/* What a client is told of an errno of the data service or the catalog. */
enum error_code guild_error_of(int err);

/*
 * Something of ours under way elsewhere: a request whose answer comes with
 * the op's tag.  Embedded first; `done` gets the answer and either asks again
 * under the same tag or ends with op_free(), which calls `drop`.
 */
struct op {
	uint64_t tag;
	struct caller caller;
	void (*done)(struct guild *g, struct op *op, struct actor_msg *answer);
	void (*drop)(struct op *op);	/* may be NULL; not the memory itself */
};

/* Returns a zeroed op of `size`; NULL: out of memory, or too many. */
void *op_new(struct guild *g, size_t size, const struct caller *caller,
	     void (*done)(struct guild *g, struct op *op,
			  struct actor_msg *answer),
	     void (*drop)(struct op *op));
void op_free(struct guild *g, struct op *op);
/* Answers the op's caller with an error and ends it. */
void op_fail(struct guild *g, struct op *op, enum error_code code);
/* Hands an answer to its op; one without is dropped. */
void op_answer(struct guild *g, struct actor_msg *msg);

/* Requests to the data service on behalf of an op.  0 or a negative errno. */
int op_append(struct guild *g, struct op *op, uint64_t channel_id,
	      enum store_space space, uint64_t id, struct blob *row);
int op_edit(struct guild *g, struct op *op, uint64_t channel_id,
	    enum store_space space, uint64_t id, struct blob *row);
int op_delete(struct guild *g, struct op *op, uint64_t channel_id,
	      enum store_space space, const uint64_t *id, uint32_t count);
int op_get(struct guild *g, struct op *op, uint64_t channel_id,
	   enum store_space space, uint64_t id);
int op_page(struct guild *g, struct op *op, uint64_t channel_id,
	    enum store_space space, enum store_dir dir, uint64_t id,
	    uint32_t limit);
/* See catalog_submit(). */
int op_catalog(struct guild *g, struct op *op,
	       int (*run)(struct catalog *c, void *arg), void *arg,
	       void (*drop)(void *arg));

/* --- time and ids --- */

uint64_t guild_now_ms(const struct guild *g);

/* --- events (event.c) --- */

struct event {
	struct buf buf;
	struct jsonw w;		/* stands where `d` is to be written */
};

void event_open(struct event *e, const char *name);
/* The key guild_id, where there is one. */
void event_key_guild(struct jsonw *w, const struct guild *g);
/* Returns the payload (proto/session.h), NULL when memory was out. */
struct blob *event_close(struct event *e);

extern const struct relay_target event_to_all;	/* RELAY_PASSIVE_TOO */
struct relay_target event_to_channel(const struct state_channel *c,
				     uint32_t intents);

/*
 * Memory was out, and the sessions of this core go without an event: they are
 * closed when the message under way is handled (guild_close_lost()).
 */
void event_lost(struct guild *g, int core);

/* Takes `payload`; NULL is lost memory. */
void event_publish(struct guild *g, const struct relay_target *to,
		   struct blob *payload);
/* The same for a message's event, whose content some may not see.  `m` names
 * those who may.  Takes both; `stripped` may be NULL where all sessions may. */
void event_publish_message(struct guild *g, const struct relay_target *to,
			   const struct message *m, struct blob *payload,
			   struct blob *stripped);
/* Takes `payload`. */
void event_direct(struct guild *g, const struct guild_session *s,
		  struct blob *payload);

/* --- sessions (guild_session.c) --- */

void guild_join(struct guild *g, struct actor_msg *msg);
void guild_leave(struct guild *g, actor_ref session);
void guild_relay_exit(struct guild *g, actor_ref relay);
void guild_close_lost(struct guild *g);
void guild_attend(struct guild *g, struct actor_msg *msg);
/* All sessions of a user leave. */
void guild_drop_user(struct guild *g, uint64_t user_id);
void guild_session_fini(struct guild *g);

/* --- presence and op 8 (guild_presence.c) --- */

void guild_presence(struct guild *g, struct actor_msg *msg);
void guild_members_request(struct guild *g, struct actor_msg *msg);
void guild_online_changed(struct guild *g, uint64_t user_id);
void guild_json_presences(struct guild *g, struct jsonw *w);
/* Of one, who may be offline. */
void guild_json_presence(struct guild *g, struct jsonw *w, uint64_t user_id);
/* For others to see. */
bool guild_is_online(struct guild *g, uint64_t user_id);

/* --- members and users that come from the directory (guild_member.c) --- */

void guild_user_changed(struct guild *g, struct actor_msg *msg);
void guild_member_new(struct guild *g, struct actor_msg *msg);

/* Runs the next call that waits for a change to end. */
void guild_next_change(struct guild *g);

/* --- REST: each returns ERROR_NONE when it has answered, or will --- */

struct guild_route {
	guild_call *fn;
	bool changes;		/* waits for the change under way */
	bool direct;		/* of direct channels, too */
};

extern const struct guild_route guild_calls[REST_KINDS];

guild_call guild_rest_guild, guild_rest_channels, guild_rest_channel,
	guild_rest_roles, guild_rest_role, guild_rest_member,
	guild_rest_members, guild_rest_member_search, guild_rest_role_counts,
	guild_rest_empty_list, guild_rest_threads, guild_rest_regions,
	guild_rest_partial;
guild_call message_rest_create, message_rest_list, message_rest_get,
	message_rest_edit, message_rest_delete, message_rest_bulk_delete,
	message_rest_typing, message_rest_search, message_rest_ack;
guild_call reaction_rest_change, reaction_rest_list;
guild_call guild_rest_edit, role_rest_create, role_rest_edit, role_rest_delete,
	role_rest_move;
guild_call channel_rest_create, channel_rest_edit, channel_rest_delete,
	channel_rest_move, overwrite_rest_put, overwrite_rest_delete;
guild_call member_rest_edit, member_rest_kick, member_rest_leave,
	member_rest_role, ban_rest_list, ban_rest_get, ban_rest_add,
	ban_rest_remove, ban_rest_bulk;
guild_call invite_rest_create, invite_rest_list, invite_rest_get,
	invite_rest_delete, invite_rest_accept;
guild_call webhook_rest_create, webhook_rest_list, webhook_rest_get,
	webhook_rest_edit, webhook_rest_delete, webhook_rest_execute,
	webhook_rest_said;
guild_call audit_rest_list;
guild_call pin_rest_change, pin_rest_list, pin_rest_list_old;

/*
 * The channel of a call that its actor may see, with its permissions there;
 * ERROR_UNKNOWN_CHANNEL, ERROR_MISSING_ACCESS, or ERROR_MISSING_PERMISSION
 * when one of `need` is not held.
 */
enum error_code guild_call_channel(struct guild *g,
				   const struct rest_msg *call, uint64_t need,
				   struct state_channel **ret_channel,
				   uint64_t *ret_perms);
/* The same for the guild at large. */
enum error_code guild_call_perms(struct guild *g, const struct rest_msg *call,
				 uint64_t need);

/*
 * Answers with the list of what `show` writes of a map's entries: of the call's
 * channel, or, without one (then channel_id is 0), of the guild.
 */
enum error_code guild_answer_list(struct guild *g, const struct rest_msg *call,
				  const struct hmap *map, uint64_t in_channel,
				  uint64_t in_guild,
				  void (*show)(struct guild *g, struct jsonw *w,
					       uint64_t channel_id,
					       const void *entry));

/* The guild with its roles, as GET and GUILD_UPDATE show it. */
void guild_json(struct guild *g, struct jsonw *w);

bool guild_is_text(const struct channel *c);

#endif
