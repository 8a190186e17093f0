// SPDX-License-Identifier: Apache-2.0
/* Presence (op 3) and requests for members (op 8). */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/blob.h"
#include "base/mem.h"
#include "guild/guild_impl.h"
#include "proto/guild.h"
#include "proto/intent.h"
#include "proto/json.h"

#define CHUNK_MEMBERS 1000
#define QUERY_MEMBERS_MAX 100

static const char *const status_names[] = {
	[PRESENCE_OFFLINE] = "offline",
	[PRESENCE_ONLINE] = "online",
	[PRESENCE_IDLE] = "idle",
	[PRESENCE_DND] = "dnd",
	[PRESENCE_INVISIBLE] = "offline",
};

static bool is_visible(const struct guild_online *o)
{
	return o && o->status != PRESENCE_OFFLINE &&
	       o->status != PRESENCE_INVISIBLE;
}

static void json_presence(struct jsonw *w, const struct guild *g,
			  uint64_t user_id, const struct guild_online *o)
{
	jsonw_obj(w);
	jsonw_key_obj(w, "user");
	jsonw_key_id(w, "id", user_id);
	jsonw_end(w);
	jsonw_key_id(w, "guild_id", g->arg.guild_id);
	jsonw_key_str(w, "status", status_names[o->status]);
	jsonw_key(w, "activities");
	if (o->activities && is_visible(o))
		jsonw_raw(w, o->activities->data, o->activities->len);
	else
		jsonw_raw(w, "[]", 2);
	jsonw_key_obj(w, "client_status");
	if (is_visible(o))
		jsonw_key_str(w, "web", status_names[o->status]);
	jsonw_end(w);
	jsonw_end(w);
}

/* Encoded once for the event and all who join. */
static const struct blob *presence_of(struct guild *g, uint64_t user_id,
				      struct guild_online *o)
{
	struct buf buf = BUF_INIT;
	struct jsonw w;

	if (o->presence)
		return o->presence;
	jsonw_init(&w, &buf);
	json_presence(&w, g, user_id, o);
	o->presence = blob_from_buf(&buf);
	buf_fini(&buf);
	return o->presence;
}

static void put_presence(struct jsonw *w, struct guild *g, uint64_t user_id,
			 struct guild_online *o)
{
	const struct blob *presence = presence_of(g, user_id, o);

	if (presence)
		jsonw_raw(w, presence->data, presence->len);
	else if (!w->buf->err)
		w->buf->err = -ENOMEM;
}

void guild_json_presences(struct guild *g, struct jsonw *w)
{
	uint64_t user_id, value;
	size_t iter = 0;

	while (hmap_next(&g->online, &iter, &user_id, &value)) {
		struct guild_online *o = (void *)(uintptr_t)value;

		if (is_visible(o))
			put_presence(w, g, user_id, o);
	}
}

bool guild_is_online(struct guild *g, uint64_t user_id)
{
	return is_visible(hmap_get_ptr(&g->online, user_id));
}

void guild_json_presence(struct guild *g, struct jsonw *w, uint64_t user_id)
{
	static const struct guild_online nobody;
	struct guild_online *o = hmap_get_ptr(&g->online, user_id);

	if (o)
		put_presence(w, g, user_id, o);
	else
		json_presence(w, g, user_id, &nobody);
}

void guild_online_changed(struct guild *g, uint64_t user_id)
{
	struct guild_online *o = hmap_get_ptr(&g->online, user_id);
	struct relay_target to = event_to_all;
	struct event e;

	if (!o)
		return;
	blob_put(o->presence);
	o->presence = NULL;
	to.intents = INTENT_GUILD_PRESENCES;
	to.flags = 0;
	event_open(&e, "PRESENCE_UPDATE");
	put_presence(&e.w, g, user_id, o);
	event_publish(g, &to, event_close(&e));
	roster_user_changed(g, user_id);
}

static bool same_activities(const struct blob *a, const struct blob *b)
{
	const char *x = a ? (const char *)a->data : "[]";
	const char *y = b ? (const char *)b->data : "[]";

	return !strcmp(x, y);
}

void guild_presence(struct guild *g, struct actor_msg *msg)
{
	struct guild_presence_msg *m = (struct guild_presence_msg *)msg;
	const struct guild_session *s;
	struct guild_online *o;

	s = hmap_get_ptr(&g->sessions, msg->from.bits);
	o = s ? hmap_get_ptr(&g->online, s->user_id) : NULL;
	if (!o || m->status > PRESENCE_INVISIBLE)
		return;
	if (o->status == m->status &&
	    same_activities(o->activities, m->activities))
		return;
	blob_put(o->activities);
	o->activities = m->activities;
	m->activities = NULL;
	o->status = m->status;
	guild_online_changed(g, s->user_id);
}

