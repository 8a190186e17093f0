// SPDX-License-Identifier: Apache-2.0
/*
 * Links are made and undone at random on several simulated cores; when all is
 * still, some fail.  Whatever the seed:
 *
 *	exactly those fail that are tied to one that does, however far away
 *	each fails once, and with the errno of the one that failed first
 *	those that are restarted have no links any more; the others are gone
 *	who ends in good order takes nobody along
 *
 *	actor_link_sim [FIRST [COUNT]]		environment: SEEDS
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor/actor.h"
#include "actor/system.h"
#include "base/check.h"
#include "base/log.h"
#include "base/rng.h"
#include "os/sim.h"

#include "seeds.h"

#define PEOPLE 24
#define CORES 3
#define ROUNDS 12
#define TIES 30		/* made or undone in a round, at most */
#define FOREVER UINT64_MAX

enum { MSG_LINK = ACTOR_MSG_USER, MSG_UNLINK, MSG_FAIL, MSG_END };

static struct run {
	struct actor_system *sys;
	struct os_env *env;
	struct rng rng;
	actor_ref ref[PEOPLE];
	bool lives[PEOPLE];
	bool restarts[PEOPLE];
	bool tied[PEOPLE][PEOPLE];
	int failures[PEOPLE];	/* in this round */
	int reason[PEOPLE];	/* of the last one */
	bool deaf;		/* the canary: a link is not made */
	const char *broken;	/* the first law that was */
} run;

static void law(bool holds, const char *what)
{
	if (!holds && !run.broken)
		run.broken = what;
}

static int handle(struct actor *self, void *state, struct actor_msg *msg)
{
	actor_ref peer = { msg->tag };

	(void)state;
	switch (msg->type) {
	case MSG_LINK:
		law(!actor_link(self, peer), "a link is made");
		return 0;
	case MSG_UNLINK:
		actor_unlink(self, peer);
		return 0;
	case MSG_FAIL:
		return -(int)msg->tag;
	case MSG_END:
	case ACTOR_MSG_STOP:
		return ACTOR_STOP;
	default:
		return 0;
	}
}

static int start(struct actor *self, void *state, const void *arg)
{
	(void)self;
	*(uint32_t *)state = *(const uint32_t *)arg;
	return 0;
}

static void stop(struct actor *self, void *state, int reason)
{
	uint32_t me = *(uint32_t *)state;

	(void)self;
	if (reason >= 0)
		return;
	run.failures[me]++;
	run.reason[me] = reason;
}

static const struct actor_class class = {
	.name = "tied", .state_size = sizeof(uint32_t),
	.start = start, .handle = handle, .stop = stop,
};

static uint32_t pick(void)
{
	return (uint32_t)rng_below(&run.rng, PEOPLE);
}

static void tell(uint32_t who, uint32_t type, uint64_t tag)
{
	struct actor_msg *msg = actor_msg_new(type, sizeof(*msg));

	check(msg);
	msg->tag = tag;
	law(!actor_system_send(run.sys, run.ref[who], msg),
	    "who lives is reached");
}

/* Until nothing happens any more. */
static void settle(void)
{
	actor_system_run(run.sys, FOREVER, FOREVER);
}

static void tie(void)
{
	uint32_t a = pick(), b = pick();
	bool makes = rng_below(&run.rng, 3);

	if (!run.lives[a] || !run.lives[b] || a == b)
		return;
	/* Two that speak at once have no order; one after another they have. */
	if (!makes)
		settle();
	if (!run.deaf || rng_below(&run.rng, 4))
		tell(a, makes ? MSG_LINK : MSG_UNLINK, run.ref[b].bits);
	run.tied[a][b] = run.tied[b][a] = makes;
	if (!makes)
		settle();
}

/* Marks all that a failure of `who` reaches. */
static void reach(uint32_t who, bool *reached)
{
	reached[who] = true;
	for (uint32_t i = 0; i < PEOPLE; i++)
		if (run.tied[who][i] && !reached[i])
			reach(i, reached);
}

