// SPDX-License-Identifier: Apache-2.0
/* Births, failures, restarts and ends, on simulated cores. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "actor_story.h"
#include "base/mem.h"

enum { MSG_FAIL = ACTOR_MSG_USER, MSG_NOTE, MSG_SPAWN, MSG_NAME, MSG_END,
       MSG_LINK, MSG_UNLINK, MSG_LOOP };

/* A part tells when it starts and stops, by the letter it is given. */

struct part {
	char name[2];
};

static actor_ref parts[3];

static int part_start(struct actor *self, void *state, const void *arg)
{
	struct part *part = state;
	char text[] = { '+', *(const char *)arg, 0 };

	(void)self;
	part->name[0] = *(const char *)arg;
	tell(text);
	return 0;
}

static void part_stop(struct actor *self, void *state, int reason)
{
	char text[] = { '-', ((struct part *)state)->name[0], 0 };

	(void)self;
	(void)reason;
	tell(text);
}

static int part_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	switch (msg->type) {
	case MSG_FAIL:
		return -EIO;
	case MSG_NOTE:
		tell(((struct part *)state)->name);
		return 0;
	case MSG_NAME:
		return actor_register(self, "part");
	case MSG_LINK:
		return actor_link(self, parts[2]);
	case MSG_UNLINK:
		actor_unlink(self, parts[2]);
		return 0;
	case ACTOR_MSG_STOP:
	case MSG_END:
		return ACTOR_STOP;
	default:
		return 0;
	}
}

static const struct actor_class part_class = {
	.name = "part", .state_size = sizeof(struct part),
	.start = part_start, .handle = part_handle, .stop = part_stop,
};

/* A whole has three parts, and says what it hears of them. */

static enum actor_restart policy;

static int spawn_parts(struct actor *self)
{
	static const char names[] = "abc";

	for (int i = 0; i < 3; i++) {
		struct actor_spawn_opts opts = {
			.core = i % actor_system_cores(actor_system_of(self)),
			.restart = policy, .arg_size = 1,
		};
		int err = actor_spawn(self, &part_class, &names[i], &opts,
				      &parts[i]);

		if (!err)
			err = actor_monitor(self, parts[i]);
		if (err)
			return err;
	}
	return 0;
}

static int whole_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	(void)state;
	switch (msg->type) {
	case MSG_SPAWN:
		return spawn_parts(self);
	case ACTOR_MSG_EXIT:
		tell("X");
		return 0;
	case ACTOR_MSG_DOWN:
		tell("D");
		return 0;
	case ACTOR_MSG_TIMER:
		tell("T");
		return 0;
	case MSG_NOTE:
		return actor_timer_start(self, 1000, 0) ? 0 : -ENOMEM;
	case ACTOR_MSG_STOP:
		return ACTOR_STOP;
	default:
		return 0;
	}
}

static const struct actor_class whole_class = {
	.name = "whole", .handle = whole_handle,
};

static actor_ref start_whole(enum actor_restart how)
{
	actor_ref whole;

	policy = how;
	assert_int_equal(open_system(1), 0);
	assert_int_equal(actor_system_spawn(sys, &whole_class, NULL, NULL,
					    &whole), 0);
	assert_int_equal(send(whole, MSG_SPAWN), 0);
	run();
	assert_string_equal(story, "+a+b+c");
	story[0] = 0;
	return whole;
}

static void one_for_one_restarts_the_one(void **state)
{
	(void)state;
	start_whole(ACTOR_RESTART_ON_ERROR);
	send(parts[1], MSG_FAIL);
	run();
	assert_string_equal(story, "-b+b");
	story[0] = 0;
	/* The reference is good still. */
	assert_int_equal(send(parts[1], MSG_NOTE), 0);
	run();
	assert_string_equal(story, "b");
	close_system();
}

static void rest_for_one_restarts_it_and_the_later_in_order(void **state)
{
	(void)state;
	start_whole(ACTOR_RESTART_REST);
	send(parts[1], MSG_FAIL);
	run();
	assert_string_equal(story, "-b-c+b+c");
	close_system();
}

static void too_many_restarts_end_it(void **state)
{
	(void)state;
	start_whole(ACTOR_RESTART_ON_ERROR);
	for (int i = 0; i < 4; i++)
		send(parts[0], MSG_FAIL);
	run();
	assert_string_equal(story, "-a+a-a+a-a+a-aDX");
	assert_int_equal(send(parts[0], MSG_NOTE), -ESRCH);
	close_system();
}

