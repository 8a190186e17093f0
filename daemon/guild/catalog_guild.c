// SPDX-License-Identifier: Apache-2.0
/* Writes of what belongs to a guild. */
#include "guild/catalog_impl.h"

int catalog_put_guild(struct catalog *c, const struct guild_info *g)
{
	return db_run(c->db,
		      "INSERT INTO guild VALUES"
		      " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		      " ON CONFLICT (id) DO UPDATE SET"
		      " owner_id = excluded.owner_id, name = excluded.name,"
		      " icon = excluded.icon,"
		      " description = excluded.description,"
		      " locale = excluded.locale,"
		      " afk_channel_id = excluded.afk_channel_id,"
		      " afk_timeout_s = excluded.afk_timeout_s,"
		      " system_channel_id = excluded.system_channel_id,"
		      " system_channel_flags = excluded.system_channel_flags,"
		      " rules_channel_id = excluded.rules_channel_id,"
		      " public_updates_channel_id ="
		      " excluded.public_updates_channel_id,"
		      " verification_level = excluded.verification_level,"
		      " default_notifications = excluded.default_notifications,"
		      " content_filter = excluded.content_filter",
		      "iissssiiiiiiiii", g->id, g->owner_id, g->name, g->icon,
		      g->description, g->locale, g->afk_channel_id,
		      (uint64_t)g->afk_timeout_s, g->system_channel_id,
		      (uint64_t)g->system_channel_flags, g->rules_channel_id,
		      g->public_updates_channel_id,
		      (uint64_t)g->verification_level,
		      (uint64_t)g->default_notifications,
		      (uint64_t)g->content_filter);
}

/* Upserts, not REPLACE: that would delete first, and cascade. */
int catalog_put_role(struct catalog *c, uint64_t guild_id,
		     const struct role *r)
{
	return db_run(c->db,
		      "INSERT INTO role VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		      " ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
		      " permissions = excluded.permissions,"
		      " color = excluded.color, position = excluded.position,"
		      " flags = excluded.flags, hoist = excluded.hoist,"
		      " mentionable = excluded.mentionable",
		      "iisiiiiiii", r->id, guild_id, r->name, r->permissions,
		      (uint64_t)r->color, (uint64_t)r->position,
		      (uint64_t)r->flags, (uint64_t)r->hoist,
		      (uint64_t)r->mentionable, (uint64_t)r->managed);
}

int catalog_del_role(struct catalog *c, uint64_t id)
{
	int err;

	err = db_run(c->db, "DELETE FROM overwrite WHERE target_id = ?", "i",
		     id);
	return err ? err : db_run(c->db, "DELETE FROM role WHERE id = ?", "i",
				  id);
}

static int put_overwrites(struct catalog *c, const struct channel *ch)
{
	int err;

	err = db_run(c->db, "DELETE FROM overwrite WHERE channel_id = ?", "i",
		     ch->id);
	for (uint32_t i = 0; i < ch->overwrite_count && !err; i++) {
		const struct perm_overwrite *o = &ch->overwrite[i];

		err = db_run(c->db,
			     "INSERT OR REPLACE INTO overwrite"
			     " VALUES (?, ?, ?, ?, ?)", "iiiii", ch->id, o->id,
			     (uint64_t)o->target, o->allow, o->deny);
	}
	return err;
}

int catalog_put_channel(struct catalog *c, const struct channel *ch)
{
	int err;

	err = db_run(c->db,
		     "INSERT INTO channel VALUES"
		     " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		     " ON CONFLICT (id) DO UPDATE SET type = excluded.type,"
		     " name = excluded.name, topic = excluded.topic,"
		     " parent_id = excluded.parent_id,"
		     " position = excluded.position, flags = excluded.flags,"
		     " bitrate = excluded.bitrate,"
		     " user_limit = excluded.user_limit,"
		     " rate_limit_s = excluded.rate_limit_s,"
		     " nsfw = excluded.nsfw",
		     "iiissiiiiiiii", ch->id, ch->guild_id, (uint64_t)ch->type,
		     ch->name, ch->topic, ch->parent_id, (uint64_t)ch->position,
		     (uint64_t)ch->flags, (uint64_t)ch->bitrate,
		     (uint64_t)ch->user_limit, (uint64_t)ch->rate_limit_s,
		     (uint64_t)ch->nsfw, ch->last_pin_ms);
	return err ? err : put_overwrites(c, ch);
}

int catalog_set_last_pin(struct catalog *c, uint64_t channel_id, uint64_t ms)
{
	int err;

	err = db_run(c->db, "UPDATE channel SET last_pin_ms = ? WHERE id = ?",
		     "ii", ms, channel_id);
	if (err || db_changes(c->db))
		return err;
	return db_run(c->db, "UPDATE direct SET last_pin_ms = ? WHERE id = ?",
		      "ii", ms, channel_id);
}

int catalog_del_channel(struct catalog *c, uint64_t id)
{
	int err = db_run(c->db,
			 "INSERT OR IGNORE INTO gone"
			 " SELECT id, guild_id FROM channel WHERE id = ?", "i",
			 id);

	return err ? err : db_run(c->db, "DELETE FROM channel WHERE id = ?",
				  "i", id);
}

