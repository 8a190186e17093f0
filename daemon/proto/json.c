// SPDX-License-Identifier: Apache-2.0
#include "proto/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MEMBERS 500000

/* A 64-bit number as a string, 0 included: permissions. */
static void key_bits(struct jsonw *w, const char *key, uint64_t bits)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)bits);
	jsonw_key_str(w, key, text);
}

static void key_time_or_null(struct jsonw *w, const char *key, uint64_t ms)
{
	if (ms)
		jsonw_key_time_ms(w, key, ms);
	else
		jsonw_key_null(w, key);
}

static void key_i32(struct jsonw *w, const char *key, int32_t n)
{
	jsonw_key(w, key);
	jsonw_i64(w, n);
}

static void key_empty_array(struct jsonw *w, const char *key)
{
	jsonw_key_arr(w, key);
	jsonw_end(w);
}

static void user_keys(struct jsonw *w, const struct user *u)
{
	char discriminator[8] = "0";

	if (u->bot || u->discriminator)
		snprintf(discriminator, sizeof(discriminator), "%04u",
			 u->discriminator % 10000u);
	jsonw_key_id(w, "id", u->id);
	/* Of one who never was here only the id is known. */
	jsonw_key_str(w, "username", u->name ? u->name : "");
	jsonw_key_str(w, "discriminator", discriminator);
	jsonw_key_str(w, "global_name", u->global_name);
	jsonw_key_str(w, "avatar", u->avatar);
	jsonw_key_bool(w, "bot", u->bot);
}

void json_user(struct jsonw *w, const struct user *u)
{
	jsonw_obj(w);
	user_keys(w, u);
	jsonw_end(w);
}

void json_self_user(struct jsonw *w, const struct user *u)
{
	jsonw_obj(w);
	user_keys(w, u);
	jsonw_key_bool(w, "verified", true);
	jsonw_key_bool(w, "mfa_enabled", false);
	jsonw_key_null(w, "email");
	jsonw_key_str(w, "locale", "en-US");
	jsonw_end(w);
}

void json_role(struct jsonw *w, const struct role *r)
{
	jsonw_obj(w);
	jsonw_key_id(w, "id", r->id);
	jsonw_key_str(w, "name", r->name);
	jsonw_key_u64(w, "color", r->color);
	jsonw_key_obj(w, "colors");
	jsonw_key_u64(w, "primary_color", r->color);
	jsonw_key_null(w, "secondary_color");
	jsonw_key_null(w, "tertiary_color");
	jsonw_end(w);
	jsonw_key_bool(w, "hoist", r->hoist);
	jsonw_key_null(w, "icon");
	jsonw_key_null(w, "unicode_emoji");
	key_i32(w, "position", r->position);
	key_bits(w, "permissions", r->permissions);
	jsonw_key_bool(w, "managed", r->managed);
	jsonw_key_bool(w, "mentionable", r->mentionable);
	jsonw_key_u64(w, "flags", r->flags);
	jsonw_end(w);
}

static void overwrite(struct jsonw *w, const struct perm_overwrite *o)
{
	jsonw_obj(w);
	jsonw_key_id(w, "id", o->id);
	jsonw_key_u64(w, "type", o->target);
	key_bits(w, "allow", o->allow);
	key_bits(w, "deny", o->deny);
	jsonw_end(w);
}

static bool is_voice(const struct channel *c)
{
	return c->type == CHANNEL_VOICE || c->type == CHANNEL_STAGE;
}

