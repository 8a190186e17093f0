// SPDX-License-Identifier: Apache-2.0
#include "guild/read_mark.h"

#include <errno.h>
#include <string.h>

#include "base/blob.h"
#include "guild/direct.h"
#include "guild/guild_impl.h"
#include "proto/body.h"
#include "proto/readstate.h"

/* --- mentions --- */

/* Users of one shard, on their way to it. */
#define SHARD_USERS 256u

struct mentions {
	struct guild *g;
	const struct state_channel *channel;
	const struct message *m;
	uint32_t count[READSTATE_SHARDS];
	uint64_t user[READSTATE_SHARDS][SHARD_USERS];
};

static void send_shard(struct mentions *to, uint32_t shard)
{
	struct readstate_mention_msg *m;
	uint32_t count = to->count[shard];
	actor_ref ref;

	to->count[shard] = 0;
	m = count ? readstate_mention_new(count) : NULL;
	if (!m)
		return;
	m->channel_id = to->channel->channel.id;
	m->message_id = to->m->id;
	memcpy(m->user_id, to->user[shard], count * sizeof(m->user_id[0]));
	ref = readstate_route(actor_system_of(to->g->self), m->user_id[0]);
	actor_send(to->g->self, ref, &m->head);
}

static void add(struct mentions *to, uint64_t user_id)
{
	uint32_t shard = readstate_shard(user_id);
	uint64_t perms = state_channel_perms(&to->g->state, to->channel,
					     user_id, guild_now_ms(to->g));

	if (user_id == to->m->author.id || !(perms & PERM_VIEW_CHANNEL))
		return;
	if (to->count[shard] == SHARD_USERS)
		send_shard(to, shard);
	to->user[shard][to->count[shard]++] = user_id;
}

static bool has_role(const struct member *member, const struct message *m)
{
	for (uint32_t i = 0; i < member->role_count; i++)
		for (uint32_t j = 0; j < m->mention_role_count; j++)
			if (member->role[i] == m->mention_role[j])
				return true;
	return false;
}

static bool by_name(const struct member *member, const struct message *m)
{
	for (uint32_t i = 0; i < m->mention_count; i++)
		if (m->mention[i].id == member->user.id)
			return true;
	return false;
}

/* Each once, however often mentioned. */
static void add_members(struct mentions *to)
{
	const struct hmap *members = &to->g->state.members;
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(members, &iter, NULL, &value)) {
		const struct member *member = (void *)(uintptr_t)value;

		if (to->channel->channel.type == CHANNEL_DIRECT ||
		    to->m->mention_everyone || has_role(member, to->m) ||
		    by_name(member, to->m))
			add(to, member->user.id);
	}
}

void read_mark_mentioned(struct guild *g, const struct state_channel *c,
			 const struct message *m)
{
	struct mentions to = { .g = g, .channel = c, .m = m };
	/* Of a direct channel each message is for the other one. */
	bool many = m->mention_everyone || m->mention_role_count ||
		    c->channel.type == CHANNEL_DIRECT;

	if (many && g->state.members.count <= READ_MARK_MEMBERS_MAX)
		add_members(&to);
	else
		for (uint32_t i = 0; i < m->mention_count; i++)
			add(&to, m->mention[i].id);
	for (uint32_t shard = 0; shard < READSTATE_SHARDS; shard++)
		send_shard(&to, shard);
}

/* --- POST /channels/{channel}/messages/{message}/ack --- */

struct acking {
	struct op op;
	uint64_t user_id;
	uint64_t channel_id;
	uint64_t message_id;
	uint32_t mentions;
	bool manual;
};

static struct blob *ack_payload(const struct acking *ack)
{
	struct event e;

	event_open(&e, "MESSAGE_ACK");
	jsonw_obj(&e.w);
	jsonw_key_id(&e.w, "channel_id", ack->channel_id);
	jsonw_key_id(&e.w, "message_id", ack->message_id);
	jsonw_key_u64(&e.w, "mention_count", ack->mentions);
	jsonw_key_bool(&e.w, "manual", ack->manual);
	jsonw_end(&e.w);
	return event_close(&e);
}

static void publish_ack_direct(struct guild *g, const struct acking *ack)
{
	struct blob *payload = ack_payload(ack);

	if (payload)
		direct_publish(g, 0, ack->user_id, payload);
	else
		direct_lost(g);
	blob_put(payload);
}

/* The user's other windows. */
static void publish_ack(struct guild *g, const struct acking *ack)
{
	uint64_t value;
	size_t iter = 0;

	if (g->arg.direct)
		publish_ack_direct(g, ack);
	while (hmap_next(&g->sessions, &iter, NULL, &value)) {
		const struct guild_session *s = (void *)(uintptr_t)value;

		if (s->user_id == ack->user_id)
			event_direct(g, s, ack_payload(ack));
	}
}

static void ack_done(struct guild *g, struct op *op, struct actor_msg *answer)
{
	const struct readstate_done_msg *m =
		(struct readstate_done_msg *)answer;
	struct acking *ack = (struct acking *)op;
	struct answer a;

	if (m->status) {
		op_fail(g, op, guild_error_of(m->status));
		return;
	}
	publish_ack(g, ack);
	jsonw_obj(answer_open(&a));
	jsonw_key_null(&a.w, "token");
	jsonw_end(&a.w);
	guild_reply_buf(g, &op->caller, &a.buf);
	op_free(g, op);
}

static int ask(struct guild *g, const struct acking *ack)
{
	struct readstate_ack_msg *m;

	m = ACTOR_MSG_NEW(struct readstate_ack_msg, READSTATE_ACK);
	if (!m)
		return -ENOMEM;
	m->head.tag = ack->op.tag;
	m->user_id = ack->user_id;
	m->channel_id = ack->channel_id;
	m->message_id = ack->message_id;
	m->mentions = ack->mentions;
	m->manual = ack->manual;
	return actor_send(g->self,
			  readstate_route(actor_system_of(g->self),
					  ack->user_id), &m->head);
}

enum error_code message_rest_ack(struct guild *g, struct rest_msg *call)
{
	const struct caller caller = guild_caller(call);
	const struct body_ack *b = call->body;
	struct state_channel *c;
	enum error_code err;
	struct acking *ack;

	err = guild_call_channel(g, call, 0, &c, NULL);
	if (err)
		return err;
	ack = op_new(g, sizeof(*ack), &caller, ack_done, NULL);
	if (!ack)
		return ERROR_OVERLOADED;
	ack->user_id = call->actor_id;
	ack->channel_id = c->channel.id;
	ack->message_id = call->id[REST_ID_MESSAGE];
	ack->mentions = b->mentions;
	ack->manual = b->manual;
	if (ask(g, ack))
		op_fail(g, &ack->op, ERROR_OVERLOADED);
	return ERROR_NONE;
}
