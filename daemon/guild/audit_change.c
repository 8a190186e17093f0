// SPDX-License-Identifier: Apache-2.0
/* What the rows of a change say to the audit log, compared with the state that
 * they will replace. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "guild/audit.h"
#include "guild/change.h"
#include "proto/json.h"

/* The array of changes of one entry. */
struct diff {
	struct buf buf;
	struct jsonw w;
	uint32_t count;
};

static void diff_open(struct diff *d)
{
	*d = (struct diff){ 0 };
	jsonw_init(&d->w, &d->buf);
	jsonw_arr(&d->w);
}

/* NULL: there are none. */
static char *diff_close(struct diff *d)
{
	char *text = NULL;

	jsonw_end(&d->w);
	if (d->count)
		text = buf_steal(&d->buf, NULL);
	buf_fini(&d->buf);
	return text;
}

static void begin(struct diff *d, const char *key)
{
	d->count++;
	jsonw_obj(&d->w);
	jsonw_key_str(&d->w, "key", key);
}

static void diff_text(struct diff *d, const char *key, const char *old,
		      const char *new)
{
	if (old == new || (old && new && !strcmp(old, new)))
		return;
	begin(d, key);
	if (old)
		jsonw_key_str(&d->w, "old_value", old);
	if (new)
		jsonw_key_str(&d->w, "new_value", new);
	jsonw_end(&d->w);
}

static void diff_number(struct diff *d, const char *key, uint64_t old,
			uint64_t new)
{
	if (old == new)
		return;
	begin(d, key);
	jsonw_key_u64(&d->w, "old_value", old);
	jsonw_key_u64(&d->w, "new_value", new);
	jsonw_end(&d->w);
}

static void diff_bool(struct diff *d, const char *key, bool old, bool new)
{
	if (old == new)
		return;
	begin(d, key);
	jsonw_key_bool(&d->w, "old_value", old);
	jsonw_key_bool(&d->w, "new_value", new);
	jsonw_end(&d->w);
}

static void diff_id(struct diff *d, const char *key, uint64_t old,
		    uint64_t new)
{
	if (old == new)
		return;
	begin(d, key);
	if (old)
		jsonw_key_id(&d->w, "old_value", old);
	if (new)
		jsonw_key_id(&d->w, "new_value", new);
	jsonw_end(&d->w);
}

/* Of permissions, which are strings, "0" too. */
static void diff_bits(struct diff *d, const char *key, uint64_t old,
		      uint64_t new)
{
	char before[24], after[24];

	snprintf(before, sizeof(before), "%llu", (unsigned long long)old);
	snprintf(after, sizeof(after), "%llu", (unsigned long long)new);
	diff_text(d, key, before, after);
}

static void diff_time(struct diff *d, const char *key, uint64_t old,
		      uint64_t new)
{
	if (old == new)
		return;
	begin(d, key);
	if (old)
		jsonw_key_time_ms(&d->w, "old_value", old);
	if (new)
		jsonw_key_time_ms(&d->w, "new_value", new);
	jsonw_end(&d->w);
}

/* Takes both texts.  An update without changes is none. */
static void add(struct change *c, enum audit_action action, uint64_t target_id,
		char *changes, char *options)
{
	struct audit_entry *more;

	more = mem_realloc(c->audit, (c->audit_count + 1) * sizeof(*more));
	if (!more) {
		c->failed = true;
		mem_free(changes);
		mem_free(options);
		return;
	}
	c->audit = more;
	more[c->audit_count++] = (struct audit_entry){
		.user_id = c->call->actor_id,
		.target_id = target_id,
		.action = (uint8_t)action,
		.changes = changes,
		.options = options,
		.reason = c->call->reason ? mem_strdup(c->call->reason) : NULL,
	};
}

static void add_update(struct change *c, enum audit_action action,
		       uint64_t target_id, struct diff *d)
{
	char *changes = diff_close(d);

	if (changes)
		add(c, action, target_id, changes, NULL);
}

/* --- guild, roles --- */

