// SPDX-License-Identifier: Apache-2.0
#include "guild/unread.h"

#include <string.h>

#include "base/blob.h"
#include "guild/guild_impl.h"
#include "proto/intent.h"

void unread_mark(struct guild *g, const struct state_channel *c)
{
	if (!g->passive)
		return;
	g->unread[c->slot / 64] |= 1ull << (c->slot % 64);
	if (!g->unread_timer)
		g->unread_timer = actor_timer_start(g->self, UNREAD_NS,
						    GUILD_TIMER_UNREAD);
}

/* One event for each channel, for not all see all of them. */
static void tell_one(struct guild *g, const struct state_channel *c)
{
	struct relay_target to = event_to_channel(c, INTENT_GUILD_MESSAGES);
	struct event e;

	to.flags = RELAY_PASSIVE_ONLY;
	event_open(&e, "CHANNEL_UNREAD_UPDATE");
	jsonw_obj(&e.w);
	jsonw_key_id(&e.w, "guild_id", g->arg.guild_id);
	jsonw_key_arr(&e.w, "channel_unread_updates");
	jsonw_obj(&e.w);
	jsonw_key_id(&e.w, "id", c->channel.id);
	jsonw_key_id(&e.w, "last_message_id", c->channel.last_message_id);
	jsonw_end(&e.w);
	jsonw_end(&e.w);
	jsonw_end(&e.w);
	event_publish(g, &to, event_close(&e));
}

void unread_tell(struct guild *g)
{
	uint64_t value;
	size_t iter = 0;

	g->unread_timer = 0;
	while (g->passive &&
	       hmap_next(&g->state.channels, &iter, NULL, &value)) {
		const struct state_channel *c = (void *)(uintptr_t)value;

		if (g->unread[c->slot / 64] >> (c->slot % 64) & 1)
			tell_one(g, c);
	}
	memset(g->unread, 0, sizeof(g->unread));
}
