// SPDX-License-Identifier: Apache-2.0
/* Managing members and bans. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "guild/change.h"
#include "guild/purge.h"
#include "proto/body.h"
#include "proto/json.h"

#define TIMEOUT_MAX_MS (28ull * 24 * 3600 * 1000)

/* Only those below in the hierarchy, never the owner. */
static bool is_below(const struct guild *g, uint64_t user_id, uint64_t actor_id)
{
	return state_top_position(&g->state, user_id) <
	       state_top_position(&g->state, actor_id);
}

static bool holds(const struct member *m, uint64_t role_id)
{
	for (uint32_t i = 0; i < m->role_count; i++)
		if (m->role[i] == role_id)
			return true;
	return false;
}

static enum error_code check_role(const struct guild *g, uint64_t role_id,
				  uint64_t actor_id)
{
	const struct role *r = state_role(&g->state, role_id);

	if (!r || role_id == g->arg.guild_id)
		return ERROR_UNKNOWN_ROLE;
	if (r->position >= state_top_position(&g->state, actor_id))
		return ERROR_MISSING_PERMISSION;
	return ERROR_NONE;
}

/* Those given and those taken must all be the caller's to give. */
static enum error_code check_roles(const struct guild *g,
				   const struct member *old,
				   const struct member *fresh,
				   uint64_t actor_id)
{
	enum error_code err = ERROR_NONE;

	for (uint32_t i = 0; i < fresh->role_count && !err; i++)
		if (!holds(old, fresh->role[i]))
			err = check_role(g, fresh->role[i], actor_id);
	for (uint32_t i = 0; i < old->role_count && !err; i++)
		if (!holds(fresh, old->role[i]))
			err = check_role(g, old->role[i], actor_id);
	return err;
}

static enum error_code check_timeout(struct guild *g,
				     const struct rest_msg *call,
				     const struct member *fresh)
{
	uint64_t now = guild_now_ms(g);

	if (fresh->timeout_until_ms > now + TIMEOUT_MAX_MS)
		return ERROR_FORM;
	if (!is_below(g, fresh->user.id, call->actor_id))
		return ERROR_MISSING_PERMISSION;
	return ERROR_NONE;
}

static uint64_t needed(const struct body_member *b, bool self)
{
	uint64_t need = 0;

	if (b->set & BODY_MEMBER_NICK)
		need |= self ? PERM_CHANGE_NICKNAME : PERM_MANAGE_NICKNAMES;
	if (b->set & BODY_MEMBER_ROLES)
		need |= PERM_MANAGE_ROLES;
	if (b->set & BODY_MEMBER_MUTE)
		need |= PERM_MUTE_MEMBERS;
	if (b->set & BODY_MEMBER_DEAF)
		need |= PERM_DEAFEN_MEMBERS;
	if (b->set & (BODY_MEMBER_TIMEOUT | BODY_MEMBER_FLAGS))
		need |= PERM_MODERATE_MEMBERS;
	return need;
}

static struct member merge(const struct member *old,
			   const struct body_member *b)
{
	struct member m = *old;

	if (b->set & BODY_MEMBER_NICK)
		m.nick = b->member.nick && b->member.nick[0] ?
				 b->member.nick : NULL;
	if (b->set & BODY_MEMBER_ROLES) {
		m.role = b->member.role;
		m.role_count = b->member.role_count;
	}
	if (b->set & BODY_MEMBER_MUTE)
		m.mute = b->member.mute;
	if (b->set & BODY_MEMBER_DEAF)
		m.deaf = b->member.deaf;
	if (b->set & BODY_MEMBER_TIMEOUT)
		m.timeout_until_ms = b->member.timeout_until_ms;
	if (b->set & BODY_MEMBER_FLAGS)
		m.flags = b->member.flags;
	return m;
}

static enum error_code send_member(struct guild *g, struct rest_msg *call,
				   const struct member *m, bool show)
{
	struct change *c = change_new(g, call);

	if (!c)
		return ERROR_OVERLOADED;
	change_put_member(c, m);
	c->id = m->user.id;
	if (show)
		c->answer = change_answer_member;
	return change_send(g, c);
}

enum error_code member_rest_edit(struct guild *g, struct rest_msg *call)
{
	const struct body_member *b = call->body;
	uint64_t id = call->id[REST_ID_USER];
	const struct member *old = state_member(&g->state, id);
	bool self = id == call->actor_id;
	enum error_code err;
	struct member fresh;