static void of_guild(struct guild *g, struct change *c,
		     const struct change_row *row)
{
	const struct guild_info *old = &g->state.info, *new = &row->guild;
	struct diff d;

	diff_open(&d);
	diff_text(&d, "name", old->name, new->name);
	diff_text(&d, "icon_hash", old->icon, new->icon);
	diff_text(&d, "description", old->description, new->description);
	diff_text(&d, "preferred_locale", old->locale, new->locale);
	diff_id(&d, "owner_id", old->owner_id, new->owner_id);
	diff_id(&d, "afk_channel_id", old->afk_channel_id,
		new->afk_channel_id);
	diff_id(&d, "system_channel_id", old->system_channel_id,
		new->system_channel_id);
	diff_number(&d, "afk_timeout", old->afk_timeout_s,
		    new->afk_timeout_s);
	diff_number(&d, "verification_level", old->verification_level,
		    new->verification_level);
	diff_number(&d, "default_message_notifications",
		    old->default_notifications, new->default_notifications);
	diff_number(&d, "explicit_content_filter", old->content_filter,
		    new->content_filter);
	add_update(c, AUDIT_GUILD_UPDATE, new->id, &d);
}

static void diff_role(struct diff *d, const struct role *old,
		      const struct role *new)
{
	diff_text(d, "name", old->name, new->name);
	diff_bits(d, "permissions", old->permissions, new->permissions);
	diff_number(d, "color", old->color, new->color);
	diff_bool(d, "hoist", old->hoist, new->hoist);
	diff_bool(d, "mentionable", old->mentionable, new->mentionable);
}

static void of_role(struct guild *g, struct change *c,
		    const struct change_row *row)
{
	const struct role *old = state_role(&g->state, row->role.id);
	const struct role none = { 0 };
	struct diff d;

	diff_open(&d);
	diff_role(&d, old ? old : &none, &row->role);
	add_update(c, old ? AUDIT_ROLE_UPDATE : AUDIT_ROLE_CREATE,
		   row->role.id, &d);
}

static void of_role_gone(struct guild *g, struct change *c,
			 const struct change_row *row)
{
	const struct role *old = state_role(&g->state, row->id);
	const struct role none = { 0 };
	struct diff d;

	diff_open(&d);
	diff_role(&d, old, &none);
	add_update(c, AUDIT_ROLE_DELETE, row->id, &d);
}

/* --- channels --- */

static void diff_channel(struct diff *d, const struct channel *old,
			 const struct channel *new)
{
	diff_text(d, "name", old->name, new->name);
	diff_number(d, "type", old->type, new->type);
	diff_text(d, "topic", old->topic, new->topic);
	diff_bool(d, "nsfw", old->nsfw, new->nsfw);
	diff_number(d, "rate_limit_per_user", old->rate_limit_s,
		    new->rate_limit_s);
	diff_number(d, "bitrate", old->bitrate, new->bitrate);
	diff_number(d, "user_limit", old->user_limit, new->user_limit);
}

static const struct perm_overwrite *overwrite_of(const struct channel *ch,
						 uint64_t id)
{
	for (uint32_t i = 0; i < ch->overwrite_count; i++)
		if (ch->overwrite[i].id == id)
			return &ch->overwrite[i];
	return NULL;
}

static char *overwrite_options(const struct guild *g,
			       const struct perm_overwrite *o)
{
	const struct role *r = state_role(&g->state, o->id);
	struct buf buf = BUF_INIT;
	struct jsonw w;
	char *text;

	jsonw_init(&w, &buf);
	jsonw_obj(&w);
	jsonw_key_id(&w, "id", o->id);
	jsonw_key_str(&w, "type", o->target == PERM_TARGET_ROLE ? "0" : "1");
	if (r)
		jsonw_key_str(&w, "role_name", r->name);
	jsonw_end(&w);
	text = buf_steal(&buf, NULL);
	buf_fini(&buf);
	return text;
}

/* One overwrite of a channel, of which either may be missing. */
static void of_overwrite(struct guild *g, struct change *c, uint64_t channel_id,
			 const struct perm_overwrite *old,
			 const struct perm_overwrite *new)
{
	const struct perm_overwrite none = { 0 };
	enum audit_action action = !old ? AUDIT_OVERWRITE_CREATE :
				   !new ? AUDIT_OVERWRITE_DELETE :
					  AUDIT_OVERWRITE_UPDATE;
	const struct perm_overwrite *a = old ? old : &none;
	const struct perm_overwrite *b = new ? new : &none;
	struct diff d;
	char *changes;

	diff_open(&d);
	diff_bits(&d, "allow", a->allow, b->allow);
	diff_bits(&d, "deny", a->deny, b->deny);
	changes = diff_close(&d);
	if (changes || !old || !new)
		add(c, action, channel_id, changes,
		    overwrite_options(g, new ? new : old));
}

