/* SPDX-License-Identifier: Apache-2.0 */
/* What the directory's files share. */
#ifndef GUILD_DIRECTORY_STATE_H
#define GUILD_DIRECTORY_STATE_H

#include "base/hash.h"
#include "guild/directory.h"
#include "guild/directory_impl.h"
#include "guild/overview.h"
#include "proto/rest.h"

struct dir_entry {		/* a user */
	struct user user;
	char *password;		/* a hash; NULL: cannot log in */
	uint64_t *guild;	/* ids, ascending */
	uint32_t guild_count;
	actor_ref *session;
	uint32_t session_count;
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
};

/* --- the tables (directory_table.c) --- */

struct dir_entry *dir_user(const struct directory *d, uint64_t id);
struct dir_entry *dir_user_by_name(const struct directory *d,
				   const char *name);
/* NULL: a token of nobody. */
struct dir_entry *dir_user_by_token(const struct directory *d,
				    const char *token);
actor_ref dir_guild_ref(const struct directory *d, uint64_t id);

/* Takes over what has been added to the catalog; tells running guilds of new
 * members.  -ENOMEM: only in part. */
int dir_merge(struct directory *d, struct overview *o);
int dir_user_rename(struct directory *d, struct dir_entry *e,
		    struct user *fresh);
void dir_token_del(struct directory *d, const uint8_t hash[TOKEN_HASH_SIZE]);
int dir_token_add(struct directory *d, const uint8_t hash[TOKEN_HASH_SIZE],
		  uint64_t user_id);

int dir_member_add(struct directory *d, uint64_t guild_id, uint64_t user_id);
void dir_member_del(struct directory *d, uint64_t guild_id, uint64_t user_id);
int dir_session_add(struct directory *d, struct dir_entry *e, actor_ref ref);
void dir_session_del(struct directory *d, actor_ref ref);
void dir_tables_fini(struct directory *d);

/* --- work under way elsewhere --- */

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

/* Runs an administrator's command. */
void dir_admin(struct directory *d, struct dir_admin_msg *msg);

/* Tells a user's sessions of a guild it has entered or left. */
void dir_tell_sessions(struct directory *d, const struct dir_entry *e,
		       uint64_t guild_id, bool add);

#endif
