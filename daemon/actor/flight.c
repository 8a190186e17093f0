// SPDX-License-Identifier: Apache-2.0
#include "actor/flight.h"

#include <errno.h>

#include "base/mem.h"

int flight_new(struct flight **ret_flight)
{
	struct flight *flight = mem_zalloc(sizeof(*flight));

	if (!flight)
		return -ENOMEM;
	*ret_flight = flight;
	return 0;
}

void flight_free(struct flight *flight)
{
	mem_free(flight);
}

static uint32_t pick(struct actor_system *sys, uint32_t every)
{
	uint32_t n = atomic_fetch_add_explicit(&sys->trace_next, 1,
					       memory_order_relaxed);

	return n % every ? 0 : (n / every + 1) << TRACE_HOP_BITS | TRACE_HOPS;
}

uint32_t flight_pick(struct sched *s)
{
	uint32_t every = atomic_load_explicit(&s->sys->trace_every,
					      memory_order_relaxed);

	return every ? pick(s->sys, every) : 0;
}

void flight_pick_foreign(struct actor_system *sys, struct actor_msg *msg)
{
	uint32_t every = atomic_load_explicit(&sys->trace_every,
					      memory_order_relaxed);

	if (every)
		envelope_of(msg)->trace = pick(sys, every);
}

void flight_add(struct sched *s, enum flight_event event, uint64_t actor,
		uint64_t peer, const struct actor_msg *msg, int value)
{
	struct flight *flight = s->flight;
	uint64_t n = atomic_load_explicit(&flight->next, memory_order_relaxed);

	flight->ring[n % FLIGHT_RING] = (struct flight_record){
		.time_ns = os_now_ns(s->sys->env),
		.actor = actor,
		.peer = peer,
		.trace = (msg ? envelope_of(msg)->trace : s->trace) >>
			 TRACE_HOP_BITS,
		.type = msg ? (uint16_t)msg->type : 0,
		.event = (uint8_t)event,
		.value = (int8_t)value,
	};
	/* Release: the record.  Partner: the dump. */
	atomic_store_explicit(&flight->next, n + 1, memory_order_release);
}

void flight_life(struct actor *actor, enum flight_event event, int value)
{
	struct sched *s = actor->sched;

	if (atomic_load_explicit(&s->sys->trace_every, memory_order_relaxed))
		flight_add(s, event, ref_of(s->sys, actor).bits, 0, NULL,
			   value);
}