static void of_overwrites(struct guild *g, struct change *c,
			  const struct channel *old, const struct channel *new)
{
	for (uint32_t i = 0; i < new->overwrite_count; i++)
		of_overwrite(g, c, new->id,
			     overwrite_of(old, new->overwrite[i].id),
			     &new->overwrite[i]);
	for (uint32_t i = 0; i < old->overwrite_count; i++)
		if (!overwrite_of(new, old->overwrite[i].id))
			of_overwrite(g, c, new->id, &old->overwrite[i], NULL);
}

static void of_channel(struct guild *g, struct change *c,
		       const struct change_row *row)
{
	const struct state_channel *old = state_channel(&g->state,
							row->channel.id);
	const struct channel none = { 0 };
	struct diff d;

	diff_open(&d);
	diff_channel(&d, old ? &old->channel : &none, &row->channel);
	/* Its own children lose a category that goes: nobody did that. */
	if (c->call->kind == REST_CHANNEL_DELETE)
		d.count = 0;
	add_update(c, old ? AUDIT_CHANNEL_UPDATE : AUDIT_CHANNEL_CREATE,
		   row->channel.id, &d);
	if (old)
		of_overwrites(g, c, &old->channel, &row->channel);
}

static void of_channel_gone(struct guild *g, struct change *c,
			    const struct change_row *row)
{
	const struct state_channel *old = state_channel(&g->state, row->id);
	const struct channel none = { 0 };
	struct diff d;

	diff_open(&d);
	diff_channel(&d, &old->channel, &none);
	add_update(c, AUDIT_CHANNEL_DELETE, row->id, &d);
}

/* --- members --- */

static bool has_role(const struct member *m, uint64_t id)
{
	for (uint32_t i = 0; i < m->role_count; i++)
		if (m->role[i] == id)
			return true;
	return false;
}

/* Roles of `m` that `other` has not, as key says. */
static void diff_roles(const struct guild *g, struct diff *d, const char *key,
		       const struct member *m, const struct member *other)
{
	bool any = false;

	for (uint32_t i = 0; i < m->role_count; i++) {
		const struct role *r = state_role(&g->state, m->role[i]);

		if (has_role(other, m->role[i]))
			continue;
		if (!any) {
			begin(d, key);
			jsonw_key_arr(&d->w, "new_value");
		}
		any = true;
		jsonw_obj(&d->w);
		jsonw_key_id(&d->w, "id", m->role[i]);
		jsonw_key_str(&d->w, "name", r ? r->name : "");
		jsonw_end(&d->w);
	}
	if (!any)
		return;
	jsonw_end(&d->w);
	jsonw_end(&d->w);
}

static void of_member(struct guild *g, struct change *c,
		      const struct change_row *row)
{
	const struct member *new = &row->member;
	const struct member *old = state_member(&g->state, new->user.id);
	struct diff d;

	if (!old)
		return;
	diff_open(&d);
	diff_text(&d, "nick", old->nick, new->nick);
	diff_bool(&d, "mute", old->mute, new->mute);
	diff_bool(&d, "deaf", old->deaf, new->deaf);
	diff_time(&d, "communication_disabled_until", old->timeout_until_ms,
		  new->timeout_until_ms);
	add_update(c, AUDIT_MEMBER_UPDATE, new->user.id, &d);
	diff_open(&d);
	diff_roles(g, &d, "$add", new, old);
	diff_roles(g, &d, "$remove", old, new);
	add_update(c, AUDIT_MEMBER_ROLES, new->user.id, &d);
}

static void of_member_gone(struct guild *g, struct change *c,
			   const struct change_row *row)
{
	(void)g;
	/* Bans say so themselves, and who leaves does so on his own. */
	if (c->call->kind == REST_MEMBER_KICK)
		add(c, AUDIT_MEMBER_KICK, row->id, NULL, NULL);
}

static void of_ban(struct guild *g, struct change *c,
		   const struct change_row *row)
{
	(void)g;
	add(c, AUDIT_BAN_ADD, row->id, NULL, NULL);
}

