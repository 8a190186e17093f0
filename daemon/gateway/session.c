// SPDX-License-Identifier: Apache-2.0
#include "gateway/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/eyes.h"
#include "gateway/session_impl.h"
#include "proto/guild.h"
#include "proto/readstate.h"

#define HEAD_MAX 32

/* How often a session looks at the clock, within the shorter of the heartbeat
 * interval and the time that a send may take. */
#define TICKS 4
/* A beat may be late by half an interval: networks and busy clients are. */
#define LATE_BEAT(ms) ((uint64_t)(ms) * 1500000)

/* --- sending ------------------------------------------------------------- */

#define HELLO_FORMAT "{\"t\":null,\"s\":null,\"op\":10,\"d\":" \
	"{\"heartbeat_interval\":%u,\"_trace\":[]}}"

static const char *const notices[] = {
	[NOTICE_ACK] = "{\"t\":null,\"s\":null,\"op\":11,\"d\":null}",
	[NOTICE_INVALID] = "{\"t\":null,\"s\":null,\"op\":9,\"d\":false}",
	[NOTICE_RECONNECT] = "{\"t\":null,\"s\":null,\"op\":7,\"d\":null}",
};

/* A client that lets NOTICES_MAX of them wait does not read: it may miss one,
 * and its heartbeats then end the connection. */
void session_notice(struct session *s, enum notice notice)
{
	if (s->conn && s->link.notices < NOTICES_MAX)
		s->link.notice[s->link.notices++] = notice;
}

static int put_notice(struct session *s)
{
	uint8_t notice = s->link.notice[0];
	char hello[sizeof(HELLO_FORMAT) + 16];

	check(s->link.notices <= NOTICES_MAX);
	s->link.notices--;
	memmove(s->link.notice, s->link.notice + 1, s->link.notices);
	if (notice != NOTICE_HELLO)
		return conn_put(s->conn, notices[notice],
				strlen(notices[notice]), NULL);
	return conn_put(s->conn, hello,
			snprintf(hello, sizeof(hello), HELLO_FORMAT,
				 s->config->heartbeat_ms), NULL);
}

/* SESSION_FRAME_HEAD, a digit at a time: it is written for every delivery. */
static size_t write_head(char head[HEAD_MAX], uint64_t seq)
{
	static const char start[] = "{\"s\":";
	char digits[20], *digit = digits + sizeof(digits);
	size_t len = sizeof(start) - 1, count;

	memcpy(head, start, len);
	do
		*--digit = '0' + seq % 10;
	while (seq /= 10);
	count = digits + sizeof(digits) - digit;
	memcpy(head + len, digit, count);
	return len + count;
}

static int put_event(struct session *s)
{
	char head[HEAD_MAX];
	uint64_t seq;
	struct blob *payload = journal_peek(&s->journal, &seq);
	size_t len = write_head(head, seq);

	journal_sent(&s->journal);
	return conn_put(s->conn, head, len, payload);
}

void session_flush(struct session *s)
{
	int err = 0;

	if (!s->conn)
		return;
	while (!err && conn_has_room(s->conn)) {
		if (s->link.notices)
			err = put_notice(s);
		else if (journal_unsent(&s->journal))
			err = put_event(s);
		else
			break;
	}
	/* A hole in the stream: the client must come again and resume. */
	if (err) {
		log_warn("session", "put_failed", "user=%" PRIu64 " errno=%d",
			 s->user_id, -err);
		conn_close(s->conn, FRAME_CLOSE_LOST);
		s->conn = NULL;
		return;
	}
	conn_flush(s->conn);
}

int session_refuse(struct session *s)
{
	s->phase = SESSION_NEW;
	session_notice(s, NOTICE_INVALID);
	session_flush(s);
	return 0;
}

int session_event(struct session *s, struct blob *payload)
{
	return journal_add(&s->journal, payload);
}

/* --- connections come and go ---------------------------------------------- */

int session_attach(struct actor *self, struct session *s, struct conn *conn)
{
	int err;

	check(!s->conn);
	err = conn_attach(conn, s->conns, actor_self(self), ++s->attachment);
	if (err) {
		conn_free(conn);
		return err;
	}
	s->conn = conn;
	s->link.last_beat_ns = actor_now_ns(self);
	return 0;
}

