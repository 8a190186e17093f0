// SPDX-License-Identifier: Apache-2.0
/* Sessions: who is connected, through which relay, and what each may see. */
#include <errno.h>
#include <string.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "guild/guild_impl.h"
#include "proto/close.h"
#include "proto/guild.h"
#include "proto/intent.h"
#include "proto/json.h"
#include "proto/session.h"

static struct guild_session *find(const struct guild *g, actor_ref ref)
{
	return hmap_get_ptr(&g->sessions, ref.bits);
}

/* --- joining and leaving --- */

static int ensure_relay(struct guild *g, uint16_t core)
{
	const struct actor_spawn_opts opts = { .core = core,
					       .arg_size = sizeof(actor_ref) };
	actor_ref me = actor_self(g->self);

	if (core >= GUILD_CORES_MAX)
		return -EINVAL;
	if (!actor_ref_is_nobody(g->relay[core].ref))
		return 0;
	return actor_spawn(g->self, &relay_actor_class, &me, &opts,
			   &g->relay[core].ref);
}

static struct guild_online *come_online(struct guild *g, uint64_t user_id)
{
	struct guild_online *o = hmap_get_ptr(&g->online, user_id);

	if (o)
		return o;
	o = mem_zalloc(sizeof(*o));
	if (o && hmap_set(&g->online, user_id, (uintptr_t)o)) {
		mem_free(o);
		return NULL;
	}
	if (o)
		o->status = PRESENCE_ONLINE;
	return o;
}

static void online_free(struct guild_online *o)
{
	blob_put(o->activities);
	blob_put(o->member);
	blob_put(o->presence);
	mem_free(o);
}

static void go_offline(struct guild *g, uint64_t user_id)
{
	struct guild_online *o = hmap_get_ptr(&g->online, user_id);

	if (!o || --o->sessions)
		return;
	o->status = PRESENCE_OFFLINE;
	guild_online_changed(g, user_id);
	hmap_del(&g->online, user_id);
	online_free(o);
}

static struct guild_session *add_session(struct guild *g, actor_ref ref,
					 const struct guild_join_msg *join)
{
	struct guild_session *s = mem_zalloc(sizeof(*s));

	if (s && hmap_set(&g->sessions, ref.bits, (uintptr_t)s)) {
		mem_free(s);
		return NULL;
	}
	if (!s)
		return NULL;
	s->ref = ref;
	s->user_id = join->user_id;
	s->core = join->core;
	s->is_bot = join->is_bot;
	s->intents = join->intents;
	if (!join->is_bot)
		s->intents |= INTENT_MESSAGE_CONTENT;
	return s;
}

static void refuse(struct guild *g, actor_ref session)
{
	struct session_guild_msg *m;

	m = ACTOR_MSG_NEW(struct session_guild_msg, SESSION_GUILD_REMOVE);
	if (!m)
		return;
	m->guild_id = g->arg.guild_id;
	actor_send(g->self, session, &m->head);
}

/* False: out of memory. */
static bool tell_close(struct guild *g, actor_ref session)
{
	struct session_close_msg *m;

	m = ACTOR_MSG_NEW(struct session_close_msg, SESSION_CLOSE);
	if (!m)
		return false;
	m->code = CLOSE_UNKNOWN;
	actor_send(g->self, session, &m->head);
	return true;
}

static int tell_relay(struct guild *g, const struct guild_session *s,
		      const struct relay_view *view, struct blob *first)
{
	struct relay_add_msg *m = ACTOR_MSG_NEW(struct relay_add_msg,
						RELAY_ADD);

	if (!m) {
		blob_put(first);
		return -ENOMEM;
	}
	m->guild_id = g->arg.guild_id;
	m->session = s->ref;
	m->user_id = s->user_id;
	m->intents = s->intents;
	m->view = *view;
	m->first = first;
	return actor_send(g->self, g->relay[s->core].ref, &m->head);
}

static int join(struct guild *g, actor_ref ref,
		const struct guild_join_msg *join)
{
	struct blob *first = NULL;
	struct guild_session *s;
	struct guild_online *o;

	if (ensure_relay(g, join->core))
		return -ENOMEM;
	s = add_session(g, ref, join);
	if (!s)
		return -ENOMEM;
	g->relay[s->core].sessions++;
	g->no_content += !(s->intents & INTENT_MESSAGE_CONTENT);
	o = come_online(g, join->user_id);
	if (!o)
		return -ENOMEM;
	o->sessions++;
	guild_view_compute(g, join->user_id, &o->view);
	if (join->intents & INTENT_GUILDS) {
		first = guild_create_payload(g, join, &o->view);
		if (!first)
			return -ENOMEM;
	}
	if (o->sessions == 1)
		guild_online_changed(g, join->user_id);
	return tell_relay(g, s, &o->view, first);
}