void json_channel(struct jsonw *w, const struct channel *c)
{
	jsonw_obj(w);
	jsonw_key_id(w, "id", c->id);
	jsonw_key_u64(w, "type", c->type);
	jsonw_key_id(w, "guild_id", c->guild_id);
	key_i32(w, "position", c->position);
	jsonw_key_arr(w, "permission_overwrites");
	for (uint32_t i = 0; i < c->overwrite_count; i++)
		overwrite(w, &c->overwrite[i]);
	jsonw_end(w);
	jsonw_key_str(w, "name", c->name);
	jsonw_key_str(w, "topic", c->topic);
	jsonw_key_bool(w, "nsfw", c->nsfw);
	jsonw_key_id(w, "last_message_id", c->last_message_id);
	jsonw_key_u64(w, "rate_limit_per_user", c->rate_limit_s);
	jsonw_key_id(w, "parent_id", c->parent_id);
	key_time_or_null(w, "last_pin_timestamp", c->last_pin_ms);
	jsonw_key_u64(w, "flags", c->flags);
	if (is_voice(c)) {
		jsonw_key_u64(w, "bitrate", c->bitrate);
		jsonw_key_u64(w, "user_limit", c->user_limit);
		jsonw_key_null(w, "rtc_region");
	}
	jsonw_end(w);
}

void json_direct(struct jsonw *w, const struct channel *c,
		 const struct user *recipient)
{
	jsonw_obj(w);
	jsonw_key_id(w, "id", c->id);
	jsonw_key_u64(w, "type", CHANNEL_DIRECT);
	jsonw_key_id(w, "last_message_id", c->last_message_id);
	if (c->last_pin_ms)
		jsonw_key_time_ms(w, "last_pin_timestamp", c->last_pin_ms);
	jsonw_key_u64(w, "flags", c->flags);
	jsonw_key_arr(w, "recipients");
	json_user(w, recipient);
	jsonw_end(w);
	jsonw_end(w);
}

static void ids(struct jsonw *w, const uint64_t *id, uint32_t count)
{
	jsonw_arr(w);
	for (uint32_t i = 0; i < count; i++)
		jsonw_id(w, id[i]);
	jsonw_end(w);
}

void json_member_keys(struct jsonw *w, const struct member *m)
{
	jsonw_key_str(w, "nick", m->nick);
	jsonw_key_null(w, "avatar");
	jsonw_key_null(w, "banner");
	jsonw_key(w, "roles");
	ids(w, m->role, m->role_count);
	key_time_or_null(w, "joined_at", m->joined_ms);
	jsonw_key_null(w, "premium_since");
	jsonw_key_bool(w, "deaf", m->deaf);
	jsonw_key_bool(w, "mute", m->mute);
	jsonw_key_u64(w, "flags", m->flags);
	jsonw_key_bool(w, "pending", m->pending);
	key_time_or_null(w, "communication_disabled_until",
			 m->timeout_until_ms);
}

void json_member(struct jsonw *w, const struct member *m, bool with_user)
{
	jsonw_obj(w);
	if (with_user) {
		jsonw_key(w, "user");
		json_user(w, &m->user);
	}
	json_member_keys(w, m);
	jsonw_end(w);
}

void json_guild_head(struct jsonw *w, const struct guild_info *g)
{
	jsonw_key_id(w, "id", g->id);
	jsonw_key_str(w, "name", g->name);
	jsonw_key_str(w, "icon", g->icon);
	jsonw_key_null(w, "splash");
	jsonw_key_null(w, "discovery_splash");
	jsonw_key_id(w, "owner_id", g->owner_id);
	jsonw_key_str(w, "region", "local");
	jsonw_key_id(w, "afk_channel_id", g->afk_channel_id);
	jsonw_key_u64(w, "afk_timeout", g->afk_timeout_s);
	jsonw_key_bool(w, "widget_enabled", false);
	jsonw_key_null(w, "widget_channel_id");
	jsonw_key_u64(w, "verification_level", g->verification_level);
	jsonw_key_u64(w, "default_message_notifications",
		      g->default_notifications);
	jsonw_key_u64(w, "explicit_content_filter", g->content_filter);
}

