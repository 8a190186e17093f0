/* SPDX-License-Identifier: Apache-2.0 */
/* What the directory's files share. */
#ifndef GUILD_DIRECTORY_STATE_H
#define GUILD_DIRECTORY_STATE_H

#include "base/buf.h"
#include "base/hash.h"
#include "base/jsonw.h"
#include "guild/directory.h"
#include "guild/directory_impl.h"
#include "guild/overview.h"
#include "proto/rest.h"

struct dir_direct {		/* a channel of two users */
	struct direct is;
	uint64_t newest_id;	/* message; 0: none */
	bool newest_known;
	actor_ref ref;		/* its actor; nobody: it is not running */
	uint64_t sent;		/* calls to that one */
};

/* Has the search been told of a person's direct channels? */
enum dir_search {
	DIR_SEARCH_UNTOLD,
	DIR_SEARCH_ASKING,	/* for the newest of each; hints are held */
	DIR_SEARCH_TOLD,
};

struct dir_session {
	actor_ref ref;
	uint64_t token_key;	/* of the token that it was opened with */
};

struct dir_entry {		/* a user */
	struct user user;
	char *password;		/* a hash; NULL: cannot log in */
	uint64_t *guild;	/* ids, ascending */
	uint32_t guild_count;
	struct dir_session *session;
	uint32_t session_count;
	struct dir_direct **direct;
	uint32_t direct_count;
	uint8_t search;		/* enum dir_search */
	uint64_t search_seq;	/* of the last hint */
	struct buf search_held;	/* of struct dir_hint */
};

struct dir_token {
	struct dir_token *next;	/* same first bytes */
	uint8_t hash[TOKEN_HASH_SIZE];
	uint64_t user_id;
};

struct directory {
	struct actor *self;
	struct directory_arg arg;
	bool stopping;
	uint64_t last_tag;
	struct hmap users;	/* id -> struct dir_entry */
	struct hmap logins;	/* hash of the name -> user id */
	struct hmap tokens;	/* first bytes of the hash -> dir_token */
	struct hmap guilds;	/* id -> actor_ref */
	struct hmap channels;	/* id -> guild id */
	struct hmap webhooks;	/* id -> guild id */
	struct hmap invites;	/* state_code_key() -> guild id */
	struct hmap sessions;	/* ref -> user id */
	struct hmap jobs;	/* tag -> struct dir_job */
	struct hmap directs;	/* id -> struct dir_direct */
	struct hmap direct_refs; /* ref of its actor -> id */
};

/* --- the tables (directory_table.c) --- */

struct dir_entry *dir_user(const struct directory *d, uint64_t id);
struct dir_entry *dir_user_by_name(const struct directory *d,
				   const char *name);
/* NULL: a token of nobody. */
struct dir_entry *dir_user_by_token(const struct directory *d,
				    const char *token);
struct dir_entry *dir_user_by_hash(const struct directory *d,
				   const uint8_t hash[TOKEN_HASH_SIZE]);
actor_ref dir_guild_ref(const struct directory *d, uint64_t id);
/* Starts the actor of a guild, or of a direct channel.  See actor_spawn(). */
int dir_spawn_guild(struct directory *d, uint64_t id, bool direct,
		    actor_ref *ret_ref);

/* Takes over what has been added to the catalog; tells running guilds of new
 * members.  -ENOMEM: only in part. */
int dir_merge(struct directory *d, struct overview *o);
int dir_user_rename(struct directory *d, struct dir_entry *e,
		    struct user *fresh);
/* Its sessions end. */
void dir_token_del(struct directory *d, const uint8_t hash[TOKEN_HASH_SIZE]);
int dir_token_add(struct directory *d, const uint8_t hash[TOKEN_HASH_SIZE],
		  uint64_t user_id);

int dir_member_add(struct directory *d, uint64_t guild_id, uint64_t user_id);
void dir_member_del(struct directory *d, uint64_t guild_id, uint64_t user_id);
/* The session was opened with this token. */
int dir_session_add(struct directory *d, struct dir_entry *e, actor_ref ref,
		    const uint8_t hash[TOKEN_HASH_SIZE]);
void dir_session_del(struct directory *d, actor_ref ref);
void dir_tables_fini(struct directory *d);

