// SPDX-License-Identifier: Apache-2.0
#include "proto/model.h"

#include <errno.h>

#include "base/mem.h"

int model_string_set(char **to, const char *from)
{
	char *copy = NULL;

	if (from) {
		copy = mem_strdup(from);
		if (!copy)
			return -ENOMEM;
	}
	mem_free(*to);
	*to = copy;
	return 0;
}

/* Makes an owned copy in place of a string that *p shares with another. */
static int own_string(char **p)
{
	const char *shared = *p;

	*p = NULL;
	return model_string_set(p, shared);
}

static int own_array(void *pp, size_t size)
{
	void **p = pp;
	const void *shared = *p;

	*p = NULL;
	if (!size)
		return 0;
	*p = mem_dup(shared, size);
	return *p ? 0 : -ENOMEM;
}

/*
 * Each copy first copies the struct, then owns every pointer, trying all of
 * them so that on failure none is left that belongs to `from`.
 */
int model_user_copy(struct user *to, const struct user *from)
{
	int err = 0;

	*to = *from;
	err |= own_string(&to->name);
	err |= own_string(&to->global_name);
	err |= own_string(&to->avatar);
	if (err)
		model_user_fini(to);
	return err ? -ENOMEM : 0;
}

int model_role_copy(struct role *to, const struct role *from)
{
	*to = *from;
	return own_string(&to->name);
}

int model_channel_copy(struct channel *to, const struct channel *from)
{
	int err = 0;

	*to = *from;
	err |= own_string(&to->name);
	err |= own_string(&to->topic);
	err |= own_array(&to->overwrite,
			 from->overwrite_count * sizeof(*from->overwrite));
	if (err)
		model_channel_fini(to);
	return err ? -ENOMEM : 0;
}

int model_member_copy(struct member *to, const struct member *from)
{
	int err = 0;

	*to = *from;
	err |= model_user_copy(&to->user, &from->user);
	err |= own_string(&to->nick);
	err |= own_array(&to->role, from->role_count * sizeof(*from->role));
	if (err)
		model_member_fini(to);
	return err ? -ENOMEM : 0;
}

int model_guild_copy(struct guild_info *to, const struct guild_info *from)
{
	int err = 0;

	*to = *from;
	err |= own_string(&to->name);
	err |= own_string(&to->icon);
	err |= own_string(&to->description);
	err |= own_string(&to->locale);
	if (err)
		model_guild_fini(to);
	return err ? -ENOMEM : 0;
}

int model_invite_copy(struct invite *to, const struct invite *from)
{
	*to = *from;
	return own_string(&to->code);
}

int model_webhook_copy(struct webhook *to, const struct webhook *from)
{
	int err = 0;

	*to = *from;
	err |= own_string(&to->name);
	err |= own_string(&to->avatar);
	err |= own_string(&to->token);
	if (err)
		model_webhook_fini(to);
	return err ? -ENOMEM : 0;
}

void model_user_fini(struct user *u)
{
	mem_free(u->name);
	mem_free(u->global_name);
	mem_free(u->avatar);
	*u = (struct user){ 0 };
}

void model_role_fini(struct role *r)
{
	mem_free(r->name);
	*r = (struct role){ 0 };
}

void model_channel_fini(struct channel *c)
{
	mem_free(c->name);
	mem_free(c->topic);
	mem_free(c->overwrite);
	*c = (struct channel){ 0 };
}

void model_member_fini(struct member *m)
{
	model_user_fini(&m->user);
	mem_free(m->nick);
	mem_free(m->role);
	*m = (struct member){ 0 };
}

void model_guild_fini(struct guild_info *g)
{
	mem_free(g->name);
	mem_free(g->icon);
	mem_free(g->description);
	mem_free(g->locale);
	*g = (struct guild_info){ 0 };
}

void model_invite_fini(struct invite *i)
{
	mem_free(i->code);
	*i = (struct invite){ 0 };
}

void model_webhook_fini(struct webhook *w)
{
	mem_free(w->name);
	mem_free(w->avatar);
	mem_free(w->token);
	*w = (struct webhook){ 0 };
}
