// SPDX-License-Identifier: Apache-2.0
/* A guild that ends for good: who may wait for it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <string.h>

#include "actor/inspect.h"
#include "base/log.h"
#include "guild/guild.h"
#include "os/sim.h"
#include "proto/directory.h"
#include "proto/session.h"

#include "../sim/guild_start.h"
#include "../sim/no_messages.h"
#include "one_guild.h"

#define SECOND_NS 1000000000ull

static actor_ref guild;
static unsigned int removals, failures;

static int session_start(struct actor *self, void *state, const void *arg)
{
	struct dir_session_open_msg *m =
		ACTOR_MSG_NEW(struct dir_session_open_msg, DIR_SESSION_OPEN);

	(void)state;
	(void)arg;
	strcpy(m->token, TOKEN);
	return actor_send(self, actor_lookup(actor_system_of(self),
					     DIRECTORY_NAME), &m->head);
}

static int session_handle(struct actor *self, void *state,
			  struct actor_msg *msg)
{
	const struct dir_session_reply_msg *reply = (const void *)msg;
	const struct session_guild_msg *told = (const void *)msg;

	(void)self;
	(void)state;
	if (msg->type == DIR_SESSION_OPEN_REPLY) {
		failures += reply->error || reply->guild_count != 1;
		guild = reply->guild_count ? reply->guild[0].ref : ACTOR_NOBODY;
	}
	if (msg->type == SESSION_GUILD_REMOVE)
		removals += told->guild_id == GUILD;
	return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
}

static const struct actor_class session_class = {
	.name = "session", .start = session_start, .handle = session_handle,
};

static void sessions_are_told_and_the_next_finds_it_gone(void **state)
{
	struct actor_system_opts opts = { .cores = 1 };
	struct actor_system *sys;
	struct idgen *ids;
	struct os_env *env;

	(void)state;
	log_set_fd(open("/dev/null", O_WRONLY));
	check(!proto_types_register() && !store_types_register() &&
	      !data_types_register() && !guild_types_register());
	check(!os_sim_new(1, &env) && !idgen_new(1, 0, &ids));
	opts.env = env;
	check(!actor_system_new(&opts, &sys) && !actor_system_start(sys));
	start_guilds(sys, env, 1, ids, &no_messages_class, one_guild());
	spawn(sys, &session_class, NULL, 0, 0);
	settle(sys, env, SECOND_NS);
	assert_false(actor_ref_is_nobody(guild));
	assert_int_equal(removals, 0);
	assert_int_equal(actor_system_stop(sys, guild), 0);
	settle(sys, env, SECOND_NS);
	assert_int_equal(removals, 1);
	spawn(sys, &session_class, NULL, 0, 0);
	settle(sys, env, SECOND_NS);
	assert_true(actor_ref_is_nobody(guild));
	assert_int_equal(failures, 0);
	check(!actor_system_shutdown(sys, 60000));
	actor_system_free(sys);
	idgen_free(ids);
	os_env_free(env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_are_told_and_the_next_finds_it_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