/* --- work under way elsewhere --- */

/* What the caller is told when that has failed so. */
enum error_code dir_error_of(int err);

/* Embedded first.  `done` gets CATALOG_DONE or ACTOR_MSG_IO and ends the job
 * with dir_job_free(), unless it has sent it on its way again. */
struct dir_job {
	uint64_t tag;
	actor_ref caller;
	uint64_t caller_tag;
	void (*done)(struct directory *d, struct dir_job *job,
		     struct actor_msg *answer);
	void (*drop)(struct dir_job *job);
};

void *dir_job_new(struct directory *d, size_t size,
		  const struct actor_msg *caller,
		  void (*done)(struct directory *d, struct dir_job *job,
			       struct actor_msg *answer),
		  void (*drop)(struct dir_job *job));
void dir_job_free(struct directory *d, struct dir_job *job);

/* --- REST (directory_rest.c, directory_login.c) --- */

void dir_reply(struct directory *d, actor_ref to, uint64_t tag,
	       struct rest_reply_msg *reply);
/* Answers a call that needs no guild, or fails it. */
enum error_code dir_rest(struct directory *d, struct rest_msg *call);
enum error_code dir_rest_login(struct directory *d, struct rest_msg *call);
enum error_code dir_rest_guilds(struct directory *d, struct rest_msg *call);
enum error_code dir_rest_logout(struct directory *d, struct rest_msg *call);

/* --- direct channels (directory_direct.c) --- */

struct dir_direct *dir_direct(const struct directory *d, uint64_t id);
/* NULL: the two have none. */
struct dir_direct *dir_direct_of(const struct dir_entry *a,
				 const struct dir_entry *b);
/* -ENOMEM; the same one twice is fine. */
int dir_direct_add(struct directory *d, const struct direct *is);
bool dir_direct_is_open(const struct dir_direct *dm, uint64_t user_id);
/* open_from of one of the two. */
uint64_t *dir_direct_open_from(struct dir_direct *dm, uint64_t user_id);
/* May these two write to each other? */
bool dir_direct_allowed(const struct dir_entry *a, const struct dir_entry *b);
void dir_direct_json(const struct directory *d, struct jsonw *w,
		     const struct dir_direct *dm, uint64_t reader_id);
/* CHANNEL_CREATE or _DELETE to the sessions of one of the two. */
void dir_direct_announce(struct directory *d, const struct dir_direct *dm,
			 uint64_t user_id, const char *event);
/* Passes a call on; ERROR_NONE: it will be answered. */
enum error_code dir_direct_call(struct directory *d, struct dir_direct *dm,
				struct rest_msg *call);
/* The actor `ref` has ended; false: it was none of these. */
bool dir_direct_exit(struct directory *d, actor_ref ref, int reason);
void dir_direct_newest(struct directory *d, struct actor_msg *msg);
void dir_direct_event(struct directory *d, struct actor_msg *msg);
void dir_direct_idle(struct directory *d, struct actor_msg *msg);
void dir_direct_fini(struct directory *d);

/* --- calls about them (directory_direct_rest.c) --- */

enum error_code dir_rest_direct_open(struct directory *d,
				     struct rest_msg *call);
enum error_code dir_rest_direct_list(struct directory *d,
				     struct rest_msg *call);
enum error_code dir_rest_direct_close(struct directory *d,
				      struct rest_msg *call);
/* Those that are open, as READY has them.  NULL: out of memory. */
struct blob *dir_direct_list(const struct directory *d,
			     const struct dir_entry *e);

/* --- their newest messages (directory_newest.c) --- */

/* Embedded first: a job that goes on when they are known, or cannot be. */
struct dir_newest {
	struct dir_job job;
	uint32_t waiting;
	void (*then)(struct directory *d, struct dir_newest *n);
};

/* `then` is called in here when all are known; it frees the job. */
void dir_newest_of(struct directory *d, struct dir_newest *n,
		   struct dir_direct *const *dm, uint32_t count);

/* --- the search's cells of people (directory_search.c) --- */

void dir_search_changed(struct directory *d, struct actor_msg *msg);
void dir_search_who(struct directory *d, struct actor_msg *msg);

/* Runs an administrator's command. */
void dir_admin(struct directory *d, struct dir_admin_msg *msg);

#endif