static void forget_ties(uint32_t who)
{
	for (uint32_t i = 0; i < PEOPLE; i++)
		run.tied[who][i] = run.tied[i][who] = false;
}

static void fail_one(void)
{
	int err = 1 + (int)rng_below(&run.rng, 100);
	bool reached[PEOPLE] = { false };
	uint32_t first = pick();

	if (!run.lives[first])
		return;
	reach(first, reached);
	memset(run.failures, 0, sizeof(run.failures));
	tell(first, MSG_FAIL, (uint64_t)err);
	settle();
	for (uint32_t i = 0; i < PEOPLE; i++) {
		law(run.failures[i] == reached[i],
		    "those fail, once, that are tied to one that does");
		law(!reached[i] || run.reason[i] == -err,
		    "they fail with its errno");
		if (!reached[i])
			continue;
		forget_ties(i);
		run.lives[i] = run.restarts[i];
	}
}

static void end_one(void)
{
	uint32_t who = pick();

	if (!run.lives[who])
		return;
	memset(run.failures, 0, sizeof(run.failures));
	tell(who, MSG_END, 0);
	settle();
	for (uint32_t i = 0; i < PEOPLE; i++)
		law(!run.failures[i], "a good end takes nobody along");
	forget_ties(who);
	run.lives[who] = false;
}

static void spawn(uint32_t number)
{
	struct actor_spawn_opts opts = {
		.core = (int)rng_below(&run.rng, CORES + 1) - 1,
		.restart = rng_below(&run.rng, 4) ? ACTOR_RESTART_ON_ERROR :
						    ACTOR_RESTART_NEVER,
		.max_restarts = UINT32_MAX,
		.arg_size = sizeof(number),
	};

	check(!actor_system_spawn(run.sys, &class, &number, &opts,
				  &run.ref[number]));
	run.restarts[number] = opts.restart != ACTOR_RESTART_NEVER;
	run.lives[number] = true;
}

static void begin(uint64_t seed, bool deaf)
{
	struct actor_system_opts opts = { .cores = CORES, .max_actors = 64 };

	memset(&run, 0, sizeof(run));
	run.deaf = deaf;
	rng_init(&run.rng, seed ^ 0x11a5);
	check(!os_sim_new(seed, &run.env));
	opts.env = run.env;
	check(!actor_system_new(&opts, &run.sys));
	check(!actor_system_start(run.sys));
	for (uint32_t i = 0; i < PEOPLE; i++)
		spawn(i);
	settle();
}

static const char *play(uint64_t seed, bool deaf)
{
	begin(seed, deaf);
	for (int round = 0; round < ROUNDS; round++) {
		for (uint64_t n = rng_below(&run.rng, TIES); n; n--)
			tie();
		settle();
		if (rng_below(&run.rng, 6))
			fail_one();
		else
			end_one();
	}
	law(!actor_system_shutdown(run.sys, 60000),
	    "a shutdown comes to an end");
	actor_system_free(run.sys);
	os_env_free(run.env);
	return run.broken;
}

static bool holds_for(const struct seeds *seeds)
{
	const char *broken = NULL;

	for (uint64_t i = 0; i < seeds->count && !broken; i++) {
		broken = play(seeds->first + i, false);
		if (broken)
			printf("# seed %" PRIu64 ": broken: %s\n",
			       seeds->first + i, broken);
	}
	return !broken;
}

static bool canary_dies(void)
{
	const char *broken = NULL;

	for (uint64_t seed = 1; seed < 20 && !broken; seed++)
		broken = play(seed, true);
	return broken;
}

int main(int argc, char **argv)
{
	struct seeds seeds = seeds_begin(argc, argv, 500, 2);

	log_set_level(LOG_ERROR - 1);
	tap(holds_for(&seeds), "failures_go_where_links_lead_for_every_seed");
	tap(canary_dies(), "a_link_that_is_missing_is_noticed");
	return tap_failures != 0;
}
