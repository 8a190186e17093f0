// SPDX-License-Identifier: Apache-2.0
#include "actor/sched.h"

#include <errno.h>
#include <sched.h>

#include "actor/flight.h"
#include "actor/pool.h"
#include "actor/runq.h"
#include "actor/slots.h"
#include "actor/timer.h"
#include "base/mem.h"

/* Runs between two looks at the loop, the clock and the inbox. */
#define ROUND 64
/* Actors for another core that are handed over together, at most. */
#define OUTBOX_MAX 64
/* Ready actors worth waking another core for. */
#define SURPLUS 16
/* How long a core sleeps at most while another is awake, whose handler may run
 * for long with ready actors behind it. */
#define SNOOZE_NS 2000000
/* Looks around before sleeping. */
#define SPINS 200

_Thread_local struct sched *sched_here;

int sched_init(struct actor_system *sys, int index)
{
	struct sched *s = &sys->scheds[index];
	uint64_t seed;
	int err;

	s->sys = sys;
	s->index = index;
	s->last = &s->first;
	s->batch = ACTOR_BATCH;
	runq_init(&s->runq);
	wheel_init(&s->wheel, os_now_ns(sys->env));
	s->out = mem_zalloc(sizeof(*s->out) * (size_t)sys->cores);
	if (!s->out)
		return -ENOMEM;
	err = os_random(sys->env, &seed, sizeof(seed));
	if (err)
		return err;
	rng_init(&s->rng, seed);
	err = flight_new(&s->flight);
	if (err)
		return err;
	return os_loop_new(sys->env, &s->loop);
}

void sched_fini(struct sched *s)
{
	if (!s->sys)
		return;
	os_loop_free(s->loop);
	flight_free(s->flight);
	mem_free(s->out);
	runq_fini(&s->runq);
}

static void append(struct sched *s, struct actor *actor)
{
	actor->link = NULL;
	*s->last = actor;
	s->last = &actor->link;
}

static struct actor *take_first(struct sched *s)
{
	struct actor *actor = s->first;

	if (!actor)
		return NULL;
	s->first = actor->link;
	if (!s->first)
		s->last = &s->first;
	else
		__builtin_prefetch(&s->first->sched);
	return actor;
}

/*
 * Wakes the core if it sleeps.  Sequentially consistent, after the addition to
 * its inbox (or our run queue): partner go_to_sleep().
 */
static void wake(struct sched *by, struct sched *s)
{
	if (!atomic_load(&s->sleeping))
		return;
	if (by)
		count(&by->counters.wakes, 1);
	os_loop_wake(s->loop);
}

/* A chain linked from first to last, newest first. */
static void inbox_push(struct sched *by, struct sched *s, struct actor *first,
		       struct actor *last)
{
	struct actor *old = atomic_load_explicit(&s->inbox,
						 memory_order_relaxed);

	do
		last->link = old;
	while (!atomic_compare_exchange_weak(&s->inbox, &old, first));
	wake(by, s);
}

static void flush_one(struct sched *s, int core)
{
	struct outbox *out = &s->out[core];

	if (!out->count)
		return;
	inbox_push(s, &s->sys->scheds[core], out->first, out->last);
	*out = (struct outbox){ 0 };
}

void sched_flush_outbox(struct sched *s)
{
	if (!s->out_pending)
		return;
	s->out_pending = false;
	for (int core = 0; core < s->sys->cores; core++)
		flush_one(s, core);
}

static void outbox_add(struct sched *s, int core, struct actor *actor)
{
	struct outbox *out = &s->out[core];

	actor->link = out->first;
	out->first = actor;
	if (!out->count++)
		out->last = actor;
	s->out_pending = true;
	if (out->count >= OUTBOX_MAX)
		flush_one(s, core);
}

/* Another core may help: wakes one that sleeps. */
static void offer_surplus(struct sched *s)
{
	struct actor_system *sys = s->sys;

	/* Partner: go_to_sleep(). */
	if (!atomic_load_explicit(&sys->sleepers, memory_order_relaxed) ||
	    runq_length(&s->runq) < SURPLUS)
		return;
	for (int i = 1; i < sys->cores; i++) {
		struct sched *other = &sys->scheds[(s->index + i) % sys->cores];

		if (atomic_load(&other->sleeping)) {
			wake(s, other);
			return;
		}
	}
}

static void ready_here(struct sched *s, struct actor *actor)
{
	int core = atomic_load_explicit(&actor->core, memory_order_relaxed);

	if (!has_flag(actor, ACTOR_BOUND)) {
		runq_push(&s->runq, actor);
		if (!(++s->offers % (4 * SURPLUS)))
			offer_surplus(s);
	} else if (core == s->index) {
		append(s, actor);
	} else {
		outbox_add(s, core, actor);
	}
}