	err = guild_call_perms(g, call, needed(b, self));
	if (err)
		return err;
	if (!old)
		return ERROR_UNKNOWN_MEMBER;
	if (!self && (b->set & BODY_MEMBER_NICK) &&
	    !is_below(g, id, call->actor_id))
		return ERROR_MISSING_PERMISSION;
	fresh = merge(old, b);
	if (b->set & BODY_MEMBER_ROLES)
		err = check_roles(g, old, &fresh, call->actor_id);
	if (!err && (b->set & BODY_MEMBER_TIMEOUT))
		err = check_timeout(g, call, &fresh);
	return err ? err : send_member(g, call, &fresh, true);
}

/* The roles of `old` with one more or one less, ascending, into list[]. */
static uint32_t with_role(const struct member *old, uint64_t role_id, bool add,
			  uint64_t *list)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < old->role_count; i++) {
		if (add && role_id < old->role[i]) {
			list[n++] = role_id;
			add = false;
		}
		if (old->role[i] != role_id)
			list[n++] = old->role[i];
	}
	if (add)
		list[n++] = role_id;
	return n;
}

enum error_code member_rest_role(struct guild *g, struct rest_msg *call)
{
	const struct member *old = state_member(&g->state,
						call->id[REST_ID_USER]);
	bool add = call->kind == REST_MEMBER_ROLE_ADD;
	const struct caller caller = guild_caller(call);
	uint64_t role_id = call->id[REST_ID_ROLE];
	uint64_t list[STATE_ROLES_MAX + 1];
	enum error_code err;
	struct member fresh;

	err = guild_call_perms(g, call, PERM_MANAGE_ROLES);
	if (!err)
		err = check_role(g, role_id, call->actor_id);
	if (err)
		return err;
	if (!old)
		return ERROR_UNKNOWN_MEMBER;
	if (holds(old, role_id) == add) {
		guild_reply(g, &caller, 204, NULL);
		return ERROR_NONE;
	}
	fresh = *old;
	fresh.role = list;
	fresh.role_count = with_role(old, role_id, add, list);
	return send_member(g, call, &fresh, false);
}

static enum error_code send_gone(struct guild *g, struct rest_msg *call,
				 uint64_t user_id)
{
	struct change *c = change_new(g, call);

	if (!c)
		return ERROR_OVERLOADED;
	change_id(c, CHANGE_DEL_MEMBER, user_id);
	return change_send(g, c);
}

enum error_code member_rest_kick(struct guild *g, struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, PERM_KICK_MEMBERS);
	uint64_t id = call->id[REST_ID_USER];

	if (err)
		return err;
	if (!state_member(&g->state, id))
		return ERROR_UNKNOWN_MEMBER;
	if (!is_below(g, id, call->actor_id))
		return ERROR_MISSING_PERMISSION;
	return send_gone(g, call, id);
}

enum error_code member_rest_leave(struct guild *g, struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, 0);

	if (err)
		return ERROR_UNKNOWN_GUILD;
	if (call->actor_id == g->state.info.owner_id)
		return ERROR_MISSING_PERMISSION;
	return send_gone(g, call, call->actor_id);
}

/* --- bans --- */

static void json_ban(struct jsonw *w, const struct user *u)
{
	jsonw_obj(w);
	jsonw_key_null(w, "reason");
	jsonw_key(w, "user");
	json_user(w, u);
	jsonw_end(w);
}

static int by_id(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Ascending ids of those banned; mem_free. */
static uint64_t *banned(const struct guild *g)
{
	uint64_t *list = mem_alloc((g->state.bans.count + 1) * sizeof(*list));
	size_t iter = 0, n = 0;
	uint64_t id;

	if (!list)
		return NULL;
	while (hmap_next(&g->state.bans, &iter, &id, NULL))
		list[n++] = id;
	qsort(list, n, sizeof(*list), by_id);
	return list;
}

enum error_code ban_rest_list(struct guild *g, struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, PERM_BAN_MEMBERS);
	uint32_t left = call->query.limit;
	uint64_t *list;
	struct answer a;
	struct jsonw *w;

	if (err)
		return err;
	list = banned(g);
	if (!list)
		return ERROR_OVERLOADED;
	w = answer_open(&a);
	jsonw_arr(w);
	for (size_t i = 0; i < g->state.bans.count && left; i++) {
		if (list[i] <= call->query.after ||
		    (call->query.before && list[i] >= call->query.before))
			continue;
		json_ban(w, state_ban(&g->state, list[i]));
		left--;
	}
	jsonw_end(w);
	mem_free(list);
	return answer_send(g, call, &a);
}

