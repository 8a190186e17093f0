// SPDX-License-Identifier: Apache-2.0
#include "guild/direct.h"

#include <string.h>

#include "base/blob.h"
#include "base/log.h"
#include "guild/directory_impl.h"
#include "guild/guild_impl.h"
#include "proto/intent.h"
#include "proto/json.h"

/* What an intent of guilds is called here. */
static const struct {
	uint32_t guild, direct;
} intents_of[] = {
	{ INTENT_GUILDS, INTENT_DIRECT_MESSAGES },
	{ INTENT_GUILD_MESSAGES, INTENT_DIRECT_MESSAGES },
	{ INTENT_GUILD_REACTIONS, INTENT_DIRECT_REACTIONS },
	{ INTENT_GUILD_TYPING, INTENT_DIRECT_TYPING },
};

static uint32_t translate(uint32_t intents)
{
	uint32_t direct = 0;

	for (size_t i = 0; i < sizeof(intents_of) / sizeof(intents_of[0]); i++)
		if (intents & intents_of[i].guild)
			direct |= intents_of[i].direct;
	return direct;
}

static uint64_t newest(const struct guild *g)
{
	return state_channel(&g->state, g->arg.guild_id)
		       ->channel.last_message_id;
}

static void tell(struct guild *g, struct dir_direct_msg *m)
{
	m->channel_id = g->arg.guild_id;
	actor_send(g->self, g->arg.directory, &m->head);
}

void direct_ready(struct guild *g)
{
	struct dir_direct_msg *m;

	m = ACTOR_MSG_NEW(struct dir_direct_msg, DIR_DIRECT_NEWEST);
	if (m) {
		m->newest_id = newest(g);
		tell(g, m);
	}
	actor_timer_start(g->self, DIRECT_IDLE_NS, GUILD_TIMER_IDLE);
}

/* The directory lets it go if it has sent as many calls as have come. */
void direct_idle(struct guild *g, struct actor_msg *timer)
{
	struct dir_direct_msg *m;

	actor_timer_again(g->self, timer, DIRECT_IDLE_NS);
	if (!g->ops.count && g->calls == g->calls_then) {
		m = ACTOR_MSG_NEW(struct dir_direct_msg, DIR_DIRECT_IDLE);
		if (m) {
			m->calls = g->calls;
			tell(g, m);
		}
	}
	g->calls_then = g->calls;
}

void direct_publish(struct guild *g, uint32_t intents, uint64_t user_id,
		    struct blob *payload)
{
	struct dir_direct_msg *m;

	m = ACTOR_MSG_NEW(struct dir_direct_msg, DIR_DIRECT_EVENT);
	if (!m) {
		direct_lost(g);
		return;
	}
	m->newest_id = newest(g);
	m->user_id = user_id;
	m->intents = translate(intents);
	m->payload = blob_get(payload);
	tell(g, m);
}

void direct_lost(struct guild *g)
{
	log_error("guild", "event_lost", "direct=%llu reason=memory",
		  (unsigned long long)g->arg.guild_id);
}

void direct_changed(struct guild *g, const uint64_t *id, uint32_t count)
{
	struct dir_direct_changed_msg *m;

	m = actor_msg_new(DIR_DIRECT_CHANGED,
			  sizeof(*m) + count * sizeof(m->id[0]));
	if (!m) {
		direct_lost(g);
		return;
	}
	m->channel_id = g->arg.guild_id;
	m->count = count;
	memcpy(m->id, id, count * sizeof(*id));
	actor_send(g->self, g->arg.directory, &m->head);
}

void direct_json(struct guild *g, struct jsonw *w,
		 const struct state_channel *c, uint64_t reader_id)
{
	uint64_t id, value;
	size_t iter = 0;

	while (hmap_next(&g->state.members, &iter, &id, &value)) {
		const struct member *m = (void *)(uintptr_t)value;

		if (id != reader_id)
			json_direct(w, &c->channel, &m->user);
	}
}
