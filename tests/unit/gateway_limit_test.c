// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/limit.h"
#include "gateway/start.h"

#define NOW 1800000000000ull

static void allows_so_many_in_a_window(void **state)
{
	struct limits *limits = limits_new(1);
	struct limit_key key = { "token", 7, 9 };
	struct limit_state now;
	uint32_t i;

	(void)state;
	for (i = 0; i < 5; i++) {
		now = limit_take(limits, &key, 5, 5000, NOW + i);
		assert_true(now.allowed);
		assert_int_equal(now.remaining, 4 - i);
		assert_int_equal(now.reset_ms, NOW + 5000);
	}
	assert_false(limit_take(limits, &key, 5, 5000, NOW + 4999).allowed);
	now = limit_take(limits, &key, 5, 5000, NOW + 5000);
	assert_true(now.allowed);
	assert_int_equal(now.remaining, 4);
	limits_free(limits);
}

static void looking_does_not_count(void **state)
{
	struct limits *limits = limits_new(1);
	struct limit_key key = { "token", 7, 9 };

	(void)state;
	assert_int_equal(limit_look(limits, &key, 2, 1000, NOW).remaining, 2);
	limit_take(limits, &key, 2, 1000, NOW);
	assert_int_equal(limit_look(limits, &key, 2, 1000, NOW).remaining, 1);
	assert_int_equal(limit_look(limits, &key, 2, 1000, NOW).remaining, 1);
	limits_free(limits);
}

static void grants_so_many_session_starts_at_once_and_a_day(void **state)
{
	struct limits *limits = limits_new(1);
	uint64_t now = NOW;
	uint32_t i, granted = 0;

	(void)state;
	for (i = 0; i < START_AT_ONCE; i++)
		assert_int_equal(start_take(limits, 5, now), START_GRANTED);
	assert_int_equal(start_take(limits, 5, now), START_LATER);
	assert_int_equal(start_take(limits, 6, now), START_GRANTED);
	/* What was refused is none of the day's. */
	assert_int_equal(start_left(limits, 5, now).remaining,
			 START_PER_DAY - START_AT_ONCE);
	for (granted = START_AT_ONCE; granted < START_PER_DAY; granted++) {
		now += START_AT_ONCE_MS;
		assert_int_equal(start_take(limits, 5, now), START_GRANTED);
	}
	now += START_AT_ONCE_MS;
	assert_int_equal(start_take(limits, 5, now), START_EXHAUSTED);
	assert_int_equal(start_left(limits, 5, now).remaining, 0);
	assert_int_equal(start_left(limits, 5, now).reset_after_ms,
			 NOW + START_DAY_MS - now);
	assert_int_equal(start_take(limits, 5, NOW + START_DAY_MS),
			 START_GRANTED);
	assert_int_equal(start_take(NULL, 5, now), START_GRANTED);
	limits_free(limits);
}

static void keeps_callers_routes_and_channels_apart(void **state)
{
	static const struct limit_key keys[] = {
		{ "a", 1, 1 }, { "b", 1, 1 }, { "a", 2, 1 }, { "a", 1, 2 },
	};
	struct limits *limits = limits_new(1);
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_true(limit_take(limits, &keys[i], 1, 1000, NOW).allowed);
	for (i = 0; i < 4; i++)
		assert_false(limit_take(limits, &keys[i], 1, 1000,
					NOW).allowed);
	limits_free(limits);
}

static void survives_a_clock_that_is_set_back(void **state)
{
	struct limits *limits = limits_new(1);
	struct limit_key key = { "token", 7, 9 };

	(void)state;
	assert_true(limit_take(limits, &key, 1, 1000, NOW).allowed);
	assert_true(limit_take(limits, &key, 1, 1000, NOW - 3600000).allowed);
	limits_free(limits);
}

/* A flood of callers must not fill memory: old buckets are swept, and those
 * that are in use stay. */
static void forgets_callers_whose_window_is_over(void **state)
{
	struct limits *limits = limits_new(1);
	struct limit_key mine = { "mine", 1, 1 }, other = { NULL, 1, 1 };
	char name[32];
	unsigned int i;

	(void)state;
	assert_true(limit_take(limits, &mine, 1, 1000000, NOW).allowed);
	for (i = 0; i < 400000; i++) {
		snprintf(name, sizeof(name), "caller%u", i);
		other.caller = name;
		limit_take(limits, &other, 1, 10, NOW + i / 100);
	}
	assert_false(limit_take(limits, &mine, 1, 1000000, NOW + 4000).allowed);
	limits_free(limits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looking_does_not_count),
		cmocka_unit_test(
			grants_so_many_session_starts_at_once_and_a_day),
		cmocka_unit_test(allows_so_many_in_a_window),
		cmocka_unit_test(keeps_callers_routes_and_channels_apart),
		cmocka_unit_test(survives_a_clock_that_is_set_back),
		cmocka_unit_test(forgets_callers_whose_window_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
