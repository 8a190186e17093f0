/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to actor/: the flight recorder.  Each scheduler writes a ring of
 * records: all births and ends, and what happens to followed messages.  A
 * message is followed if the one that caused it is, TRACE_HOPS deep and to the
 * first TRACE_WIDTH that a handler sends; of those that nothing caused (from
 * outside, timers, I/O) one in trace_every is picked.
 */
#ifndef ACTOR_FLIGHT_H
#define ACTOR_FLIGHT_H

#include "actor/impl.h"

enum flight_event {
	FLIGHT_NONE,
	FLIGHT_SEND,	/* peer: to */
	FLIGHT_BEGIN,	/* peer: from */
	FLIGHT_DONE,	/* value: what the handler returned */
	FLIGHT_START,	/* value: 0 or the error */
	FLIGHT_FAIL,	/* value: the error */
	FLIGHT_RESTART,
	FLIGHT_END,	/* value: the reason */
	FLIGHT_EVENTS,
};

#define FLIGHT_RING 4096u
#define TRACE_WIDTH 16

/* An envelope's trace: the number of the trace and the hops it may yet go. */
#define TRACE_HOP_BITS 6
#define TRACE_HOPS ((1u << TRACE_HOP_BITS) - 1)

/* As it is dumped, too. */
struct flight_record {
	uint64_t time_ns;
	uint64_t actor;
	uint64_t peer;
	uint32_t trace;
	uint16_t type;
	uint8_t event;
	int8_t value;
};

_Static_assert(sizeof(struct flight_record) == 32, "dump format");

struct flight {
	_Atomic uint64_t next;	/* index of the next record, ever growing */
	struct flight_record ring[FLIGHT_RING];
};

int flight_new(struct flight **ret_flight);
void flight_free(struct flight *flight);

/* Picks roots: 0, or the number of a trace. */
uint32_t flight_pick(struct sched *s);
void flight_pick_foreign(struct actor_system *sys, struct actor_msg *msg);

void flight_add(struct sched *s, enum flight_event event, uint64_t actor,
		uint64_t peer, const struct actor_msg *msg, int value);
void flight_life(struct actor *actor, enum flight_event event, int value);

static inline void flight_sent(struct sched *s, struct actor *self,
			       actor_ref to, struct actor_msg *msg)
{
	if (__builtin_expect(s->trace & TRACE_HOPS && s->trace_width, 0)) {
		s->trace_width--;
		envelope_of(msg)->trace = s->trace - 1;
		flight_add(s, FLIGHT_SEND, ref_of(s->sys, self).bits, to.bits,
			   msg, 0);
	}
}

/* A handler begins with msg. */
static inline void flight_begins(struct sched *s, struct actor *actor,
				 struct actor_msg *msg)
{
	if (__builtin_expect(msg->type < ACTOR_MSG_USER &&
			     !envelope_of(msg)->trace, 0))
		envelope_of(msg)->trace = flight_pick(s);
	s->trace = envelope_of(msg)->trace;
	if (__builtin_expect(s->trace != 0, 0)) {
		s->trace_width = TRACE_WIDTH;
		flight_add(s, FLIGHT_BEGIN, ref_of(s->sys, actor).bits,
			   msg->from.bits, msg, 0);
	}
}

static inline void flight_ends(struct sched *s, struct actor *actor, int ret)
{
	if (__builtin_expect(s->trace != 0, 0))
		flight_add(s, FLIGHT_DONE, ref_of(s->sys, actor).bits, 0, NULL,
			   ret);
	s->trace = 0;
}

#endif
