// SPDX-License-Identifier: Apache-2.0
/* Managing channels and their overwrites. */
#include <string.h>

#include "base/mem.h"
#include "guild/change.h"
#include "proto/body.h"

#define DEFAULT_BITRATE 64000

static bool is_known_type(uint8_t type)
{
	return type == CHANNEL_TEXT || type == CHANNEL_VOICE ||
	       type == CHANNEL_CATEGORY || type == CHANNEL_ANNOUNCEMENT;
}

/* Only between text and announcements does a type change. */
static bool may_change(uint8_t type)
{
	return type == CHANNEL_TEXT || type == CHANNEL_ANNOUNCEMENT;
}

static void merge_voice(struct channel *c, const struct body_channel *b)
{
	if (b->set & BODY_CHANNEL_BITRATE)
		c->bitrate = b->channel.bitrate;
	if (b->set & BODY_CHANNEL_USERS)
		c->user_limit = b->channel.user_limit;
}

/* Strings and overwrites are borrowed until change_put_channel() copies. */
static struct channel merge(const struct channel *old,
			    const struct body_channel *b)
{
	struct channel c = *old;

	if (b->set & BODY_CHANNEL_NAME)
		c.name = b->channel.name;
	if (b->set & BODY_CHANNEL_TYPE)
		c.type = b->channel.type;
	if (b->set & BODY_CHANNEL_TOPIC)
		c.topic = b->channel.topic;
	if (b->set & BODY_CHANNEL_POSITION)
		c.position = b->channel.position;
	if (b->set & BODY_CHANNEL_PARENT)
		c.parent_id = b->channel.parent_id;
	if (b->set & BODY_CHANNEL_NSFW)
		c.nsfw = b->channel.nsfw;
	if (b->set & BODY_CHANNEL_RATE)
		c.rate_limit_s = b->channel.rate_limit_s;
	if (b->set & BODY_CHANNEL_OVERWRITES) {
		c.overwrite = b->channel.overwrite;
		c.overwrite_count = b->channel.overwrite_count;
	}
	merge_voice(&c, b);
	return c;
}

static enum error_code check_parent(const struct guild *g,
				    const struct channel *c)
{
	const struct state_channel *p;

	if (!c->parent_id)
		return ERROR_NONE;
	p = state_channel(&g->state, c->parent_id);
	if (!p || p->channel.type != CHANNEL_CATEGORY ||
	    c->type == CHANNEL_CATEGORY)
		return ERROR_CHANNEL_TYPE;
	return ERROR_NONE;
}

/* Nobody gives or takes by overwrite what he does not have. */
static enum error_code check_overwrites(const struct channel *c, uint64_t own)
{
	if (c->overwrite_count > STATE_OVERWRITES_MAX)
		return ERROR_MAX_OVERWRITES;
	for (uint32_t i = 0; i < c->overwrite_count; i++)
		if ((c->overwrite[i].allow | c->overwrite[i].deny) & ~own)
			return ERROR_MISSING_PERMISSION;
	return ERROR_NONE;
}

static int32_t last_position(const struct guild *g)
{
	int32_t last = -1;
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&g->state.channels, &iter, NULL, &value)) {
		const struct state_channel *c = (void *)(uintptr_t)value;

		if (c->channel.position > last)
			last = c->channel.position;
	}
	return last;
}

static enum error_code send_channel(struct guild *g, struct rest_msg *call,
				    const struct channel *ch)
{
	struct change *c = change_new(g, call);

	if (!c)
		return ERROR_OVERLOADED;
	change_put_channel(c, ch);
	c->id = ch->id;
	c->answer = change_answer_channel;
	return change_send(g, c);
}

enum error_code channel_rest_create(struct guild *g, struct rest_msg *call)
{
	const struct body_channel *b = call->body;
	struct channel fresh = { .guild_id = g->arg.guild_id,
				 .bitrate = DEFAULT_BITRATE }, ch;
	uint64_t own = state_perms(&g->state, call->actor_id, guild_now_ms(g));
	enum error_code err = guild_call_perms(g, call, PERM_MANAGE_CHANNELS);