/* The members that a request asks for, and the ids that are none. */
struct found {
	const struct member **member;
	size_t count;
	uint64_t missing[100];
	size_t missing_count;
};

static bool name_matches(const struct member *m, const char *prefix)
{
	size_t n = strlen(prefix);

	return !strncasecmp(m->user.name, prefix, n) ||
	       (m->nick && !strncasecmp(m->nick, prefix, n));
}

static void find_ids(struct guild *g, const struct guild_members_msg *m,
		     struct found *f)
{
	for (uint32_t i = 0; i < m->user_count && i < 100; i++) {
		const struct member *found = state_member(&g->state,
							  m->user_id[i]);

		if (found)
			f->member[f->count++] = found;
		else
			f->missing[f->missing_count++] = m->user_id[i];
	}
}

static size_t query_limit(const struct guild_members_msg *m, size_t all)
{
	if (!m->query[0])
		return m->limit && m->limit < all ? m->limit : all;
	return m->limit && m->limit < QUERY_MEMBERS_MAX ? m->limit :
							  QUERY_MEMBERS_MAX;
}

static void find_query(struct guild *g, const struct guild_members_msg *m,
		       struct found *f)
{
	struct member *const *all = state_sorted(&g->state);
	size_t total = all ? g->state.members.count : 0;
	size_t limit = query_limit(m, total);

	for (size_t i = 0; i < total && f->count < limit; i++)
		if (name_matches(all[i], m->query))
			f->member[f->count++] = all[i];
}

static void json_missing(struct jsonw *w, const struct found *f)
{
	if (!f->missing_count)
		return;
	jsonw_key_arr(w, "not_found");
	for (size_t i = 0; i < f->missing_count; i++)
		jsonw_id(w, f->missing[i]);
	jsonw_end(w);
}

static void json_chunk_presences(struct guild *g, struct jsonw *w,
				 const struct found *f, size_t from, size_t to)
{
	jsonw_key_arr(w, "presences");
	for (size_t i = from; i < to; i++) {
		uint64_t id = f->member[i]->user.id;
		struct guild_online *o = hmap_get_ptr(&g->online, id);

		if (is_visible(o))
			put_presence(w, g, id, o);
	}
	jsonw_end(w);
}

static struct blob *chunk(struct guild *g, const struct guild_session *s,
			  const struct guild_members_msg *m,
			  const struct found *f, size_t index, size_t chunks)
{
	size_t from = index * CHUNK_MEMBERS, to = from + CHUNK_MEMBERS;
	struct event e;

	if (to > f->count)
		to = f->count;
	event_open(&e, "GUILD_MEMBERS_CHUNK");
	jsonw_obj(&e.w);
	jsonw_key_id(&e.w, "guild_id", g->arg.guild_id);
	jsonw_key_arr(&e.w, "members");
	for (size_t i = from; i < to; i++)
		json_member(&e.w, f->member[i], true);
	jsonw_end(&e.w);
	jsonw_key_u64(&e.w, "chunk_index", index);
	jsonw_key_u64(&e.w, "chunk_count", chunks);
	json_missing(&e.w, f);
	if (m->presences && (s->intents & INTENT_GUILD_PRESENCES))
		json_chunk_presences(g, &e.w, f, from, to);
	if (m->nonce[0])
		jsonw_key_str(&e.w, "nonce", m->nonce);
	jsonw_end(&e.w);
	return event_close(&e);
}

/* All members are for those alone who asked to hear of them. */
static bool may_request(const struct guild_session *s,
			const struct guild_members_msg *m)
{
	return m->user_count || m->query[0] ||
	       (s->intents & INTENT_GUILD_MEMBERS);
}

void guild_members_request(struct guild *g, struct actor_msg *msg)
{
	const struct guild_members_msg *m = (struct guild_members_msg *)msg;
	const struct guild_session *s;
	struct found f = { 0 };
	size_t chunks;

	s = hmap_get_ptr(&g->sessions, msg->from.bits);
	if (!s || !may_request(s, m))
		return;
	f.member = mem_zalloc((g->state.members.count + 100) *
			      sizeof(*f.member));
	if (!f.member)
		return;
	if (m->user_count)
		find_ids(g, m, &f);
	else if (m->has_query)
		find_query(g, m, &f);
	chunks = f.count ? (f.count + CHUNK_MEMBERS - 1) / CHUNK_MEMBERS : 1;
	for (size_t i = 0; i < chunks; i++)
		event_direct(g, s, chunk(g, s, m, &f, i, chunks));
	mem_free(f.member);
}
