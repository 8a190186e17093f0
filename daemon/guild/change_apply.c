// SPDX-License-Identifier: Apache-2.0
/*
 * What follows from each durable change: the state, the directory, the views,
 * the events.  In this order where something appears; backwards where it goes,
 * so that those who saw it are told.
 */
#include "base/log.h"
#include "guild/change.h"
#include "guild/guild_member.h"
#include "guild/sweeper.h"
#include "proto/intent.h"
#include "proto/json.h"

static struct relay_target to_all(uint32_t intents)
{
	struct relay_target to = event_to_all;

	to.intents = intents;
	return to;
}

static void lost(const struct guild *g, const char *what)
{
	/* The catalog has it, we do not: a restart of the guild mends it. */
	log_error("guild", "apply_failed", "guild=%llu what=%s",
		  (unsigned long long)g->arg.guild_id, what);
}

/* --- guild and roles --- */

static void apply_guild(struct guild *g, struct change_row *row)
{
	struct relay_target to = to_all(INTENT_GUILDS);
	struct event e;

	model_guild_fini(&g->state.info);
	g->state.info = row->guild;
	row->guild = (struct guild_info){ 0 };
	event_open(&e, "GUILD_UPDATE");
	guild_json(g, &e.w);
	event_publish(g, &to, event_close(&e));
	guild_views_changed(g, RELAY_NO_SLOT);
}

static void apply_role(struct guild *g, struct change_row *row)
{
	const struct relay_target to = to_all(INTENT_GUILDS);
	uint64_t id = row->role.id;
	bool fresh = !state_role(&g->state, id);
	struct event e;

	if (state_put_role(&g->state, &row->role)) {
		lost(g, "role");
		return;
	}
	row->role = (struct role){ 0 };
	event_open(&e, fresh ? "GUILD_ROLE_CREATE" : "GUILD_ROLE_UPDATE");
	jsonw_obj(&e.w);
	jsonw_key_id(&e.w, "guild_id", g->arg.guild_id);
	jsonw_key(&e.w, "role");
	json_role(&e.w, state_role(&g->state, id));
	jsonw_end(&e.w);
	event_publish(g, &to, event_close(&e));
	if (!fresh)
		guild_views_changed(g, RELAY_NO_SLOT);
}

static void apply_role_gone(struct guild *g, struct change_row *row)
{
	const struct relay_target to = to_all(INTENT_GUILDS);
	struct event e;

	state_del_role(&g->state, row->id);
	event_open(&e, "GUILD_ROLE_DELETE");
	jsonw_obj(&e.w);
	jsonw_key_id(&e.w, "guild_id", g->arg.guild_id);
	jsonw_key_id(&e.w, "role_id", row->id);
	jsonw_end(&e.w);
	event_publish(g, &to, event_close(&e));
	guild_views_changed(g, RELAY_NO_SLOT);
}

/* --- channels --- */

static void tell_channel(struct guild *g, const char *name,
			 const struct state_channel *c)
{
	struct relay_target to = to_all(INTENT_GUILDS);
	struct event e;

	to.slot = c->slot;
	event_open(&e, name);
	json_channel(&e.w, &c->channel);
	event_publish(g, &to, event_close(&e));
}

static void apply_channel(struct guild *g, struct change_row *row)
{
	struct state_channel *old = state_channel(&g->state, row->channel.id);
	uint64_t id = row->channel.id;
	const struct state_channel *c;

	/* These two are not the change's. */
	if (old) {
		row->channel.last_message_id = old->channel.last_message_id;
		row->channel.last_pin_ms = old->channel.last_pin_ms;
	}
	if (state_put_channel(&g->state, &row->channel)) {
		lost(g, "channel");
		return;
	}
	row->channel = (struct channel){ 0 };
	c = state_channel(&g->state, id);
	if (!old)
		guild_index(g, DIR_INDEX_CHANNEL, id, true);
	guild_views_changed(g, old ? RELAY_NO_SLOT : c->slot);
	tell_channel(g, old ? "CHANNEL_UPDATE" : "CHANNEL_CREATE", c);
}

static void drop_invites_of(struct guild *g, uint64_t channel_id)
{
	uint64_t key, value;
	size_t iter = 0;

	while (hmap_next(&g->state.invites, &iter, &key, &value)) {
		const struct invite *i = (void *)(uintptr_t)value;

		if (i->channel_id != channel_id)
			continue;
		guild_index(g, DIR_INDEX_INVITE, key, false);
		state_del_invite(&g->state, i->code);
		iter = 0;
	}
}

