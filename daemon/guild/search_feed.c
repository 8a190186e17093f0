// SPDX-License-Identifier: Apache-2.0
#include "guild/search_feed.h"

#include <string.h>

#include "guild/direct.h"
#include "guild/guild_impl.h"
#include "proto/search.h"

void search_feed_hello(struct guild *g)
{
	actor_ref to = search_route(actor_system_of(g->self));
	struct search_hello_msg *m;
	uint64_t value;
	size_t iter = 0;
	uint32_t n = 0;

	m = search_hello_new((uint32_t)g->state.channels.count);
	if (!m)
		return;
	m->guild_id = g->arg.guild_id;
	m->seq = g->search_seq;
	while (hmap_next(&g->state.channels, &iter, NULL, &value)) {
		const struct state_channel *c = (void *)(uintptr_t)value;

		m->channel[n].channel_id = c->channel.id;
		m->channel[n++].newest = c->channel.last_message_id;
	}
	actor_send(g->self, to, &m->head);
}

void search_feed_changed(struct guild *g, uint64_t channel_id,
			 const uint64_t *id, uint32_t count)
{
	actor_ref to = search_route(actor_system_of(g->self));
	struct search_changed_msg *m;

	if (g->arg.direct) {
		direct_changed(g, id, count);
		return;
	}
	m = search_changed_new(count);
	/* Counted in any case: the gap shows what has not arrived. */
	g->search_seq++;
	if (!m)
		return;
	m->guild_id = g->arg.guild_id;
	m->channel_id = channel_id;
	m->seq = g->search_seq;
	memcpy(m->id, id, count * sizeof(*id));
	actor_send(g->self, to, &m->head);
}
