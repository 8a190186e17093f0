// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "gateway/session_impl.h"
#include "proto/directory.h"
#include "proto/readstate.h"
#include "proto/session.h"

/* Then READY goes without them. */
#define WAIT_NS 5000000000ull

bool session_read_ask(struct actor *self, struct session *s,
		      struct dir_session_reply_msg *reply)
{
	actor_ref to = readstate_route(actor_system_of(self), reply->user_id);
	struct readstate_list_msg *m;
	struct opening *o;

	if (actor_ref_is_nobody(to))
		return false;
	o = mem_zalloc(sizeof(*o));
	m = o ? ACTOR_MSG_NEW(struct readstate_list_msg, READSTATE_LIST) : NULL;
	if (!m) {
		mem_free(o);
		return false;
	}
	m->user_id = reply->user_id;
	if (actor_send(self, to, &m->head)) {
		mem_free(o);
		return false;
	}
	actor_msg_take(self, &reply->head);
	o->reply = reply;
	o->since_ns = actor_now_ns(self);
	s->opening = o;
	return true;
}

/* What the session could not place before READY. */
static bool must_wait(uint32_t type)
{
	return type == SESSION_GUILD_ADD || type == SESSION_GUILD_REMOVE ||
	       type == SESSION_DIRECT;
}

bool session_read_hold(struct actor *self, struct session *s,
		       struct actor_msg *msg)
{
	struct opening *o = s->opening;

	if (!o || !must_wait(msg->type) || o->held_count == SESSION_HELD_MAX)
		return false;
	actor_msg_take(self, msg);
	o->held[o->held_count++] = msg;
	return true;
}

bool session_read_overdue(struct actor *self, const struct session *s)
{
	return s->opening &&
	       actor_now_ns(self) - s->opening->since_ns > WAIT_NS;
}

struct opening *session_read_end(struct session *s)
{
	struct opening *o = s->opening;

	s->opening = NULL;
	return o;
}

void session_read_free(struct opening *o)
{
	if (!o)
		return;
	for (uint32_t i = 0; i < o->held_count; i++)
		actor_msg_free(o->held[i]);
	actor_msg_free(&o->reply->head);
	mem_free(o);
}
