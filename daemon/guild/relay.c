// SPDX-License-Identifier: Apache-2.0
#include "guild/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"
#include "proto/close.h"
#include "proto/intent.h"
#include "proto/session.h"

#define ROUND_EVENTS 64		/* bits of a word */
/* Sessions that get theirs in one turn: then these have theirs, while their
 * messages are still in the processor's cache. */
#define TURN_SESSIONS 64
#define RELAY_MAILBOX 65536

struct relay_session {
	actor_ref ref;
	uint64_t user_id;
	uint32_t intents;
	uint32_t attends;	/* the slot it attends to when passive */
	bool active;
	bool doomed;		/* it missed something, and has not been told */
	uint16_t list;		/* the member list it looks at */
	uint32_t rows;
	struct relay_view view;
};

/* Events that go to every session together. */
struct round {
	uint32_t count;
	uint64_t alike;		/* bit i: event i is for whom i - 1 is for */
	struct relay_event_msg *event[ROUND_EVENTS];
	/* References that are taken of its payload and of what is stripped of
	 * it, and not given to a session yet. */
	uint32_t refs[ROUND_EVENTS][2];
};

/*
 * Invariants: session[i] is in `index` under its ref's bits as i.
 * `doomed` of them are: these get nothing more, but to be closed.
 * Sessions before `at` have got what is in `giving`; when it is empty, at is 0.
 * What concerns sessions waits until all have got all: drain().
 * While there are events in either round a RELAY_FLUSH is in our own mailbox (a
 * flush for another reason may leave one there that finds nothing).
 */
struct relay {
	actor_ref guild;
	struct relay_session *session;
	uint32_t count, room, doomed;
	struct hmap index;
	uint32_t intents;		/* all of all sessions, ORed */
	uint32_t at;
	struct round giving, gathering;
};

static int start(struct actor *self, void *state, const void *arg)
{
	struct relay *r = state;

	(void)self;
	r->guild = *(const actor_ref *)arg;
	return 0;
}

static struct relay_session *find(struct relay *r, actor_ref ref)
{
	uint64_t i;

	if (!hmap_get(&r->index, ref.bits, &i))
		return NULL;
	check(i < r->count && r->session[i].ref.bits == ref.bits);
	return &r->session[i];
}

static bool is_exempt(const struct relay_session *s,
		      const struct relay_event_msg *e)
{
	for (uint32_t i = 0; i < e->exempt_count; i++)
		if (e->exempt[i] == s->user_id)
			return true;
	return false;
}

static bool sees(const struct relay_session *s, const struct relay_event_msg *e)
{
	const struct relay_target *to = &e->to;

	if (s->doomed)
		return false;
	if (to->intents && !(s->intents & to->intents))
		return false;
	if (s->intents & to->without)
		return false;
	if (to->user_id && to->user_id != s->user_id)
		return false;
	if (to->perms && !(s->view.perms & to->perms))
		return false;
	if (to->slot != RELAY_NO_SLOT &&
	    !(s->view.channel[to->slot / 64] >> (to->slot % 64) & 1))
		return false;
	if (to->list && (s->list != to->list || s->rows <= to->row))
		return false;
	if (to->flags & RELAY_PASSIVE_TOO)
		return true;
	/* A passive session counts as active where it attends. */
	if (s->active ||
	    (to->slot != RELAY_NO_SLOT && s->attends == to->slot))
		return !(to->flags & RELAY_PASSIVE_ONLY);
	return to->flags & RELAY_PASSIVE_ONLY ||
	       (to->flags & RELAY_MENTIONED_TOO && is_exempt(s, e));
}

static bool gets_stripped(const struct relay_session *s,
			  const struct relay_event_msg *e)
{
	return e->stripped && !(s->intents & INTENT_MESSAGE_CONTENT) &&
	       !is_exempt(s, e);
}

/* One bit for each event that the session gets. */
static uint64_t events_for(const struct round *round,
			   const struct relay_session *s)
{
	uint64_t bits = 0;
	bool seen = false;

	for (uint32_t i = 0; i < round->count; i++) {
		if (!(round->alike >> i & 1))
			seen = sees(s, round->event[i]);
		bits |= (uint64_t)seen << i;
	}
	return bits;
}