void session_name_conn(struct actor *self, const struct session *s)
{
	if (s->conn)
		eyes_name(conn_cookie(s->conn), s->user_id, actor_self(self));
}

void session_hang_up(struct actor *self, struct session *s, uint16_t code)
{
	if (s->conn)
		conn_close(s->conn, code);
	s->conn = NULL;
	session_admit_leave(self, s);
	s->away_since_ns = actor_now_ns(self);
}

void session_forget(struct actor *self, struct session *s)
{
	uint32_t i;

	for (i = 0; i < s->guild_count; i++) {
		struct actor_msg *msg = actor_msg_new(GUILD_LEAVE,
						      sizeof(*msg));

		if (msg)
			actor_send(self, s->guild[i].ref, msg);
	}
}

static int end(struct actor *self, struct session *s)
{
	session_forget(self, s);
	return ACTOR_STOP;
}

/* The connection is over, or must be.  Only a LIVE session can wait. */
static int lost(struct actor *self, struct session *s, uint16_t code,
		bool by_client)
{
	session_hang_up(self, s, code);
	if (s->phase != SESSION_LIVE)
		return end(self, s);
	if (by_client && (code == FRAME_CLOSE_NORMAL ||
			  code == FRAME_CLOSE_AWAY))
		return end(self, s);
	return 0;
}

/* A conn_read() that ended: what the client hears, and whether we go on. */
static int read_ended(struct actor *self, struct session *s, int result)
{
	if (result == -FRAME_CLOSE_TOO_BIG)
		result = -CLOSE_DECODE;
	if (result < 0 && s->phase == SESSION_LIVE)
		log_debug("session", "closed", "user=%" PRIu64 " code=%d",
			  s->user_id, -result);
	return lost(self, s, result < 0 ? -result : result, result > 0);
}

/* --- what arrives --------------------------------------------------------- */

static bool over_rate(struct actor *self, struct session *s)
{
	uint64_t now = actor_now_ns(self);

	if (now - s->link.window_ns >= SESSION_PAYLOADS_NS) {
		s->link.window_ns = now;
		s->link.payloads = 0;
	}
	return ++s->link.payloads > SESSION_PAYLOADS_MAX;
}

struct reading {
	struct actor *self;
	struct session *session;
};

static int on_message(void *ctx, enum frame_opcode opcode, const uint8_t *data,
		      size_t len)
{
	struct reading *reading = ctx;

	if (over_rate(reading->self, reading->session))
		return -CLOSE_RATE;
	if (opcode != FRAME_TEXT)
		return -CLOSE_DECODE;
	return session_payload(reading->self, reading->session,
			       (const char *)data, len);
}

static int on_stirred(struct actor *self, struct session *s,
		      struct actor_msg *msg)
{
	struct reading reading = { self, s };
	int result;

	/* Of a connection that is ours no more. */
	if (!s->conn || msg->tag != s->attachment)
		return 0;
	result = conn_read(s->conn, on_message, &reading);
	if (result)
		return read_ended(self, s, result);
	session_flush(s);
	session_admit_check(self, s);
	return s->phase == SESSION_GIVING ? session_give(self, s) : 0;
}

/* An event that cannot be kept breaks the promise of RESUME. */
static int overflow(struct actor *self, struct session *s, int err)
{
	log_warn("session", "overflow", "user=%" PRIu64 " unsent=%" PRIu64
		 " errno=%d", s->user_id, journal_unsent(&s->journal), -err);
	session_hang_up(self, s, FRAME_CLOSE_LOST);
	return end(self, s);
}

static int on_events(struct actor *self, struct session *s,
		     struct actor_msg *msg)
{
	struct session_events_msg *events = (void *)msg;
	uint32_t i;
	int err = 0;

	for (i = 0; i < events->count && !err; i++) {
		err = session_event(s, events->payload[i]);
		events->payload[i] = NULL;
	}
	if (err)
		return overflow(self, s, err);
	if (events->opens)
		session_admit_guild(s, events->opens);
	session_flush(s);
	session_admit_check(self, s);
	return 0;
}

