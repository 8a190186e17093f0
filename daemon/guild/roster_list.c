// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "guild/guild_impl.h"
#include "guild/roster_impl.h"

#define OPS_MAX (64u << 10)	/* bytes of steps; beyond all is told anew */

static void forget(struct roster_list *l)
{
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&l->known, &iter, NULL, &value))
		mem_free((void *)(uintptr_t)value);
	hmap_fini(&l->known);
	ranked_fini(&l->ranked);
	buf_reset(&l->ops);
	l->row = UINT32_MAX;
}

void roster_list_fini(struct roster_list *l)
{
	forget(l);
	buf_fini(&l->ops);
}

/* --- who is in it, and where ------------------------------------------------ */

static int by_position(const void *left, const void *right)
{
	const struct role *a = *(const struct role *const *)left;
	const struct role *b = *(const struct role *const *)right;

	if (a->position != b->position)
		return a->position > b->position ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* Hoisted roles from the highest down, then online, then offline. */
static void make_groups(const struct state *s, struct roster_list *l)
{
	const struct role *hoisted[STATE_ROLES_MAX];
	uint64_t value;
	size_t iter = 0;
	uint32_t n = 0;

	while (n < STATE_ROLES_MAX &&
	       hmap_next(&s->roles, &iter, NULL, &value)) {
		const struct role *role = (void *)(uintptr_t)value;

		if (role->hoist && role->id != s->info.id)
			hoisted[n++] = role;
	}
	if (n)
		qsort(hoisted, n, sizeof(hoisted[0]), by_position);
	memset(l->group, 0, sizeof(l->group));
	for (l->groups = 0; l->groups < n; l->groups++)
		l->group[l->groups].role_id = hoisted[l->groups]->id;
	l->groups += 2;
}

static bool holds(const struct member *m, uint64_t role_id)
{
	for (uint32_t i = 0; i < m->role_count; i++)
		if (m->role[i] == role_id)
			return true;
	return false;
}

static uint32_t group_of(const struct roster_list *l, const struct member *m,
			 bool online)
{
	uint32_t i;

	if (!online)
		return l->groups - 1;
	for (i = 0; i < l->groups - 2; i++)
		if (holds(m, l->group[i].role_id))
			break;
	return i;
}

static bool may_see(struct guild *g, const struct roster_list *l,
		    uint64_t user_id)
{
	const struct state_channel *c;

	if (l->number == ROSTER_EVERYONE)
		return true;
	c = state_channel(&g->state, l->channel_id);
	return c && state_channel_perms(&g->state, c, user_id,
					guild_now_ms(g)) & PERM_VIEW_CHANNEL;
}

/* False: such a user is not in the list. */
static bool entry_of(struct guild *g, const struct roster_list *l,
		     uint64_t user_id, struct ranked_entry *ret_entry)
{
	const struct member *m = state_member(&g->state, user_id);
	bool online = guild_is_online(g, user_id);
	const char *name;
	size_t i;

	if (!m || !may_see(g, l, user_id) ||
	    (!online && g->state.members.count > ROSTER_OFFLINE_MAX))
		return false;
	name = m->nick ? m->nick :
	       m->user.global_name ? m->user.global_name : m->user.name;
	*ret_entry = (struct ranked_entry){
		.id = user_id,
		.group = group_of(l, m, online),
	};
	for (i = 0; i < RANKED_NAME && name[i]; i++)
		ret_entry->name[i] = (char)tolower((unsigned char)name[i]);
	return true;
}

/* --- changing it ------------------------------------------------------------ */

static int put(struct roster_list *l, const struct ranked_entry *e,
	       uint32_t *ret_position)
{
	struct ranked_entry *known = mem_dup(e, sizeof(*e));

	if (!known)
		return -ENOMEM;
	if (hmap_set(&l->known, e->id, (uintptr_t)known)) {
		mem_free(known);
		return -ENOMEM;
	}
	l->group[e->group].count++;
	return ranked_insert(&l->ranked, e, ret_position);
}

static bool take(struct roster_list *l, struct ranked_entry *known,
		 uint32_t *ret_position)
{
	bool there = ranked_remove(&l->ranked, known, ret_position);

	l->group[known->group].count--;
	hmap_del(&l->known, known->id);
	mem_free(known);
	return there;
}

int roster_list_make(struct guild *g, struct roster_list *l)
{
	struct ranked_entry e;
	uint64_t user_id;
	size_t iter = 0;
	uint32_t position;
	int err = 0;

	forget(l);
	make_groups(&g->state, l);
	while (!err && hmap_next(&g->state.members, &iter, &user_id, NULL))
		if (entry_of(g, l, user_id, &e))
			err = put(l, &e, &position);
	l->stale = err != 0;
	return err;
}

/* A position as a row: with the headings up to its group's own. */
static uint32_t row_of(const struct roster_list *l, uint32_t position,
		       uint32_t group)
{
	uint32_t row = position;

	for (uint32_t i = 0; i <= group; i++)
		row += l->group[i].count != 0;
	return row;
}

static void step(struct guild *g, struct roster_list *l, const char *op,
		 uint32_t row, uint64_t user_id)
{
	roster_json_step(g, l, op, row, user_id);
	if (row < l->row)
		l->row = row;
	if (l->ops.err || l->ops.len > OPS_MAX)
		l->stale = true;
}

static bool same(const struct ranked_entry *a, const struct ranked_entry *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static void leave(struct guild *g, struct roster_list *l,
		  struct ranked_entry *known)
{
	uint32_t group = known->group, position, row;

	/* The row as it was, before the group's count goes down. */
	if (!ranked_find(&l->ranked, known, &position)) {
		l->stale = true;
		return;
	}
	row = row_of(l, position, group);
	take(l, known, &position);
	step(g, l, "DELETE", row, 0);
	/* Its heading goes, too. */
	if (!l->group[group].count)
		l->stale = true;
}

static void enter(struct guild *g, struct roster_list *l,
		  const struct ranked_entry *e)
{
	uint32_t position;

	if (put(l, e, &position) || l->group[e->group].count == 1)
		l->stale = true;
	else
		step(g, l, "INSERT", row_of(l, position, e->group), e->id);
}

void roster_list_changed(struct guild *g, struct roster_list *l,
			 uint64_t user_id)
{
	struct ranked_entry *known = hmap_get_ptr(&l->known, user_id);
	struct ranked_entry e;
	bool is_in;
	uint32_t position;

	if (l->stale)
		return;
	is_in = entry_of(g, l, user_id, &e);
	if (known && is_in && same(known, &e)) {
		if (ranked_find(&l->ranked, &e, &position))
			step(g, l, "UPDATE", row_of(l, position, e.group),
			     user_id);
		return;
	}
	if (known)
		leave(g, l, known);
	if (is_in && !l->stale)
		enter(g, l, &e);
}
