// SPDX-License-Identifier: Apache-2.0
#include "guild/roster.h"

#include <string.h>

#include "base/blob.h"
#include "base/mem.h"
#include "guild/guild_impl.h"
#include "guild/roster_impl.h"
#include "proto/intent.h"

struct roster {
	struct list lists;	/* struct roster_list */
	uint64_t timer;		/* 0: none */
};

/* --- lists ------------------------------------------------------------------ */

/* Whether all see it: then it shares the list of those. */
static bool is_open(struct guild *g, const struct state_channel *c)
{
	const struct role *all = state_role(&g->state, g->arg.guild_id);

	if (!all || !(all->permissions & PERM_VIEW_CHANNEL))
		return false;
	for (uint32_t i = 0; i < c->channel.overwrite_count; i++)
		if ((c->channel.overwrite[i].deny |
		     c->channel.overwrite[i].allow) & PERM_VIEW_CHANNEL)
			return false;
	return true;
}

static uint16_t number_of(struct guild *g, const struct state_channel *c)
{
	return (uint16_t)(is_open(g, c) ? ROSTER_EVERYONE :
					  ROSTER_EVERYONE + 1 + c->slot);
}

static struct roster_list *list_find(struct guild *g, uint16_t number)
{
	list_for_each(pos, &g->roster->lists) {
		struct roster_list *l = list_entry(pos, struct roster_list,
						   link);

		if (l->number == number)
			return l;
	}
	return NULL;
}

static struct roster_list *list_open(struct guild *g,
				     const struct state_channel *c)
{
	uint16_t number = number_of(g, c);
	struct roster_list *l = list_find(g, number);

	/* One of a channel that is no more goes with the next timer. */
	if (l && number != ROSTER_EVERYONE && l->channel_id != c->channel.id)
		return NULL;
	if (l)
		return l;
	l = mem_zalloc(sizeof(*l));
	if (!l)
		return NULL;
	l->number = number;
	l->channel_id = c->channel.id;
	if (roster_list_make(g, l)) {
		roster_list_fini(l);
		mem_free(l);
		return NULL;
	}
	list_push(&g->roster->lists, &l->link);
	return l;
}

static void list_close(struct roster_list *l)
{
	list_del(&l->link);
	roster_list_fini(l);
	mem_free(l);
}

static struct roster *roster_of(struct guild *g)
{
	if (!g->roster)
		g->roster = mem_zalloc(sizeof(*g->roster));
	if (g->roster && !g->roster->lists.next)
		list_init(&g->roster->lists);
	return g->roster;
}

/* --- telling ---------------------------------------------------------------- */

static void tell_steps(struct guild *g, struct roster_list *l)
{
	struct relay_target to = event_to_all;

	if (!l->ops.len)
		return;
	to.intents = INTENT_GUILD_PRESENCES;
	to.list = l->number;
	to.row = l->row;
	event_publish(g, &to, roster_json_steps(g, l));
	buf_reset(&l->ops);
	l->row = UINT32_MAX;
}

/* Who must not look any more is told nothing further. */
static void dismiss(struct guild *g, struct guild_session *s)
{
	struct relay_attend_msg *out = ACTOR_MSG_NEW(struct relay_attend_msg,
						     RELAY_ATTEND);

	if (!out)
		return;
	out->session = s->ref;
	out->active = !s->passive;
	out->slot = s->watch->slot;
	actor_send(g->self, g->relay[s->core].ref, &out->head);
	roster_leave(g, s);
}

static bool may_look(struct guild *g, const struct guild_session *s,
		     const struct state_channel *c)
{
	return s->intents & INTENT_GUILD_PRESENCES &&
	       state_channel_perms(&g->state, c, s->user_id,
				   guild_now_ms(g)) & PERM_VIEW_CHANNEL;
}

static bool same_ranges(const struct roster_watch *a,
			const struct roster_watch *b)
{
	return a->ranges == b->ranges &&
	       !memcmp(a->range, b->range, sizeof(a->range));
}

