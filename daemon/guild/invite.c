// SPDX-License-Identifier: Apache-2.0
/* Invites: made, shown, used, taken back. */
#include <string.h>

#include "base/mem.h"
#include "guild/change.h"
#include "guild/secret.h"
#include "proto/body.h"
#include "proto/json.h"

#define CODE_LETTERS 8

static bool is_over(const struct guild *g, const struct invite *i)
{
	if (i->max_uses && i->uses >= i->max_uses)
		return true;
	return i->max_age_s &&
	       guild_now_ms(g) >= i->created_ms + 1000ull * i->max_age_s;
}

static void json_one(struct guild *g, struct jsonw *w, const struct invite *i,
		     bool with_metadata)
{
	const struct state_channel *c = state_channel(&g->state,
						      i->channel_id);
	const struct member *by = state_member(&g->state, i->inviter_id);

	json_invite(w, i, &g->state.info, &c->channel, by ? &by->user : NULL,
		    with_metadata);
}

/* NULL: there is none, or it is over. */
static const struct invite *find(const struct guild *g,
				 const struct rest_msg *call)
{
	const struct invite *i = state_invite(&g->state, call->text);

	return i && !is_over(g, i) ? i : NULL;
}

enum error_code invite_rest_get(struct guild *g, struct rest_msg *call)
{
	const struct invite *i = find(g, call);
	struct answer a;

	if (!i)
		return ERROR_UNKNOWN_INVITE;
	json_one(g, answer_open(&a), i, false);
	return answer_send(g, call, &a);
}

static void show(struct guild *g, struct jsonw *w, uint64_t channel_id,
		 const void *entry)
{
	const struct invite *i = entry;

	if (!is_over(g, i) && (!channel_id || i->channel_id == channel_id))
		json_one(g, w, i, true);
}

enum error_code invite_rest_list(struct guild *g, struct rest_msg *call)
{
	return guild_answer_list(g, call, &g->state.invites,
				 PERM_MANAGE_CHANNELS, PERM_MANAGE_GUILD,
				 show);
}

static void answer_invite(struct guild *g, const struct caller *to,
			  const struct change *c)
{
	const struct invite *i = state_invite(&g->state, c->code);
	struct answer a;

	json_one(g, answer_open(&a), i, true);
	guild_reply_buf(g, to, &a.buf);
}

/* One of the same kind by the same person, still good. */
static const struct invite *same(const struct guild *g,
				 const struct invite *wanted)
{
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&g->state.invites, &iter, NULL, &value)) {
		const struct invite *i = (void *)(uintptr_t)value;

		if (i->channel_id == wanted->channel_id &&
		    i->inviter_id == wanted->inviter_id &&
		    i->max_age_s == wanted->max_age_s &&
		    i->max_uses == wanted->max_uses &&
		    i->temporary == wanted->temporary && !is_over(g, i))
			return i;
	}
	return NULL;
}

/* Those that are over go with the change; returns how many are left. */
static uint32_t sweep(const struct guild *g, struct change *c)
{
	uint32_t left = g->state.invites.count;
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&g->state.invites, &iter, NULL, &value)) {
		const struct invite *i = (void *)(uintptr_t)value;

		if (!is_over(g, i))
			continue;
		change_del_invite(c, i->code);
		left--;
	}
	return left;
}

enum error_code invite_rest_create(struct guild *g, struct rest_msg *call)
{
	const struct body_invite *b = call->body;
	struct invite i = b->invite;
	const struct invite *old;
	struct state_channel *ch;
	enum error_code err;
	struct answer a;
	struct change *c;

	err = guild_call_channel(g, call, PERM_CREATE_INVITE, &ch, NULL);
	if (err)
		return err;
	i.channel_id = ch->channel.id;
	i.inviter_id = call->actor_id;
	i.created_ms = guild_now_ms(g);
	old = b->unique ? NULL : same(g, &i);
	if (old) {
		json_one(g, answer_open(&a), old, true);
		return answer_send(g, call, &a);
	}
	c = change_new(g, call);
	if (!c)
		return ERROR_OVERLOADED;
	if (sweep(g, c) >= STATE_INVITES_MAX) {
		change_free(c);
		return ERROR_MAX_INVITES;
	}
	code_make(c->code, CODE_LETTERS + 1);
	i.code = c->code;
	change_put_invite(c, &i);
	c->answer = answer_invite;
	return change_send(g, c);
}

/* What it was, before it goes. */
static void answer_gone(struct guild *g, const struct caller *to,
			const struct change *c)
{
	struct answer a;
	struct jsonw *w = answer_open(&a);

	jsonw_obj(w);
	jsonw_key_str(w, "code", c->code);
	jsonw_key_u64(w, "type", 0);
	jsonw_key_id(w, "guild_id", g->arg.guild_id);
	jsonw_end(w);
	guild_reply_buf(g, to, &a.buf);
}

enum error_code invite_rest_delete(struct guild *g, struct rest_msg *call)
{
	const struct invite *i = state_invite(&g->state, call->text);
	const struct state_channel *ch;
	struct change *c;
	uint64_t perms;

	if (!i)
		return ERROR_UNKNOWN_INVITE;
	ch = state_channel(&g->state, i->channel_id);
	perms = state_perms(&g->state, call->actor_id, guild_now_ms(g)) &
		PERM_MANAGE_GUILD;
	perms |= state_channel_perms(&g->state, ch, call->actor_id,
				     guild_now_ms(g)) & PERM_MANAGE_CHANNELS;
	if (!perms)
		return ERROR_MISSING_PERMISSION;
	c = change_new(g, call);
	if (!c)
		return ERROR_OVERLOADED;
	strncpy(c->code, i->code, sizeof(c->code) - 1);
	change_del_invite(c, i->code);
	c->answer = answer_gone;
	return change_send(g, c);
}

/* --- coming in --- */

static void answer_accepted(struct guild *g, const struct caller *to,
			    const struct change *c)
{
	struct answer a;
	struct jsonw *w = answer_open(&a);

	jsonw_obj(w);
	jsonw_key_str(w, "code", c->code);
	jsonw_key_u64(w, "type", 0);
	jsonw_key_bool(w, "new_member", true);
	jsonw_key(w, "guild");
	guild_json(g, w);
	jsonw_end(w);
	guild_reply_buf(g, to, &a.buf);
}

static void use(struct change *c, const struct invite *i)
{
	struct invite used = *i;

	used.uses++;
	if (used.max_uses && used.uses >= used.max_uses)
		change_del_invite(c, i->code);
	else
		change_put_invite(c, &used);
}

/* The directory has put the user into the body: a guild does not know those
 * who are not its members. */
enum error_code invite_rest_accept(struct guild *g, struct rest_msg *call)
{
	const struct invite *i = find(g, call);
	struct member m = { .joined_ms = guild_now_ms(g) };
	struct answer a;
	struct change *c;

	if (!i)
		return ERROR_UNKNOWN_INVITE;
	if (call->actor_is_bot || !call->body)
		return ERROR_MISSING_ACCESS;
	if (state_ban(&g->state, call->actor_id))
		return ERROR_USER_BANNED;
	if (state_member(&g->state, call->actor_id)) {
		json_one(g, answer_open(&a), i, false);
		return answer_send(g, call, &a);
	}
	c = change_new(g, call);
	if (!c)
		return ERROR_OVERLOADED;
	m.user = *(const struct user *)call->body;
	strncpy(c->code, i->code, sizeof(c->code) - 1);
	change_put_member(c, &m);
	use(c, i);
	c->answer = answer_accepted;
	return change_send(g, c);
}
