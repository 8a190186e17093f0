// SPDX-License-Identifier: Apache-2.0
#include "guild/overview.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "guild/state.h"

/* Makes room for one more of `size` at the end of a list. */
static void *grow(void *at_ptr, size_t *count, size_t *room, size_t size)
{
	void **at = at_ptr;
	size_t more = *room ? *room * 2 : 16;
	void *fresh;

	if (*count == *room) {
		fresh = mem_realloc(*at, more * size);
		if (!fresh)
			return NULL;
		*at = fresh;
		*room = more;
	}
	return (char *)*at + size * (*count)++;
}

#define GROW(list) grow(&(list)->at, &(list)->count, &(list)->room, \
			sizeof(*(list)->at))

static int add_user(void *ctx, const struct user *u, const char *password)
{
	struct overview *o = ctx;
	struct overview_user *e = GROW(&o->users);

	if (!e)
		return -ENOMEM;
	e->password = NULL;
	if (model_user_copy(&e->user, u))
		return -ENOMEM;
	return model_string_set(&e->password, password);
}

static int add_token(void *ctx, const uint8_t *hash, uint64_t user_id)
{
	struct overview *o = ctx;
	struct overview_token *e = GROW(&o->tokens);

	if (!e)
		return -ENOMEM;
	memcpy(e->hash, hash, sizeof(e->hash));
	e->user_id = user_id;
	return 0;
}

static int add_guild(void *ctx, uint64_t id, const char *name)
{
	struct overview *o = ctx;
	struct overview_guild *e = GROW(&o->guilds);

	if (!e)
		return -ENOMEM;
	*e = (struct overview_guild){ .id = id };
	return model_string_set(&e->name, name);
}

static int add_pair(struct overview_pair *e, uint64_t key, uint64_t value)
{
	if (!e)
		return -ENOMEM;
	*e = (struct overview_pair){ key, value };
	return 0;
}

static int add_member(void *ctx, uint64_t guild_id, uint64_t user_id)
{
	struct overview *o = ctx;

	return add_pair(GROW(&o->members), guild_id, user_id);
}

static int add_channel(void *ctx, uint64_t id, uint64_t guild_id)
{
	struct overview *o = ctx;

	return add_pair(GROW(&o->channels), id, guild_id);
}

static int add_webhook(void *ctx, uint64_t id, uint64_t guild_id)
{
	struct overview *o = ctx;

	return add_pair(GROW(&o->webhooks), id, guild_id);
}

static int add_invite(void *ctx, const char *code, uint64_t guild_id)
{
	struct overview *o = ctx;

	return add_pair(GROW(&o->invites), state_code_key(code), guild_id);
}

static int add_direct(void *ctx, const struct direct *d)
{
	struct overview *o = ctx;
	struct direct *e = GROW(&o->directs);

	if (!e)
		return -ENOMEM;
	*e = *d;
	return 0;
}

static int add_reset(void *ctx, uint64_t user_id, const char *password)
{
	struct overview *o = ctx;
	struct overview_reset *e = GROW(&o->resets);

	if (!e)
		return -ENOMEM;
	*e = (struct overview_reset){ .user_id = user_id };
	return model_string_set(&e->password, password);
}

struct catalog_visitor overview_visitor(struct overview *o)
{
	return (struct catalog_visitor){
		.ctx = o,
		.user = add_user,
		.token = add_token,
		.guild = add_guild,
		.member = add_member,
		.channel = add_channel,
		.webhook = add_webhook,
		.invite = add_invite,
		.direct = add_direct,
		.reset = add_reset,
	};
}

void overview_init(struct overview *o)
{
	*o = (struct overview){ 0 };
}

void overview_fini(struct overview *o)
{
	for (size_t i = 0; i < o->users.count; i++) {
		model_user_fini(&o->users.at[i].user);
		mem_free(o->users.at[i].password);
	}
	for (size_t i = 0; i < o->guilds.count; i++)
		mem_free(o->guilds.at[i].name);
	for (size_t i = 0; i < o->resets.count; i++)
		mem_free(o->resets.at[i].password);
	mem_free(o->resets.at);
	mem_free(o->users.at);
	mem_free(o->tokens.at);
	mem_free(o->guilds.at);
	mem_free(o->members.at);
	mem_free(o->channels.at);
	mem_free(o->webhooks.at);
	mem_free(o->invites.at);
	mem_free(o->directs.at);
	overview_init(o);
}