/* Mostly all look at the first hundred rows: encoded once. */
static void sync_all(struct guild *g, struct roster_list *l)
{
	struct roster_watch last = { 0 };
	struct blob *payload = NULL;
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&g->sessions, &iter, NULL, &value)) {
		struct guild_session *s = (void *)(uintptr_t)value;
		const struct state_channel *c;

		if (!s->watch || s->watch->list != l)
			continue;
		c = state_channel(&g->state, s->watch->channel_id);
		if (!c || number_of(g, c) != l->number || !may_look(g, s, c)) {
			dismiss(g, s);
			continue;
		}
		if (!payload || !same_ranges(&last, s->watch)) {
			blob_put(payload);
			payload = roster_json_sync(g, s->watch);
			last = *s->watch;
		}
		event_direct(g, s, payload ? blob_get(payload) : NULL);
	}
	blob_put(payload);
}

static void arm(struct guild *g)
{
	if (!g->roster->timer)
		g->roster->timer = actor_timer_start(g->self, ROSTER_NS,
						     GUILD_TIMER_ROSTER);
}

void roster_tell(struct guild *g)
{
	if (!g->roster)
		return;
	g->roster->timer = 0;
	list_for_each_safe(pos, &g->roster->lists) {
		struct roster_list *l = list_entry(pos, struct roster_list,
						   link);

		if (!l->watchers)
			list_close(l);
		else if (!l->stale)
			tell_steps(g, l);
		else if (!roster_list_make(g, l))
			sync_all(g, l);
		else
			arm(g);
	}
}

/* --- changes ---------------------------------------------------------------- */

void roster_user_changed(struct guild *g, uint64_t user_id)
{
	if (!g->roster)
		return;
	list_for_each(pos, &g->roster->lists)
		roster_list_changed(g, list_entry(pos, struct roster_list,
						  link), user_id);
	if (!list_empty(&g->roster->lists))
		arm(g);
}

void roster_all_changed(struct guild *g)
{
	if (!g->roster || list_empty(&g->roster->lists))
		return;
	list_for_each(pos, &g->roster->lists)
		list_entry(pos, struct roster_list, link)->stale = true;
	arm(g);
}

/* --- sessions --------------------------------------------------------------- */

void roster_leave(struct guild *g, struct guild_session *s)
{
	if (!s->watch)
		return;
	if (!--s->watch->list->watchers)
		arm(g);
	mem_free(s->watch);
	s->watch = NULL;
}

static uint32_t rows_of(const struct roster_watch *w)
{
	uint32_t rows = 0;

	for (uint32_t i = 0; i < w->ranges; i++)
		if (w->range[i].to >= rows)
			rows = w->range[i].to + 1;
	return rows;
}

void roster_look(struct guild *g, struct guild_session *s,
		 const struct guild_attend_msg *m,
		 struct relay_attend_msg *out)
{
	const struct state_channel *c = state_channel(&g->state, m->channel_id);
	struct roster_list *l;

	roster_leave(g, s);
	if (!m->range_count || !c || !may_look(g, s, c) || !roster_of(g))
		return;
	l = list_open(g, c);
	s->watch = l ? mem_zalloc(sizeof(*s->watch)) : NULL;
	if (!s->watch)
		return;
	/* What is not told yet is in what it is about to be told. */
	if (l->stale)
		arm(g);
	else
		tell_steps(g, l);
	l->watchers++;
	s->watch->list = l;
	s->watch->channel_id = c->channel.id;
	s->watch->slot = c->slot;
	s->watch->ranges = m->range_count;
	memcpy(s->watch->range, m->range, sizeof(m->range));
	out->list = l->number;
	out->rows = rows_of(s->watch);
}

void roster_sync(struct guild *g, const struct guild_session *s)
{
	/* One that is made anew is told to all. */
	if (s->watch && !s->watch->list->stale)
		event_direct(g, s, roster_json_sync(g, s->watch));
}

void roster_fini(struct guild *g)
{
	if (!g->roster)
		return;
	while (!list_empty(&g->roster->lists))
		list_close(list_entry(g->roster->lists.next,
				      struct roster_list, link));
	mem_free(g->roster);
	g->roster = NULL;
}
