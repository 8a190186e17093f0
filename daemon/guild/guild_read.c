// SPDX-License-Identifier: Apache-2.0
/* REST reads of what a guild holds in memory, and who may ask at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/blob.h"
#include "base/mem.h"
#include "guild/direct.h"
#include "guild/guild_impl.h"
#include "proto/json.h"

bool guild_is_text(const struct channel *c)
{
	return c->type == CHANNEL_TEXT || c->type == CHANNEL_ANNOUNCEMENT ||
	       c->type == CHANNEL_VOICE || c->type == CHANNEL_STAGE ||
	       c->type == CHANNEL_DIRECT;
}

enum error_code guild_call_perms(struct guild *g, const struct rest_msg *call,
				 uint64_t need)
{
	uint64_t perms;

	if (!state_member(&g->state, call->actor_id))
		return ERROR_MISSING_ACCESS;
	perms = state_perms(&g->state, call->actor_id, guild_now_ms(g));
	return (perms & need) == need ? ERROR_NONE : ERROR_MISSING_PERMISSION;
}

enum error_code guild_call_channel(struct guild *g,
				   const struct rest_msg *call, uint64_t need,
				   struct state_channel **ret_channel,
				   uint64_t *ret_perms)
{
	struct state_channel *c;
	uint64_t perms;

	c = state_channel(&g->state, call->id[REST_ID_CHANNEL]);
	if (!c)
		return ERROR_UNKNOWN_CHANNEL;
	perms = state_channel_perms(&g->state, c, call->actor_id,
				    guild_now_ms(g));
	if (!(perms & PERM_VIEW_CHANNEL))
		return ERROR_MISSING_ACCESS;
	if ((perms & need) != need)
		return ERROR_MISSING_PERMISSION;
	*ret_channel = c;
	if (ret_perms)
		*ret_perms = perms;
	return ERROR_NONE;
}

enum error_code guild_answer_list(struct guild *g, const struct rest_msg *call,
				  const struct hmap *map, uint64_t in_channel,
				  uint64_t in_guild,
				  void (*show)(struct guild *g, struct jsonw *w,
					       uint64_t channel_id,
					       const void *entry))
{
	uint64_t channel_id = call->id[REST_ID_CHANNEL], value;
	struct state_channel *c;
	enum error_code err;
	struct answer a;
	size_t iter = 0;

	err = channel_id ? guild_call_channel(g, call, in_channel, &c, NULL) :
			   guild_call_perms(g, call, in_guild);
	if (err)
		return err;
	jsonw_arr(answer_open(&a));
	while (hmap_next(map, &iter, NULL, &value))
		show(g, &a.w, channel_id, (const void *)(uintptr_t)value);
	jsonw_end(&a.w);
	return answer_send(g, call, &a);
}

static void guild_keys(struct guild *g, struct jsonw *w)
{
	uint64_t value;
	size_t iter = 0;

	json_guild_head(w, &g->state.info);
	jsonw_key_arr(w, "roles");
	while (hmap_next(&g->state.roles, &iter, NULL, &value))
		json_role(w, (const struct role *)(uintptr_t)value);
	jsonw_end(w);
	json_guild_tail(w, &g->state.info);
}

void guild_json(struct guild *g, struct jsonw *w)
{
	jsonw_obj(w);
	guild_keys(g, w);
	jsonw_end(w);
}

enum error_code guild_rest_guild(struct guild *g, struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, 0);
	struct answer a;
	struct jsonw *w;

	if (err)
		return err;
	w = answer_open(&a);
	jsonw_obj(w);
	guild_keys(g, w);
	if (call->query.with_counts) {
		jsonw_key_u64(w, "approximate_member_count",
			      g->state.members.count);
		jsonw_key_u64(w, "approximate_presence_count",
			      g->online.count);
	}
	jsonw_end(w);
	return answer_send(g, call, &a);
}

enum error_code guild_rest_channels(struct guild *g, struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, 0);
	uint64_t value, now = guild_now_ms(g);
	struct answer a;
	struct jsonw *w;
	size_t iter = 0;

	if (err)
		return err;
	w = answer_open(&a);
	jsonw_arr(w);
	while (hmap_next(&g->state.channels, &iter, NULL, &value)) {
		const struct state_channel *c = (void *)(uintptr_t)value;

		if (state_channel_perms(&g->state, c, call->actor_id, now) &
		    PERM_VIEW_CHANNEL)
			json_channel(w, &c->channel);
	}
	jsonw_end(w);
	return answer_send(g, call, &a);
}

enum error_code guild_rest_channel(struct guild *g, struct rest_msg *call)
{
	struct state_channel *c;
	enum error_code err;
	struct answer a;

	err = guild_call_channel(g, call, 0, &c, NULL);
	if (err)
		return err;
	if (g->arg.direct)
		direct_json(g, answer_open(&a), c, call->actor_id);
	else
		json_channel(answer_open(&a), &c->channel);
	return answer_send(g, call, &a);
}

enum error_code guild_rest_roles(struct guild *g, struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, 0);
	struct answer a;
	struct jsonw *w;
	uint64_t value;
	size_t iter = 0;

	if (err)
		return err;
	w = answer_open(&a);
	jsonw_arr(w);
	while (hmap_next(&g->state.roles, &iter, NULL, &value))
		json_role(w, (const struct role *)(uintptr_t)value);
	jsonw_end(w);
	return answer_send(g, call, &a);
}

enum error_code guild_rest_role(struct guild *g, struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, 0);
	const struct role *r = state_role(&g->state, call->id[REST_ID_ROLE]);
	struct answer a;

	if (err)
		return err;
	if (!r)
		return ERROR_UNKNOWN_ROLE;
	json_role(answer_open(&a), r);
	return answer_send(g, call, &a);
}

static uint64_t count_role(const struct state *s, uint64_t role_id)
{
	uint64_t value, n = 0;
	size_t iter = 0;

	while (hmap_next(&s->members, &iter, NULL, &value)) {
		const struct member *m = (void *)(uintptr_t)value;

		for (uint32_t i = 0; i < m->role_count; i++)
			n += m->role[i] == role_id;
	}
	return n;
}

enum error_code guild_rest_role_counts(struct guild *g, struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, 0);
	struct answer a;
	struct jsonw *w;
	size_t iter = 0;
	char key[24];
	uint64_t id;

	if (err)
		return err;
	w = answer_open(&a);
	jsonw_obj(w);
	while (hmap_next(&g->state.roles, &iter, &id, NULL)) {
		if (id == g->state.info.id)
			continue;
		snprintf(key, sizeof(key), "%llu", (unsigned long long)id);
		jsonw_key_u64(w, key, count_role(&g->state, id));
	}
	jsonw_end(w);
	return answer_send(g, call, &a);
}

enum error_code guild_rest_member(struct guild *g, struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, 0);
	const struct member *m = state_member(&g->state,
					      call->id[REST_ID_USER]);
	struct answer a;

	if (err)
		return err;
	if (!m)
		return ERROR_UNKNOWN_MEMBER;
	json_member(answer_open(&a), m, true);
	return answer_send(g, call, &a);
}

enum error_code guild_rest_members(struct guild *g, struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, 0);
	struct member *const *all = state_sorted(&g->state);
	size_t i, end, total = g->state.members.count;
	struct answer a;
	struct jsonw *w;

	if (err)
		return err;
	if (!all)
		return ERROR_OVERLOADED;
	i = state_sorted_after(&g->state, call->query.after);
	end = total - i > call->query.limit ? i + call->query.limit : total;
	w = answer_open(&a);
	jsonw_arr(w);
	for (; i < end; i++)
		json_member(w, all[i], true);
	jsonw_end(w);
	return answer_send(g, call, &a);
}

enum error_code guild_rest_member_search(struct guild *g,
					 struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, 0);
	struct member *const *all = state_sorted(&g->state);
	size_t n = strlen(call->query.text), left = call->query.limit;
	struct answer a;
	struct jsonw *w;

	if (err)
		return err;
	if (!all)
		return ERROR_OVERLOADED;
	w = answer_open(&a);
	jsonw_arr(w);
	for (size_t i = 0; i < g->state.members.count && left; i++) {
		const struct member *m = all[i];

		if (strncasecmp(m->user.name, call->query.text, n) &&
		    (!m->nick || strncasecmp(m->nick, call->query.text, n)))
			continue;
		json_member(w, m, true);
		left--;
	}
	jsonw_end(w);
	return answer_send(g, call, &a);
}

/* Emojis, stickers, integrations: there are none. */
enum error_code guild_rest_empty_list(struct guild *g, struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, 0);
	struct answer a;

	if (err)
		return err;
	jsonw_arr(answer_open(&a));
	jsonw_end(&a.w);
	return answer_send(g, call, &a);
}