void json_guild_tail(struct jsonw *w, const struct guild_info *g)
{
	key_empty_array(w, "emojis");
	key_empty_array(w, "stickers");
	key_empty_array(w, "features");
	jsonw_key_u64(w, "mfa_level", 0);
	jsonw_key_null(w, "application_id");
	jsonw_key_id(w, "system_channel_id", g->system_channel_id);
	jsonw_key_u64(w, "system_channel_flags", g->system_channel_flags);
	jsonw_key_id(w, "rules_channel_id", g->rules_channel_id);
	jsonw_key_null(w, "max_presences");
	jsonw_key_u64(w, "max_members", MAX_MEMBERS);
	jsonw_key_null(w, "vanity_url_code");
	jsonw_key_str(w, "description", g->description);
	jsonw_key_null(w, "banner");
	jsonw_key_u64(w, "premium_tier", 0);
	jsonw_key_u64(w, "premium_subscription_count", 0);
	jsonw_key_str(w, "preferred_locale", g->locale ? g->locale : "en-US");
	jsonw_key_id(w, "public_updates_channel_id",
		     g->public_updates_channel_id);
	jsonw_key_u64(w, "nsfw_level", 0);
	jsonw_key_bool(w, "premium_progress_bar_enabled", false);
	jsonw_key_null(w, "safety_alerts_channel_id");
	jsonw_key_null(w, "incidents_data");
}

static uint64_t invite_end(const struct invite *i)
{
	return i->max_age_s ? i->created_ms + 1000ull * i->max_age_s : 0;
}

static void invite_places(struct jsonw *w, const struct guild_info *g,
			  const struct channel *c)
{
	jsonw_key_obj(w, "guild");
	jsonw_key_id(w, "id", g->id);
	jsonw_key_str(w, "name", g->name);
	jsonw_key_str(w, "icon", g->icon);
	jsonw_key_null(w, "splash");
	jsonw_key_null(w, "banner");
	jsonw_key_str(w, "description", g->description);
	key_empty_array(w, "features");
	jsonw_key_u64(w, "verification_level", g->verification_level);
	jsonw_key_null(w, "vanity_url_code");
	jsonw_key_u64(w, "nsfw_level", 0);
	jsonw_key_u64(w, "premium_subscription_count", 0);
	jsonw_end(w);
	jsonw_key_obj(w, "channel");
	jsonw_key_id(w, "id", c->id);
	jsonw_key_str(w, "name", c->name);
	jsonw_key_u64(w, "type", c->type);
	jsonw_end(w);
}

void json_invite(struct jsonw *w, const struct invite *i,
		 const struct guild_info *g, const struct channel *c,
		 const struct user *inviter, bool with_metadata)
{
	jsonw_obj(w);
	jsonw_key_u64(w, "type", 0);
	jsonw_key_str(w, "code", i->code);
	invite_places(w, g, c);
	if (inviter) {
		jsonw_key(w, "inviter");
		json_user(w, inviter);
	}
	key_time_or_null(w, "expires_at", invite_end(i));
	if (with_metadata) {
		jsonw_key_u64(w, "uses", i->uses);
		jsonw_key_u64(w, "max_uses", i->max_uses);
		jsonw_key_u64(w, "max_age", i->max_age_s);
		jsonw_key_bool(w, "temporary", i->temporary);
		jsonw_key_time_ms(w, "created_at", i->created_ms);
	}
	jsonw_end(w);
}

void json_webhook(struct jsonw *w, const struct webhook *h, uint64_t guild_id,
		  const struct user *maker)
{
	jsonw_obj(w);
	jsonw_key_id(w, "id", h->id);
	jsonw_key_u64(w, "type", 1);
	jsonw_key_id(w, "guild_id", guild_id);
	jsonw_key_id(w, "channel_id", h->channel_id);
	jsonw_key_str(w, "name", h->name);
	jsonw_key_str(w, "avatar", h->avatar);
	jsonw_key_null(w, "application_id");
	jsonw_key_str(w, "token", h->token);
	if (maker) {
		jsonw_key(w, "user");
		json_user(w, maker);
	}
	jsonw_end(w);
}