static void drop_webhooks_of(struct guild *g, uint64_t channel_id)
{
	uint64_t id, value;
	size_t iter = 0;

	while (hmap_next(&g->state.webhooks, &iter, &id, &value)) {
		const struct webhook *w = (void *)(uintptr_t)value;

		if (w->channel_id != channel_id)
			continue;
		guild_index(g, DIR_INDEX_WEBHOOK, id, false);
		state_del_webhook(&g->state, id);
		iter = 0;
	}
}

static void apply_channel_gone(struct guild *g, struct change_row *row)
{
	const struct state_channel *c = state_channel(&g->state, row->id);
	uint32_t slot;

	if (!c)
		return;
	slot = c->slot;
	tell_channel(g, "CHANNEL_DELETE", c);
	guild_index(g, DIR_INDEX_CHANNEL, row->id, false);
	drop_invites_of(g, row->id);
	drop_webhooks_of(g, row->id);
	state_del_channel(&g->state, row->id);
	guild_views_changed(g, slot);
	sweeper_channel_gone(g->self, g->arg.guild_id, row->id);
}

/* --- members and bans --- */

static void apply_member(struct guild *g, struct change_row *row)
{
	uint64_t id = row->member.user.id;
	bool fresh = !state_member(&g->state, id);

	if (state_put_member(&g->state, &row->member)) {
		lost(g, "member");
		return;
	}
	row->member = (struct member){ 0 };
	guild_create_forget_member(g, id);
	roster_user_changed(g, id);
	if (fresh) {
		guild_index(g, DIR_INDEX_MEMBER, id, true);
		member_event_add(g, state_member(&g->state, id));
		return;
	}
	member_event_update(g, state_member(&g->state, id));
	guild_view_changed(g, id, RELAY_NO_SLOT);
}

/* The one who goes sees its guild go; the others see the member go. */
static void apply_member_gone(struct guild *g, struct change_row *row)
{
	const struct member *m = state_member(&g->state, row->id);
	struct relay_target to = to_all(0);
	struct event e;

	if (!m)
		return;
	event_open(&e, "GUILD_DELETE");
	jsonw_obj(&e.w);
	jsonw_key_id(&e.w, "id", g->arg.guild_id);
	jsonw_end(&e.w);
	to.user_id = row->id;
	event_publish(g, &to, event_close(&e));
	guild_drop_user(g, row->id);
	member_event_remove(g, &m->user);
	state_del_member(&g->state, row->id);
	roster_user_changed(g, row->id);
	guild_index(g, DIR_INDEX_MEMBER, row->id, false);
}

static void tell_ban(struct guild *g, const char *name, const struct user *u)
{
	struct relay_target to = to_all(INTENT_GUILD_MODERATION);
	struct event e;

	to.perms = PERM_BAN_MEMBERS | PERM_VIEW_AUDIT_LOG;
	event_open(&e, name);
	jsonw_obj(&e.w);
	jsonw_key_id(&e.w, "guild_id", g->arg.guild_id);
	jsonw_key(&e.w, "user");
	json_user(&e.w, u);
	jsonw_end(&e.w);
	event_publish(g, &to, event_close(&e));
}

/* Comes before the removal of the member, so that we know who it is. */
static void apply_ban(struct guild *g, struct change_row *row)
{
	const struct member *m = state_member(&g->state, row->id);
	const struct user unknown = { .id = row->id };
	struct user copy;

	if (model_user_copy(&copy, m ? &m->user : &unknown)) {
		lost(g, "ban");
		return;
	}
	tell_ban(g, "GUILD_BAN_ADD", &copy);
	if (state_put_ban(&g->state, &copy)) {
		model_user_fini(&copy);
		lost(g, "ban");
	}
}

static void apply_ban_gone(struct guild *g, struct change_row *row)
{
	const struct user *u = state_ban(&g->state, row->id);

	if (!u)
		return;
	tell_ban(g, "GUILD_BAN_REMOVE", u);
	state_del_ban(&g->state, row->id);
}

/* --- invites and webhooks --- */