enum error_code guild_rest_threads(struct guild *g, struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, 0);
	struct answer a;
	struct jsonw *w;

	if (err)
		return err;
	w = answer_open(&a);
	jsonw_obj(w);
	jsonw_key_arr(w, "threads");
	jsonw_end(w);
	jsonw_key_arr(w, "members");
	jsonw_end(w);
	jsonw_end(w);
	return answer_send(g, call, &a);
}

enum error_code guild_rest_regions(struct guild *g, struct rest_msg *call)
{
	struct answer a;
	struct jsonw *w = answer_open(&a);

	jsonw_arr(w);
	jsonw_obj(w);
	jsonw_key_str(w, "id", "local");
	jsonw_key_str(w, "name", "Local");
	jsonw_key_bool(w, "optimal", true);
	jsonw_key_bool(w, "deprecated", false);
	jsonw_key_bool(w, "custom", false);
	jsonw_end(w);
	jsonw_end(w);
	return answer_send(g, call, &a);
}

/* One guild's part of GET /users/@me/guilds, asked for by the directory. */
enum error_code guild_rest_partial(struct guild *g, struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, 0);
	char perms[24];
	struct answer a;
	struct jsonw *w;

	if (err)
		return err;
	snprintf(perms, sizeof(perms), "%llu", (unsigned long long)
		 state_perms(&g->state, call->actor_id, guild_now_ms(g)));
	w = answer_open(&a);
	jsonw_obj(w);
	jsonw_key_id(w, "id", g->state.info.id);
	jsonw_key_str(w, "name", g->state.info.name);
	jsonw_key_str(w, "icon", g->state.info.icon);
	jsonw_key_null(w, "banner");
	jsonw_key_bool(w, "owner", call->actor_id == g->state.info.owner_id);
	jsonw_key_str(w, "permissions", perms);
	jsonw_key_arr(w, "features");
	jsonw_end(w);
	if (call->query.with_counts) {
		jsonw_key_u64(w, "approximate_member_count",
			      g->state.members.count);
		jsonw_key_u64(w, "approximate_presence_count",
			      g->online.count);
	}
	jsonw_end(w);
	return answer_send(g, call, &a);
}
