/* SPDX-License-Identifier: Apache-2.0 */
/* A real actor system for each case: threads, the kernel's clock, io_uring. */
#ifndef TESTS_ACTOR_REAL_H
#define TESTS_ACTOR_REAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "actor/actor.h"
#include "actor/inspect.h"
#include "actor/system.h"
#include "os/env.h"

#define CORES 3
#define DEADLINE_S 200
#define SHUTDOWN_MS 20000

struct fixture {
	struct os_env *env;
	struct actor_system *sys;
};

/* What the actors of a case count; `wrong` stays 0. */
static _Atomic uint64_t arrived, wrong;

/* Until *what reaches `value`; false after the deadline. */
static inline bool wait_for(_Atomic uint64_t *what, uint64_t value)
{
	const struct timespec pause = { .tv_nsec = 200000 };
	time_t end = time(NULL) + DEADLINE_S;

	while (atomic_load(what) < value && time(NULL) < end)
		nanosleep(&pause, NULL);
	return atomic_load(what) >= value;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct actor_system_opts opts = { .cores = CORES, .max_actors = 65536 };

	assert_int_equal(os_env_new(&f->env), 0);
	opts.env = f->env;
	assert_int_equal(actor_system_new(&opts, &f->sys), 0);
	assert_int_equal(actor_system_start(f->sys), 0);
	atomic_store(&arrived, 0);
	atomic_store(&wrong, 0);
	*state = f;
	return 0;
}

static void check_conserved(struct actor_system *sys)
{
	struct actor_stats s;

	actor_system_stats(sys, &s);
	assert_int_equal(s.sent, s.delivered + s.dropped_stale +
				 s.dropped_full + s.dropped_end + s.queued);
	assert_int_equal(s.queued, 0);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(actor_system_shutdown(f->sys, SHUTDOWN_MS), 0);
	check_conserved(f->sys);
	actor_system_free(f->sys);
	os_env_free(f->env);
	free(f);
	assert_int_equal(atomic_load(&wrong), 0);
	return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* From outside of any actor. */
static inline void say(struct actor_system *sys, actor_ref who, uint32_t type)
{
	struct actor_msg *msg = actor_msg_new(type, sizeof(*msg));

	assert_int_equal(actor_system_send(sys, who, msg), 0);
}

#endif
