// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "guild/directory_state.h"
#include "guild/guild.h"
#include "proto/close.h"
#include "proto/session.h"

#define NAME_SEED 0x6c6f67696eull

static uint64_t name_key(const char *name)
{
	return hash_bytes(name, strlen(name), NAME_SEED);
}

static uint64_t token_key(const uint8_t *hash)
{
	uint64_t key;

	memcpy(&key, hash, sizeof(key));
	return key;
}

struct dir_entry *dir_user(const struct directory *d, uint64_t id)
{
	return hmap_get_ptr(&d->users, id);
}

struct dir_entry *dir_user_by_name(const struct directory *d,
				   const char *name)
{
	struct dir_entry *e;
	uint64_t id;

	if (!hmap_get(&d->logins, name_key(name), &id))
		return NULL;
	e = dir_user(d, id);
	return e && !strcmp(e->user.name, name) ? e : NULL;
}

static struct dir_token *find_token(const struct directory *d,
				    const uint8_t *hash)
{
	struct dir_token *t = hmap_get_ptr(&d->tokens, token_key(hash));

	while (t && sodium_memcmp(t->hash, hash, TOKEN_HASH_SIZE))
		t = t->next;
	return t;
}

struct dir_entry *dir_user_by_hash(const struct directory *d,
				   const uint8_t hash[TOKEN_HASH_SIZE])
{
	const struct dir_token *t = find_token(d, hash);

	return t ? dir_user(d, t->user_id) : NULL;
}

struct dir_entry *dir_user_by_token(const struct directory *d,
				    const char *token)
{
	uint8_t hash[TOKEN_HASH_SIZE];

	if (!token[0])
		return NULL;
	token_hash(&d->arg.secret, token, hash);
	return dir_user_by_hash(d, hash);
}

actor_ref dir_guild_ref(const struct directory *d, uint64_t id)
{
	actor_ref ref = ACTOR_NOBODY;

	hmap_get(&d->guilds, id, &ref.bits);
	return ref;
}

static int add_user(struct directory *d, struct overview_user *u)
{
	struct dir_entry *e = dir_user(d, u->user.id);

	if (e)
		return 0;
	e = mem_zalloc(sizeof(*e));
	if (!e)
		return -ENOMEM;
	if (hmap_set(&d->users, u->user.id, (uintptr_t)e)) {
		mem_free(e);
		return -ENOMEM;
	}
	e->user = u->user;
	e->password = u->password;
	*u = (struct overview_user){ 0 };
	if (e->user.bot)
		return 0;
	return hmap_set(&d->logins, name_key(e->user.name), e->user.id);
}

int dir_token_add(struct directory *d, const uint8_t hash[TOKEN_HASH_SIZE],
		  uint64_t user_id)
{
	uint64_t key = token_key(hash);
	struct dir_token *t;

	if (find_token(d, hash))
		return 0;
	t = mem_zalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	memcpy(t->hash, hash, sizeof(t->hash));
	t->user_id = user_id;
	t->next = hmap_get_ptr(&d->tokens, key);
	if (hmap_set(&d->tokens, key, (uintptr_t)t)) {
		mem_free(t);
		return -ENOMEM;
	}
	return 0;
}

/* It was somebody's right to be here. */
static void close_sessions(struct directory *d, const struct dir_entry *e,
			   uint64_t key)
{
	for (uint32_t i = 0; e && i < e->session_count; i++) {
		struct session_close_msg *m;

		if (e->session[i].token_key != key)
			continue;
		m = ACTOR_MSG_NEW(struct session_close_msg, SESSION_CLOSE);
		if (!m) {
			log_error("directory", "session_not_closed", "user=%llu",
				  (unsigned long long)e->user.id);
			continue;
		}
		m->code = CLOSE_TOKEN;
		actor_send(d->self, e->session[i].ref, &m->head);
	}
}

void dir_token_del(struct directory *d, const uint8_t hash[TOKEN_HASH_SIZE])
{
	struct dir_token *t = find_token(d, hash), *first, **at = &first;
	uint64_t key = token_key(hash);

	if (!t)
		return;
	close_sessions(d, dir_user(d, t->user_id), key);
	first = hmap_get_ptr(&d->tokens, key);
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	/* Replacing a value never fails. */
	if (first)
		hmap_set(&d->tokens, key, (uintptr_t)first);
	else
		hmap_del(&d->tokens, key);
	mem_free(t);
}

