// SPDX-License-Identifier: Apache-2.0
/*
 * GUILD_CREATE.  In a storm of joins nearly all of it is the same for all:
 * what was encoded for one is kept for the next, until it changes.
 */
#include "guild/guild_create.h"

#include <errno.h>
#include <string.h>

#include "base/blob.h"
#include "guild/guild_impl.h"
#include "proto/guild.h"
#include "proto/intent.h"
#include "proto/json.h"

static void drop(struct blob **blob)
{
	blob_put(*blob);
	*blob = NULL;
}

void guild_create_forget(struct guild *g)
{
	drop(&g->create.roles);
	drop(&g->create.channels);
}

void guild_create_forget_channels(struct guild *g)
{
	drop(&g->create.channels);
}

void guild_create_forget_member(struct guild *g, uint64_t user_id)
{
	struct guild_online *o = hmap_get_ptr(&g->online, user_id);

	if (o)
		drop(&o->member);
}

void guild_create_forget_members(struct guild *g)
{
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&g->online, &iter, NULL, &value))
		drop(&((struct guild_online *)(uintptr_t)value)->member);
}

/* --- parts that are kept -------------------------------------------------- */

static struct blob *encode_roles(const struct state *s)
{
	struct buf buf = BUF_INIT;
	struct blob *blob;
	struct jsonw w;
	uint64_t value;
	size_t iter = 0;

	jsonw_init(&w, &buf);
	jsonw_arr(&w);
	while (hmap_next(&s->roles, &iter, NULL, &value))
		json_role(&w, (const struct role *)(uintptr_t)value);
	jsonw_end(&w);
	blob = blob_from_buf(&buf);
	buf_fini(&buf);
	return blob;
}

static struct blob *encode_channels(const struct state *s,
				    const struct relay_view *view)
{
	struct buf buf = BUF_INIT;
	struct blob *blob;
	struct jsonw w;
	uint64_t value;
	size_t iter = 0;

	jsonw_init(&w, &buf);
	jsonw_arr(&w);
	while (hmap_next(&s->channels, &iter, NULL, &value)) {
		const struct state_channel *c = (void *)(uintptr_t)value;

		if (guild_view_has(view, c->slot))
			json_channel(&w, &c->channel);
	}
	jsonw_end(&w);
	blob = blob_from_buf(&buf);
	buf_fini(&buf);
	return blob;
}

static struct blob *encode_member(const struct member *m)
{
	struct buf buf = BUF_INIT;
	struct blob *blob;
	struct jsonw w;

	jsonw_init(&w, &buf);
	json_member(&w, m, true);
	blob = blob_from_buf(&buf);
	buf_fini(&buf);
	return blob;
}

/* Writes a kept part; without memory for it the whole has failed. */
static void put(struct jsonw *w, const struct blob *blob)
{
	if (blob)
		jsonw_raw(w, blob->data, blob->len);
	else if (!w->buf->err)
		w->buf->err = -ENOMEM;
}

static void put_roles(struct jsonw *w, struct guild *g)
{
	if (!g->create.roles)
		g->create.roles = encode_roles(&g->state);
	jsonw_key(w, "roles");
	put(w, g->create.roles);
}

/* Of one view, that of the last who joined: mostly it is everybody's. */
static void put_channels(struct jsonw *w, struct guild *g,
			 const struct relay_view *view)
{
	struct guild_create *c = &g->create;

	if (c->channels && memcmp(&c->view, view, sizeof(*view)))
		drop(&c->channels);
	if (!c->channels) {
		c->channels = encode_channels(&g->state, view);
		c->view = *view;
	}
	jsonw_key(w, "channels");
	put(w, c->channels);
}

static void put_online(struct jsonw *w, struct guild *g, uint64_t except)
{
	uint64_t id, value;
	size_t iter = 0;

	while (hmap_next(&g->online, &iter, &id, &value)) {
		struct guild_online *o = (void *)(uintptr_t)value;
		const struct member *m = state_member(&g->state, id);

		if (id == except || !m)
			continue;
		if (!o->member)
			o->member = encode_member(m);
		put(w, o->member);
	}
}

static void put_offline(struct jsonw *w, struct guild *g, uint64_t except)
{
	uint64_t id, value;
	size_t iter = 0;

	while (hmap_next(&g->state.members, &iter, &id, &value))
		if (id != except && !hmap_get(&g->online, id, NULL))
			json_member(w, (const struct member *)
				    (uintptr_t)value, true);
}

/* Itself first; the others only for those who may know who is there. */
static void put_members(struct jsonw *w, struct guild *g,
			const struct guild_join_msg *join)
{
	jsonw_key_arr(w, "members");
	json_member(w, state_member(&g->state, join->user_id), true);
	if (join->intents & INTENT_GUILD_PRESENCES) {
		put_online(w, g, join->user_id);
		if (g->state.members.count <= join->large_threshold)
			put_offline(w, g, join->user_id);
	}
	jsonw_end(w);
}

static void put_empty(struct jsonw *w, const char *key)
{
	jsonw_key_arr(w, key);
	jsonw_end(w);
}

struct blob *guild_create_payload(struct guild *g,
				  const struct guild_join_msg *join,
				  const struct relay_view *view)
{
	const struct member *me = state_member(&g->state, join->user_id);
	struct event e;
	struct jsonw *w = &e.w;

	event_open(&e, "GUILD_CREATE");
	jsonw_obj(w);
	json_guild_head(w, &g->state.info);
	put_roles(w, g);
	json_guild_tail(w, &g->state.info);
	jsonw_key_time_ms(w, "joined_at", me->joined_ms);
	jsonw_key_bool(w, "large",
		       g->state.members.count > join->large_threshold);
	jsonw_key_bool(w, "unavailable", false);
	jsonw_key_u64(w, "member_count", g->state.members.count);
	put_empty(w, "voice_states");
	jsonw_key_arr(w, "presences");
	if (join->intents & INTENT_GUILD_PRESENCES)
		guild_json_presences(g, w);
	jsonw_end(w);
	put_empty(w, "threads");
	put_empty(w, "stage_instances");
	put_empty(w, "guild_scheduled_events");
	put_empty(w, "soundboard_sounds");
	put_members(w, g, join);
	put_channels(w, g, view);
	jsonw_end(w);
	return event_close(&e);
}
