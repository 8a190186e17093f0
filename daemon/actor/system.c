// SPDX-License-Identifier: Apache-2.0
#include "actor/system.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "actor/hog.h"
#include "actor/life.h"
#include "actor/names.h"
#include "actor/sched.h"
#include "actor/sim.h"
#include "actor/slots.h"
#include "actor/system_impl.h"
#include "actor/teardown.h"
#include "base/log.h"
#include "base/mem.h"

static int root_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	const struct actor_down_msg *exit = (const void *)msg;
	const struct actor_system *sys = actor_system_of(self);

	(void)state;
	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	if (msg->type != ACTOR_MSG_EXIT || !exit->reason)
		return 0;
	log_error("actor", "ended", "class=%s slot=%u err=%d",
		  exit->class_name, ref_slot(exit->who), exit->reason);
	if (sys->ended)
		sys->ended(sys->ended_ctx, exit->class_name, exit->reason);
	return 0;
}

static const struct actor_class root_class = {
	.name = "root",
	.handle = root_handle,
	.mailbox_limit = UINT32_MAX,
};

static int make_root(struct actor_system *sys)
{
	static const struct actor_spawn_opts opts;
	const struct birth birth = {
		.class = &root_class, .opts = &opts, .bound = true,
		.later = true,
	};
	int err = life_create(sys, NULL, &birth, &sys->root);

	if (!err)
		sched_ready(sys, sys->root);
	return err;
}

static int usable_cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return CPU_COUNT(&set);
}

static int init_scheds(struct actor_system *sys)
{
	int err = 0;

	sys->scheds = mem_aligned(128, sizeof(*sys->scheds) *
				       (size_t)sys->cores);
	if (!sys->scheds)
		return -ENOMEM;
	memset(sys->scheds, 0, sizeof(*sys->scheds) * (size_t)sys->cores);
	for (int i = 0; i < sys->cores && !err; i++)
		err = sched_init(sys, i);
	/* Any scheduler's will do: each comes from the environment's seed. */
	if (!err)
		rng_init(&sys->sim_rng, rng_next(&sys->scheds[0].rng));
	return err;
}

static void fini(struct actor_system *sys)
{
	for (int i = 0; sys->scheds && i < sys->cores; i++)
		sched_fini(&sys->scheds[i]);
	mem_free(sys->scheds);
	hog_watch_free(sys);
	names_fini(sys);
	if (sys->slots)
		slots_fini(sys);
	pthread_cond_destroy(&sys->root_done);
	pthread_mutex_destroy(&sys->root_lock);
	pthread_mutex_destroy(&sys->name_lock);
	pthread_mutex_destroy(&sys->slot_lock);
	pthread_mutex_destroy(&sys->foreign_lock);
	mem_free(sys);
}

static void init(struct actor_system *sys, const struct actor_system_opts *opts)
{
	pthread_condattr_t attr;

	memset(sys, 0, sizeof(*sys));
	sys->env = opts->env;
	sys->cores = opts->cores ? opts->cores : usable_cores();
	sys->node = opts->node;
	sys->ended = opts->ended;
	sys->ended_ctx = opts->ended_ctx;
	sys->simulated = os_env_is_simulated(opts->env);
	sys->max_actors = opts->max_actors ? opts->max_actors + 2 :
					     ACTOR_MAX_DEFAULT;
	sys->trace_every = TRACE_EVERY_DEFAULT;
	list_init(&sys->names);
	pthread_mutex_init(&sys->foreign_lock, NULL);
	pthread_mutex_init(&sys->slot_lock, NULL);
	pthread_mutex_init(&sys->name_lock, NULL);
	pthread_mutex_init(&sys->root_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&sys->root_done, &attr);
	pthread_condattr_destroy(&attr);
}

int actor_system_new(const struct actor_system_opts *opts,
		     struct actor_system **ret_sys)
{
	struct actor_system *sys;
	int err;

	if (opts->cores < 0 || opts->cores > CORES_MAX ||
	    opts->node > NODE_MAX)
		return -EINVAL;
	sys = mem_aligned(64, sizeof(*sys));
	if (!sys)
		return -ENOMEM;
	init(sys, opts);
	err = slots_init(sys);
	if (!err)
		err = init_scheds(sys);
	if (!err)
		err = make_root(sys);
	if (err) {
		fini(sys);
		return err;
	}
	*ret_sys = sys;
	return 0;
}

int actor_system_cores(const struct actor_system *sys)
{
	return sys->cores;
}

static void stop_threads(struct actor_system *sys)
{
	/* Relaxed: the wake that follows orders it; partner the loop in
	 * sched.c, and go_to_sleep() there. */
	atomic_store(&sys->stopping, true);
	sched_wake_all(sys);
	for (int i = 0; i < sys->cores; i++)
		if (sys->scheds[i].running)
			pthread_join(sys->scheds[i].thread, NULL);
	for (int i = 0; i < sys->cores; i++)
		sys->scheds[i].running = false;
	hog_watch_stop(sys);
}

int actor_system_start(struct actor_system *sys)
{
	sigset_t all, old;
	int err = 0;

	check(!sys->started);
	sys->started = true;
	if (sys->simulated)
		return 0;
	/* Signals are the main thread's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (int i = 0; i < sys->cores && !err; i++) {
		err = pthread_create(&sys->scheds[i].thread, NULL, sched_main,
				     &sys->scheds[i]);
		sys->scheds[i].running = !err;
	}
	err = err ? -err : hog_watch_start(sys);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		stop_threads(sys);
	return err;
}

void system_root_gone(struct actor_system *sys)
{
	pthread_mutex_lock(&sys->root_lock);
	sys->root_gone = true;
	pthread_cond_signal(&sys->root_done);
	pthread_mutex_unlock(&sys->root_lock);
}

static int wait_for_root(struct actor_system *sys, uint32_t timeout_ms)
{
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&sys->root_lock);
	while (!sys->root_gone && !err)
		err = pthread_cond_timedwait(&sys->root_done, &sys->root_lock,
					     &until);
	err = sys->root_gone ? 0 : -ETIMEDOUT;
	pthread_mutex_unlock(&sys->root_lock);
	return err;
}

int actor_system_shutdown(struct actor_system *sys, uint32_t timeout_ms)
{
	int err;

	if (!sys->started)
		return 0;
	check(!sched_here);
	err = actor_system_stop(sys, ref_of(sys, sys->root));
	if (!err && sys->simulated)
		err = sim_until_root_gone(sys, timeout_ms);
	else if (!err)
		err = wait_for_root(sys, timeout_ms);
	stop_threads(sys);
	sys->started = false;
	return err;
}

void actor_system_free(struct actor_system *sys)
{
	if (!sys)
		return;
	if (sys->started)
		actor_system_shutdown(sys, 0);
	teardown(sys);
	fini(sys);
}
