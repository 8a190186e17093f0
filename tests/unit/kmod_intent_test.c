// SPDX-License-Identifier: GPL-2.0-only
/* The intent map: who may go, who must wait, what may be cleared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "intent.h"

static struct sd_intent it;

static int set_up(void **state)
{
	(void)state;
	return sd_intent_init(&it, 10000);
}

static int tear_down(void **state)
{
	(void)state;
	sd_intent_fini(&it);
	return 0;
}

static void pass(void)
{
	if (sd_intent_pass_begin(&it))
		sd_intent_pass_end(&it);
}

static void the_first_waits_the_second_goes(void **state)
{
	(void)state;
	assert_false(sd_intent_get(&it, 5));
	assert_false(sd_intent_get(&it, 5));
	pass();
	assert_true(sd_intent_get(&it, 5));
	assert_false(sd_intent_get(&it, 6));
}

static void a_pass_that_began_before_does_not_count(void **state)
{
	(void)state;
	assert_false(sd_intent_get(&it, 1));
	assert_true(sd_intent_pass_begin(&it));
	assert_false(sd_intent_get(&it, 2));
	sd_intent_pass_end(&it);
	assert_true(sd_intent_get(&it, 1));
	assert_false(sd_intent_get(&it, 2));
	pass();
	assert_true(sd_intent_get(&it, 2));
}

static void idle_bits_are_cleared(void **state)
{
	(void)state;
	sd_intent_get(&it, 7);
	pass();
	sd_intent_put(&it, 7);
	assert_int_equal(sd_intent_choose(&it, false), 0);	/* recent */
	assert_int_equal(sd_intent_choose(&it, false), 1);
	assert_int_equal(sd_intent_clear_chosen(&it), 1);
	assert_int_equal(sd_intent_count(&it), 0);
	assert_false(sd_intent_get(&it, 7));
}

static void used_bits_are_not(void **state)
{
	(void)state;
	sd_intent_get(&it, 7);
	pass();
	assert_int_equal(sd_intent_choose(&it, true), 0);
	sd_intent_put(&it, 7);
	assert_int_equal(sd_intent_choose(&it, true), 1);
	assert_true(sd_intent_get(&it, 7));
	sd_intent_put(&it, 7);
	assert_int_equal(sd_intent_clear_chosen(&it), 0);
	assert_int_equal(sd_intent_count(&it), 1);
}

static void after_a_clear_all_wait_for_their_own_pass(void **state)
{
	(void)state;
	sd_intent_get(&it, 7);
	pass();
	sd_intent_put(&it, 7);
	sd_intent_choose(&it, true);
	sd_intent_clear_chosen(&it);
	assert_true(sd_intent_pass_begin(&it));	/* stores the clear */
	assert_false(sd_intent_get(&it, 7));
	assert_false(sd_intent_get(&it, 7));
	sd_intent_pass_end(&it);
	assert_false(sd_intent_get(&it, 7));
	pass();
	assert_true(sd_intent_get(&it, 7));
}

static void a_clear_during_a_pass_is_not_undone(void **state)
{
	(void)state;
	sd_intent_get(&it, 7);
	pass();
	sd_intent_put(&it, 7);
	sd_intent_get(&it, 8);			/* makes the sector stale */
	sd_intent_choose(&it, true);
	assert_true(sd_intent_pass_begin(&it));	/* snapshot holds 7 */
	sd_intent_clear_chosen(&it);
	sd_intent_pass_end(&it);
	assert_false(sd_intent_get(&it, 7));
	assert_false(sd_intent_get(&it, 7));
}

static void doubts_stay_until_cleared(void **state)
{
	(void)state;
	sd_intent_doubt(&it, 9999);
	assert_true(sd_intent_doubted(&it, 9999));
	pass();
	assert_int_equal(sd_intent_choose(&it, false), 1);
	assert_int_equal(sd_intent_clear_chosen(&it), 1);
	assert_false(sd_intent_doubted(&it, 9999));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_first_waits_the_second_goes),
		CASE(a_pass_that_began_before_does_not_count),
		CASE(idle_bits_are_cleared),
		CASE(used_bits_are_not),
		CASE(after_a_clear_all_wait_for_their_own_pass),
		CASE(a_clear_during_a_pass_is_not_undone),
		CASE(doubts_stay_until_cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
