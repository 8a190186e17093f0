// SPDX-License-Identifier: Apache-2.0
/* Calls that repeat each other while what they answer is being read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "guild/guild.h"
#include "os/sim.h"
#include "proto/data.h"
#include "proto/store.h"

#include "../sim/guild_start.h"
#include "one_guild.h"

#define SECOND_NS 1000000000ull
#define CALLS 3

static unsigned int appends, sent, repeated;

/* --- a data service that reads for all of them at once --- */

struct model {
	struct actor_msg *held[CALLS];
	unsigned int count;
};

static int model_start(struct actor *self, void *state, const void *arg)
{
	(void)state;
	(void)arg;
	return actor_register(self, "data.0");
}

static void answer_rows(struct actor *self, const struct actor_msg *msg,
			int status)
{
	struct store_rows_msg *rows = ACTOR_MSG_NEW(struct store_rows_msg,
						    DATA_ROWS);

	rows->status = status;
	rows->rows = status ? NULL : rows_new(0, 0);
	actor_reply(self, msg, &rows->head);
}

static void hold(struct actor *self, struct model *m, struct actor_msg *msg)
{
	actor_msg_take(self, msg);
	m->held[m->count++] = msg;
	if (m->count < CALLS)
		return;
	for (unsigned int i = 0; i < CALLS; i++) {
		answer_rows(self, m->held[i], -ENOENT);
		actor_msg_free(m->held[i]);
	}
}

static int model_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	if (msg->type == DATA_PAGE) {
		answer_rows(self, msg, 0);
	} else if (msg->type == DATA_GET) {
		hold(self, state, msg);
	} else if (msg->type == DATA_APPEND) {
		appends++;
		actor_reply(self, msg, &ACTOR_MSG_NEW(struct store_written_msg,
						      DATA_WRITTEN)->head);
	}
	return 0;
}

static const struct actor_class model_class = {
	.name = "model", .state_size = sizeof(struct model),
	.start = model_start, .handle = model_handle,
};

/* --- a caller who does not wait for answers --- */

static int caller_start(struct actor *self, void *state, const void *arg)
{
	(void)state;
	(void)arg;
	for (int i = 0; i < CALLS; i++) {
		struct rest_msg *m = rest_msg_new(REST_MESSAGE_CREATE);

		strcpy(m->token, TOKEN);
		m->id[REST_ID_CHANNEL] = CHANNEL;
		send_call(self, m, "{\"content\":\"answer\",\"nonce\":\"n\","
			  "\"enforce_nonce\":true,\"message_reference\":"
			  "{\"message_id\":\"1100000000000000500\","
			  "\"fail_if_not_exists\":false}}");
	}
	return 0;
}

static int caller_handle(struct actor *self, void *state,
			 struct actor_msg *msg)
{
	const struct rest_reply_msg *reply = (const void *)msg;

	(void)self;
	(void)state;
	if (msg->type == REST_REPLY) {
		sent += reply->status == 200;
		repeated += reply->status == 503;
	}
	return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
}

static const struct actor_class caller_class = {
	.name = "caller", .start = caller_start, .handle = caller_handle,
};

static void a_nonce_is_enforced_for_replies_that_overlap(void **state)
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
	start_guilds(sys, env, 1, ids, &model_class, one_guild());
	spawn(sys, &caller_class, NULL, 0, 0);
	settle(sys, env, SECOND_NS);
	assert_int_equal(appends, 1);
	assert_int_equal(sent, 1);
	assert_int_equal(repeated, CALLS - 1);
	check(!actor_system_shutdown(sys, 60000));
	actor_system_free(sys);
	idgen_free(ids);
	os_env_free(env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_nonce_is_enforced_for_replies_that_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