struct gone_visit {
	int (*channel)(void *ctx, uint64_t id, uint64_t guild_id);
	void *ctx;
};

static int visit_gone(void *ctx, struct db_row *row)
{
	const struct gone_visit *v = ctx;

	return v->channel(v->ctx, db_u64(row, 0), db_u64(row, 1));
}

int catalog_list_gone(struct catalog *c,
		      int (*channel)(void *ctx, uint64_t id, uint64_t guild_id),
		      void *ctx)
{
	struct gone_visit v = { channel, ctx };

	return db_query(c->db, "SELECT channel_id, guild_id FROM gone"
			" ORDER BY channel_id", visit_gone, &v, "");
}

int catalog_swept(struct catalog *c, uint64_t channel_id)
{
	return db_run(c->db, "DELETE FROM gone WHERE channel_id = ?", "i",
		      channel_id);
}

int catalog_add_direct(struct catalog *c, const struct direct *d)
{
	return db_run(c->db, "INSERT INTO direct VALUES (?, ?, ?, ?, ?, 0)",
		      "iiiii", d->id, d->user_id[0], d->user_id[1],
		      d->open_from[0], d->open_from[1]);
}

int catalog_set_direct(struct catalog *c, uint64_t id, uint64_t user_id,
		       uint64_t open_from)
{
	return db_run(c->db,
		      "UPDATE direct SET"
		      " low_open = iif(low_id = ?2, ?3, low_open),"
		      " high_open = iif(high_id = ?2, ?3, high_open)"
		      " WHERE id = ?1", "iii", id, user_id, open_from);
}

static int put_member_roles(struct catalog *c, uint64_t guild_id,
			    const struct member *m)
{
	int err;

	err = db_run(c->db,
		     "DELETE FROM member_role WHERE guild_id = ?"
		     " AND user_id = ?", "ii", guild_id, m->user.id);
	for (uint32_t i = 0; i < m->role_count && !err; i++)
		err = db_run(c->db, "INSERT INTO member_role VALUES (?, ?, ?)",
			     "iii", guild_id, m->user.id, m->role[i]);
	return err;
}

int catalog_put_member(struct catalog *c, uint64_t guild_id,
		       const struct member *m)
{
	int err;

	err = db_run(c->db,
		     "INSERT INTO member VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
		     " ON CONFLICT DO UPDATE SET nick = excluded.nick,"
		     " timeout_until_ms = excluded.timeout_until_ms,"
		     " flags = excluded.flags, deaf = excluded.deaf,"
		     " mute = excluded.mute, pending = excluded.pending",
		     "iisiiiiii", guild_id, m->user.id, m->nick, m->joined_ms,
		     m->timeout_until_ms, (uint64_t)m->flags,
		     (uint64_t)m->deaf, (uint64_t)m->mute,
		     (uint64_t)m->pending);
	return err ? err : put_member_roles(c, guild_id, m);
}

int catalog_del_member(struct catalog *c, uint64_t guild_id, uint64_t user_id)
{
	return db_run(c->db,
		      "DELETE FROM member WHERE guild_id = ? AND user_id = ?",
		      "ii", guild_id, user_id);
}

int catalog_add_ban(struct catalog *c, uint64_t guild_id, uint64_t user_id)
{
	return db_run(c->db, "INSERT OR IGNORE INTO ban VALUES (?, ?)", "ii",
		      guild_id, user_id);
}

int catalog_del_ban(struct catalog *c, uint64_t guild_id, uint64_t user_id)
{
	return db_run(c->db,
		      "DELETE FROM ban WHERE guild_id = ? AND user_id = ?",
		      "ii", guild_id, user_id);
}

int catalog_put_invite(struct catalog *c, uint64_t guild_id,
		       const struct invite *i)
{
	return db_run(c->db,
		      "INSERT INTO invite VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
		      " ON CONFLICT DO UPDATE SET uses = excluded.uses",
		      "siiiiiiii", i->code, guild_id, i->channel_id,
		      i->inviter_id, i->created_ms, (uint64_t)i->max_age_s,
		      (uint64_t)i->max_uses, (uint64_t)i->uses,
		      (uint64_t)i->temporary);
}

int catalog_del_invite(struct catalog *c, const char *code)
{
	return db_run(c->db, "DELETE FROM invite WHERE code = ?", "s", code);
}

int catalog_put_webhook(struct catalog *c, uint64_t guild_id,
			const struct webhook *w)
{
	return db_run(c->db,
		      "INSERT INTO webhook VALUES (?, ?, ?, ?, ?, ?)"
		      " ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
		      " avatar = excluded.avatar,"
		      " channel_id = excluded.channel_id",
		      "iiiiss", w->id, guild_id, w->channel_id, w->user_id,
		      w->name, w->avatar);
}

int catalog_del_webhook(struct catalog *c, uint64_t id)
{
	return db_run(c->db, "DELETE FROM webhook WHERE id = ?", "i", id);
}