int dir_spawn_guild(struct directory *d, uint64_t id, bool direct,
		    actor_ref *ret_ref)
{
	const struct guild_arg arg = {
		.guild_id = id,
		.direct = direct,
		.catalog = d->arg.catalog,
		.directory = actor_self(d->self),
		.ids = d->arg.ids,
		.unsafe = d->arg.unsafe,
	};
	const struct actor_spawn_opts opts = {
		.core = ACTOR_CORE_ANY,
		.restart = ACTOR_RESTART_ON_ERROR,
		.arg_size = sizeof(arg),
	};

	return actor_spawn(d->self, &guild_actor_class, &arg, &opts, ret_ref);
}

static int add_guild(struct directory *d, uint64_t id)
{
	actor_ref ref;
	int err;

	if (!actor_ref_is_nobody(dir_guild_ref(d, id)))
		return 0;
	err = dir_spawn_guild(d, id, false, &ref);
	return err ? err : hmap_set(&d->guilds, id, ref.bits);
}

/* Where `id` is in an ascending list, or would be. */
static uint32_t position(const uint64_t *list, uint32_t count, uint64_t id)
{
	uint32_t i = 0;

	while (i < count && list[i] < id)
		i++;
	return i;
}

int dir_member_add(struct directory *d, uint64_t guild_id, uint64_t user_id)
{
	struct dir_entry *e = dir_user(d, user_id);
	uint64_t *list;
	uint32_t i;

	if (!e)
		return 0;
	i = position(e->guild, e->guild_count, guild_id);
	if (i < e->guild_count && e->guild[i] == guild_id)
		return 0;
	list = mem_realloc(e->guild, (e->guild_count + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	memmove(&list[i + 1], &list[i], (e->guild_count - i) * sizeof(*list));
	list[i] = guild_id;
	e->guild = list;
	e->guild_count++;
	return 0;
}

void dir_member_del(struct directory *d, uint64_t guild_id, uint64_t user_id)
{
	struct dir_entry *e = dir_user(d, user_id);
	uint32_t i;

	if (!e)
		return;
	i = position(e->guild, e->guild_count, guild_id);
	if (i == e->guild_count || e->guild[i] != guild_id)
		return;
	e->guild_count--;
	memmove(&e->guild[i], &e->guild[i + 1],
		(e->guild_count - i) * sizeof(*e->guild));
}

/* A running guild takes a member that it does not have yet. */
static int tell_guild(struct directory *d, const struct overview_pair *p)
{
	const struct dir_entry *e = dir_user(d, p->value);
	struct dir_user_msg *m;

	if (!e)
		return 0;
	m = ACTOR_MSG_NEW(struct dir_user_msg, DIR_MEMBER_NEW);
	if (!m || model_user_copy(&m->user, &e->user)) {
		if (m)
			actor_msg_free(&m->head);
		return -ENOMEM;
	}
	actor_send(d->self, dir_guild_ref(d, p->key), &m->head);
	return 0;
}

static int merge_pairs(struct hmap *map, const struct overview_pair *pair,
		       size_t count)
{
	int err = 0;

	for (size_t i = 0; i < count && !err; i++)
		err = hmap_set(map, pair[i].key, pair[i].value);
	return err;
}

static int merge_members(struct directory *d, const struct overview *o,
			 size_t old_guilds)
{
	int err = 0;

	for (size_t i = 0; i < o->members.count && !err; i++) {
		const struct overview_pair *p = &o->members.at[i];

		err = dir_member_add(d, p->key, p->value);
		/* A guild that starts now reads its members itself. */
		if (!err && old_guilds)
			err = tell_guild(d, p);
	}
	return err;
}

static bool del_token_of(struct directory *d, uint64_t user_id)
{
	uint8_t hash[TOKEN_HASH_SIZE];
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&d->tokens, &iter, NULL, &value)) {
		const struct dir_token *t = (void *)(uintptr_t)value;

		while (t && t->user_id != user_id)
			t = t->next;
		if (!t)
			continue;
		memcpy(hash, t->hash, sizeof(hash));
		dir_token_del(d, hash);
		return true;
	}
	return false;
}

