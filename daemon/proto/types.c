// SPDX-License-Identifier: Apache-2.0
#include "proto/types.h"

#include "base/blob.h"
#include "base/mem.h"
#include "proto/directory.h"
#include "proto/guild.h"
#include "proto/rest.h"
#include "proto/session.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void rest_msg_fini(struct actor_msg *msg)
{
	struct rest_msg *m = (struct rest_msg *)msg;

	mem_free(m->reason);
	if (m->body)
		rest_info(m->kind)->fini(m->body);
}

static void rest_reply_fini(struct actor_msg *msg)
{
	blob_put(((struct rest_reply_msg *)msg)->body);
}

static void session_events_fini(struct actor_msg *msg)
{
	struct session_events_msg *m = (struct session_events_msg *)msg;

	for (uint32_t i = 0; i < m->count; i++)
		blob_put(m->payload[i]);
}

static void session_direct_fini(struct actor_msg *msg)
{
	blob_put(((struct session_direct_msg *)msg)->payload);
}

static void session_reply_fini(struct actor_msg *msg)
{
	blob_put(((struct dir_session_reply_msg *)msg)->self_user);
	blob_put(((struct dir_session_reply_msg *)msg)->private_channels);
}

static void presence_fini(struct actor_msg *msg)
{
	blob_put(((struct guild_presence_msg *)msg)->activities);
}

struct session_events_msg *session_events_new(uint32_t count)
{
	struct session_events_msg *m;

	m = actor_msg_new(SESSION_EVENTS,
			  sizeof(*m) + count * sizeof(m->payload[0]));
	if (m)
		m->count = count;
	return m;
}

#define TYPE(first, id, name, type, fini) \
	[(id) - (first)] = { name, sizeof(type), fini }

static const struct actor_type rest_types[] = {
	TYPE(PROTO_REST, REST_CALL, "rest.call", struct rest_msg,
	     rest_msg_fini),
	TYPE(PROTO_REST, REST_REPLY, "rest.reply", struct rest_reply_msg,
	     rest_reply_fini),
};

static const struct actor_type session_types[] = {
	TYPE(PROTO_SESSION, SESSION_EVENTS, "session.events",
	     struct session_events_msg, session_events_fini),
	TYPE(PROTO_SESSION, SESSION_GUILD_ADD, "session.guild_add",
	     struct session_guild_msg, NULL),
	TYPE(PROTO_SESSION, SESSION_GUILD_REMOVE, "session.guild_remove",
	     struct session_guild_msg, NULL),
	TYPE(PROTO_SESSION, SESSION_CLOSE, "session.close",
	     struct session_close_msg, NULL),
	TYPE(PROTO_SESSION, SESSION_DIRECT, "session.direct",
	     struct session_direct_msg, session_direct_fini),
};

static const struct actor_type dir_types[] = {
	TYPE(PROTO_DIR, DIR_AUTH, "dir.auth", struct dir_auth_msg, NULL),
	TYPE(PROTO_DIR, DIR_AUTH_REPLY, "dir.auth_reply",
	     struct dir_auth_reply_msg, NULL),
	TYPE(PROTO_DIR, DIR_SESSION_OPEN, "dir.session_open",
	     struct dir_session_open_msg, NULL),
	TYPE(PROTO_DIR, DIR_SESSION_OPEN_REPLY, "dir.session_open_reply",
	     struct dir_session_reply_msg, session_reply_fini),
	TYPE(PROTO_DIR, DIR_SESSION_CLOSE, "dir.session_close",
	     struct actor_msg, NULL),
};

static const struct actor_type guild_types[] = {
	TYPE(PROTO_GUILD, GUILD_JOIN, "guild.join", struct guild_join_msg,
	     NULL),
	TYPE(PROTO_GUILD, GUILD_LEAVE, "guild.leave", struct actor_msg, NULL),
	TYPE(PROTO_GUILD, GUILD_MEMBERS_REQUEST, "guild.members_request",
	     struct guild_members_msg, NULL),
	TYPE(PROTO_GUILD, GUILD_PRESENCE, "guild.presence",
	     struct guild_presence_msg, presence_fini),
	TYPE(PROTO_GUILD, GUILD_ATTEND, "guild.attend",
	     struct guild_attend_msg, NULL),
};

int proto_types_register(void)
{
	int err;

	err = actor_types_register(PROTO_REST, rest_types, COUNT(rest_types));
	if (!err)
		err = actor_types_register(PROTO_SESSION, session_types,
					   COUNT(session_types));
	if (!err)
		err = actor_types_register(PROTO_DIR, dir_types,
					   COUNT(dir_types));
	if (!err)
		err = actor_types_register(PROTO_GUILD, guild_types,
					   COUNT(guild_types));
	return err;
}
