// SPDX-License-Identifier: Apache-2.0
/*
 * What the indexer is told of direct messages.  Each person has a cell with
 * all direct channels of theirs; for bots there is none.  Speaks for the cells
 * as a guild does for its own (proto/search.h): HELLO before the first hint,
 * and when asked.
 */
#include <string.h>

#include "base/log.h"
#include "guild/directory_state.h"
#include "proto/search.h"

/* Held for a person while the newest messages are being asked for. */
#define HELD_MAX (4096 * sizeof(struct dir_hint))

struct dir_hint {
	uint64_t channel_id;
	uint64_t id;
};

static void send_hint(struct directory *d, struct dir_entry *e,
		      const struct dir_hint *hint)
{
	struct search_changed_msg *m = search_changed_new(1);

	/* Counted in any case: the gap shows what has not arrived. */
	e->search_seq++;
	if (!m)
		return;
	m->guild_id = e->user.id;
	m->channel_id = hint->channel_id;
	m->seq = e->search_seq;
	m->id[0] = hint->id;
	actor_send(d->self, search_route(actor_system_of(d->self)), &m->head);
}

static void send_hello(struct directory *d, const struct dir_entry *e)
{
	struct search_hello_msg *m = search_hello_new(e->direct_count);

	if (!m)
		return;
	m->guild_id = e->user.id;
	m->seq = e->search_seq;
	for (uint32_t i = 0; i < e->direct_count; i++) {
		m->channel[i].channel_id = e->direct[i]->is.id;
		m->channel[i].newest = e->direct[i]->newest_id;
	}
	actor_send(d->self, search_route(actor_system_of(d->self)), &m->head);
}

struct greeting {
	struct dir_newest newest;
	uint64_t user_id;
};

static void greet(struct directory *d, struct dir_newest *n)
{
	struct dir_entry *e = dir_user(d, ((struct greeting *)n)->user_id);
	const struct dir_hint *hint = (void *)e->search_held.data;
	size_t count = e->search_held.len / sizeof(*hint);

	send_hello(d, e);
	e->search = DIR_SEARCH_TOLD;
	for (size_t i = 0; i < count; i++)
		send_hint(d, e, &hint[i]);
	buf_fini(&e->search_held);
	e->search_held = BUF_INIT;
	dir_job_free(d, &n->job);
}

static void ask_newest(struct directory *d, struct dir_entry *e)
{
	struct greeting *g = dir_job_new(d, sizeof(*g), NULL, NULL, NULL);

	if (!g)
		return;
	e->search = DIR_SEARCH_ASKING;
	g->newest.then = greet;
	g->user_id = e->user.id;
	dir_newest_of(d, &g->newest, e->direct, e->direct_count);
}

static void changed(struct directory *d, struct dir_entry *e,
		    const struct dir_hint *hint)
{
	if (e->search == DIR_SEARCH_UNTOLD)
		ask_newest(d, e);
	if (e->search == DIR_SEARCH_TOLD)
		send_hint(d, e, hint);
	else if (e->search_held.len >= HELD_MAX ||
		 buf_append(&e->search_held, hint, sizeof(*hint)))
		e->search_seq++;
}

void dir_search_changed(struct directory *d, struct actor_msg *msg)
{
	const struct dir_direct_changed_msg *m =
		(struct dir_direct_changed_msg *)msg;
	const struct dir_direct *dm = dir_direct(d, m->channel_id);

	for (int i = 0; dm && i < 2; i++) {
		struct dir_entry *e = dir_user(d, dm->is.user_id[i]);

		for (uint32_t j = 0; !e->user.bot && j < m->count; j++) {
			const struct dir_hint hint = { m->channel_id,
						       m->id[j] };

			changed(d, e, &hint);
		}
	}
}

void dir_search_who(struct directory *d, struct actor_msg *msg)
{
	struct dir_entry *e = dir_user(d, msg->tag);

	if (e && e->search != DIR_SEARCH_ASKING)
		ask_newest(d, e);
}
