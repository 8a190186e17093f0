// SPDX-License-Identifier: Apache-2.0
/*
 * A session's place among those that open, on a real gate: it is given back
 * when the last GUILD_CREATE has gone, whatever else is said of its guilds, and
 * however often.  The directory and both guilds are a model.
 */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "actor/system.h"
#include "base/blob.h"
#include "base/buf.h"
#include "gateway_client.h"
#include "os/env.h"
#include "proto/directory.h"
#include "proto/session.h"
#include "proto/types.h"

#define PATIENCE_MS 60000
#define INTENT_OF_GUILDS 1u
#define TRIES_MAX 20		/* on a machine that is too slow */

static const uint64_t guild_ids[2] = { 1100000000000000000, 1100000000000000001 };

static struct os_env *env;
static struct actor_system *sys;
static struct gateway *gateway;
static _Atomic uint64_t session;	/* the newest one */
static _Atomic int guilds_there;	/* of both, the last so many */
static sem_t ready;

/* --- the directory, which is its guilds, too, and says nothing as these --- */

static int model_start(struct actor *self, void *state, const void *arg)
{
	int err = actor_register(self, DIRECTORY_NAME);

	(void)state;
	(void)arg;
	sem_post(&ready);
	return err;
}

static int model_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	struct dir_session_reply_msg *reply;

	(void)state;
	if (msg->type != DIR_SESSION_OPEN)
		return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
	session = msg->from.bits;
	reply = actor_msg_new(DIR_SESSION_OPEN_REPLY, sizeof(*reply) +
			      2 * sizeof(reply->guild[0]));
	check(reply);
	reply->is_bot = true;
	reply->user_id = guild_ids[0] + 10;
	reply->self_user = blob_from_str("{}");
	reply->guild_count = 2;
	for (int i = 0; i < 2; i++)
		reply->guild[i] = (struct dir_guild){ guild_ids[i],
						      ACTOR_NOBODY };
	for (int i = 2 - guilds_there; i < 2; i++)
		reply->guild[i].ref = actor_self(self);
	actor_reply(self, msg, &reply->head);
	return 0;
}

static const struct actor_class model_class = {
	.name = "model", .start = model_start, .handle = model_handle,
};

static int start(void **state)
{
	const struct gateway_opts opts = { .no_rate_limits = true };
	struct actor_system_opts system = { .cores = 1 };

	(void)state;
	check(!sem_init(&ready, 0, 0));
	check(!proto_types_register() && !gateway_types_register());
	check(!os_env_new(&env));
	system.env = env;
	check(!actor_system_new(&system, &sys));
	check(!gateway_open(&opts, 1, &gateway));
	check(!actor_system_start(sys));
	check(!actor_system_spawn(sys, &model_class, NULL, NULL, NULL));
	check(!sem_wait(&ready));
	check(!gateway_start(gateway, sys));
	return 0;
}

static int stop(void **state)
{
	(void)state;
	check(!actor_system_shutdown(sys, 60000));
	actor_system_free(sys);
	gateway_free(gateway);
	os_env_free(env);
	return 0;
}

static unsigned long figure(const char *name)
{
	struct buf text = BUF_INIT;
	unsigned long value;
	const char *line;
	char start[64];

	snprintf(start, sizeof(start), "\n%s ", name);
	gateway_metrics(gateway, &text);
	line = strstr(buf_str(&text), start);
	assert_non_null(line);
	value = strtoul(line + strlen(start), NULL, 10);
	buf_fini(&text);
	return value;
}

static void tell_session(struct actor_msg *msg)
{
	check(msg);
	assert_false(actor_system_send(sys, (actor_ref){ session }, msg));
}

static void tell_removed(uint64_t guild_id)
{
	struct session_guild_msg *m = ACTOR_MSG_NEW(struct session_guild_msg,
						    SESSION_GUILD_REMOVE);

	m->guild_id = guild_id;
	tell_session(&m->head);
}

static void tell_created(uint64_t guild_id)
{
	struct session_events_msg *m = session_events_new(1);

	m->opens = guild_id;
	m->payload[0] = blob_from_str(",\"t\":\"GUILD_CREATE\",\"op\":0,\"d\":{}}");
	tell_session(&m->head);
}

/* How many open when the session has done all that it was told. */
static unsigned long opening(int fd)
{
	assert_true(say_text(fd, "{\"op\":1,\"d\":null}"));
	assert_true(hear(fd, "\"op\":11"));
	return figure("chatd_sessions_opening");
}

/*
 * A session does what `tell` says, which leaves one guild of two, and gives its
 * place back with that one.  False: the core was too slow, and took the place.
 */
static bool holds_until_the_last(void (*tell)(void))
{
	unsigned long slow = figure("chatd_sessions_slow_total");
	int fd = log_in(gateway, PATIENCE_MS, "token", INTENT_OF_GUILDS,
			"\"READY\"");
	unsigned long before, between;

	assert_true(fd >= 0);
	before = opening(fd);
	tell();
	between = opening(fd);
	tell_created(guild_ids[1]);
	assert_int_equal(opening(fd), 0);
	close(fd);
	if (figure("chatd_sessions_slow_total") != slow)
		return false;
	assert_int_equal(before, 1);
	assert_int_equal(between, 1);
	return true;
}

static void nothing(void)
{
}

static void check_holds(void (*tell)(void))
{
	for (int i = 0; i < TRIES_MAX; i++)
		if (holds_until_the_last(tell))
			return;
	fail_msg("too slow for anything");
}

/* Those that are not there will not come. */
static void holds_for_guilds_that_are_there_alone(void **state)
{
	int fd;

	(void)state;
	guilds_there = 0;
	fd = log_in(gateway, PATIENCE_MS, "token", INTENT_OF_GUILDS,
		    "\"READY\"");
	assert_true(fd >= 0);
	assert_int_equal(opening(fd), 0);
	assert_int_equal(figure("chatd_sessions_slow_total"), 0);
	close(fd);
	guilds_there = 1;
	check_holds(nothing);
	guilds_there = 2;
}

static void one_created(void)
{
	tell_created(guild_ids[0]);
}

static void is_given_back_with_the_last_guild(void **state)
{
	(void)state;
	check_holds(one_created);
}

/* By the guild and by the directory. */
static void one_removed_twice(void)
{
	tell_removed(guild_ids[0]);
	tell_removed(guild_ids[0]);
}

static void is_held_though_another_guild_goes_twice(void **state)
{
	(void)state;
	check_holds(one_removed_twice);
}

static void one_created_and_removed(void)
{
	tell_created(guild_ids[0]);
	tell_removed(guild_ids[0]);
}

static void is_held_though_another_guild_comes_and_goes(void **state)
{
	(void)state;
	check_holds(one_created_and_removed);
}

/* It has started again, or was joined meanwhile. */
static void others_created(void)
{
	tell_created(guild_ids[0]);
	tell_created(guild_ids[0]);
	tell_created(guild_ids[1] + 1);
}

static void is_held_though_other_guilds_come_more_than_once(void **state)
{
	(void)state;
	check_holds(others_created);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_for_guilds_that_are_there_alone),
		cmocka_unit_test(is_given_back_with_the_last_guild),
		cmocka_unit_test(is_held_though_another_guild_goes_twice),
		cmocka_unit_test(is_held_though_another_guild_comes_and_goes),
		cmocka_unit_test(is_held_though_other_guilds_come_more_than_once),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