	if (err)
		return err;
	if (g->state.channels.count >= STATE_CHANNELS_MAX)
		return ERROR_MAX_CHANNELS;
	fresh.position = last_position(g) + 1;
	ch = merge(&fresh, b);
	if (!ch.name || !is_known_type(ch.type))
		return ERROR_CHANNEL_TYPE;
	err = check_parent(g, &ch);
	if (!err)
		err = check_overwrites(&ch, own);
	if (err)
		return err;
	if (idgen_next(g->arg.ids, guild_now_ms(g), &ch.id))
		return ERROR_OVERLOADED;
	return send_channel(g, call, &ch);
}

enum error_code channel_rest_edit(struct guild *g, struct rest_msg *call)
{
	const struct body_channel *b = call->body;
	struct state_channel *old;
	struct channel ch;
	enum error_code err;
	uint64_t perms;

	err = guild_call_channel(g, call, PERM_MANAGE_CHANNELS, &old, &perms);
	if (err)
		return err;
	if ((b->set & BODY_CHANNEL_OVERWRITES) && !(perms & PERM_MANAGE_ROLES))
		return ERROR_MISSING_PERMISSION;
	ch = merge(&old->channel, b);
	if (ch.type != old->channel.type &&
	    !(may_change(ch.type) && may_change(old->channel.type)))
		return ERROR_CHANNEL_TYPE;
	err = check_parent(g, &ch);
	if (!err && (b->set & BODY_CHANNEL_OVERWRITES))
		err = check_overwrites(&ch, perms);
	return err ? err : send_channel(g, call, &ch);
}

/* Its answer is the channel as it was. */
static void free_children(struct guild *g, struct change *c, uint64_t id)
{
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&g->state.channels, &iter, NULL, &value)) {
		struct channel child = ((struct state_channel *)
					(uintptr_t)value)->channel;

		if (child.parent_id != id)
			continue;
		child.parent_id = 0;
		change_put_channel(c, &child);
	}
}

static void answer_deleted(struct guild *g, const struct caller *to,
			   const struct change *c)
{
	struct answer a;
	struct jsonw *w = answer_open(&a);

	jsonw_obj(w);
	jsonw_key_id(w, "id", c->id);
	jsonw_key_id(w, "guild_id", g->arg.guild_id);
	jsonw_key_u64(w, "type", c->type);
	jsonw_end(w);
	guild_reply_buf(g, to, &a.buf);
}

enum error_code channel_rest_delete(struct guild *g, struct rest_msg *call)
{
	struct state_channel *ch;
	enum error_code err;
	struct change *c;

	err = guild_call_channel(g, call, PERM_MANAGE_CHANNELS, &ch, NULL);
	if (err)
		return err;
	c = change_new(g, call);
	if (!c)
		return ERROR_OVERLOADED;
	if (ch->channel.type == CHANNEL_CATEGORY)
		free_children(g, c, ch->channel.id);
	change_id(c, CHANGE_DEL_CHANNEL, ch->channel.id);
	c->id = ch->channel.id;
	c->type = ch->channel.type;
	c->answer = answer_deleted;
	return change_send(g, c);
}

/* The channel as it is to be; its overwrites are borrowed. */
static struct channel moved(const struct guild *g, const struct channel *old,
			    const struct body_move *m)
{
	const struct state_channel *parent;
	struct channel ch = *old;

	if (m->set & BODY_MOVE_POSITION)
		ch.position = m->position;
	if (m->set & BODY_MOVE_PARENT)
		ch.parent_id = m->parent_id;
	parent = state_channel(&g->state, ch.parent_id);
	if (m->lock_permissions && parent) {
		ch.overwrite = parent->channel.overwrite;
		ch.overwrite_count = parent->channel.overwrite_count;
	}
	return ch;
}

/* Where it stands is the guild's affair.  For all else what counts is what one
 * may do in the channel itself: its overwrites are not to be got rid of by
 * those whom they keep out. */
