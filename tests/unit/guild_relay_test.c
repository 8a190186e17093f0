// SPDX-License-Identifier: Apache-2.0
/*
 * A relay of more sessions than have their events in one turn: what concerns
 * sessions arrives while some of them have got an event and others have not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "actor/system.h"
#include "base/blob.h"
#include "base/mem.h"
#include "guild/guild.h"
#include "guild/relay.h"
#include "os/sim.h"
#include "proto/intent.h"
#include "proto/session.h"

#define SESSIONS 300		/* there from the start */
#define SPARE 20		/* that come, each when another hears its first */
#define EVENTS 150		/* more than a round */
#define LOST 60		/* less than a round */
#define NS_MAX UINT64_MAX

static struct os_env *env;
static struct actor_system *sys;
static actor_ref relay, session[SESSIONS + SPARE];
static unsigned int heard[SESSIONS + SPARE];	/* number of the last event */
static unsigned int first[SESSIONS + SPARE];	/* … and of the first */
static bool closed[SESSIONS + SPARE];
static uint32_t mid_round;	/* enum relay_msg_type, sent in the middle */

static void ask(struct actor *self, uint32_t type, actor_ref about)
{
	struct relay_session_msg *m = ACTOR_MSG_NEW(struct relay_session_msg,
						    type);

	m->session = about;
	if (self)
		actor_send(self, relay, &m->head);
	else
		actor_system_send(sys, relay, &m->head);
}

static void join(struct actor *self, unsigned int i)
{
	struct relay_add_msg *m = ACTOR_MSG_NEW(struct relay_add_msg,
						RELAY_ADD);

	m->session = session[i];
	m->user_id = i + 1;
	m->intents = INTENT_GUILD_MESSAGES;
	if (self)
		actor_send(self, relay, &m->head);
	else
		actor_system_send(sys, relay, &m->head);
}

/* The session that has heard its first event disturbs the relay. */
static int disturb(struct actor *self, unsigned int i)
{
	if (i >= SPARE)
		return 0;
	if (mid_round == RELAY_ADD)
		join(self, SESSIONS + i);
	else if (mid_round == RELAY_REMOVE)
		ask(self, RELAY_REMOVE, actor_self(self));
	else if (mid_round == ACTOR_MSG_DOWN)
		return ACTOR_STOP;
	return 0;
}

static int session_start(struct actor *self, void *state, const void *arg)
{
	(void)self;
	*(unsigned int *)state = *(const unsigned int *)arg;
	return 0;
}

static int session_handle(struct actor *self, void *state,
			  struct actor_msg *msg)
{
	const struct session_events_msg *m = (const void *)msg;
	unsigned int i = *(unsigned int *)state, number = 0;

	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	closed[i] |= msg->type == SESSION_CLOSE;
	if (msg->type != SESSION_EVENTS)
		return 0;
	assert_false(closed[i]);
	for (uint32_t n = 0; n < m->count; n++) {
		number = (unsigned int)atoi((char *)m->payload[n]->data);
		if (!first[i])
			first[i] = number;
		else
			assert_int_equal(number, heard[i] + 1);
		heard[i] = number;
	}
	return first[i] == 1 && heard[i] == number && m->count ?
		disturb(self, i) : 0;
}

static const struct actor_class session_class = {
	.name = "session", .state_size = sizeof(unsigned int),
	.start = session_start, .handle = session_handle,
};

static int guild_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	(void)self;
	(void)state;
	return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
}

static const struct actor_class guild_class = {
	.name = "guild", .handle = guild_handle,
};

static actor_ref spawn(const struct actor_class *class, const void *arg,
		       size_t size)
{
	const struct actor_spawn_opts opts = { .arg_size = size };
	actor_ref ref;

	assert_int_equal(actor_system_spawn(sys, class, arg, &opts, &ref), 0);
	return ref;
}

static void settle(void)
{
	actor_system_run(sys, os_now_ns(env) + 1000000, NS_MAX);
}

