// SPDX-License-Identifier: Apache-2.0
#include "guild/guild_view.h"

#include <stdlib.h>
#include <string.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/mem.h"
#include "guild/guild_impl.h"
#include "proto/json.h"

/* What those see who hold these roles, and of whom nothing else is said. */
struct known_view {
	struct relay_view view;
	uint32_t count;
	uint64_t role[];	/* ascending, as the members have them */
};

/* --- working out ---------------------------------------------------------- */

void guild_views_forget(struct guild *g)
{
	struct guild_views *v = &g->views;
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&v->known, &iter, NULL, &value))
		mem_free((void *)(uintptr_t)value);
	hmap_fini(&v->known);
	hmap_fini(&v->named);
	*v = (struct guild_views){ 0 };
}

static int note_named(struct guild_views *v, const struct channel *c)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < c->overwrite_count; i++)
		if (c->overwrite[i].target == PERM_TARGET_MEMBER)
			err = hmap_set(&v->named, c->overwrite[i].id, 1);
	return err;
}

/* False: out of memory, nothing is known of anybody. */
static bool prepare(struct guild *g)
{
	uint64_t value;
	size_t iter = 0;
	int err = 0;

	if (g->views.ready)
		return true;
	while (!err && hmap_next(&g->state.channels, &iter, NULL, &value)) {
		const struct state_channel *c = (void *)(uintptr_t)value;

		err = note_named(&g->views, &c->channel);
	}
	if (err)
		guild_views_forget(g);
	g->views.ready = !err;
	return !err;
}

/* The member's roles decide alone; `now` is about its timeout. */
static bool is_plain(struct guild *g, const struct member *m, uint64_t now)
{
	return m && m->user.id != g->state.info.owner_id &&
	       m->timeout_until_ms <= now && prepare(g) &&
	       !hmap_get(&g->views.named, m->user.id, NULL);
}

static uint64_t hash_roles(const struct member *m)
{
	uint64_t hash = m->role_count;

	for (uint32_t i = 0; i < m->role_count; i++)
		hash = hash_u64(hash ^ m->role[i]);
	return hash;
}

static bool is_of(const struct known_view *known, const struct member *m)
{
	return known->count == m->role_count &&
	       (!m->role_count ||
		!memcmp(known->role, m->role,
			m->role_count * sizeof(m->role[0])));
}

/* Without memory it is worked out again for the next one. */
static void keep(struct guild *g, uint64_t hash, const struct member *m,
		 const struct relay_view *view)
{
	size_t size = m->role_count * sizeof(m->role[0]);
	struct known_view *known = mem_alloc(sizeof(*known) + size);

	if (!known)
		return;
	known->view = *view;
	known->count = m->role_count;
	if (size)
		memcpy(known->role, m->role, size);
	if (hmap_set(&g->views.known, hash, (uintptr_t)known))
		mem_free(known);
}

static void work_out(struct guild *g, uint64_t user_id, uint64_t now,
		     struct relay_view *view)
{
	uint64_t value;
	size_t iter = 0;

	*view = (struct relay_view){
		.perms = state_perms(&g->state, user_id, now),
	};
	while (hmap_next(&g->state.channels, &iter, NULL, &value)) {
		const struct state_channel *c = (void *)(uintptr_t)value;

		if (state_channel_perms(&g->state, c, user_id, now) &
		    PERM_VIEW_CHANNEL)
			view->channel[c->slot / 64] |= 1ull << (c->slot % 64);
	}
}

void guild_view_compute(struct guild *g, uint64_t user_id,
			struct relay_view *ret_view)
{
	const struct member *m = state_member(&g->state, user_id);
	const struct known_view *known;
	uint64_t now = guild_now_ms(g), hash;

	if (!is_plain(g, m, now)) {
		work_out(g, user_id, now, ret_view);
		return;
	}
	hash = hash_roles(m);
	known = hmap_get_ptr(&g->views.known, hash);
	if (known && is_of(known, m)) {
		*ret_view = known->view;
		return;
	}
	work_out(g, user_id, now, ret_view);
	if (!known)
		keep(g, hash, m, ret_view);
}

/* --- telling -------------------------------------------------------------- */

/* Views that have changed, and the channels that came or went for anybody. */
struct difference {
	struct buf views;	/* of struct relay_view_of */
	uint64_t slots[RELAY_VIEW_WORDS];
};

