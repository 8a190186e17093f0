// SPDX-License-Identifier: Apache-2.0
#include "proto/body.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "proto/fields.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_AGE_S 604800

/* A body of `size` whose first member is `set`, decoded by a table. */
static int parse_table(const void *json, size_t size,
		       const struct field *field, size_t count,
		       void (*fini)(void *body), void **ret_body,
		       struct form *form)
{
	uint32_t *body;
	int err;

	if (!json_is_object((const json_t *)json)) {
		form_error(form, "", FORM_TYPE, "Must be an object.");
		return 0;
	}
	body = mem_zalloc(size);
	if (!body)
		return -ENOMEM;
	err = fields_decode(json, field, count, body, body, form, "");
	if (err)
		fini(body);
	else
		*ret_body = body;
	return err;
}

static const struct field login_fields[] = {
	FIELD(struct body_login, login, "login", FIELD_TEXT, 0,
	      FIELD_REQUIRED, 1, 100),
	FIELD(struct body_login, password, "password", FIELD_TEXT, 0,
	      FIELD_REQUIRED, 1, 256),
};

void body_login_fini(void *body)
{
	struct body_login *b = body;

	mem_free(b->login);
	mem_free(b->password);
	mem_free(b);
}

int body_login_parse(const void *json, void **ret_body, struct form *form)
{
	return parse_table(json, sizeof(struct body_login), login_fields,
			   COUNT(login_fields), body_login_fini, ret_body,
			   form);
}

static const struct field ack_fields[] = {
	FIELD(struct body_ack, mentions, "mention_count", FIELD_NUMBER, 0,
	      FIELD_NULLABLE, 0, INT32_MAX),
	FIELD(struct body_ack, manual, "manual", FIELD_BOOL, 0, FIELD_NULLABLE,
	      0, 0),
};

void body_ack_fini(void *body)
{
	mem_free(body);
}

int body_ack_parse(const void *json, void **ret_body, struct form *form)
{
	return parse_table(json, sizeof(struct body_ack), ack_fields,
			   COUNT(ack_fields), body_ack_fini, ret_body, form);
}

static const struct field user_fields[] = {
	FIELD(struct body_user, username, "username", FIELD_TEXT,
	      BODY_USER_NAME, 0, 2, 32),
	FIELD(struct body_user, global_name, "global_name", FIELD_TEXT,
	      BODY_USER_GLOBAL, FIELD_NULLABLE, 1, 32),
	FIELD(struct body_user, avatar, "avatar", FIELD_TEXT,
	      BODY_USER_AVATAR, FIELD_NULLABLE, 1, 1024),
};

void body_user_fini(void *body)
{
	struct body_user *b = body;

	mem_free(b->username);
	mem_free(b->global_name);
	mem_free(b->avatar);
	mem_free(b);
}

int body_user_parse(const void *json, void **ret_body, struct form *form)
{
	return parse_table(json, sizeof(struct body_user), user_fields,
			   COUNT(user_fields), body_user_fini, ret_body, form);
}

static const struct field direct_fields[] = {
	FIELD(struct body_direct, recipient_id, "recipient_id", FIELD_ID, 0,
	      FIELD_REQUIRED, 0, 0),
};

void body_direct_fini(void *body)
{
	mem_free(body);
}

int body_direct_parse(const void *json, void **ret_body, struct form *form)
{
	return parse_table(json, sizeof(struct body_direct), direct_fields,
			   COUNT(direct_fields), body_direct_fini, ret_body,
			   form);
}

static const struct field overwrite_fields[] = {
	FIELD(struct perm_overwrite, id, "id", FIELD_ID, 0, 0, 0, 0),
	FIELD(struct perm_overwrite, target, "type", FIELD_NUMBER, 0,
	      FIELD_REQUIRED, 0, 1),
	FIELD(struct perm_overwrite, allow, "allow", FIELD_BITS, 0,
	      FIELD_NULLABLE, 0, 0),
	FIELD(struct perm_overwrite, deny, "deny", FIELD_BITS, 0,
	      FIELD_NULLABLE, 0, 0),
};

void body_overwrite_fini(void *body)
{
	mem_free(body);
}

int body_overwrite_parse(const void *json, void **ret_body, struct form *form)
{
	struct body_overwrite *b = mem_zalloc(sizeof(*b));
	int err;

	if (!b)
		return -ENOMEM;
	err = fields_decode(json, overwrite_fields, COUNT(overwrite_fields),
			    &b->overwrite, &b->set, form, "");
	if (err)
		mem_free(b);
	else
		*ret_body = b;
	return err;
}