static void restarts_long_apart_are_not_too_many(void **state)
{
	(void)state;
	start_whole(ACTOR_RESTART_ON_ERROR);
	for (int i = 0; i < 10; i++) {
		send(parts[0], MSG_FAIL);
		run();
		os_sim_advance(env, os_now_ns(env) + 6000000000ull);
	}
	assert_int_equal(send(parts[0], MSG_NOTE), 0);
	run();
	assert_non_null(strstr(story, "-a+aa"));
	close_system();
}

static void linked_ones_fail_together(void **state)
{
	(void)state;
	start_whole(ACTOR_RESTART_ON_ERROR);
	send(parts[0], MSG_LINK);
	send(parts[0], MSG_LINK);
	run();
	send(parts[2], MSG_FAIL);
	run();
	assert_string_equal(story, "-c+c-a+a");
	/* The restart has ended the link. */
	send(parts[2], MSG_FAIL);
	run();
	assert_string_equal(story, "-c+c-a+a-c+c");
	send(parts[1], MSG_LINK);
	run();
	send(parts[1], MSG_FAIL);
	run();
	assert_string_equal(story, "-c+c-a+a-c+c-b+b-c+c");
	close_system();
}

static void a_good_end_or_an_unlink_ends_a_link(void **state)
{
	(void)state;
	start_whole(ACTOR_RESTART_ON_ERROR);
	send(parts[0], MSG_LINK);
	send(parts[1], MSG_LINK);
	run();
	send(parts[0], MSG_UNLINK);
	run();
	send(parts[0], MSG_FAIL);
	run();
	assert_string_equal(story, "-a+a");
	send(parts[2], MSG_END);
	run();
	assert_string_equal(story, "-a+a-cDX");
	close_system();
}

static void a_link_to_one_that_has_ended_fails_at_once(void **state)
{
	(void)state;
	start_whole(ACTOR_RESTART_NEVER);
	send(parts[2], MSG_END);
	run();
	send(parts[0], MSG_LINK);
	run();
	assert_string_equal(story, "-cDX-aDX");
	close_system();
}

/* One that always has a message for itself. */

static int looper_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	unsigned int *turns = state;

	if (msg->type != MSG_LOOP)
		return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
	if (++*turns == 1)
		actor_send(self, parts[0],
			   actor_msg_new(MSG_NOTE, sizeof(*msg)));
	tell(".");
	if (*turns == 10)
		return 0;
	actor_msg_take(self, msg);
	return actor_send(self, actor_self(self), msg);
}

static const struct actor_class looper_class = {
	.name = "looper", .state_size = sizeof(unsigned int),
	.handle = looper_handle,
};

static void one_that_feeds_itself_lets_others_have_their_turn(void **state)
{
	actor_ref looper;

	(void)state;
	start_whole(ACTOR_RESTART_NEVER);
	assert_int_equal(actor_system_spawn(sys, &looper_class, NULL, NULL,
					    &looper), 0);
	send(looper, MSG_LOOP);
	run();
	/* A simulation shuffles a little. */
	assert_non_null(strchr(story, 'a'));
	assert_true(strchr(story, 'a') < story + 8);
	close_system();
}

static void a_parents_end_is_its_childrens(void **state)
{
	actor_ref whole = start_whole(ACTOR_RESTART_NEVER);

	(void)state;
	send(parts[0], MSG_NOTE);
	actor_system_stop(sys, whole);
	run();
	for (int i = 0; i < 3; i++)
		assert_int_equal(send(parts[i], MSG_NOTE), -ESRCH);
	assert_non_null(strstr(story, "-a"));
	assert_non_null(strstr(story, "-b"));
	assert_non_null(strstr(story, "-c"));
	close_system();
}

static void roots_children_end_last_first(void **state)
{
	static const struct actor_spawn_opts opts = { .arg_size = 1 };

	(void)state;
	assert_int_equal(open_system(2), 0);
	for (const char *c = "abc"; *c; c++)
		assert_int_equal(actor_system_spawn(sys, &part_class, c, &opts,
						    NULL), 0);
	run();
	story[0] = 0;
	close_system();
	assert_string_equal(story, "-c-b-a");
}

/* Whoever runs the system has no mailbox. */
static void one_of_root_that_fails_for_good_is_told_of(void **state)
{
	actor_ref good, bad;

	(void)state;
	assert_int_equal(open_system(1), 0);
	assert_int_equal(actor_system_spawn(sys, &part_class, "g", NULL,
					    &good), 0);
	assert_int_equal(actor_system_spawn(sys, &part_class, "b", NULL,
					    &bad), 0);
	run();
	story[0] = 0;
	send(good, MSG_END);
	run();
	send(bad, MSG_FAIL);
	run();
	assert_string_equal(story, "-g-b!part");
	close_system();
}