static void remove_at(struct actor *self, struct relay *r, uint32_t i)
{
	struct relay_session *s = &r->session[i];

	r->doomed -= s->doomed;
	actor_demonitor(self, s->ref);
	hmap_del(&r->index, s->ref.bits);
	*s = r->session[--r->count];
	/* Replacing a value never fails. */
	if (i < r->count)
		hmap_set(&r->index, s->ref.bits, i);
}

static int deliver(struct actor *self, struct round *round,
		   const struct relay_session *s, uint64_t bits)
{
	struct session_events_msg *m;
	uint32_t n = 0;

	m = session_events_new((uint32_t)__builtin_popcountll(bits));
	if (!m)
		return -ENOMEM;
	for (; bits; bits &= bits - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(bits);
		const struct relay_event_msg *e = round->event[i];
		bool stripped = gets_stripped(s, e);

		check(round->refs[i][stripped]);
		m->payload[n++] = stripped ? e->stripped : e->payload;
		round->refs[i][stripped]--;
	}
	return actor_send(self, s->ref, &m->head);
}

/* A session that missed an event must not go on as if it had not. */
static int give_up(struct actor *self, actor_ref session)
{
	struct session_close_msg *m;

	m = ACTOR_MSG_NEW(struct session_close_msg, SESSION_CLOSE);
	if (!m)
		return -ENOMEM;
	m->code = CLOSE_UNKNOWN;
	/* One that has gone needs not be told. */
	actor_send(self, session, &m->head);
	return 0;
}

static void tell_gone(struct actor *self, struct relay *r, actor_ref session)
{
	struct relay_session_msg *m;

	m = ACTOR_MSG_NEW(struct relay_session_msg, RELAY_GONE);
	if (!m)
		return;
	m->session = session;
	actor_send(self, r->guild, &m->head);
}

/* The last one takes its place; false: it is doomed, and stays until there is
 * memory to tell it so. */
static bool drop(struct actor *self, struct relay *r, uint32_t i)
{
	struct relay_session *s = &r->session[i];
	actor_ref ref = s->ref;

	if (give_up(self, ref)) {
		r->doomed += !s->doomed;
		s->doomed = true;
		return false;
	}
	remove_at(self, r, i);
	tell_gone(self, r, ref);
	return true;
}

/* One atomic operation for all sessions, and one for what is left over. */
static void take_refs(struct round *round, uint32_t sessions)
{
	for (uint32_t i = 0; i < round->count; i++) {
		struct relay_event_msg *e = round->event[i];

		round->refs[i][0] = sessions;
		round->refs[i][1] = e->stripped ? sessions : 0;
		blob_get_n(e->payload, sessions);
		if (e->stripped)
			blob_get_n(e->stripped, sessions);
	}
}

static void drop_round(struct round *round)
{
	for (uint32_t i = 0; i < round->count; i++) {
		struct relay_event_msg *e = round->event[i];

		blob_put_n(e->payload, round->refs[i][0]);
		blob_put_n(e->stripped, round->refs[i][1]);
		actor_msg_free(&e->head);
	}
	round->count = 0;
	round->alike = 0;
}

/* What has gathered goes out next. */
static void begin(struct relay *r)
{
	check(!r->giving.count && !r->at);
	r->giving = r->gathering;
	r->gathering.count = 0;
	r->gathering.alike = 0;
	r->at = 0;
	if (r->count)
		take_refs(&r->giving, r->count);
}

/* To `most` sessions, or as many as there are. */
static void give(struct actor *self, struct relay *r, uint32_t most)
{
	if (!r->giving.count)
		return;
	while (r->at < r->count && most--) {
		struct relay_session *s = &r->session[r->at];
		uint64_t bits = events_for(&r->giving, s);

		if (!bits || !deliver(self, &r->giving, s, bits)) {
			r->at++;
			continue;
		}
		r->at += !drop(self, r, r->at);
	}
	if (r->at < r->count)
		return;
	r->at = 0;
	drop_round(&r->giving);
}

/* Until every session has all there is. */
static void drain(struct actor *self, struct relay *r)
{
	give(self, r, UINT32_MAX);
	begin(r);
	give(self, r, UINT32_MAX);
}

static int schedule_flush(struct actor *self)
{
	struct actor_msg *m = actor_msg_new(RELAY_FLUSH, sizeof(*m));

	return m ? actor_send(self, actor_self(self), m) : -ENOMEM;
}

