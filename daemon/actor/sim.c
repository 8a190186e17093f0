// SPDX-License-Identifier: Apache-2.0
#include "actor/sim.h"

#include <errno.h>

#include "actor/runq.h"
#include "actor/sched.h"
#include "os/sim.h"

/* The most ready actors that one picked may overtake. */
#define SHUFFLE 4
#define NS_PER_MS 1000000ull

/* Runs an actor where a failed assertion comes back here. */
static void run_one(struct sched *s, struct actor *actor)
{
	jmp_buf on_fail;
	int err;

	s->on_fail = &on_fail;
	err = setjmp(on_fail);
	if (err)
		sched_run_failed(s, -err);
	else
		sched_run_actor(s, actor);
	s->on_fail = NULL;
}

static struct actor *pick_actor(struct sched *s)
{
	uint64_t skip = rng_below(&s->sys->sim_rng, SHUFFLE);
	struct actor *actor = sched_next(s), *next;

	while (actor && skip--) {
		next = sched_next(s);
		if (!next)
			break;
		sched_ready(s->sys, actor);
		actor = next;
	}
	return actor;
}

/* One scheduler's step; true if a handler's turn was run. */
static bool step(struct sched *s)
{
	struct actor *actor;

	sched_here = s;
	if (rng_below(&s->sys->sim_rng, 2))
		sched_drain_inbox(s);
	if (!rng_below(&s->sys->sim_rng, SHUFFLE) || !runq_length(&s->runq))
		sched_steal(s);
	s->batch = 1 + (uint32_t)rng_below(&s->sys->sim_rng, ACTOR_BATCH);
	actor = pick_actor(s);
	if (actor)
		run_one(s, actor);
	if (!actor || !rng_below(&s->sys->sim_rng, SHUFFLE))
		sched_poll(s, 0);
	sched_flush_outbox(s);
	sched_here = NULL;
	return actor;
}

static bool anything_ready(struct actor_system *sys)
{
	for (int i = 0; i < sys->cores; i++) {
		struct sched *s = &sys->scheds[i];

		if (s->first || runq_length(&s->runq) ||
		    atomic_load(&s->inbox))
			return true;
	}
	return false;
}

/* When the next timer or simulated I/O is due. */
static uint64_t next_event(struct actor_system *sys)
{
	uint64_t at = os_sim_next_ns(sys->env);

	for (int i = 0; i < sys->cores; i++) {
		uint64_t timer = wheel_next_ns(&sys->scheds[i].wheel);

		at = timer < at ? timer : at;
	}
	return at;
}

static bool poll_all(struct actor_system *sys)
{
	int done = 0;

	for (int i = 0; i < sys->cores; i++) {
		sched_here = &sys->scheds[i];
		done += sched_poll(&sys->scheds[i], 0);
	}
	sched_here = NULL;
	return done;
}

/* Time passes: false when nothing will happen before until_ns. */
static bool pass_time(struct actor_system *sys, uint64_t until_ns)
{
	uint64_t at;

	if (poll_all(sys) || anything_ready(sys))
		return true;
	at = next_event(sys);
	if (at > until_ns || at == UINT64_MAX)
		return false;
	if (at > os_now_ns(sys->env))
		os_sim_advance(sys->env, at);
	poll_all(sys);
	return true;
}

uint64_t actor_system_run(struct actor_system *sys, uint64_t until_ns,
			  uint64_t max_steps)
{
	uint64_t runs = 0;

	check(sys->simulated && sys->started && !sched_here);
	while (runs < max_steps) {
		uint64_t core = rng_below(&sys->sim_rng, (uint64_t)sys->cores);

		if (step(&sys->scheds[core]))
			runs++;
		else if (!anything_ready(sys) && !pass_time(sys, until_ns))
			break;
	}
	return runs;
}

int sim_until_root_gone(struct actor_system *sys, uint32_t timeout_ms)
{
	uint64_t until = os_now_ns(sys->env) + timeout_ms * NS_PER_MS;

	while (!sys->root_gone && actor_system_run(sys, until, 1))
		;
	return sys->root_gone ? 0 : -ETIMEDOUT;
}