static void a_name_ends_with_its_actor(void **state)
{
	(void)state;
	start_whole(ACTOR_RESTART_NEVER);
	send(parts[0], MSG_NAME);
	run();
	assert_true(actor_ref_eq(actor_lookup(sys, "part"), parts[0]));
	actor_system_stop(sys, parts[0]);
	run();
	assert_true(actor_ref_is_nobody(actor_lookup(sys, "part")));
	close_system();
}

/* One allocation fails, each in turn: what was asked may fail, nothing else. */
static void scenario(void)
{
	actor_ref whole;

	if (open_system(2)) {
		sys = NULL;
		return;
	}
	if (!actor_system_spawn(sys, &whole_class, NULL, NULL, &whole)) {
		send(whole, MSG_SPAWN);
		run();
		send(whole, MSG_NOTE);
		for (int i = 0; i < 3; i++)
			send(parts[i], i ? MSG_NOTE : MSG_FAIL);
		send(parts[2], MSG_NAME);
		send(parts[0], MSG_LINK);
		send(parts[1], MSG_LINK);
		run();
		send(parts[2], MSG_FAIL);
		run();
		actor_system_stop(sys, parts[1]);
		run();
	}
	if (actor_system_shutdown(sys, 1000))
		assert_true(actor_system_shutdown(sys, 1000) <= 0);
}

static void fresh_scenario(void)
{
	memset(parts, 0, sizeof(parts));
	scenario();
}

static void every_failed_allocation_is_survived(void **state)
{
	(void)state;
	policy = ACTOR_RESTART_REST;
	survive_failures(fresh_scenario);
}

#define A_TICK_NS 1000000u
#define TICKS 5
#define COOKIE 7

static uint64_t tick_at[TICKS + 1], tick_allocations;
static unsigned int ticks;

static int ticker_start(struct actor *self, void *state, const void *arg)
{
	(void)state;
	(void)arg;
	ticks = 0;
	tick_allocations = 0;
	return actor_timer_start(self, A_TICK_NS, COOKIE) ? 0 : -ENOMEM;
}

/* The sixth is armed and cancelled. */
static int ticker_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	const struct actor_timer_msg *timer = (const void *)msg;
	uint64_t id, next;

	(void)state;
	if (msg->type != ACTOR_MSG_TIMER)
		return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
	id = timer->id;
	assert_int_equal(timer->cookie, COOKIE);
	tick_at[ticks++] = actor_now_ns(self);
	mem_fail_nth(1);
	next = actor_timer_again(self, msg, A_TICK_NS);
	tick_allocations += mem_fail_nth(0);
	assert_true(next && next != id);
	if (ticks == TICKS)
		actor_timer_cancel(self, next);
	return 0;
}

static const struct actor_class ticker_class = {
	.name = "ticker", .start = ticker_start, .handle = ticker_handle,
};

static void a_timer_goes_on_without_memory(void **state)
{
	actor_ref ref;

	(void)state;
	assert_int_equal(open_system(1), 0);
	assert_int_equal(actor_system_spawn(sys, &ticker_class, NULL, NULL,
					    &ref), 0);
	run();
	assert_int_equal(ticks, TICKS);
	assert_int_equal(tick_allocations, 0);
	for (int i = 1; i < TICKS; i++)
		assert_true(tick_at[i] - tick_at[i - 1] >= A_TICK_NS);
	close_system();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_for_one_restarts_the_one),
		cmocka_unit_test(rest_for_one_restarts_it_and_the_later_in_order),
		cmocka_unit_test(too_many_restarts_end_it),
		cmocka_unit_test(restarts_long_apart_are_not_too_many),
		cmocka_unit_test(linked_ones_fail_together),
		cmocka_unit_test(a_good_end_or_an_unlink_ends_a_link),
		cmocka_unit_test(a_link_to_one_that_has_ended_fails_at_once),
		cmocka_unit_test(one_that_feeds_itself_lets_others_have_their_turn),
		cmocka_unit_test(a_parents_end_is_its_childrens),
		cmocka_unit_test(roots_children_end_last_first),
		cmocka_unit_test(one_of_root_that_fails_for_good_is_told_of),
		cmocka_unit_test(a_name_ends_with_its_actor),
		cmocka_unit_test(a_timer_goes_on_without_memory),
		cmocka_unit_test(every_failed_allocation_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
