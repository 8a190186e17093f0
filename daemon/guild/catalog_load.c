// SPDX-License-Identifier: Apache-2.0
/* Reads: one guild for its actor, an overview for the directory. */
#include <errno.h>

#include "base/mem.h"
#include "guild/catalog_impl.h"
#include "guild/state.h"

/* A column's text as a string that a model may hold: borrowed, and copied by
 * model_x_copy() before the row moves on. */
static char *text(struct db_row *row, int column)
{
	return (char *)db_text(row, column);
}

/* Its first columns: a user's. */
static struct user user_of(struct db_row *row)
{
	return (struct user){
		.id = db_u64(row, 0),
		.name = text(row, 1),
		.global_name = text(row, 2),
		.avatar = text(row, 3),
		.discriminator = (uint16_t)db_u64(row, 4),
		.bot = db_u64(row, 5),
	};
}

static int load_info(void *ctx, struct db_row *row)
{
	struct state *s = ctx;
	const struct guild_info g = {
		.id = db_u64(row, 0),
		.owner_id = db_u64(row, 1),
		.name = text(row, 2),
		.icon = text(row, 3),
		.description = text(row, 4),
		.locale = text(row, 5),
		.afk_channel_id = db_u64(row, 6),
		.afk_timeout_s = (uint32_t)db_u64(row, 7),
		.system_channel_id = db_u64(row, 8),
		.system_channel_flags = (uint32_t)db_u64(row, 9),
		.rules_channel_id = db_u64(row, 10),
		.public_updates_channel_id = db_u64(row, 11),
		.verification_level = (uint8_t)db_u64(row, 12),
		.default_notifications = (uint8_t)db_u64(row, 13),
		.content_filter = (uint8_t)db_u64(row, 14),
	};

	return model_guild_copy(&s->info, &g);
}

static int load_role(void *ctx, struct db_row *row)
{
	const struct role r = {
		.id = db_u64(row, 0),
		.name = text(row, 2),
		.permissions = db_u64(row, 3),
		.color = (uint32_t)db_u64(row, 4),
		.position = (int32_t)db_u64(row, 5),
		.flags = (uint32_t)db_u64(row, 6),
		.hoist = db_u64(row, 7),
		.mentionable = db_u64(row, 8),
		.managed = db_u64(row, 9),
	};
	struct role copy;
	int err;

	err = model_role_copy(&copy, &r);
	if (!err)
		err = state_put_role(ctx, &copy);
	if (err)
		model_role_fini(&copy);
	return err;
}

static int load_channel(void *ctx, struct db_row *row)
{
	const struct channel c = {
		.id = db_u64(row, 0),
		.guild_id = db_u64(row, 1),
		.type = (uint8_t)db_u64(row, 2),
		.name = text(row, 3),
		.topic = text(row, 4),
		.parent_id = db_u64(row, 5),
		.position = (int32_t)db_u64(row, 6),
		.flags = (uint32_t)db_u64(row, 7),
		.bitrate = (uint32_t)db_u64(row, 8),
		.user_limit = (uint32_t)db_u64(row, 9),
		.rate_limit_s = (uint16_t)db_u64(row, 10),
		.nsfw = db_u64(row, 11),
		.last_pin_ms = db_u64(row, 12),
	};
	struct channel copy;
	int err;

	err = model_channel_copy(&copy, &c);
	if (!err)
		err = state_put_channel(ctx, &copy);
	if (err)
		model_channel_fini(&copy);
	return err;
}