static void of_ban_gone(struct guild *g, struct change *c,
			const struct change_row *row)
{
	(void)g;
	add(c, AUDIT_BAN_REMOVE, row->id, NULL, NULL);
}

/* --- invites and webhooks --- */

static void diff_invite(struct diff *d, const struct invite *old,
			const struct invite *new)
{
	diff_text(d, "code", old->code, new->code);
	diff_id(d, "channel_id", old->channel_id, new->channel_id);
	diff_id(d, "inviter_id", old->inviter_id, new->inviter_id);
	diff_number(d, "max_age", old->max_age_s, new->max_age_s);
	diff_number(d, "max_uses", old->max_uses, new->max_uses);
	diff_bool(d, "temporary", old->temporary, new->temporary);
}

static void of_invite(struct guild *g, struct change *c,
		      const struct change_row *row)
{
	const struct invite none = { 0 };
	struct diff d;

	/* One that is used counts up. */
	if (state_invite(&g->state, row->invite.code))
		return;
	diff_open(&d);
	diff_invite(&d, &none, &row->invite);
	add_update(c, AUDIT_INVITE_CREATE, 0, &d);
}

static void of_invite_gone(struct guild *g, struct change *c,
			   const struct change_row *row)
{
	const struct invite *old = state_invite(&g->state, row->code);
	const struct invite none = { 0 };
	struct diff d;

	/* Used up, or outdated. */
	if (!old || c->call->kind != REST_INVITE_DELETE)
		return;
	diff_open(&d);
	diff_invite(&d, old, &none);
	add_update(c, AUDIT_INVITE_DELETE, 0, &d);
}

static void diff_webhook(struct diff *d, const struct webhook *old,
			 const struct webhook *new)
{
	diff_text(d, "name", old->name, new->name);
	diff_text(d, "avatar_hash", old->avatar, new->avatar);
	diff_id(d, "channel_id", old->channel_id, new->channel_id);
}

static void of_webhook(struct guild *g, struct change *c,
		       const struct change_row *row)
{
	const struct webhook *old = state_webhook(&g->state, row->webhook.id);
	const struct webhook none = { 0 };
	struct diff d;

	diff_open(&d);
	diff_webhook(&d, old ? old : &none, &row->webhook);
	add_update(c, old ? AUDIT_WEBHOOK_UPDATE : AUDIT_WEBHOOK_CREATE,
		   row->webhook.id, &d);
}

static void of_webhook_gone(struct guild *g, struct change *c,
			    const struct change_row *row)
{
	const struct webhook *old = state_webhook(&g->state, row->id);
	const struct webhook none = { 0 };
	struct diff d;

	diff_open(&d);
	diff_webhook(&d, old, &none);
	add_update(c, AUDIT_WEBHOOK_DELETE, row->id, &d);
}

static void (*const of[CHANGE_KINDS])(struct guild *g, struct change *c,
				      const struct change_row *row) = {
	[CHANGE_GUILD] = of_guild,
	[CHANGE_PUT_CHANNEL] = of_channel,
	[CHANGE_DEL_CHANNEL] = of_channel_gone,
	[CHANGE_PUT_ROLE] = of_role,
	[CHANGE_DEL_ROLE] = of_role_gone,
	[CHANGE_PUT_MEMBER] = of_member,
	[CHANGE_DEL_MEMBER] = of_member_gone,
	[CHANGE_ADD_BAN] = of_ban,
	[CHANGE_DEL_BAN] = of_ban_gone,
	[CHANGE_PUT_INVITE] = of_invite,
	[CHANGE_DEL_INVITE] = of_invite_gone,
	[CHANGE_PUT_WEBHOOK] = of_webhook,
	[CHANGE_DEL_WEBHOOK] = of_webhook_gone,
};

void audit_change(struct guild *g, struct change *c)
{
	/* With a webhook's token nobody is named. */
	if (c->failed || !c->call->actor_id)
		return;
	for (uint32_t i = 0; i < c->count; i++)
		of[c->row[i].kind](g, c, &c->row[i]);
	for (uint32_t i = 0; i < c->audit_count; i++)
		if (idgen_next(g->arg.ids, guild_now_ms(g), &c->audit[i].id))
			c->failed = true;
}
