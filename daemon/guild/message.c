// SPDX-License-Identifier: Apache-2.0
#include "guild/message.h"

#include <ctype.h>
#include <string.h>

#include "base/blob.h"
#include "base/log.h"
#include "proto/intent.h"
#include "proto/record.h"

int message_of_row(const struct guild *g, uint64_t channel_id,
		   const struct row *row, struct message *m)
{
	const struct member *author;
	int err;

	err = record_decode(m, row->data, row->size);
	if (err) {
		log_error("guild", "record_bad",
			  "channel=%llu id=%llu error=%d",
			  (unsigned long long)channel_id,
			  (unsigned long long)row->id, err);
		return err;
	}
	m->id = row->id;
	m->channel_id = channel_id;
	author = m->webhook_id ? NULL : state_member(&g->state, m->author.id);
	if (author)
		m->author = author->user;
	return 0;
}

struct blob *message_payload(const struct guild *g, const char *name,
			     const struct state_channel *c,
			     const struct message *m,
			     const struct message_view *view, bool stripped)
{
	struct message_view v = *view;
	struct event e;

	v.guild_id = g->arg.direct ? 0 : g->arg.guild_id;
	v.channel_type = c->channel.type;
	v.member = m->webhook_id ? NULL :
				   state_member(&g->state, m->author.id);
	v.hide_content = stripped;
	event_open(&e, name);
	json_message(&e.w, m, &v);
	return event_close(&e);
}

void message_publish(struct guild *g, const char *name,
		     const struct state_channel *c, const struct message *m,
		     const struct message_view *view)
{
	struct relay_target to = event_to_channel(c, INTENT_GUILD_MESSAGES);
	struct blob *stripped = NULL;

	if (g->no_content)
		stripped = message_payload(g, name, c, m, view, true);
	event_publish_message(g, &to, m,
			      message_payload(g, name, c, m, view, false),
			      stripped);
}

bool message_body_trim(struct body_message *b)
{
	size_t n, lead = 0;

	if (b->content) {
		n = strlen(b->content);
		while (n && isspace((unsigned char)b->content[n - 1]))
			n--;
		b->content[n] = 0;
		while (isspace((unsigned char)b->content[lead]))
			lead++;
		memmove(b->content, b->content + lead, n - lead + 1);
	}
	return (b->content && b->content[0]) || b->embeds || b->components ||
	       b->file_count || b->attachments;
}
