/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must outlive a restart besides messages: users, tokens, guilds and
 * what belongs to a guild.  SQLite in the data folder; everything blocks and
 * belongs to one thread at a time (in the daemon: lane CATALOG_LANE of
 * os_work(), through guild/catalog_actor.h).
 *
 * Unless said otherwise: 0, -ENOMEM, -EIO, -ENOSPC; -EEXIST where a name or
 * id is taken.
 */
#ifndef GUILD_CATALOG_H
#define GUILD_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "guild/secret.h"
#include "proto/model.h"

struct catalog;
struct state;

#define CATALOG_VERSION 4

/*
 * Opens, or makes, the catalog in folder `dir`; NULL: one in memory, with a
 * key of its own.  -ENOTSUP: written by a newer version.
 */
int catalog_open(const char *dir, struct catalog **ret_catalog);
void catalog_close(struct catalog *c);
const struct secret *catalog_secret(const struct catalog *c);

/* A transaction, and parts of it that can fail alone. */
int catalog_begin(struct catalog *c);
int catalog_commit(struct catalog *c);	/* on failure nothing was done */
void catalog_rollback(struct catalog *c);
/* An error that SQLite cannot put right, a full disk for one, may have rolled
 * back all of it: then none is begun any more. */
bool catalog_is_begun(const struct catalog *c);
int catalog_part_begin(struct catalog *c);
int catalog_part_end(struct catalog *c, bool keep);

/* No id was ever given out above this one; 0: none is known. */
int catalog_id_mark(struct catalog *c, uint64_t *ret_mark);
int catalog_set_id_mark(struct catalog *c, uint64_t mark);

/* `password` is a hash of password_hash(); NULL: cannot log in (bots). */
int catalog_add_user(struct catalog *c, const struct user *u,
		     const char *password);
int catalog_set_user(struct catalog *c, const struct user *u);
int catalog_add_token(struct catalog *c, const uint8_t hash[TOKEN_HASH_SIZE],
		      uint64_t user_id, uint64_t now_ms);
/* All its tokens go; `password` as with catalog_add_user(). */
int catalog_reset_user(struct catalog *c, uint64_t user_id,
		       const char *password);
int catalog_del_token(struct catalog *c, const uint8_t hash[TOKEN_HASH_SIZE]);

int catalog_put_guild(struct catalog *c, const struct guild_info *g);
int catalog_put_role(struct catalog *c, uint64_t guild_id,
		     const struct role *r);
int catalog_del_role(struct catalog *c, uint64_t id);
/* With its overwrites. */
int catalog_put_channel(struct catalog *c, const struct channel *ch);
int catalog_set_last_pin(struct catalog *c, uint64_t channel_id, uint64_t ms);
/* What it held elsewhere is still to be swept away. */
int catalog_del_channel(struct catalog *c, uint64_t id);
/* Channels that are deleted and not swept yet; a non-zero return ends it. */
int catalog_list_gone(struct catalog *c,
		      int (*channel)(void *ctx, uint64_t id, uint64_t guild_id),
		      void *ctx);
int catalog_swept(struct catalog *c, uint64_t channel_id);
/* With its roles; the user must exist. */
int catalog_put_member(struct catalog *c, uint64_t guild_id,
		       const struct member *m);
int catalog_del_member(struct catalog *c, uint64_t guild_id, uint64_t user_id);
int catalog_add_ban(struct catalog *c, uint64_t guild_id, uint64_t user_id);
int catalog_del_ban(struct catalog *c, uint64_t guild_id, uint64_t user_id);
int catalog_put_invite(struct catalog *c, uint64_t guild_id,
		       const struct invite *i);
int catalog_del_invite(struct catalog *c, const char *code);
int catalog_put_webhook(struct catalog *c, uint64_t guild_id,
			const struct webhook *w);
int catalog_del_webhook(struct catalog *c, uint64_t id);

/* Fills an initialised state.  -ENOENT. */
int catalog_load_guild(struct catalog *c, uint64_t guild_id, struct state *s);

/* A channel of two users. */
struct direct {
	uint64_t id;
	uint64_t user_id[2];	/* ascending */
	/* For each of them: it is open if it has this message or a later one;
	 * 0: in any case. */
	uint64_t open_from[2];
};

/* -EEXIST: the two have one. */
int catalog_add_direct(struct catalog *c, const struct direct *d);
/* Changes open_from of one of the two. */
int catalog_set_direct(struct catalog *c, uint64_t id, uint64_t user_id,
		       uint64_t open_from);
/* Fills an initialised state with the channel and its two members.  -ENOENT. */
int catalog_load_direct(struct catalog *c, uint64_t id, struct state *s);

/* Of the audit log.  The texts are JSON, but for the reason; NULL: none. */
struct audit_entry {
	uint64_t id;
	uint64_t user_id;
	uint64_t target_id;	/* 0: null */
	char *changes;
	char *options;
	char *reason;
	uint8_t action;		/* enum audit_action */
};

struct audit_filter {
	uint64_t before, after;	/* ids; 0: none */
	uint64_t user_id;	/* who did it; 0: anybody */
	uint32_t action;	/* 0: any */
	uint32_t limit;
};

void audit_entry_fini(struct audit_entry *e);
/* Those that are too old go. */
int catalog_add_audit(struct catalog *c, uint64_t guild_id,
		      const struct audit_entry *e);
/* Newest first; with `after` oldest first.  A non-zero return ends it. */
int catalog_list_audit(struct catalog *c, uint64_t guild_id,
		       const struct audit_filter *f,
		       int (*entry)(void *ctx, const struct audit_entry *e),
		       void *ctx);

/* What the directory must know of everything. */
struct catalog_visitor {
	void *ctx;
	int (*user)(void *ctx, const struct user *u, const char *password);
	int (*token)(void *ctx, const uint8_t *hash, uint64_t user_id);
	int (*guild)(void *ctx, uint64_t id, const char *name);
	int (*member)(void *ctx, uint64_t guild_id, uint64_t user_id);
	int (*channel)(void *ctx, uint64_t id, uint64_t guild_id);
	int (*webhook)(void *ctx, uint64_t id, uint64_t guild_id);
	int (*invite)(void *ctx, const char *code, uint64_t guild_id);
	int (*direct)(void *ctx, const struct direct *d);
	/* Not visited: an administrator's doing. */
	int (*reset)(void *ctx, uint64_t user_id, const char *password);
};

/* In the order above; a non-zero return ends it and is returned. */
int catalog_visit(struct catalog *c, const struct catalog_visitor *v);

#endif
