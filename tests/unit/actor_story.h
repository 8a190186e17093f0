/* SPDX-License-Identifier: Apache-2.0 */
/* Actors on simulated cores, who tell what happens. */
#ifndef TESTS_ACTOR_STORY_H
#define TESTS_ACTOR_STORY_H

#include <errno.h>
#include <string.h>

#include "actor/actor.h"
#include "actor/inspect.h"
#include "actor/system.h"
#include "base/mem.h"
#include "os/sim.h"

#define FOREVER UINT64_MAX

static struct os_env *env;
static struct actor_system *sys;
static char story[512];		/* what happened, in order */

static inline void tell(const char *what)
{
	strncat(story, what, sizeof(story) - strlen(story) - 1);
}

static inline void tell_ended(void *ctx, const char *class_name, int reason)
{
	(void)ctx;
	(void)reason;
	tell("!");
	tell(class_name);
}

static inline int open_system(int cores)
{
	struct actor_system_opts opts = {
		.cores = cores, .max_actors = 64, .ended = tell_ended,
	};
	int err;

	story[0] = 0;
	err = os_sim_new(1, &env);
	if (err)
		return err;
	opts.env = env;
	err = actor_system_new(&opts, &sys);
	if (err) {
		os_env_free(env);
		return err;
	}
	return actor_system_start(sys);
}

static inline void check_conserved(void)
{
	struct actor_stats s;

	actor_system_stats(sys, &s);
	assert_int_equal(s.sent, s.delivered + s.routed + s.dropped_stale +
				 s.dropped_full + s.dropped_end + s.queued);
}

static inline void close_system(void)
{
	assert_int_equal(actor_system_shutdown(sys, 1000), 0);
	check_conserved();
	actor_system_free(sys);
	os_env_free(env);
}

static inline void run(void)
{
	actor_system_run(sys, FOREVER, FOREVER);
}

/* Once for each allocation that `scenario` makes: that one fails.  What it has
 * opened and shut down is freed here. */
static inline void survive_failures(void (*scenario)(void))
{
	uint64_t n = 0, made;

	do {
		mem_fail_nth(++n);
		scenario();
		made = mem_fail_nth(0);
		if (!sys)
			continue;
		check_conserved();
		actor_system_free(sys);
		os_env_free(env);
	} while (made >= n);
	assert_true(n > 10);
}

static inline int send(actor_ref to, uint32_t type)
{
	struct actor_msg *msg = actor_msg_new(type, sizeof(*msg));

	return msg ? actor_system_send(sys, to, msg) : -ENOMEM;
}

#endif
