// SPDX-License-Identifier: Apache-2.0
/* What a client's payloads do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/blob.h"
#include "base/mem.h"
#include "gateway/session_impl.h"
#include "gateway/start.h"
#include "os/env.h"
#include "os/loop.h"
#include "proto/guild.h"
#include "proto/intent.h"

#define INTENTS_PRIVILEGED (INTENT_GUILD_MEMBERS | INTENT_GUILD_PRESENCES | \
			    INTENT_MESSAGE_CONTENT)

/* --- guilds --------------------------------------------------------------- */

/* Negative errno: it will not hear of it. */
static int send_join(struct actor *self, const struct session *s,
		     actor_ref guild)
{
	struct guild_join_msg *msg = ACTOR_MSG_NEW(struct guild_join_msg,
						   GUILD_JOIN);

	if (!msg)
		return -ENOMEM;
	msg->user_id = s->user_id;
	msg->intents = s->intents;
	msg->core = actor_core(self);
	msg->large_threshold = s->large_threshold;
	msg->is_bot = s->is_bot;
	return actor_send(self, guild, &msg->head);
}

static void send_presence(struct actor *self, const struct session *s,
			  actor_ref guild)
{
	struct guild_presence_msg *msg =
		ACTOR_MSG_NEW(struct guild_presence_msg, GUILD_PRESENCE);

	if (!msg)
		return;
	msg->status = s->presence.status;
	if (s->presence.activities)
		msg->activities = blob_get(s->presence.activities);
	actor_send(self, guild, &msg->head);
}

static bool on_shard(const struct session *s, uint64_t guild_id)
{
	return !s->has_shard ||
	       (guild_id >> 22) % s->shard_count == s->shard_id;
}

static struct dir_guild *guild_find(struct session *s, uint64_t id)
{
	uint32_t i;

	for (i = 0; i < s->guild_count; i++)
		if (s->guild[i].id == id)
			return &s->guild[i];
	return NULL;
}

static void enter(struct actor *self, struct session *s,
		  const struct dir_guild *guild)
{
	if (send_join(self, s, guild->ref))
		session_admit_guild(s, guild->id);
	else
		send_presence(self, s, guild->ref);
}

void session_guild_add(struct actor *self, struct session *s,
		       const struct dir_guild *guild)
{
	struct dir_guild *known = guild_find(s, guild->id);

	if (s->phase != SESSION_LIVE || !on_shard(s, guild->id))
		return;
	if (!known) {
		known = mem_realloc(s->guild, (s->guild_count + 1) *
				    sizeof(*s->guild));
		if (!known)
			return;
		s->guild = known;
		known = &s->guild[s->guild_count++];
	}
	*known = *guild;
	enter(self, s, guild);
}

void session_guild_remove(struct session *s, uint64_t guild_id)
{
	struct dir_guild *guild = guild_find(s, guild_id);

	if (guild)
		*guild = s->guild[--s->guild_count];
}

bool session_wants_direct(const struct session *s, uint32_t intents)
{
	return (s->intents & intents) == intents && on_shard(s, 0);
}

/* --- IDENTIFY ------------------------------------------------------------- */

static int check_intents(const struct session *s,
			 const struct payload_identify *identify)
{
	uint32_t refused = INTENTS_PRIVILEGED & ~s->config->privileged_intents;

	if (!identify->has_intents || identify->intents & ~INTENTS_KNOWN)
		return -CLOSE_INTENTS;
	return identify->intents & refused ? -CLOSE_INTENTS_REFUSED : 0;
}

static int check_shard(const struct payload_identify *identify)
{
	if (!identify->has_shard)
		return 0;
	return identify->shard_id < identify->shard_count ? 0 : -CLOSE_SHARD;
}

static int new_secret(struct actor *self, struct session *s)
{
	struct os_env *env = os_loop_env(actor_loop(self));

	return os_random(env, s->secret, sizeof(s->secret));
}

static int op_identify(struct actor *self, struct session *s,
		       struct payload *payload)
{
	struct payload_identify *identify = &payload->identify;
	int code;

	if (s->phase != SESSION_NEW)
		return -CLOSE_IDENTIFIED;
	code = check_intents(s, identify);
	code = code ? code : check_shard(identify);
	if (code)
		return code;
	if (new_secret(self, s))
		return -CLOSE_UNKNOWN;
	session_token_hash(identify->token, s->token_hash);
	s->intents = identify->intents;
	s->large_threshold = identify->large_threshold;
	s->has_shard = identify->has_shard;
	s->shard_id = identify->shard_id;
	s->shard_count = identify->shard_count;
	blob_put(s->presence.activities);
	s->presence = identify->presence;
	identify->presence.activities = NULL;
	if (identify->compress)
		conn_compress_payloads(s->conn);
	s->phase = SESSION_OPENING;
	return session_admit(self, s, identify->token);
}

/* Keeps those of the reply's guilds that are on this shard. */
static int take_guilds(struct session *s,
		       const struct dir_session_reply_msg *reply)
{
	uint32_t i;

	s->guild = mem_alloc((reply->guild_count + 1) * sizeof(*s->guild));
	if (!s->guild)
		return -ENOMEM;
	for (i = 0; i < reply->guild_count; i++)
		if (on_shard(s, reply->guild[i].id))
			s->guild[s->guild_count++] = reply->guild[i];
	return 0;
}