static void reset_user(struct directory *d, struct overview_reset *r)
{
	struct dir_entry *e = dir_user(d, r->user_id);

	while (del_token_of(d, r->user_id))
		;
	if (!e)
		return;
	mem_free(e->password);
	e->password = r->password;
	r->password = NULL;
}

int dir_merge(struct directory *d, struct overview *o)
{
	size_t old_guilds = d->guilds.count;
	int err = 0;

	for (size_t i = 0; i < o->users.count && !err; i++)
		err = add_user(d, &o->users.at[i]);
	for (size_t i = 0; i < o->resets.count; i++)
		reset_user(d, &o->resets.at[i]);
	for (size_t i = 0; i < o->tokens.count && !err; i++)
		err = dir_token_add(d, o->tokens.at[i].hash,
				    o->tokens.at[i].user_id);
	for (size_t i = 0; i < o->guilds.count && !err; i++)
		err = add_guild(d, o->guilds.at[i].id);
	if (!err)
		err = merge_pairs(&d->channels, o->channels.at,
				  o->channels.count);
	if (!err)
		err = merge_pairs(&d->webhooks, o->webhooks.at,
				  o->webhooks.count);
	if (!err)
		err = merge_pairs(&d->invites, o->invites.at,
				  o->invites.count);
	for (size_t i = 0; i < o->directs.count && !err; i++)
		err = dir_direct_add(d, &o->directs.at[i]);
	return err ? err : merge_members(d, o, old_guilds);
}

int dir_user_rename(struct directory *d, struct dir_entry *e,
		    struct user *fresh)
{
	if (!e->user.bot) {
		if (hmap_set(&d->logins, name_key(fresh->name), e->user.id))
			return -ENOMEM;
		if (strcmp(fresh->name, e->user.name))
			hmap_del(&d->logins, name_key(e->user.name));
	}
	model_user_fini(&e->user);
	e->user = *fresh;
	return 0;
}

int dir_session_add(struct directory *d, struct dir_entry *e, actor_ref ref,
		    const uint8_t hash[TOKEN_HASH_SIZE])
{
	struct dir_session *list;

	list = mem_realloc(e->session, (e->session_count + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	e->session = list;
	if (hmap_set(&d->sessions, ref.bits, e->user.id))
		return -ENOMEM;
	list[e->session_count++] = (struct dir_session){ ref, token_key(hash) };
	return 0;
}

void dir_session_del(struct directory *d, actor_ref ref)
{
	struct dir_entry *e;
	uint64_t user_id;

	if (!hmap_get(&d->sessions, ref.bits, &user_id))
		return;
	hmap_del(&d->sessions, ref.bits);
	e = dir_user(d, user_id);
	for (uint32_t i = 0; i < e->session_count; i++) {
		if (!actor_ref_eq(e->session[i].ref, ref))
			continue;
		e->session[i] = e->session[--e->session_count];
		return;
	}
}

static void free_entry(struct dir_entry *e)
{
	model_user_fini(&e->user);
	mem_free(e->password);
	mem_free(e->guild);
	mem_free(e->session);
	mem_free(e->direct);
	buf_fini(&e->search_held);
	mem_free(e);
}

static void free_tokens(struct dir_token *t)
{
	while (t) {
		struct dir_token *next = t->next;

		mem_free(t);
		t = next;
	}
}

void dir_tables_fini(struct directory *d)
{
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&d->users, &iter, NULL, &value))
		free_entry((struct dir_entry *)(uintptr_t)value);
	iter = 0;
	while (hmap_next(&d->tokens, &iter, NULL, &value))
		free_tokens((struct dir_token *)(uintptr_t)value);
	dir_direct_fini(d);
	hmap_fini(&d->users);
	hmap_fini(&d->logins);
	hmap_fini(&d->tokens);
	hmap_fini(&d->guilds);
	hmap_fini(&d->channels);
	hmap_fini(&d->webhooks);
	hmap_fini(&d->invites);
	hmap_fini(&d->sessions);
}
