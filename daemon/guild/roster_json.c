// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdio.h>

#include "base/blob.h"
#include "guild/guild_impl.h"
#include "guild/roster_impl.h"
#include "proto/json.h"

static void put_group(struct jsonw *w, const struct roster_list *l, uint32_t i)
{
	jsonw_obj(w);
	if (l->group[i].role_id)
		jsonw_key_id(w, "id", l->group[i].role_id);
	else
		jsonw_key_str(w, "id", i + 1 == l->groups ? "offline" :
							    "online");
	jsonw_key_u64(w, "count", l->group[i].count);
	jsonw_end(w);
}

static void put_heading(struct jsonw *w, const struct roster_list *l,
			uint32_t i)
{
	jsonw_obj(w);
	jsonw_key(w, "group");
	put_group(w, l, i);
	jsonw_end(w);
}

static void put_member(struct jsonw *w, struct guild *g, uint64_t user_id)
{
	const struct member *m = state_member(&g->state, user_id);

	jsonw_obj(w);
	jsonw_key_obj(w, "member");
	if (m) {
		jsonw_key(w, "user");
		json_user(w, &m->user);
		json_member_keys(w, m);
		jsonw_key(w, "presence");
		guild_json_presence(g, w, user_id);
	}
	jsonw_end(w);
	jsonw_end(w);
}

static void put_groups(struct jsonw *w, const struct roster_list *l)
{
	jsonw_key_arr(w, "groups");
	for (uint32_t i = 0; i < l->groups; i++)
		if (l->group[i].count)
			put_group(w, l, i);
	jsonw_end(w);
}

/* All but the steps, which come last. */
static void open_event(struct event *e, struct guild *g,
		       const struct roster_list *l)
{
	uint32_t offline = l->group[l->groups - 1].count;

	event_open(e, "GUILD_MEMBER_LIST_UPDATE");
	jsonw_obj(&e->w);
	jsonw_key_id(&e->w, "guild_id", g->arg.guild_id);
	if (l->number == ROSTER_EVERYONE)
		jsonw_key_str(&e->w, "id", "everyone");
	else
		jsonw_key_id(&e->w, "id", l->channel_id);
	jsonw_key_u64(&e->w, "member_count", g->state.members.count);
	jsonw_key_u64(&e->w, "online_count", l->ranked.count - offline);
	put_groups(&e->w, l);
	jsonw_key_arr(&e->w, "ops");
}

static struct blob *close_event(struct event *e)
{
	jsonw_end(&e->w);
	jsonw_end(&e->w);
	return event_close(e);
}

void roster_json_step(struct guild *g, struct roster_list *l, const char *op,
		      uint32_t row, uint64_t user_id)
{
	struct jsonw w;

	if (l->ops.len)
		buf_putc(&l->ops, ',');
	jsonw_init(&w, &l->ops);
	jsonw_obj(&w);
	jsonw_key_str(&w, "op", op);
	jsonw_key_u64(&w, "index", row);
	if (user_id) {
		jsonw_key(&w, "item");
		put_member(&w, g, user_id);
	}
	jsonw_end(&w);
}

struct blob *roster_json_steps(struct guild *g, struct roster_list *l)
{
	struct event e;

	open_event(&e, g, l);
	jsonw_raw(&e.w, l->ops.data, l->ops.len);
	return close_event(&e);
}

/* The rows of a range: each group's heading, then its members. */
static void put_rows(struct jsonw *w, struct guild *g,
		     const struct roster_list *l, const struct guild_range *r)
{
	uint32_t row = 0, position = 0;

	for (uint32_t i = 0; i < l->groups && row <= r->to; i++) {
		uint32_t count = l->group[i].count, n;

		if (!count)
			continue;
		if (row >= r->from)
			put_heading(w, l, i);
		row++;
		n = row < r->from ? r->from - row : 0;
		for (; n < count && row + n <= r->to; n++)
			put_member(w, g, ranked_at(&l->ranked,
						   position + n)->id);
		row += count;
		position += count;
	}
}

struct blob *roster_json_sync(struct guild *g, const struct roster_watch *watch)
{
	struct event e;

	open_event(&e, g, watch->list);
	for (uint32_t i = 0; i < watch->ranges; i++) {
		jsonw_obj(&e.w);
		jsonw_key_str(&e.w, "op", "SYNC");
		jsonw_key_arr(&e.w, "range");
		jsonw_u64(&e.w, watch->range[i].from);
		jsonw_u64(&e.w, watch->range[i].to);
		jsonw_end(&e.w);
		jsonw_key_arr(&e.w, "items");
		put_rows(&e.w, g, watch->list, &watch->range[i]);
		jsonw_end(&e.w);
		jsonw_end(&e.w);
	}
	return close_event(&e);
}