static int load_overwrite(void *ctx, struct db_row *row)
{
	struct state_channel *c = state_channel(ctx, db_u64(row, 0));
	struct perm_overwrite *list;
	uint32_t n;

	if (!c)
		return 0;
	n = c->channel.overwrite_count;
	list = mem_realloc(c->channel.overwrite, (n + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	list[n] = (struct perm_overwrite){
		.id = db_u64(row, 1),
		.target = (uint8_t)db_u64(row, 2),
		.allow = db_u64(row, 3),
		.deny = db_u64(row, 4),
	};
	c->channel.overwrite = list;
	c->channel.overwrite_count = n + 1;
	return 0;
}

static int load_member(void *ctx, struct db_row *row)
{
	const struct member m = {
		.user = user_of(row),
		.nick = text(row, 6),
		.joined_ms = db_u64(row, 7),
		.timeout_until_ms = db_u64(row, 8),
		.flags = (uint32_t)db_u64(row, 9),
		.deaf = db_u64(row, 10),
		.mute = db_u64(row, 11),
		.pending = db_u64(row, 12),
	};
	struct member copy;
	int err;

	err = model_member_copy(&copy, &m);
	if (!err)
		err = state_put_member(ctx, &copy);
	if (err)
		model_member_fini(&copy);
	return err;
}

static int load_member_role(void *ctx, struct db_row *row)
{
	struct member *m = state_member(ctx, db_u64(row, 0));
	uint64_t *list;

	if (!m)
		return 0;
	list = mem_realloc(m->role, (m->role_count + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	list[m->role_count++] = db_u64(row, 1);
	m->role = list;
	return 0;
}

static int load_ban(void *ctx, struct db_row *row)
{
	const struct user u = user_of(row);
	struct user copy;
	int err;

	err = model_user_copy(&copy, &u);
	if (!err)
		err = state_put_ban(ctx, &copy);
	if (err)
		model_user_fini(&copy);
	return err;
}

static int load_invite(void *ctx, struct db_row *row)
{
	const struct invite i = {
		.code = text(row, 0),
		.channel_id = db_u64(row, 2),
		.inviter_id = db_u64(row, 3),
		.created_ms = db_u64(row, 4),
		.max_age_s = (uint32_t)db_u64(row, 5),
		.max_uses = (uint32_t)db_u64(row, 6),
		.uses = (uint32_t)db_u64(row, 7),
		.temporary = db_u64(row, 8),
	};
	struct invite copy;
	int err;

	err = model_invite_copy(&copy, &i);
	if (!err)
		err = state_put_invite(ctx, &copy);
	if (err)
		model_invite_fini(&copy);
	return err;
}

static int load_webhook(void *ctx, struct db_row *row)
{
	const struct webhook w = {
		.id = db_u64(row, 0),
		.channel_id = db_u64(row, 2),
		.user_id = db_u64(row, 3),
		.name = text(row, 4),
		.avatar = text(row, 5),
	};
	struct webhook copy;
	int err;

	err = model_webhook_copy(&copy, &w);
	if (!err)
		err = state_put_webhook(ctx, &copy);
	if (err)
		model_webhook_fini(&copy);
	return err;
}

/* A webhook's token is not stored: it follows from the key. */
static int derive_tokens(struct catalog *c, struct state *s)
{
	char token[TOKEN_SIZE];
	size_t iter = 0;
	uint64_t value;
	int err = 0;

	while (!err && hmap_next(&s->webhooks, &iter, NULL, &value)) {
		struct webhook *w = (struct webhook *)(uintptr_t)value;

		token_of_webhook(&c->secret, w->id, token);
		err = model_string_set(&w->token, token);
	}
	return err;
}

/* Rows that others point to come first. */
static const struct {
	const char *sql;
	int (*row)(void *ctx, struct db_row *row);
} guild_loads[] = {
	{ "SELECT * FROM guild WHERE id = ?", load_info },
	{ "SELECT * FROM role WHERE guild_id = ?", load_role },
	{ "SELECT * FROM channel WHERE guild_id = ?", load_channel },
	{ "SELECT overwrite.* FROM overwrite JOIN channel"
	  " ON channel.id = channel_id WHERE guild_id = ?", load_overwrite },
	{ "SELECT user.id, name, global_name, avatar, discriminator, bot, nick,"
	  " joined_ms, timeout_until_ms, flags, deaf, mute, pending FROM member"
	  " JOIN user ON user.id = user_id WHERE guild_id = ?", load_member },
	{ "SELECT user_id, role_id FROM member_role WHERE guild_id = ?"
	  " ORDER BY user_id, role_id", load_member_role },
	/* Who is banned need not exist. */
	{ "SELECT user_id, name, global_name, avatar, discriminator, bot"
	  " FROM ban LEFT JOIN user ON user.id = user_id WHERE guild_id = ?",
	  load_ban },
	{ "SELECT * FROM invite WHERE guild_id = ?", load_invite },
	{ "SELECT * FROM webhook WHERE guild_id = ?", load_webhook },
};

int catalog_load_guild(struct catalog *c, uint64_t guild_id, struct state *s)
{
	size_t n = sizeof(guild_loads) / sizeof(guild_loads[0]);
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = db_query(c->db, guild_loads[i].sql, guild_loads[i].row,
			       s, "i", guild_id);
	if (!err && !s->info.id)
		err = -ENOENT;
	return err ? err : derive_tokens(c, s);
}

static int load_direct(void *ctx, struct db_row *row)
{
	const struct channel c = {
		.id = db_u64(row, 0),
		.type = CHANNEL_DIRECT,
		.last_pin_ms = db_u64(row, 1),
	};
	struct state *s = ctx;
	struct channel copy;
	int err;

	s->info.id = c.id;
	err = model_channel_copy(&copy, &c);
	if (!err)
		err = state_put_channel(s, &copy);
	if (err)
		model_channel_fini(&copy);
	return err;
}

int catalog_load_direct(struct catalog *c, uint64_t id, struct state *s)
{
	int err;

	err = db_query(c->db, "SELECT id, last_pin_ms FROM direct WHERE id = ?",
		       load_direct, s, "i", id);
	if (!err)
		err = db_query(c->db,
			       "SELECT user.id, name, global_name, avatar,"
			       " discriminator, bot, NULL, 0, 0, 0, 0, 0, 0"
			       " FROM direct JOIN user"
			       " ON user.id IN (low_id, high_id)"
			       " WHERE direct.id = ?", load_member, s, "i", id);
	return !err && !s->info.id ? -ENOENT : err;
}

static int visit_user(void *ctx, struct db_row *row)
{
	const struct catalog_visitor *v = ctx;
	const struct user u = user_of(row);

	return v->user(v->ctx, &u, db_text(row, 6));
}

static int visit_token(void *ctx, struct db_row *row)
{
	const struct catalog_visitor *v = ctx;
	const uint8_t *hash;
	size_t len;

	hash = db_blob(row, 0, &len);
	if (len != TOKEN_HASH_SIZE)
		return -EIO;
	return v->token(v->ctx, hash, db_u64(row, 1));
}

static int visit_guild(void *ctx, struct db_row *row)
{
	const struct catalog_visitor *v = ctx;

	return v->guild(v->ctx, db_u64(row, 0), db_text(row, 1));
}

struct pairs {
	int (*fn)(void *ctx, uint64_t id, uint64_t other);
	void *ctx;
};

static int visit_pair(void *ctx, struct db_row *row)
{
	const struct pairs *p = ctx;

	return p->fn(p->ctx, db_u64(row, 0), db_u64(row, 1));
}

static int visit_invite(void *ctx, struct db_row *row)
{
	const struct catalog_visitor *v = ctx;

	return v->invite(v->ctx, db_text(row, 0), db_u64(row, 1));
}

static int visit_direct(void *ctx, struct db_row *row)
{
	const struct catalog_visitor *v = ctx;
	const struct direct d = {
		.id = db_u64(row, 0),
		.user_id = { db_u64(row, 1), db_u64(row, 2) },
		.open_from = { db_u64(row, 3), db_u64(row, 4) },
	};

	return v->direct(v->ctx, &d);
}

static int visit(struct catalog *c, const struct catalog_visitor *v,
		 const char *sql, int (*row)(void *ctx, struct db_row *row))
{
	return db_query(c->db, sql, row, (void *)v, "");
}

static int visit_pairs(struct catalog *c, const struct catalog_visitor *v,
		       const char *sql,
		       int (*fn)(void *ctx, uint64_t id, uint64_t other))
{
	struct pairs p = { fn, v->ctx };

	return db_query(c->db, sql, visit_pair, &p, "");
}

int catalog_visit(struct catalog *c, const struct catalog_visitor *v)
{
	int err;

	err = visit(c, v, "SELECT * FROM user", visit_user);
	if (!err)
		err = visit(c, v, "SELECT hash, user_id FROM token",
			    visit_token);
	if (!err)
		err = visit(c, v, "SELECT id, name FROM guild ORDER BY id",
			    visit_guild);
	if (!err)
		err = visit_pairs(c, v, "SELECT guild_id, user_id FROM member",
				  v->member);
	if (!err)
		err = visit_pairs(c, v, "SELECT id, guild_id FROM channel",
				  v->channel);
	if (!err)
		err = visit_pairs(c, v, "SELECT id, guild_id FROM webhook",
				  v->webhook);
	if (!err)
		err = visit(c, v, "SELECT code, guild_id FROM invite",
			    visit_invite);
	return err ? err : visit(c, v, "SELECT id, low_id, high_id, low_open,"
				       " high_open FROM direct", visit_direct);
}