static void flush_some(struct actor *self, struct relay *r)
{
	if (!r->giving.count)
		begin(r);
	give(self, r, TURN_SESSIONS);
	if ((r->giving.count || r->gathering.count) && schedule_flush(self))
		drain(self, r);
}

static bool is_alike(const struct relay_event_msg *a,
		     const struct relay_event_msg *b)
{
	const struct relay_target *x = &a->to, *y = &b->to;

	/* Whom one mentions gets it beside those of its target. */
	return !((x->flags | y->flags) & RELAY_MENTIONED_TOO) &&
	       x->intents == y->intents && x->without == y->without &&
	       x->slot == y->slot && x->perms == y->perms &&
	       x->user_id == y->user_id && x->row == y->row &&
	       x->list == y->list && x->flags == y->flags;
}

static void event(struct actor *self, struct relay *r,
		  struct relay_event_msg *e)
{
	struct round *round = &r->gathering;
	uint32_t i;

	if (e->to.intents && !(r->intents & e->to.intents))
		return;
	if (!r->count)
		return;
	if (round->count == ROUND_EVENTS)
		drain(self, r);
	actor_msg_take(self, &e->head);
	i = round->count++;
	round->event[i] = e;
	round->refs[i][0] = round->refs[i][1] = 0;
	if (i && is_alike(round->event[i - 1], e))
		round->alike |= 1ull << i;
	if (!i && !r->giving.count && schedule_flush(self))
		drain(self, r);
}

static int grow(struct relay *r)
{
	uint32_t room = r->room ? r->room * 2 : 8;
	struct relay_session *more;

	if (r->count < r->room)
		return 0;
	more = mem_realloc(r->session, room * sizeof(*more));
	if (!more)
		return -ENOMEM;
	r->session = more;
	r->room = room;
	return 0;
}

/* Hands one payload to one session, behind all that is pending. */
static int direct(struct actor *self, actor_ref session, struct blob *payload,
		  uint64_t opens)
{
	struct session_events_msg *m = session_events_new(1);

	if (!m)
		return -ENOMEM;
	m->opens = opens;
	m->payload[0] = blob_get(payload);
	return actor_send(self, session, &m->head);
}

static int add(struct actor *self, struct relay *r,
	       const struct relay_add_msg *m)
{
	struct relay_session *s = find(r, m->session);

	if (!s) {
		if (grow(r) || hmap_set(&r->index, m->session.bits, r->count))
			return -ENOMEM;
		s = &r->session[r->count++];
		s->doomed = false;
		actor_monitor(self, m->session);
	}
	*s = (struct relay_session){
		.ref = m->session,
		.user_id = m->user_id,
		.intents = m->intents,
		.attends = RELAY_NO_SLOT,
		.active = true,
		.doomed = s->doomed,
		.view = m->view,
	};
	r->intents |= m->intents;
	return m->first ?
		direct(self, m->session, m->first, m->guild_id) : 0;
}

/* What came before it must not reach the newcomer: flushed first. */
static void add_session(struct actor *self, struct relay *r,
			const struct relay_add_msg *m)
{
	struct relay_session *s;

	drain(self, r);
	if (!add(self, r, m))
		return;
	s = find(r, m->session);
	if (s) {
		drop(self, r, (uint32_t)(s - r->session));
		return;
	}
	(void)give_up(self, m->session);
	tell_gone(self, r, m->session);
}

static void remove_session(struct actor *self, struct relay *r, actor_ref ref)
{
	struct relay_session *s = find(r, ref);

	if (s)
		remove_at(self, r, (uint32_t)(s - r->session));
}

static int by_user(const void *key, const void *element)
{
	uint64_t user_id = *(const uint64_t *)key;
	const struct relay_view_of *of = element;

	return user_id < of->user_id ? -1 : user_id > of->user_id;
}

static const struct relay_view_of *view_of(const struct relay_views_msg *m,
					   uint64_t user_id)
{
	return bsearch(&user_id, m->views->data,
		       m->views->len / sizeof(struct relay_view_of),
		       sizeof(struct relay_view_of), by_user);
}

static bool in_view(const struct relay_view *view, uint32_t slot)
{
	return view->channel[slot / 64] >> (slot % 64) & 1;
}