static const struct field channel_fields[] = {
#define CHANNEL(member, key, kind, bit, flags, min, max) \
	FIELD(struct body_channel, channel.member, key, kind, bit, flags, \
	      min, max)
	CHANNEL(name, "name", FIELD_TEXT, BODY_CHANNEL_NAME, 0, 1, 100),
	CHANNEL(type, "type", FIELD_NUMBER, BODY_CHANNEL_TYPE, 0, 0, 16),
	CHANNEL(topic, "topic", FIELD_TEXT, BODY_CHANNEL_TOPIC,
		FIELD_NULLABLE, 0, 1024),
	CHANNEL(position, "position", FIELD_NUMBER, BODY_CHANNEL_POSITION,
		FIELD_NULLABLE, 0, BODY_POSITION_MAX),
	CHANNEL(parent_id, "parent_id", FIELD_ID, BODY_CHANNEL_PARENT,
		FIELD_NULLABLE, 0, 0),
	CHANNEL(nsfw, "nsfw", FIELD_BOOL, BODY_CHANNEL_NSFW, FIELD_NULLABLE,
		0, 0),
	CHANNEL(rate_limit_s, "rate_limit_per_user", FIELD_NUMBER,
		BODY_CHANNEL_RATE, FIELD_NULLABLE, 0, 21600),
	CHANNEL(bitrate, "bitrate", FIELD_NUMBER, BODY_CHANNEL_BITRATE,
		FIELD_NULLABLE, 8000, 384000),
	CHANNEL(user_limit, "user_limit", FIELD_NUMBER, BODY_CHANNEL_USERS,
		FIELD_NULLABLE, 0, 99),
#undef CHANNEL
};

void body_channel_fini(void *body)
{
	struct body_channel *b = body;

	model_channel_fini(&b->channel);
	mem_free(b);
}

#define OVERWRITES_MAX 1000

static int parse_overwrites(const json_t *list, struct channel *c,
			    struct form *form)
{
	size_t i, n = json_array_size(list);
	uint32_t set = 0;
	json_t *item;
	char prefix[48];
	int err = 0;

	if (!json_is_array(list) || n > OVERWRITES_MAX) {
		form_error(form, "permission_overwrites", FORM_LENGTH,
			   "Must be an array of at most 1000.");
		return 0;
	}
	c->overwrite = mem_zalloc((n + 1) * sizeof(*c->overwrite));
	if (!c->overwrite)
		return -ENOMEM;
	c->overwrite_count = (uint32_t)n;
	json_array_foreach(list, i, item) {
		snprintf(prefix, sizeof(prefix), "permission_overwrites.%zu.",
			 i);
		err = err ? err : fields_decode(item, overwrite_fields,
						COUNT(overwrite_fields),
						&c->overwrite[i], &set, form,
						prefix);
	}
	return err;
}

int body_channel_parse(const void *json, void **ret_body, struct form *form)
{
	const json_t *list;
	struct body_channel *b;
	int err;

	err = parse_table(json, sizeof(*b), channel_fields,
			  COUNT(channel_fields), body_channel_fini, ret_body,
			  form);
	list = json_object_get(json, "permission_overwrites");
	if (err || !*ret_body || !list || json_is_null(list))
		return err;
	b = *ret_body;
	b->set |= BODY_CHANNEL_OVERWRITES;
	return parse_overwrites(list, &b->channel, form);
}

static const struct field role_fields[] = {
#define ROLE(member, key, kind, bit, flags, min, max) \
	FIELD(struct body_role, role.member, key, kind, bit, flags, min, max)
	ROLE(name, "name", FIELD_TEXT, BODY_ROLE_NAME, FIELD_NULLABLE, 1, 100),
	ROLE(permissions, "permissions", FIELD_BITS, BODY_ROLE_PERMISSIONS, 0,
	     0, 0),
	ROLE(color, "color", FIELD_NUMBER, BODY_ROLE_COLOR, FIELD_NULLABLE, 0,
	     0xffffff),
	ROLE(hoist, "hoist", FIELD_BOOL, BODY_ROLE_HOIST, FIELD_NULLABLE, 0,
	     0),
	ROLE(mentionable, "mentionable", FIELD_BOOL, BODY_ROLE_MENTIONABLE,
	     FIELD_NULLABLE, 0, 0),
#undef ROLE
};

static const struct field role_colors[] = {
	FIELD(struct role, color, "primary_color", FIELD_NUMBER,
	      BODY_ROLE_COLOR, 0, 0, 0xffffff),
};

void body_role_fini(void *body)
{
	struct body_role *b = body;

	model_role_fini(&b->role);
	mem_free(b);
}

int body_role_parse(const void *json, void **ret_body, struct form *form)
{
	const json_t *colors;
	struct body_role *b;
	int err;

	err = parse_table(json, sizeof(*b), role_fields, COUNT(role_fields),
			  body_role_fini, ret_body, form);
	colors = json_object_get(json, "colors");
	if (err || !*ret_body || !json_is_object(colors))
		return err;
	b = *ret_body;
	return fields_decode(colors, role_colors, COUNT(role_colors), &b->role,
			     &b->set, form, "colors.");
}

