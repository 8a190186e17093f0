// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "base/blob.h"
#include "base/log.h"
#include "guild/direct.h"
#include "guild/guild_impl.h"
#include "guild/search_feed.h"

const struct relay_target event_to_all = {
	.slot = RELAY_NO_SLOT,
	.flags = RELAY_PASSIVE_TOO,
};

struct relay_target event_to_channel(const struct state_channel *c,
				     uint32_t intents)
{
	return (struct relay_target){ .intents = intents, .slot = c->slot };
}

void event_open(struct event *e, const char *name)
{
	e->buf = BUF_INIT;
	buf_puts(&e->buf, ",\"t\":\"");
	buf_puts(&e->buf, name);
	buf_puts(&e->buf, "\",\"op\":0,\"d\":");
	jsonw_init(&e->w, &e->buf);
}

void event_key_guild(struct jsonw *w, const struct guild *g)
{
	if (!g->arg.direct)
		jsonw_key_id(w, "guild_id", g->arg.guild_id);
}

struct blob *event_close(struct event *e)
{
	struct blob *payload;

	buf_putc(&e->buf, '}');
	payload = blob_from_buf(&e->buf);
	buf_fini(&e->buf);
	return payload;
}

static struct relay_event_msg *event_msg(const struct relay_target *to,
					 struct blob *payload,
					 struct blob *stripped,
					 uint32_t exempt_count)
{
	struct relay_event_msg *m;

	m = actor_msg_new(RELAY_EVENT,
			  sizeof(*m) + exempt_count * sizeof(m->exempt[0]));
	if (!m)
		return NULL;
	m->to = *to;
	m->payload = blob_get(payload);
	m->stripped = stripped ? blob_get(stripped) : NULL;
	m->exempt_count = exempt_count;
	return m;
}

void event_lost(struct guild *g, int core)
{
	g->relay[core].lost = g->lost = true;
	log_error("guild", "event_lost", "guild=%llu core=%d reason=memory",
		  (unsigned long long)g->arg.guild_id, core);
}

static void lost_everywhere(struct guild *g)
{
	if (g->arg.direct)
		direct_lost(g);
	for (int core = 0; core < GUILD_CORES_MAX; core++)
		if (g->relay[core].sessions)
			event_lost(g, core);
}

/* `exempt` lists those who see the content although their session may not. */
static void publish(struct guild *g, const struct relay_target *to,
		    struct blob *payload, struct blob *stripped,
		    const uint64_t *exempt, uint32_t exempt_count)
{
	for (int core = 0; core < GUILD_CORES_MAX; core++) {
		struct relay_event_msg *m;

		if (!g->relay[core].sessions)
			continue;
		m = event_msg(to, payload, stripped, exempt_count);
		if (!m) {
			event_lost(g, core);
			continue;
		}
		memcpy(m->exempt, exempt, exempt_count * sizeof(*exempt));
		actor_send(g->self, g->relay[core].ref, &m->head);
	}
}

void event_publish(struct guild *g, const struct relay_target *to,
		   struct blob *payload)
{
	static const uint64_t nobody[1];

	if (payload && g->arg.direct)
		direct_publish(g, to->intents, 0, payload);
	else if (payload)
		publish(g, to, payload, NULL, nobody, 0);
	else
		lost_everywhere(g);
	blob_put(payload);
}

void event_publish_message(struct guild *g, const struct relay_target *to,
			   const struct message *m, struct blob *payload,
			   struct blob *stripped)
{
	uint64_t exempt[1 + MESSAGE_MENTIONS_MAX];
	struct relay_target whom = *to;
	uint32_t n = 0;

	/* Who is mentioned hears of it, passive or not; where none is passive
	 * relays need not look for them. */
	if (g->passive)
		whom.flags |= RELAY_MENTIONED_TOO;
	if (m->mention_everyone || m->mention_role_count)
		whom.flags |= RELAY_PASSIVE_TOO;
	search_feed_changed(g, m->channel_id, &m->id, 1);
	if (stripped || g->passive) {
		exempt[n++] = m->author.id;
		for (uint32_t i = 0; i < m->mention_count; i++)
			exempt[n++] = m->mention[i].id;
	}
	if (payload && g->arg.direct)
		direct_publish(g, to->intents, 0, payload);
	else if (payload && (stripped || !g->no_content))
		publish(g, &whom, payload, stripped, exempt, n);
	else
		lost_everywhere(g);
	blob_put(payload);
	blob_put(stripped);
}

void event_direct(struct guild *g, const struct guild_session *s,
		  struct blob *payload)
{
	struct relay_direct_msg *m;

	m = payload ? ACTOR_MSG_NEW(struct relay_direct_msg, RELAY_DIRECT) :
		      NULL;
	if (!m) {
		event_lost(g, s->core);
		blob_put(payload);
		return;
	}
	m->session = s->ref;
	m->payload = payload;
	actor_send(g->self, g->relay[s->core].ref, &m->head);
}