static void compare(struct guild *g, uint64_t user_id, struct guild_online *o,
		    struct difference *d)
{
	struct relay_view old = o->view;
	struct relay_view_of now = { .user_id = user_id };
	int i;

	guild_view_compute(g, user_id, &o->view);
	if (!memcmp(&old, &o->view, sizeof(old)))
		return;
	now.view = o->view;
	buf_append(&d->views, &now, sizeof(now));
	for (i = 0; i < RELAY_VIEW_WORDS; i++)
		d->slots[i] |= old.channel[i] ^ now.view.channel[i];
}

static int by_user(const void *left, const void *right)
{
	const struct relay_view_of *a = left, *b = right;

	return a->user_id < b->user_id ? -1 : a->user_id > b->user_id;
}

static struct blob *channel_event(const struct state_channel *c,
				  const char *name)
{
	struct event e;

	event_open(&e, name);
	json_channel(&e.w, &c->channel);
	return event_close(&e);
}

/* What to say of each channel that came or went.  Returns how many. */
static uint32_t describe(struct guild *g, const struct difference *d,
			 uint32_t quiet_slot, struct relay_slot *slot)
{
	uint64_t value;
	size_t iter = 0;
	uint32_t n = 0;

	while (hmap_next(&g->state.channels, &iter, NULL, &value)) {
		const struct state_channel *c = (void *)(uintptr_t)value;

		if (c->slot == quiet_slot ||
		    !(d->slots[c->slot / 64] >> (c->slot % 64) & 1))
			continue;
		slot[n++] = (struct relay_slot){
			.slot = c->slot,
			.appears = channel_event(c, "CHANNEL_CREATE"),
			.vanishes = channel_event(c, "CHANNEL_DELETE"),
		};
	}
	return n;
}

static void send_views(struct guild *g, int core, struct blob *views,
		       const struct relay_slot *slot, uint32_t count)
{
	struct relay_views_msg *m;

	m = actor_msg_new(RELAY_VIEWS, sizeof(*m) + count * sizeof(*slot));
	if (!m) {
		event_lost(g, core);
		return;
	}
	m->views = blob_get(views);
	m->slot_count = count;
	for (uint32_t i = 0; i < count; i++) {
		m->slot[i] = slot[i];
		m->slot[i].appears = slot[i].appears ?
				     blob_get(slot[i].appears) : NULL;
		m->slot[i].vanishes = slot[i].vanishes ?
				      blob_get(slot[i].vanishes) : NULL;
	}
	actor_send(g->self, g->relay[core].ref, &m->head);
}

static void tell(struct guild *g, struct difference *d, uint32_t quiet_slot)
{
	struct relay_slot *slot;
	struct blob *views;
	uint32_t count, i;
	int core;

	if (!d->views.len && !d->views.err)
		return;
	qsort(d->views.data, d->views.len / sizeof(struct relay_view_of),
	      sizeof(struct relay_view_of), by_user);
	slot = mem_alloc(STATE_CHANNELS_MAX * sizeof(*slot));
	views = blob_from_buf(&d->views);
	count = slot ? describe(g, d, quiet_slot, slot) : 0;
	for (core = 0; core < GUILD_CORES_MAX; core++) {
		if (!g->relay[core].sessions)
			continue;
		if (views && slot)
			send_views(g, core, views, slot, count);
		else
			event_lost(g, core);
	}
	for (i = 0; i < count; i++) {
		blob_put(slot[i].appears);
		blob_put(slot[i].vanishes);
	}
	mem_free(slot);
	blob_put(views);
}

void guild_view_changed(struct guild *g, uint64_t user_id, uint32_t quiet_slot)
{
	struct guild_online *o = hmap_get_ptr(&g->online, user_id);
	struct difference d = { .views = BUF_INIT };

	if (o)
		compare(g, user_id, o, &d);
	tell(g, &d, quiet_slot);
	buf_fini(&d.views);
}

void guild_views_changed(struct guild *g, uint32_t quiet_slot)
{
	struct difference d = { .views = BUF_INIT };
	uint64_t user_id, value;
	size_t iter = 0;

	guild_views_forget(g);
	roster_all_changed(g);
	while (hmap_next(&g->online, &iter, &user_id, &value))
		compare(g, user_id, (struct guild_online *)(uintptr_t)value,
			&d);
	tell(g, &d, quiet_slot);
	buf_fini(&d.views);
}