static void publish(unsigned int number)
{
	struct relay_event_msg *m = ACTOR_MSG_NEW(struct relay_event_msg,
						  RELAY_EVENT);
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	m->payload = blob_from_str(text);
	m->to.slot = RELAY_NO_SLOT;
	/* Neighbours are alike, and are not. */
	m->to.intents = number / 3 % 2 ? INTENT_GUILD_MESSAGES : 0;
	assert_int_equal(actor_system_send(sys, relay, &m->head), 0);
}

static void start_with(uint32_t disturbance)
{
	struct actor_system_opts opts = { .cores = 1 };
	actor_ref guild;

	mid_round = disturbance;
	for (unsigned int i = 0; i < SESSIONS + SPARE; i++)
		heard[i] = first[i] = closed[i] = 0;
	assert_int_equal(os_sim_new(disturbance, &env), 0);
	opts.env = env;
	assert_int_equal(actor_system_new(&opts, &sys), 0);
	assert_int_equal(actor_system_start(sys), 0);
	guild = spawn(&guild_class, NULL, 0);
	relay = spawn(&relay_actor_class, &guild, sizeof(guild));
	for (unsigned int i = 0; i < SESSIONS + SPARE; i++)
		session[i] = spawn(&session_class, &i, sizeof(i));
	settle();
	for (unsigned int i = 0; i < SESSIONS; i++)
		join(NULL, i);
	settle();
	publish(1);
	settle();
}

static void end(void)
{
	settle();
	assert_int_equal(actor_system_shutdown(sys, 1000), 0);
	actor_system_free(sys);
	os_env_free(env);
}

static void run_with(uint32_t disturbance)
{
	start_with(disturbance);
	for (unsigned int i = 2; i <= EVENTS; i++)
		publish(i);
	end();
}

static void expect_all(unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		assert_int_equal(first[i], 1);
		assert_int_equal(heard[i], EVENTS);
	}
}

static void one_that_joins_hears_what_comes_after(void **state)
{
	(void)state;
	run_with(RELAY_ADD);
	expect_all(0, SESSIONS);
	for (unsigned int i = SESSIONS; i < SESSIONS + SPARE; i++) {
		assert_int_equal(first[i], 2);
		assert_int_equal(heard[i], EVENTS);
	}
}

static void those_that_leave_cost_the_others_nothing(void **state)
{
	(void)state;
	run_with(RELAY_REMOVE);
	expect_all(SPARE, SESSIONS);
	for (unsigned int i = 0; i < SPARE; i++)
		assert_int_equal(heard[i], 1);
}

static void those_that_end_cost_the_others_nothing(void **state)
{
	(void)state;
	run_with(ACTOR_MSG_DOWN);
	expect_all(SPARE, SESSIONS);
}

/* What pools have at hand, of all sizes. */
static struct actor_msg *hog(void)
{
	struct actor_msg *all = NULL, *m;

	for (size_t size = sizeof(*m); size <= 4096; size += 16)
		while ((m = actor_msg_new(ACTOR_MSG_USER, size))) {
			m->next = all;
			all = m;
		}
	return all;
}

static void let_go(struct actor_msg *all)
{
	while (all) {
		struct actor_msg *m = all;

		all = m->next;
		actor_msg_free(m);
	}
}

/* Nor is there memory to tell it so, for a while. */
static void one_that_missed_something_is_closed_and_hears_no_more(void **state)
{
	struct actor_msg *messages = NULL;
	unsigned int missed = 0;

	(void)state;
	start_with(0);
	for (unsigned int i = 2; i <= LOST; i++)
		publish(i);
	mem_out(true);
	messages = hog();
	settle();
	mem_out(false);
	let_go(messages);
	for (unsigned int i = LOST + 1; i <= EVENTS; i++)
		publish(i);
	end();
	for (unsigned int i = 0; i < SESSIONS; i++) {
		missed += closed[i];
		assert_int_equal(heard[i], closed[i] ? 1 : EVENTS);
	}
	assert_in_range(missed, 1, SESSIONS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_joins_hears_what_comes_after),
		cmocka_unit_test(those_that_leave_cost_the_others_nothing),
		cmocka_unit_test(those_that_end_cost_the_others_nothing),
		cmocka_unit_test(one_that_missed_something_is_closed_and_hears_no_more),
	};

	assert_int_equal(proto_types_register(), 0);
	assert_int_equal(guild_types_register(), 0);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
