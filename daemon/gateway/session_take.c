// SPDX-License-Identifier: Apache-2.0
/*
 * RESUME: a fresh session asks the one that the client names to take its
 * connection over.  The older one may be on another core: what moves is the
 * descriptor, its events stay where they are.
 *
 *	fresh				older
 *	ASK (secret, token, seq)  ->	checks; lets go of its connection
 *	GIVING			  <-	ANSWER
 *	GIVE (the connection)	  ->	rewinds, replays, RESUMED
 */
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "base/blob.h"
#include "base/buf.h"
#include "gateway/session_impl.h"

#define ID_LEN (16 + 2 * SECRET_LEN)	/* the reference, the secret: hex */

static const char resumed[] =
	",\"t\":\"RESUMED\",\"op\":0,\"d\":{\"_trace\":[]}}";

struct take_ask {
	struct actor_msg head;
	uint64_t seq;
	uint8_t secret[SECRET_LEN];
	uint8_t token_hash[TOKEN_HASH_LEN];
};

struct take_answer {
	struct actor_msg head;
	bool yes;
};

struct take_give {
	struct actor_msg head;
	uint64_t seq;
	struct conn *conn;		/* owned */
	struct presence_of_conn link;
};

static void give_fini(struct actor_msg *msg)
{
	struct take_give *give = (void *)msg;

	if (give->conn)
		conn_free(give->conn);
}

static const struct actor_type take_types[] = {
	{ "session.take_ask", sizeof(struct take_ask), NULL },
	{ "session.take_answer", sizeof(struct take_answer), NULL },
	{ "session.take_give", sizeof(struct take_give), give_fini },
	{ "session.admitted", sizeof(struct actor_msg), NULL },
};

static const struct actor_type conn_types[] = {
	{ "conn.stirred", sizeof(struct actor_msg), NULL },
};

int session_types_register(void)
{
	int err = actor_types_register(CONN_STIRRED, conn_types, 1);

	return err ? err : actor_types_register(SESSION_TAKE_ASK, take_types,
						4);
}

void session_token_hash(const char *token, uint8_t ret_hash[TOKEN_HASH_LEN])
{
	SHA256((const uint8_t *)token, strlen(token), ret_hash);
}

void session_put_id(struct actor *self, const struct session *s,
		    struct buf *buf)
{
	size_t i;

	buf_printf(buf, "%016" PRIx64, actor_self(self).bits);
	for (i = 0; i < SECRET_LEN; i++)
		buf_printf(buf, "%02x", s->secret[i]);
}

static bool parse_hex(const char *text, size_t len, uint64_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit;

	*ret = 0;
	while (len--) {
		digit = *text ? strchr(digits, *text++) : NULL;
		if (!digit)
			return false;
		*ret = *ret << 4 | (digit - digits);
	}
	return true;
}

static bool parse_id(const char *id, actor_ref *ret_ref,
		     uint8_t ret_secret[SECRET_LEN])
{
	uint64_t value;
	size_t i;

	if (strlen(id) != ID_LEN || !parse_hex(id, 16, &ret_ref->bits))
		return false;
	for (i = 0; i < SECRET_LEN; i++) {
		if (!parse_hex(id + 16 + 2 * i, 2, &value))
			return false;
		ret_secret[i] = value;
	}
	return true;
}

/* --- the fresh session ---------------------------------------------------- */

int session_resume(struct actor *self, struct session *s,
		   const struct payload_resume *resume)
{
	struct take_ask *ask;

	s->target_seq = resume->seq;
	ask = ACTOR_MSG_NEW(struct take_ask, SESSION_TAKE_ASK);
	if (!ask)
		return -CLOSE_UNKNOWN;
	ask->seq = resume->seq;
	session_token_hash(resume->token, ask->token_hash);
	if (!parse_id(resume->session_id, &s->target, ask->secret) ||
	    actor_ref_eq(s->target, actor_self(self))) {
		actor_msg_free(&ask->head);
		return session_refuse(s);
	}
	s->phase = SESSION_ASKING;
	/* One that is gone already is reported down at once. */
	actor_send(self, s->target, &ask->head);
	return actor_monitor(self, s->target) ? -CLOSE_UNKNOWN : 0;
}