static int session_handle(struct actor *self, void *state,
			  struct actor_msg *msg);

static int opened(struct actor *self, struct session *s,
		  struct dir_session_reply_msg *reply,
		  const struct readstate_entries_msg *read_states)
{
	int code = session_opened(self, s, reply, read_states);

	if (code)
		return lost(self, s, -code, false);
	session_flush(s);
	session_admit_check(self, s);
	return 0;
}

static int on_admitted(struct actor *self, struct session *s,
		       struct actor_msg *msg)
{
	int code = session_admit_go_on(self, s);

	(void)msg;
	return code ? lost(self, s, -code, false) : 0;
}

static int on_opened(struct actor *self, struct session *s,
		     struct actor_msg *msg)
{
	struct dir_session_reply_msg *reply = (void *)msg;

	if (s->phase != SESSION_OPENING || s->opening)
		return 0;
	if (!reply->error && !reply->is_bot &&
	    session_read_ask(self, s, reply))
		return 0;
	return opened(self, s, reply, NULL);
}

/* Read states are here, or will not come: READY, and then what was held. */
static int go_on(struct actor *self, struct session *s,
		 const struct readstate_entries_msg *read_states)
{
	struct opening *o = session_read_end(s);
	int err = opened(self, s, o->reply, read_states);

	for (uint32_t i = 0; !err && i < o->held_count; i++)
		err = session_handle(self, s, o->held[i]);
	session_read_free(o);
	return err;
}

static int on_read_states(struct actor *self, struct session *s,
			  struct actor_msg *msg)
{
	return s->opening ? go_on(self, s, (void *)msg) : 0;
}

static int on_guild_add(struct actor *self, struct session *s,
			struct actor_msg *msg)
{
	struct session_guild_msg *add = (void *)msg;
	struct dir_guild guild = { add->guild_id, add->guild };

	session_guild_add(self, s, &guild);
	return 0;
}

static int on_guild_remove(struct actor *self, struct session *s,
			   struct actor_msg *msg)
{
	struct session_guild_msg *remove = (void *)msg;

	session_guild_remove(s, remove->guild_id);
	session_admit_guild(s, remove->guild_id);
	session_admit_check(self, s);
	return 0;
}

static int on_direct(struct actor *self, struct session *s,
		     struct actor_msg *msg)
{
	struct session_direct_msg *direct = (void *)msg;
	struct blob *payload = direct->payload;
	int err;

	/* Before READY there was no room to keep it: the client starts anew. */
	if (s->phase == SESSION_OPENING)
		return lost(self, s, CLOSE_UNKNOWN, false);
	if (s->phase != SESSION_LIVE ||
	    !session_wants_direct(s, direct->intents))
		return 0;
	direct->payload = NULL;
	err = session_event(s, payload);
	if (err)
		return overflow(self, s, err);
	session_flush(s);
	return 0;
}

static int on_close(struct actor *self, struct session *s,
		    struct actor_msg *msg)
{
	struct session_close_msg *close = (void *)msg;

	session_flush(s);
	session_hang_up(self, s, close->code);
	return end(self, s);
}

static int on_stop(struct actor *self, struct session *s, struct actor_msg *msg)
{
	(void)msg;
	session_notice(s, NOTICE_RECONNECT);
	session_flush(s);
	session_hang_up(self, s, FRAME_CLOSE_AWAY);
	return ACTOR_STOP;
}

static uint64_t tick_ns(const struct session *s)
{
	uint64_t ms = s->config->heartbeat_ms < s->config->stall_ms ?
		      s->config->heartbeat_ms : s->config->stall_ms;

	return ms * 1000000 / TICKS;
}

/* Why the client does not keep its side of it, heartbeats and reading; NULL:
 * it does. */
static const char *fault(const struct session *s, uint64_t now)
{
	uint64_t stalled = conn_stalled_since_ns(s->conn);

	if (now - s->link.last_beat_ns > LATE_BEAT(s->config->heartbeat_ms))
		return "silent";
	if (stalled && now - stalled > s->config->stall_ms * 1000000ull)
		return "slow";
	return NULL;
}