void sched_ready(struct actor_system *sys, struct actor *actor)
{
	struct sched *s = sched_here;
	int core;

	if (s && s->sys == sys) {
		ready_here(s, actor);
		return;
	}
	core = atomic_load_explicit(&actor->core, memory_order_relaxed);
	inbox_push(NULL, &sys->scheds[core], actor, actor);
}

void sched_drain_inbox(struct sched *s)
{
	struct actor *actor, *oldest = NULL;

	if (!atomic_load_explicit(&s->inbox, memory_order_relaxed))
		return;
	/* Acquire: the actors.  Partner: inbox_push(). */
	actor = atomic_exchange_explicit(&s->inbox, NULL, memory_order_acquire);
	while (actor) {
		struct actor *next = actor->link;

		actor->link = oldest;
		oldest = actor;
		actor = next;
	}
	while (oldest) {
		struct actor *next = oldest->link;

		if (has_flag(oldest, ACTOR_BOUND))
			append(s, oldest);
		else
			runq_push(&s->runq, oldest);
		oldest = next;
	}
}

/* Bound and stealable actors take turns. */
struct actor *sched_next(struct sched *s)
{
	struct actor *actor;

	if (runq_is_empty(&s->runq))
		return take_first(s);
	if (++s->turn & 1) {
		actor = take_first(s);
		return actor ? actor : runq_pop(&s->runq);
	}
	actor = runq_pop(&s->runq);
	return actor ? actor : take_first(s);
}

int sched_poll(struct sched *s, uint64_t deadline_ns)
{
	int done = os_loop_run(s->loop, deadline_ns);

	if (s->wheel.count)
		done += timer_run(s, os_now_ns(s->sys->env));
	sched_flush_outbox(s);
	return done;
}

bool sched_steal(struct sched *s)
{
	struct actor_system *sys = s->sys;
	uint32_t n;

	for (int i = 1; i < sys->cores; i++) {
		struct sched *victim = &sys->scheds[(s->index + i) % sys->cores];

		n = runq_steal(&s->runq, &victim->runq);
		if (n) {
			count(&s->counters.steals, n);
			return true;
		}
	}
	return false;
}

/* Work has come from outside, or may be had from another. */
static bool something_new(struct sched *s)
{
	struct actor_system *sys = s->sys;

	if (atomic_load(&s->inbox) || atomic_load(&sys->stopping))
		return true;
	for (int i = 0; i < sys->cores; i++)
		if (runq_length(&sys->scheds[i].runq))
			return true;
	return false;
}

/*
 * The flag goes up before the last look: whoever adds work and sees it down
 * has added it before that look.  All of it sequentially consistent.
 */
static void go_to_sleep(struct sched *s)
{
	uint64_t until = wheel_next_ns(&s->wheel), snooze;

	if (atomic_fetch_add(&s->sys->sleepers, 1) + 1 < s->sys->cores) {
		snooze = os_now_ns(s->sys->env) + SNOOZE_NS;
		until = until < snooze ? until : snooze;
	}
	atomic_store(&s->sleeping, true);
	if (!something_new(s))
		sched_poll(s, until);
	atomic_store(&s->sleeping, false);
	atomic_fetch_sub(&s->sys->sleepers, 1);
}

static void idle(struct sched *s)
{
	for (int i = 0; i < SPINS; i++) {
		if (something_new(s))
			break;
		__builtin_ia32_pause();
	}
	if (!something_new(s))
		go_to_sleep(s);
}

static bool run_round(struct sched *s)
{
	struct actor *actor;
	int n = 0;

	while (n < ROUND && (actor = sched_next(s))) {
		sched_run_actor(s, actor);
		n++;
	}
	if (n)
		offer_surplus(s);
	return n;
}

static void loop(struct sched *s)
{
	while (!atomic_load_explicit(&s->sys->stopping, memory_order_relaxed)) {
		bool busy = run_round(s);

		busy |= sched_poll(s, 0) > 0;
		sched_drain_inbox(s);
		if (!busy && !s->first && !runq_length(&s->runq) &&
		    !sched_steal(s))
			idle(s);
	}
}

static void pin(int index)
{
	cpu_set_t usable, one;
	int n = 0;

	if (sched_getaffinity(0, sizeof(usable), &usable))
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &usable) || n++ != index)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		/* Only speed depends on it. */
		sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

void *sched_main(void *arg)
{
	struct sched *s = arg;
	jmp_buf on_fail;
	int err;

	sched_here = s;
	pin(s->index);
	s->on_fail = &on_fail;
	err = setjmp(on_fail);
	if (err)
		sched_run_failed(s, -err);
	loop(s);
	slots_give_kept(s);
	pool_thread_exit();
	return NULL;
}

void sched_wake_all(struct actor_system *sys)
{
	for (int i = 0; i < sys->cores; i++)
		os_loop_wake(sys->scheds[i].loop);
}
