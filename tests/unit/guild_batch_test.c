// SPDX-License-Identifier: Apache-2.0
/* Jobs of the catalog that are committed together, and one that takes all of
 * the transaction along. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "guild/catalog_impl.h"
#include "guild/guild.h"
#include "guild/idgen.h"
#include "os/sim.h"

#include "../sim/guild_start.h"
#include "one_guild.h"

#define SECOND_NS 1000000000ull
#define JOBS 4
#define LONG_NAME 100000	/* more than the page that is left */

/* The first is committed alone; what waits behind it meanwhile is a batch. */
enum job { ALONE, BEFORE, FILLS, BEHIND };

static actor_ref catalog_ref;
static int error[JOBS];
static unsigned int answers;
static bool fills;		/* else it adds a user as the others do */

static int add_user(struct catalog *c, uint64_t id, const char *name)
{
	const struct user u = { .id = USER + id, .name = (char *)name,
				.bot = true };

	return catalog_add_user(c, &u, NULL);
}

static int run_job(struct catalog *c, void *arg)
{
	enum job job = (enum job)(uintptr_t)arg;
	char name[LONG_NAME];
	int err;

	if (job != FILLS || !fills)
		return add_user(c, 1 + job, "short");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	check(!db_script(c->db, "PRAGMA max_page_count = 1"));
	err = add_user(c, 1 + job, name);
	check(!db_script(c->db, "PRAGMA max_page_count = 100000"));
	return err;
}

static int driver_start(struct actor *self, void *state, const void *arg)
{
	(void)state;
	(void)arg;
	for (uintptr_t job = 0; job < JOBS; job++)
		check(!catalog_submit(self, catalog_ref, job, run_job,
				      (void *)job, NULL));
	return 0;
}

static int driver_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	const struct catalog_job_msg *done = (const void *)msg;

	(void)self;
	(void)state;
	if (msg->type == CATALOG_DONE) {
		error[msg->tag] = done->error;
		answers++;
	}
	return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
}

static const struct actor_class driver_class = {
	.name = "driver", .start = driver_start, .handle = driver_handle,
};

static int count(void *ctx, struct db_row *row)
{
	*(uint64_t *)ctx = db_u64(row, 0);
	return 0;
}

/* How many of those that the jobs add there are. */
static uint64_t run_all(void)
{
	struct actor_system_opts opts = { .cores = 1 };
	struct catalog_actor_arg arg = { .catalog = one_guild() };
	struct actor_system *sys;
	struct os_env *env;
	uint64_t users = 0;

	answers = 0;
	check(!os_sim_new(1, &env) && !idgen_new(1, 0, &arg.ids));
	opts.env = env;
	check(!actor_system_new(&opts, &sys) && !actor_system_start(sys));
	catalog_ref = spawn(sys, &catalog_actor_class, &arg, sizeof(arg), 0);
	spawn(sys, &driver_class, NULL, 0, 0);
	settle(sys, env, SECOND_NS);
	assert_int_equal(answers, JOBS);
	check(!db_query(arg.catalog->db,
			"SELECT count(*) FROM user WHERE name = 'short'",
			count, &users, ""));
	check(!actor_system_shutdown(sys, 60000));
	actor_system_free(sys);
	idgen_free(arg.ids);
	os_env_free(env);
	return users;
}

static void jobs_are_committed_together(void **state)
{
	(void)state;
	fills = false;
	assert_int_equal(run_all(), JOBS);
	for (int job = 0; job < JOBS; job++)
		assert_int_equal(error[job], 0);
}

/* Whoever is told that it failed must not find it done later. */
static void who_shares_a_transaction_that_is_lost_is_told_so(void **state)
{
	(void)state;
	fills = true;
	assert_int_equal(run_all(), 1);
	assert_int_equal(error[ALONE], 0);
	for (int job = BEFORE; job < JOBS; job++)
		assert_int_equal(error[job], -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_are_committed_together),
		cmocka_unit_test(
			who_shares_a_transaction_that_is_lost_is_told_so),
	};

	log_set_fd(open("/dev/null", O_WRONLY));
	check(!guild_types_register());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