static const struct field guild_fields[] = {
#define GUILD(member, key, kind, bit, flags, min, max) \
	FIELD(struct body_guild, guild.member, key, kind, bit, flags, min, max)
	GUILD(name, "name", FIELD_TEXT, BODY_GUILD_NAME, 0, 2, 100),
	GUILD(icon, "icon", FIELD_TEXT, BODY_GUILD_ICON, FIELD_NULLABLE, 1,
	      1024),
	GUILD(description, "description", FIELD_TEXT, BODY_GUILD_DESCRIPTION,
	      FIELD_NULLABLE, 0, 300),
	GUILD(locale, "preferred_locale", FIELD_TEXT, BODY_GUILD_LOCALE,
	      FIELD_NULLABLE, 2, 8),
	GUILD(afk_channel_id, "afk_channel_id", FIELD_ID,
	      BODY_GUILD_AFK_CHANNEL, FIELD_NULLABLE, 0, 0),
	GUILD(afk_timeout_s, "afk_timeout", FIELD_NUMBER,
	      BODY_GUILD_AFK_TIMEOUT, 0, 60, 3600),
	GUILD(system_channel_id, "system_channel_id", FIELD_ID,
	      BODY_GUILD_SYSTEM, FIELD_NULLABLE, 0, 0),
	GUILD(system_channel_flags, "system_channel_flags", FIELD_NUMBER,
	      BODY_GUILD_SYSTEM_FLAGS, 0, 0, UINT16_MAX),
	GUILD(rules_channel_id, "rules_channel_id", FIELD_ID,
	      BODY_GUILD_RULES, FIELD_NULLABLE, 0, 0),
	GUILD(public_updates_channel_id, "public_updates_channel_id",
	      FIELD_ID, BODY_GUILD_UPDATES, FIELD_NULLABLE, 0, 0),
	GUILD(verification_level, "verification_level", FIELD_NUMBER,
	      BODY_GUILD_VERIFICATION, FIELD_NULLABLE, 0, 4),
	GUILD(default_notifications, "default_message_notifications",
	      FIELD_NUMBER, BODY_GUILD_NOTIFY, FIELD_NULLABLE, 0, 1),
	GUILD(content_filter, "explicit_content_filter", FIELD_NUMBER,
	      BODY_GUILD_FILTER, FIELD_NULLABLE, 0, 2),
	GUILD(owner_id, "owner_id", FIELD_ID, BODY_GUILD_OWNER, 0, 0, 0),
#undef GUILD
};

void body_guild_fini(void *body)
{
	struct body_guild *b = body;

	model_guild_fini(&b->guild);
	mem_free(b);
}

int body_guild_parse(const void *json, void **ret_body, struct form *form)
{
	return parse_table(json, sizeof(struct body_guild), guild_fields,
			   COUNT(guild_fields), body_guild_fini, ret_body,
			   form);
}

static const struct field invite_fields[] = {
#define INVITE(member, key, kind, min, max) \
	FIELD(struct body_invite, member, key, kind, 0, FIELD_NULLABLE, min, \
	      max)
	INVITE(invite.max_age_s, "max_age", FIELD_NUMBER, 0, MAX_AGE_S),
	INVITE(invite.max_uses, "max_uses", FIELD_NUMBER, 0, 100),
	INVITE(invite.temporary, "temporary", FIELD_BOOL, 0, 0),
	INVITE(unique, "unique", FIELD_BOOL, 0, 0),
#undef INVITE
};

void body_invite_fini(void *body)
{
	mem_free(body);
}

#define INVITE_DEFAULT_AGE_S 86400

int body_invite_parse(const void *json, void **ret_body, struct form *form)
{
	struct body_invite *b;
	int err;

	err = parse_table(json, sizeof(*b), invite_fields,
			  COUNT(invite_fields), body_invite_fini, ret_body,
			  form);
	b = *ret_body;
	if (!err && b && !json_object_get(json, "max_age"))
		b->invite.max_age_s = INVITE_DEFAULT_AGE_S;
	return err;
}

static const struct field webhook_fields[] = {
	FIELD(struct body_webhook, webhook.name, "name", FIELD_TEXT,
	      BODY_WEBHOOK_NAME, 0, 1, 80),
	FIELD(struct body_webhook, webhook.avatar, "avatar", FIELD_TEXT,
	      BODY_WEBHOOK_AVATAR, FIELD_NULLABLE, 1, 1024),
	FIELD(struct body_webhook, webhook.channel_id, "channel_id", FIELD_ID,
	      BODY_WEBHOOK_CHANNEL, 0, 0, 0),
};

void body_webhook_fini(void *body)
{
	struct body_webhook *b = body;

	model_webhook_fini(&b->webhook);
	mem_free(b);
}

int body_webhook_parse(const void *json, void **ret_body, struct form *form)
{
	return parse_table(json, sizeof(struct body_webhook), webhook_fields,
			   COUNT(webhook_fields), body_webhook_fini, ret_body,
			   form);
}

void body_joiner_fini(void *user)
{
	model_user_fini(user);
	mem_free(user);
}
