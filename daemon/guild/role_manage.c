// SPDX-License-Identifier: Apache-2.0
/* Managing the guild itself and its roles. */
#include <string.h>

#include "base/mem.h"
#include "guild/change.h"
#include "proto/body.h"
#include "proto/json.h"

/* --- the guild --- */

static void merge_ids(struct guild_info *g, const struct body_guild *b)
{
	if (b->set & BODY_GUILD_AFK_CHANNEL)
		g->afk_channel_id = b->guild.afk_channel_id;
	if (b->set & BODY_GUILD_SYSTEM)
		g->system_channel_id = b->guild.system_channel_id;
	if (b->set & BODY_GUILD_RULES)
		g->rules_channel_id = b->guild.rules_channel_id;
	if (b->set & BODY_GUILD_UPDATES)
		g->public_updates_channel_id =
			b->guild.public_updates_channel_id;
	if (b->set & BODY_GUILD_OWNER)
		g->owner_id = b->guild.owner_id;
}

static void merge_numbers(struct guild_info *g, const struct body_guild *b)
{
	if (b->set & BODY_GUILD_AFK_TIMEOUT)
		g->afk_timeout_s = b->guild.afk_timeout_s;
	if (b->set & BODY_GUILD_SYSTEM_FLAGS)
		g->system_channel_flags = b->guild.system_channel_flags;
	if (b->set & BODY_GUILD_VERIFICATION)
		g->verification_level = b->guild.verification_level;
	if (b->set & BODY_GUILD_NOTIFY)
		g->default_notifications = b->guild.default_notifications;
	if (b->set & BODY_GUILD_FILTER)
		g->content_filter = b->guild.content_filter;
}

/* The strings are borrowed from both until change_put_guild() copies. */
static struct guild_info merge_guild(const struct guild_info *old,
				     const struct body_guild *b)
{
	struct guild_info g = *old;

	if (b->set & BODY_GUILD_NAME)
		g.name = b->guild.name;
	if (b->set & BODY_GUILD_ICON)
		g.icon = b->guild.icon;
	if (b->set & BODY_GUILD_DESCRIPTION)
		g.description = b->guild.description;
	if (b->set & BODY_GUILD_LOCALE)
		g.locale = b->guild.locale;
	merge_ids(&g, b);
	merge_numbers(&g, b);
	return g;
}

static void answer_guild(struct guild *g, const struct caller *to,
			 const struct change *c)
{
	struct answer a;

	(void)c;
	guild_json(g, answer_open(&a));
	guild_reply_buf(g, to, &a.buf);
}

enum error_code guild_rest_edit(struct guild *g, struct rest_msg *call)
{
	const struct body_guild *b = call->body;
	enum error_code err = guild_call_perms(g, call, PERM_MANAGE_GUILD);
	struct guild_info merged;
	struct change *c;

	if (err)
		return err;
	if ((b->set & BODY_GUILD_OWNER) &&
	    (call->actor_id != g->state.info.owner_id ||
	     !state_member(&g->state, b->guild.owner_id)))
		return ERROR_MISSING_PERMISSION;
	c = change_new(g, call);
	if (!c)
		return ERROR_OVERLOADED;
	merged = merge_guild(&g->state.info, b);
	change_put_guild(c, &merged);
	c->answer = answer_guild;
	return change_send(g, c);
}

/* --- roles --- */

static struct role merge_role(const struct role *old,
			      const struct body_role *b)
{
	struct role r = *old;

	if (b->set & BODY_ROLE_NAME && b->role.name)
		r.name = b->role.name;
	if (b->set & BODY_ROLE_PERMISSIONS)
		r.permissions = b->role.permissions & PERM_ALL;
	if (b->set & BODY_ROLE_COLOR)
		r.color = b->role.color;
	if (b->set & BODY_ROLE_HOIST)
		r.hoist = b->role.hoist;
	if (b->set & BODY_ROLE_MENTIONABLE)
		r.mentionable = b->role.mentionable;
	return r;
}

/* Nobody gives what he does not have. */
static bool may_grant(struct guild *g, const struct rest_msg *call,
		      uint64_t before, uint64_t after)
{
	uint64_t own = state_perms(&g->state, call->actor_id, guild_now_ms(g));

	return !((before ^ after) & ~own);
}

/* A role that the caller may change: below his own highest one. */
static enum error_code manageable(struct guild *g, const struct rest_msg *call,
				  const struct role **ret_role)
{
	const struct role *r = state_role(&g->state, call->id[REST_ID_ROLE]);
	enum error_code err = guild_call_perms(g, call, PERM_MANAGE_ROLES);

	if (err)
		return err;
	if (!r)
		return ERROR_UNKNOWN_ROLE;
	if (r->position >= state_top_position(&g->state, call->actor_id))
		return ERROR_MISSING_PERMISSION;
	*ret_role = r;
	return ERROR_NONE;
}

