/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guild in memory: its settings, roles, channels, members, bans, invites and
 * webhooks.  Plain data of one owner: filled by the catalog on a worker thread,
 * then the guild actor's alone.
 */
#ifndef GUILD_STATE_H
#define GUILD_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "guild/perm.h"
#include "proto/model.h"

#define STATE_CHANNELS_MAX 500
#define STATE_ROLES_MAX 250
#define STATE_INVITES_MAX 1000
#define STATE_OVERWRITES_MAX 1000

struct state_channel {
	struct channel channel;
	uint32_t slot;		/* 0 .. STATE_CHANNELS_MAX-1, its own */
	struct hmap spoke_ms;	/* slow mode: user id -> wall ms */
};

struct state {
	struct guild_info info;
	struct hmap channels;	/* id -> struct state_channel */
	struct hmap roles;	/* id -> struct role */
	struct hmap members;	/* user id -> struct member */
	struct hmap bans;	/* user id -> struct user, as last known */
	struct hmap invites;	/* state_code_key() -> struct invite */
	struct hmap webhooks;	/* id -> struct webhook */
	uint64_t slots[(STATE_CHANNELS_MAX + 63) / 64];	/* taken */
	struct member **sorted;	/* by user id; NULL: to be made again */
	uint64_t users;		/* grows when a member comes, goes or changes */
};

void state_init(struct state *s);
void state_fini(struct state *s);

/* Each takes what `c`, `r`, … point to, if it succeeds; replaces one of the
 * same id in place.  -ENOMEM, -ENOSPC (channels). */
int state_put_channel(struct state *s, struct channel *c);
int state_put_role(struct state *s, struct role *r);
int state_put_member(struct state *s, struct member *m);
int state_put_ban(struct state *s, struct user *u);
int state_put_invite(struct state *s, struct invite *i);
int state_put_webhook(struct state *s, struct webhook *w);

void state_del_channel(struct state *s, uint64_t id);
/* Also from the members that hold it and the overwrites that name it. */
void state_del_role(struct state *s, uint64_t id);
void state_del_member(struct state *s, uint64_t user_id);
void state_del_ban(struct state *s, uint64_t user_id);
void state_del_invite(struct state *s, const char *code);
void state_del_webhook(struct state *s, uint64_t id);

/* NULL when there is none. */
struct state_channel *state_channel(const struct state *s, uint64_t id);
struct role *state_role(const struct state *s, uint64_t id);
struct member *state_member(const struct state *s, uint64_t user_id);
struct user *state_ban(const struct state *s, uint64_t user_id);
struct invite *state_invite(const struct state *s, const char *code);
struct webhook *state_webhook(const struct state *s, uint64_t id);

uint64_t state_code_key(const char *code);

/* The members by ascending user id; NULL: out of memory.  Valid until the
 * next change of members. */
struct member *const *state_sorted(struct state *s);
/* The index in state_sorted() of the first id above `after`. */
size_t state_sorted_after(struct state *s, uint64_t after);

/* Permissions; `now_ms` decides about timeouts.  A user who is no member has
 * none. */
uint64_t state_perms(const struct state *s, uint64_t user_id, uint64_t now_ms);
uint64_t state_channel_perms(const struct state *s,
			     const struct state_channel *c, uint64_t user_id,
			     uint64_t now_ms);
/* The highest position among a member's roles; INT32_MAX for the owner. */
int32_t state_top_position(const struct state *s, uint64_t user_id);

#endif