static enum error_code check_move(struct guild *g, const struct rest_msg *call,
				  const struct body_move *m)
{
	const struct state_channel *old = state_channel(&g->state, m->id);
	uint64_t need = PERM_MANAGE_CHANNELS, perms;
	enum error_code err;
	struct channel ch;

	if (!old)
		return ERROR_UNKNOWN_CHANNEL;
	ch = moved(g, &old->channel, m);
	err = check_parent(g, &ch);
	if (err || (ch.parent_id == old->channel.parent_id &&
		    !m->lock_permissions))
		return err;
	perms = state_channel_perms(&g->state, old, call->actor_id,
				    guild_now_ms(g));
	if (!(perms & PERM_VIEW_CHANNEL))
		return ERROR_MISSING_ACCESS;
	if (m->lock_permissions)
		need |= PERM_MANAGE_ROLES;
	if ((perms & need) != need)
		return ERROR_MISSING_PERMISSION;
	return m->lock_permissions ? check_overwrites(&ch, perms) : ERROR_NONE;
}

enum error_code channel_rest_move(struct guild *g, struct rest_msg *call)
{
	enum error_code err = guild_call_perms(g, call, PERM_MANAGE_CHANNELS);
	const struct body_moves *b = call->body;
	struct change *c;

	for (uint32_t i = 0; !err && i < b->count; i++)
		err = check_move(g, call, &b->move[i]);
	c = err ? NULL : change_new(g, call);
	if (!c)
		return err ? err : ERROR_OVERLOADED;
	for (uint32_t i = 0; i < b->count; i++) {
		const struct body_move *m = &b->move[i];
		const struct channel ch = moved(g,
			&state_channel(&g->state, m->id)->channel, m);

		change_put_channel(c, &ch);
	}
	return change_send(g, c);
}

/* --- overwrites --- */

/* A channel's overwrites without one, with room for another; mem_free. */
static struct perm_overwrite *others(const struct channel *ch, uint64_t id,
				     uint32_t *ret_count)
{
	struct perm_overwrite *list;
	uint32_t n = 0;

	list = mem_zalloc((ch->overwrite_count + 1) * sizeof(*list));
	for (uint32_t i = 0; list && i < ch->overwrite_count; i++)
		if (ch->overwrite[i].id != id)
			list[n++] = ch->overwrite[i];
	*ret_count = n;
	return list;
}

static enum error_code send_overwrites(struct guild *g, struct rest_msg *call,
				       const struct channel *old,
				       const struct perm_overwrite *add)
{
	struct change *c = change_new(g, call);
	struct channel ch = *old;

	if (!c)
		return ERROR_OVERLOADED;
	ch.overwrite = others(old, call->id[REST_ID_OVERWRITE],
			      &ch.overwrite_count);
	if (!ch.overwrite)
		c->failed = true;
	else if (add)
		ch.overwrite[ch.overwrite_count++] = *add;
	if (ch.overwrite)
		change_put_channel(c, &ch);
	mem_free(ch.overwrite);
	return change_send(g, c);
}

enum error_code overwrite_rest_put(struct guild *g, struct rest_msg *call)
{
	const struct body_overwrite *b = call->body;
	struct perm_overwrite o = b->overwrite;
	struct state_channel *ch;
	enum error_code err;
	uint64_t perms;

	err = guild_call_channel(g, call, PERM_MANAGE_ROLES, &ch, &perms);
	if (err)
		return err;
	if ((o.allow | o.deny) & ~perms)
		return ERROR_MISSING_PERMISSION;
	if (ch->channel.overwrite_count >= STATE_OVERWRITES_MAX)
		return ERROR_MAX_OVERWRITES;
	o.id = call->id[REST_ID_OVERWRITE];
	if (o.target == PERM_TARGET_ROLE ? !state_role(&g->state, o.id) :
					   !state_member(&g->state, o.id))
		return ERROR_UNKNOWN_OVERWRITE;
	return send_overwrites(g, call, &ch->channel, &o);
}

enum error_code overwrite_rest_delete(struct guild *g, struct rest_msg *call)
{
	struct state_channel *ch;
	enum error_code err;

	err = guild_call_channel(g, call, PERM_MANAGE_ROLES, &ch, NULL);
	if (err)
		return err;
	for (uint32_t i = 0; i < ch->channel.overwrite_count; i++)
		if (ch->channel.overwrite[i].id == call->id[REST_ID_OVERWRITE])
			return send_overwrites(g, call, &ch->channel, NULL);
	return ERROR_UNKNOWN_OVERWRITE;
}