void guild_join(struct guild *g, struct actor_msg *msg)
{
	const struct guild_join_msg *m = (struct guild_join_msg *)msg;

	/* Its user left and came back before it could ask for the first time. */
	if (find(g, msg->from))
		return;
	if (!state_member(&g->state, m->user_id)) {
		refuse(g, msg->from);
		return;
	}
	if (!join(g, msg->from, m))
		return;
	log_warn("guild", "join_failed", "guild=%llu user=%llu",
		 (unsigned long long)g->arg.guild_id,
		 (unsigned long long)m->user_id);
	guild_leave(g, msg->from);
	/* Without the guild it would wait for it for ever. */
	tell_close(g, msg->from);
}

static void set_passive(struct guild *g, struct guild_session *s, bool passive)
{
	g->passive += passive;
	g->passive -= s->passive;
	s->passive = passive;
}

static void tell_relay_session(struct guild *g, const struct guild_session *s)
{
	struct relay_session_msg *m;

	m = ACTOR_MSG_NEW(struct relay_session_msg, RELAY_REMOVE);
	if (!m)
		return;
	m->session = s->ref;
	actor_send(g->self, g->relay[s->core].ref, &m->head);
}

void guild_leave(struct guild *g, actor_ref ref)
{
	struct guild_session *s = find(g, ref);

	if (!s)
		return;
	tell_relay_session(g, s);
	hmap_del(&g->sessions, ref.bits);
	g->relay[s->core].sessions--;
	g->no_content -= !(s->intents & INTENT_MESSAGE_CONTENT);
	set_passive(g, s, false);
	roster_leave(g, s);
	go_offline(g, s->user_id);
	mem_free(s);
}

/* False: out of memory, it is still there. */
static bool close_session(struct guild *g, const struct guild_session *s)
{
	if (!tell_close(g, s->ref))
		return false;
	guild_leave(g, s->ref);
	return true;
}

/* False: out of memory, some are still there. */
static bool close_sessions(struct guild *g, int core)
{
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&g->sessions, &iter, NULL, &value)) {
		const struct guild_session *s = (void *)(uintptr_t)value;

		if (s->core != core)
			continue;
		if (!close_session(g, s))
			return false;
		iter = 0;
	}
	return true;
}

/* Closing brings events of its own, which may be lost in turn. */
void guild_close_lost(struct guild *g)
{
	g->lost = false;
	for (int core = 0; core < GUILD_CORES_MAX; core++) {
		if (!g->relay[core].lost)
			continue;
		g->relay[core].lost = false;
		if (!close_sessions(g, core))
			g->relay[core].lost = g->lost = true;
	}
}

/* A relay has failed: its sessions cannot know what they missed. */
void guild_relay_exit(struct guild *g, actor_ref relay)
{
	int core = 0;

	while (core < GUILD_CORES_MAX &&
	       !actor_ref_eq(g->relay[core].ref, relay))
		core++;
	if (core == GUILD_CORES_MAX)
		return;
	close_sessions(g, core);
	g->relay[core] = (struct guild_relay){ 0 };
}

void guild_attend(struct guild *g, struct actor_msg *msg)
{
	const struct guild_attend_msg *m = (struct guild_attend_msg *)msg;
	struct guild_session *s = find(g, msg->from);
	const struct state_channel *c;
	struct relay_attend_msg *out;

	if (!s)
		return;
	out = ACTOR_MSG_NEW(struct relay_attend_msg, RELAY_ATTEND);
	if (!out)
		return;
	set_passive(g, s, !m->active);
	c = state_channel(&g->state, m->channel_id);
	out->session = s->ref;
	out->active = m->active;
	out->slot = c ? c->slot : RELAY_NO_SLOT;
	roster_look(g, s, m, out);
	actor_send(g->self, g->relay[s->core].ref, &out->head);
	roster_sync(g, s);
}

void guild_drop_user(struct guild *g, uint64_t user_id)
{
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&g->sessions, &iter, NULL, &value)) {
		const struct guild_session *s = (void *)(uintptr_t)value;

		if (s->user_id != user_id)
			continue;
		guild_leave(g, s->ref);
		iter = 0;
	}
}

void guild_session_fini(struct guild *g)
{
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&g->sessions, &iter, NULL, &value)) {
		mem_free(((struct guild_session *)(uintptr_t)value)->watch);
		mem_free((void *)(uintptr_t)value);
	}
	hmap_fini(&g->sessions);
	roster_fini(g);
	iter = 0;
	while (hmap_next(&g->online, &iter, NULL, &value))
		online_free((void *)(uintptr_t)value);
	hmap_fini(&g->online);
	guild_create_forget(g);
	guild_views_forget(g);
}