static void tell_invite(struct guild *g, const struct invite *i, bool created)
{
	const struct member *by = state_member(&g->state, i->inviter_id);
	struct relay_target to = to_all(INTENT_GUILD_INVITES);
	struct event e;

	to.perms = PERM_MANAGE_CHANNELS;
	event_open(&e, created ? "INVITE_CREATE" : "INVITE_DELETE");
	jsonw_obj(&e.w);
	jsonw_key_id(&e.w, "channel_id", i->channel_id);
	jsonw_key_id(&e.w, "guild_id", g->arg.guild_id);
	jsonw_key_str(&e.w, "code", i->code);
	if (created) {
		jsonw_key_time_ms(&e.w, "created_at", i->created_ms);
		jsonw_key_u64(&e.w, "max_age", i->max_age_s);
		jsonw_key_u64(&e.w, "max_uses", i->max_uses);
		jsonw_key_bool(&e.w, "temporary", i->temporary);
		jsonw_key_u64(&e.w, "uses", i->uses);
	}
	if (created && i->max_age_s)
		jsonw_key_time_ms(&e.w, "expires_at",
				  i->created_ms + 1000ull * i->max_age_s);
	if (created && by) {
		jsonw_key(&e.w, "inviter");
		json_user(&e.w, &by->user);
	}
	jsonw_end(&e.w);
	event_publish(g, &to, event_close(&e));
}

static void apply_invite(struct guild *g, struct change_row *row)
{
	bool fresh = !state_invite(&g->state, row->invite.code);
	uint64_t key = state_code_key(row->invite.code);

	if (fresh)
		tell_invite(g, &row->invite, true);
	if (state_put_invite(&g->state, &row->invite)) {
		lost(g, "invite");
		return;
	}
	row->invite = (struct invite){ 0 };
	if (fresh)
		guild_index(g, DIR_INDEX_INVITE, key, true);
}

static void apply_invite_gone(struct guild *g, struct change_row *row)
{
	const struct invite *i = state_invite(&g->state, row->code);

	if (!i)
		return;
	tell_invite(g, i, false);
	guild_index(g, DIR_INDEX_INVITE, state_code_key(row->code), false);
	state_del_invite(&g->state, row->code);
}

static void tell_webhooks(struct guild *g, uint64_t channel_id)
{
	const struct state_channel *c = state_channel(&g->state, channel_id);
	struct relay_target to = to_all(INTENT_GUILD_WEBHOOKS);
	struct event e;

	if (c)
		to.slot = c->slot;
	event_open(&e, "WEBHOOKS_UPDATE");
	jsonw_obj(&e.w);
	jsonw_key_id(&e.w, "guild_id", g->arg.guild_id);
	jsonw_key_id(&e.w, "channel_id", channel_id);
	jsonw_end(&e.w);
	event_publish(g, &to, event_close(&e));
}

static void apply_webhook(struct guild *g, struct change_row *row)
{
	uint64_t channel_id = row->webhook.channel_id, id = row->webhook.id;
	bool fresh = !state_webhook(&g->state, id);

	if (state_put_webhook(&g->state, &row->webhook)) {
		lost(g, "webhook");
		return;
	}
	row->webhook = (struct webhook){ 0 };
	if (fresh)
		guild_index(g, DIR_INDEX_WEBHOOK, id, true);
	tell_webhooks(g, channel_id);
}

static void apply_webhook_gone(struct guild *g, struct change_row *row)
{
	const struct webhook *w = state_webhook(&g->state, row->id);
	uint64_t channel_id;

	if (!w)
		return;
	channel_id = w->channel_id;
	guild_index(g, DIR_INDEX_WEBHOOK, row->id, false);
	state_del_webhook(&g->state, row->id);
	tell_webhooks(g, channel_id);
}

static void (*const apply[CHANGE_KINDS])(struct guild *g,
					 struct change_row *row) = {
	[CHANGE_GUILD] = apply_guild,
	[CHANGE_PUT_CHANNEL] = apply_channel,
	[CHANGE_DEL_CHANNEL] = apply_channel_gone,
	[CHANGE_PUT_ROLE] = apply_role,
	[CHANGE_DEL_ROLE] = apply_role_gone,
	[CHANGE_PUT_MEMBER] = apply_member,
	[CHANGE_DEL_MEMBER] = apply_member_gone,
	[CHANGE_ADD_BAN] = apply_ban,
	[CHANGE_DEL_BAN] = apply_ban_gone,
	[CHANGE_PUT_INVITE] = apply_invite,
	[CHANGE_DEL_INVITE] = apply_invite_gone,
	[CHANGE_PUT_WEBHOOK] = apply_webhook,
	[CHANGE_DEL_WEBHOOK] = apply_webhook_gone,
};

void change_apply(struct guild *g, struct change_row *row)
{
	guild_create_forget(g);
	if (row->kind == CHANGE_DEL_ROLE)
		guild_create_forget_members(g);
	apply[row->kind](g, row);
}