/* A new role stands right above @everyone: the others move up. */
static void make_room(const struct guild *g, struct change *c)
{
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&g->state.roles, &iter, NULL, &value)) {
		struct role r = *(const struct role *)(uintptr_t)value;

		if (r.id == g->arg.guild_id)
			continue;
		r.position++;
		change_put_role(c, &r);
	}
}

enum error_code role_rest_create(struct guild *g, struct rest_msg *call)
{
	const struct body_role *b = call->body;
	enum error_code err = guild_call_perms(g, call, PERM_MANAGE_ROLES);
	struct role fresh = { .name = (char *)"new role", .position = 1 }, r;
	const struct role *everyone = state_role(&g->state, g->arg.guild_id);
	struct change *c;

	if (err)
		return err;
	if (g->state.roles.count >= STATE_ROLES_MAX)
		return ERROR_MAX_ROLES;
	fresh.permissions = everyone ? everyone->permissions : 0;
	r = merge_role(&fresh, b);
	if (!may_grant(g, call, fresh.permissions, r.permissions))
		return ERROR_MISSING_PERMISSION;
	if (idgen_next(g->arg.ids, guild_now_ms(g), &r.id))
		return ERROR_OVERLOADED;
	c = change_new(g, call);
	if (!c)
		return ERROR_OVERLOADED;
	make_room(g, c);
	change_put_role(c, &r);
	c->id = r.id;
	c->answer = change_answer_role;
	return change_send(g, c);
}

enum error_code role_rest_edit(struct guild *g, struct rest_msg *call)
{
	const struct role *old;
	enum error_code err = manageable(g, call, &old);
	struct change *c;
	struct role r;

	if (err)
		return err;
	r = merge_role(old, call->body);
	if (!may_grant(g, call, old->permissions, r.permissions))
		return ERROR_MISSING_PERMISSION;
	/* @everyone is called that. */
	if (r.id == g->arg.guild_id)
		r.name = old->name;
	c = change_new(g, call);
	if (!c)
		return ERROR_OVERLOADED;
	change_put_role(c, &r);
	c->id = r.id;
	c->answer = change_answer_role;
	return change_send(g, c);
}

enum error_code role_rest_delete(struct guild *g, struct rest_msg *call)
{
	const struct role *r;
	enum error_code err = manageable(g, call, &r);
	struct change *c;

	if (err)
		return err;
	if (r->id == g->arg.guild_id || r->managed)
		return ERROR_INVALID_ROLE;
	c = change_new(g, call);
	if (!c)
		return ERROR_OVERLOADED;
	change_id(c, CHANGE_DEL_ROLE, r->id);
	return change_send(g, c);
}

static void answer_roles(struct guild *g, const struct caller *to,
			 const struct change *c)
{
	struct answer a;
	struct jsonw *w = answer_open(&a);
	uint64_t value;
	size_t iter = 0;

	(void)c;
	jsonw_arr(w);
	while (hmap_next(&g->state.roles, &iter, NULL, &value))
		json_role(w, (const struct role *)(uintptr_t)value);
	jsonw_end(w);
	guild_reply_buf(g, to, &a.buf);
}

enum error_code role_rest_move(struct guild *g, struct rest_msg *call)
{
	int32_t top = state_top_position(&g->state, call->actor_id);
	enum error_code err = guild_call_perms(g, call, PERM_MANAGE_ROLES);
	const struct body_moves *b = call->body;
	struct change *c;

	for (uint32_t i = 0; !err && i < b->count; i++) {
		const struct role *r = state_role(&g->state, b->move[i].id);

		if (!r)
			err = ERROR_UNKNOWN_ROLE;
		else if (r->position == b->move[i].position)
			continue;
		else if (r->id == g->arg.guild_id)
			err = ERROR_INVALID_ROLE;
		else if (r->position >= top || b->move[i].position >= top)
			err = ERROR_MISSING_PERMISSION;
	}
	c = err ? NULL : change_new(g, call);
	if (!c)
		return err ? err : ERROR_OVERLOADED;
	for (uint32_t i = 0; i < b->count; i++) {
		struct role r = *state_role(&g->state, b->move[i].id);

		if (b->move[i].set & BODY_MOVE_POSITION)
			r.position = b->move[i].position;
		change_put_role(c, &r);
	}
	c->answer = answer_roles;
	return change_send(g, c);
}