static int cut(struct actor *self, struct session *s, const char *why)
{
	log_info("session", "cut", "user=%" PRIu64 " why=%s unsent=%" PRIu64,
		 s->user_id, why, journal_unsent(&s->journal));
	return lost(self, s, CLOSE_UNKNOWN, false);
}

static int on_tick(struct actor *self, struct session *s, struct actor_msg *msg)
{
	uint64_t now = actor_now_ns(self);
	const char *why;

	actor_timer_again(self, msg, tick_ns(s));
	if (!s->conn)
		return now - s->away_since_ns > SESSION_AWAY_NS ?
		       end(self, s) : 0;
	if (session_read_overdue(self, s))
		return go_on(self, s, NULL);
	why = fault(s, now);
	if (why)
		return cut(self, s, why);
	return s->phase == SESSION_GIVING ? session_give(self, s) : 0;
}

static const struct handler {
	uint32_t type;
	int (*fn)(struct actor *self, struct session *s, struct actor_msg *msg);
} handlers[] = {
	{ SESSION_EVENTS, on_events },
	{ CONN_STIRRED, on_stirred },
	{ ACTOR_MSG_TIMER, on_tick },
	{ DIR_SESSION_OPEN_REPLY, on_opened },
	{ READSTATE_ENTRIES, on_read_states },
	{ SESSION_GUILD_ADD, on_guild_add },
	{ SESSION_GUILD_REMOVE, on_guild_remove },
	{ SESSION_DIRECT, on_direct },
	{ SESSION_CLOSE, on_close },
	{ SESSION_TAKE_ASK, session_take_message },
	{ SESSION_TAKE_ANSWER, session_take_message },
	{ SESSION_TAKE_GIVE, session_take_message },
	{ SESSION_ADMITTED, on_admitted },
	{ ACTOR_MSG_DOWN, session_take_message },
	{ ACTOR_MSG_STOP, on_stop },
};

static int session_handle(struct actor *self, void *state,
			  struct actor_msg *msg)
{
	size_t i;

	if (session_read_hold(self, state, msg))
		return 0;
	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == msg->type)
			return handlers[i].fn(self, state, msg);
	return 0;
}

/* --- life ----------------------------------------------------------------- */

static int session_start(struct actor *self, void *state, const void *arg)
{
	const struct session_arg *from = arg;
	struct session *s = state;
	struct conn *conn = *from->conn;
	int err;

	/* From here on it is ours, whatever happens. */
	*from->conn = NULL;
	s->config = from->config;
	s->conns = from->conns;
	s->admission = from->admission;
	journal_init(&s->journal);
	if (from->upgrade.zlib_stream && conn_compress_stream(conn)) {
		conn_free(conn);
		return -ENOMEM;
	}
	err = session_attach(self, s, conn);
	if (err)
		return err;
	if (from->upgrade.close) {
		session_hang_up(self, s, from->upgrade.close);
		return -EPROTO;
	}
	session_notice(s, NOTICE_HELLO);
	session_flush(s);
	if (actor_timer_start(self, tick_ns(s), 0))
		return 0;
	session_hang_up(self, s, FRAME_CLOSE_LOST);
	return -ENOMEM;
}

static void session_stop(struct actor *self, void *state, int reason)
{
	struct session *s = state;

	(void)reason;
	/* Ended from outside, with its gate: the client shall come again. */
	if (s->conn) {
		session_notice(s, NOTICE_RECONNECT);
		session_flush(s);
	}
	session_hang_up(self, s, FRAME_CLOSE_AWAY);
	journal_fini(&s->journal);
	blob_put(s->presence.activities);
	mem_free(s->guild);
	session_read_free(s->opening);
}

const struct actor_class session_class = {
	.name = "session",
	.state_size = sizeof(struct session),
	.start = session_start,
	.handle = session_handle,
	.stop = session_stop,
	.mailbox_limit = 1u << 16,
	.when_full = ACTOR_FULL_MUTE,
};