/* The directory need not tell it of guilds any more. */
static void leave_directory(struct actor *self)
{
	struct actor_msg *msg = actor_msg_new(DIR_SESSION_CLOSE, sizeof(*msg));

	if (msg)
		actor_send(self, actor_lookup(actor_system_of(self),
					      DIRECTORY_NAME), msg);
}

/* Whether this user may start one more; if not now, the phase is NEW again. */
static int count_start(struct actor *self, struct session *s,
		       uint64_t user_id)
{
	switch (start_take(s->config->limits, user_id, actor_wall_ms(self))) {
	case START_GRANTED:
		return 0;
	case START_LATER:
		leave_directory(self);
		session_admit_leave(self, s);
		return session_refuse(s);
	default:
		return -CLOSE_RATE;
	}
}

int session_opened(struct actor *self, struct session *s,
		   struct dir_session_reply_msg *reply,
		   const struct readstate_entries_msg *read_states)
{
	struct blob *ready;
	uint32_t i;
	int code;

	if (reply->error)
		return reply->error == -EACCES ? -CLOSE_TOKEN : -CLOSE_UNKNOWN;
	code = count_start(self, s, reply->user_id);
	if (code || s->phase != SESSION_OPENING)
		return code;
	s->user_id = reply->user_id;
	s->is_bot = reply->is_bot;
	if (take_guilds(s, reply))
		return -CLOSE_UNKNOWN;
	ready = ready_payload(self, s, reply, read_states);
	if (!ready || session_event(s, ready))
		return -CLOSE_UNKNOWN;
	s->phase = SESSION_LIVE;
	session_name_conn(self, s);
	if (s->conn)
		conn_settle(s->conn);
	session_admit_expect(s);
	for (i = 0; i < s->guild_count; i++)
		enter(self, s, &s->guild[i]);
	return 0;
}

/* --- the others ----------------------------------------------------------- */

static int op_heartbeat(struct actor *self, struct session *s,
			struct payload *payload)
{
	s->link.last_beat_ns = actor_now_ns(self);
	if (s->phase == SESSION_LIVE)
		journal_ack(&s->journal, payload->heartbeat);
	session_notice(s, NOTICE_ACK);
	return 0;
}

static int op_resume(struct actor *self, struct session *s,
		     struct payload *payload)
{
	if (s->phase != SESSION_NEW)
		return -CLOSE_IDENTIFIED;
	return session_resume(self, s, &payload->resume);
}

static int op_presence(struct actor *self, struct session *s,
		       struct payload *payload)
{
	uint32_t i;

	blob_put(s->presence.activities);
	s->presence = payload->presence;
	payload->presence.activities = NULL;
	for (i = 0; i < s->guild_count; i++)
		send_presence(self, s, s->guild[i].ref);
	return 0;
}

/* Of a guild that the user is not in there is nothing to tell. */
static int op_members(struct actor *self, struct session *s,
		      struct payload *payload)
{
	struct dir_guild *guild = guild_find(s, payload->members.guild_id);

	if (!guild)
		return 0;
	actor_send(self, guild->ref, &payload->members.msg->head);
	payload->members.msg = NULL;
	return 0;
}

/* Bots see all; to them it is no opcode. */
static int op_attend(struct actor *self, struct session *s,
		     struct payload *payload)
{
	const struct payload_attend *attend = &payload->attend;
	struct dir_guild *guild = guild_find(s, attend->guild_id);
	struct guild_attend_msg *msg;

	if (s->is_bot)
		return -CLOSE_OPCODE;
	if (!guild)
		return 0;
	msg = ACTOR_MSG_NEW(struct guild_attend_msg, GUILD_ATTEND);
	if (!msg)
		return -CLOSE_UNKNOWN;
	msg->active = attend->active;
	msg->channel_id = attend->channel_id;
	msg->range_count = attend->range_count;
	memcpy(msg->range, attend->range, sizeof(msg->range));
	actor_send(self, guild->ref, &msg->head);
	return 0;
}

static int op_nothing(struct actor *self, struct session *s,
		      struct payload *payload)
{
	(void)self;
	(void)s;
	(void)payload;
	return 0;
}

static const struct op {
	bool anyone;		/* before IDENTIFY, too */
	int (*fn)(struct actor *self, struct session *s,
		  struct payload *payload);
} ops[PAYLOAD_OPS] = {
	[PAYLOAD_HEARTBEAT] = { true, op_heartbeat },
	[PAYLOAD_IDENTIFY] = { true, op_identify },
	[PAYLOAD_PRESENCE] = { false, op_presence },
	[PAYLOAD_VOICE_STATE] = { false, op_nothing },
	[PAYLOAD_RESUME] = { true, op_resume },
	[PAYLOAD_MEMBERS] = { false, op_members },
	[PAYLOAD_ATTEND] = { false, op_attend },
	[PAYLOAD_SOUNDBOARD] = { false, op_nothing },
	[PAYLOAD_CHANNEL_INFO] = { false, op_nothing },
};

static int parse_failed(int err)
{
	return err == -EBADMSG ? -CLOSE_DECODE :
	       err == -EINVAL ? -CLOSE_OPCODE : -CLOSE_UNKNOWN;
}

int session_payload(struct actor *self, struct session *s, const char *text,
		    size_t len)
{
	struct payload payload;
	int code = payload_parse(text, len, &payload);

	if (code)
		return parse_failed(code);
	if (s->phase != SESSION_LIVE && !ops[payload.op].anyone)
		code = -CLOSE_NOT_IDENTIFIED;
	else
		code = ops[payload.op].fn(self, s, &payload);
	payload_fini(&payload);
	return code;
}