/* Tells a session of the channels that come and go between two views. */
static int tell_slots(struct actor *self, const struct relay_session *s,
		      const struct relay_views_msg *m,
		      const struct relay_view *view)
{
	struct session_events_msg *out = NULL;
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->slot_count; i++) {
		bool sees = in_view(view, m->slot[i].slot);
		struct blob *payload = sees ? m->slot[i].appears :
					      m->slot[i].vanishes;

		if (in_view(&s->view, m->slot[i].slot) == sees)
			continue;
		if (!out)
			out = session_events_new(m->slot_count - i);
		if (!out || !payload) {
			if (!out)
				return -ENOMEM;
			out->count = n;
			actor_msg_free(&out->head);
			return -ENOMEM;
		}
		out->payload[n++] = blob_get(payload);
	}
	if (!out)
		return 0;
	out->count = n;
	return actor_send(self, s->ref, &out->head);
}

/* What came before is for those who saw it then: flushed first. */
static void set_views(struct actor *self, struct relay *r,
		      const struct relay_views_msg *m)
{
	uint32_t i = 0;

	drain(self, r);
	while (i < r->count) {
		struct relay_session *s = &r->session[i];
		const struct relay_view_of *of = view_of(m, s->user_id);
		bool told = !of || s->doomed ||
			    !(s->intents & INTENT_GUILDS) ||
			    !tell_slots(self, s, m, &of->view);

		if (of)
			s->view = of->view;
		if (told || !drop(self, r, i))
			i++;
	}
}

static void attend(struct actor *self, struct relay *r,
		   const struct relay_attend_msg *m)
{
	struct relay_session *s;

	drain(self, r);
	s = find(r, m->session);
	if (!s)
		return;
	s->active = m->active;
	s->attends = m->slot;
	s->list = m->list;
	s->rows = m->rows;
}

static void session_down(struct actor *self, struct relay *r, actor_ref ref)
{
	drain(self, r);
	remove_session(self, r, ref);
	tell_gone(self, r, ref);
}

static void to_one(struct actor *self, struct relay *r,
		   const struct relay_direct_msg *m)
{
	struct relay_session *s;

	drain(self, r);
	s = find(r, m->session);
	if (s && !s->doomed && direct(self, m->session, m->payload, false))
		drop(self, r, (uint32_t)(s - r->session));
}

/* There may be memory again. */
static void close_doomed(struct actor *self, struct relay *r)
{
	uint32_t i = 0;

	drain(self, r);
	while (r->doomed && i < r->count)
		if (!r->session[i].doomed)
			i++;
		else if (!drop(self, r, i))
			return;
}

static int handle(struct actor *self, void *state, struct actor_msg *msg)
{
	struct relay *r = state;

	if (r->doomed)
		close_doomed(self, r);
	switch (msg->type) {
	case RELAY_EVENT:
		event(self, r, (struct relay_event_msg *)msg);
		break;
	case RELAY_FLUSH:
		flush_some(self, r);
		break;
	case RELAY_ADD:
		add_session(self, r, (struct relay_add_msg *)msg);
		break;
	case RELAY_REMOVE:
		drain(self, r);
		remove_session(self, r,
			       ((struct relay_session_msg *)msg)->session);
		break;
	case RELAY_VIEWS:
		set_views(self, r, (struct relay_views_msg *)msg);
		break;
	case RELAY_DIRECT:
		to_one(self, r, (struct relay_direct_msg *)msg);
		break;
	case RELAY_ATTEND:
		attend(self, r, (struct relay_attend_msg *)msg);
		break;
	case ACTOR_MSG_DOWN:
		session_down(self, r, ((struct actor_down_msg *)msg)->who);
		break;
	case ACTOR_MSG_STOP:
		drain(self, r);
		return ACTOR_STOP;
	}
	return 0;
}

static void stop(struct actor *self, void *state, int reason)
{
	struct relay *r = state;

	(void)self;
	(void)reason;
	drop_round(&r->giving);
	drop_round(&r->gathering);
	hmap_fini(&r->index);
	mem_free(r->session);
}

const struct actor_class relay_actor_class = {
	.name = "relay",
	.state_size = sizeof(struct relay),
	.start = start,
	.handle = handle,
	.stop = stop,
	.mailbox_limit = RELAY_MAILBOX,
};