enum error_code ban_rest_get(struct guild *g, struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, PERM_BAN_MEMBERS);
	const struct user *u = state_ban(&g->state, call->id[REST_ID_USER]);
	struct answer a;

	if (err)
		return err;
	if (!u)
		return ERROR_UNKNOWN_BAN;
	json_ban(answer_open(&a), u);
	return answer_send(g, call, &a);
}

/* False: may not be banned by this caller. */
static bool add_ban(struct guild *g, struct change *c, uint64_t user_id,
		    uint64_t actor_id)
{
	bool member = state_member(&g->state, user_id);

	if (member && !is_below(g, user_id, actor_id))
		return false;
	change_id(c, CHANGE_ADD_BAN, user_id);
	if (member)
		change_id(c, CHANGE_DEL_MEMBER, user_id);
	return true;
}

/* What the banned have said lately goes, if that was asked for. */
static void purge(struct guild *g, const struct change *c)
{
	uint64_t user_id[PURGE_USERS_MAX], now = guild_now_ms(g);
	uint32_t n = 0;

	if (!c->delete_s)
		return;
	for (uint32_t i = 0; i < c->count && n < PURGE_USERS_MAX; i++)
		if (c->row[i].kind == CHANGE_ADD_BAN)
			user_id[n++] = c->row[i].id;
	purge_start(g, user_id, n, now - 1000ull * c->delete_s);
}

static void answer_banned(struct guild *g, const struct caller *to,
			  const struct change *c)
{
	guild_reply(g, to, 204, NULL);
	purge(g, c);
}

enum error_code ban_rest_add(struct guild *g, struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, PERM_BAN_MEMBERS);
	const struct body_ids *b = call->body;
	struct change *c;

	if (err)
		return err;
	c = change_new(g, call);
	if (!c)
		return ERROR_OVERLOADED;
	if (!add_ban(g, c, call->id[REST_ID_USER], call->actor_id)) {
		change_free(c);
		return ERROR_MISSING_PERMISSION;
	}
	c->delete_s = b ? b->delete_s : 0;
	c->answer = answer_banned;
	return change_send(g, c);
}

enum error_code ban_rest_remove(struct guild *g, struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, PERM_BAN_MEMBERS);
	struct change *c;

	if (err)
		return err;
	if (!state_ban(&g->state, call->id[REST_ID_USER]))
		return ERROR_UNKNOWN_BAN;
	c = change_new(g, call);
	if (!c)
		return ERROR_OVERLOADED;
	change_id(c, CHANGE_DEL_BAN, call->id[REST_ID_USER]);
	return change_send(g, c);
}

static void answer_bulk(struct guild *g, const struct caller *to,
			const struct change *c)
{
	struct answer a;
	struct jsonw *w = answer_open(&a);

	jsonw_obj(w);
	jsonw_key_arr(w, "banned_users");
	for (uint32_t i = 0; i < c->count; i++)
		if (c->row[i].kind == CHANGE_ADD_BAN)
			jsonw_id(w, c->row[i].id);
	jsonw_end(w);
	jsonw_key_arr(w, "failed_users");
	for (uint32_t i = 0; i < c->refused_count; i++)
		jsonw_id(w, c->refused[i]);
	jsonw_end(w);
	jsonw_end(w);
	guild_reply_buf(g, to, &a.buf);
	purge(g, c);
}

enum error_code ban_rest_bulk(struct guild *g, struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, PERM_BAN_MEMBERS |
							PERM_MANAGE_GUILD);
	const struct body_ids *b = call->body;
	struct change *c;

	if (err)
		return err;
	c = change_new(g, call);
	if (!c)
		return ERROR_OVERLOADED;
	for (uint32_t i = 0; i < b->count; i++)
		if (!add_ban(g, c, b->id[i], call->actor_id))
			c->refused[c->refused_count++] = b->id[i];
	c->delete_s = b->delete_s;
	c->answer = answer_bulk;
	return change_send(g, c);
}