int session_give(struct actor *self, struct session *s)
{
	struct take_give *give;

	if (!s->conn || conn_sending(s->conn))
		return 0;
	give = ACTOR_MSG_NEW(struct take_give, SESSION_TAKE_GIVE);
	if (!give)
		return -ENOMEM;
	conn_detach(s->conn);
	give->conn = s->conn;
	give->link = s->link;
	give->seq = s->target_seq;
	s->conn = NULL;
	actor_send(self, s->target, &give->head);
	return ACTOR_STOP;
}

static int on_answer(struct actor *self, struct session *s,
		     const struct take_answer *answer)
{
	if (s->phase != SESSION_ASKING ||
	    !actor_ref_eq(answer->head.from, s->target))
		return 0;
	actor_demonitor(self, s->target);
	if (!answer->yes)
		return session_refuse(s);
	s->phase = SESSION_GIVING;
	/* Stirred again when what is on its way is sent. */
	if (s->conn && conn_sending(s->conn)) {
		conn_has_room(s->conn);
		return 0;
	}
	return session_give(self, s);
}

static int on_down(struct session *s, const struct actor_down_msg *down)
{
	if (s->phase != SESSION_ASKING || !actor_ref_eq(down->who, s->target))
		return 0;
	return session_refuse(s);
}

/* --- the older session ---------------------------------------------------- */

static bool is_mine(const struct session *s, const struct take_ask *ask)
{
	return s->phase == SESSION_LIVE &&
	       !CRYPTO_memcmp(s->secret, ask->secret, SECRET_LEN) &&
	       !CRYPTO_memcmp(s->token_hash, ask->token_hash, TOKEN_HASH_LEN);
}

static int on_ask(struct actor *self, struct session *s,
		  const struct take_ask *ask)
{
	struct take_answer *answer = ACTOR_MSG_NEW(struct take_answer,
						   SESSION_TAKE_ANSWER);

	/* Who asks is told that we are gone, for which there is memory. */
	if (!answer)
		return -ENOMEM;
	/* From here on nothing of the old connection can acknowledge events
	 * that the new one is to be given. */
	answer->yes = is_mine(s, ask) &&
		      !journal_rewind(&s->journal, ask->seq);
	if (answer->yes)
		session_hang_up(self, s, CLOSE_UNKNOWN);
	return actor_reply(self, &ask->head, &answer->head), 0;
}

static int on_give(struct actor *self, struct session *s,
		   struct take_give *give)
{
	struct conn *conn = give->conn;
	struct blob *done = blob_new(resumed, sizeof(resumed) - 1);
	int err;

	give->conn = NULL;
	session_hang_up(self, s, CLOSE_UNKNOWN);
	s->link = give->link;
	if (session_attach(self, s, conn)) {
		blob_put(done);
		return 0;
	}
	session_name_conn(self, s);
	conn_settle(conn);
	err = journal_rewind(&s->journal, give->seq);
	if (!err)
		err = done ? session_event(s, blob_get(done)) : -ENOMEM;
	blob_put(done);
	if (err)
		session_hang_up(self, s, CLOSE_UNKNOWN);
	session_flush(s);
	return 0;
}

int session_take_message(struct actor *self, struct session *s,
			 struct actor_msg *msg)
{
	switch (msg->type) {
	case SESSION_TAKE_ASK:
		return on_ask(self, s, (void *)msg);
	case SESSION_TAKE_ANSWER:
		return on_answer(self, s, (void *)msg);
	case ACTOR_MSG_DOWN:
		return on_down(s, (void *)msg);
	default:
		return on_give(self, s, (void *)msg);
	}
}
