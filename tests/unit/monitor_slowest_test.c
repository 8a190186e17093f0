// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "monitor/slowest.h"

static void add(struct slowest *slowest, uint64_t ns)
{
	const struct block_slow record = { .queue_ns = ns / 3,
					   .device_ns = ns - ns / 3 };

	slowest_add(slowest, &record);
}

static void keeps_the_slowest_in_order(void **state)
{
	struct block_slow list[SLOWEST_MAX];
	struct slowest slowest = { 0 };

	(void)state;
	slowest_tick(&slowest, 1);
	for (uint64_t i = 0; i < 1000; i++)
		add(&slowest, i * 7919 % 1000);
	assert_int_equal(slowest_list(&slowest, list), SLOWEST_MAX);
	for (uint64_t i = 0; i < SLOWEST_MAX; i++)
		assert_int_equal(slowest_total_ns(&list[i]), 999 - i);
}

static void filters_below_the_fastest_that_is_kept(void **state)
{
	struct slowest slowest = { 0 };

	(void)state;
	slowest_tick(&slowest, 1);
	for (uint64_t i = 0; i < SLOWEST_MAX - 1; i++)
		add(&slowest, 100 + i);
	assert_int_equal(slowest_threshold_ns(&slowest), 0);
	add(&slowest, 500);
	assert_int_equal(slowest_threshold_ns(&slowest), 100);
	add(&slowest, 600);
	assert_int_equal(slowest_threshold_ns(&slowest), 101);
}

static void forgets_after_two_windows(void **state)
{
	struct block_slow list[SLOWEST_MAX];
	struct slowest slowest = { 0 };

	(void)state;
	slowest_tick(&slowest, 1);
	add(&slowest, 10);
	slowest_tick(&slowest, 1 + SLOWEST_WINDOW_NS);
	add(&slowest, 20);
	assert_int_equal(slowest_list(&slowest, list), 2);
	assert_int_equal(slowest_total_ns(&list[0]), 20);
	slowest_tick(&slowest, 1 + 2 * SLOWEST_WINDOW_NS);
	assert_int_equal(slowest_list(&slowest, list), 1);
	slowest_tick(&slowest, 1 + 3 * SLOWEST_WINDOW_NS);
	assert_int_equal(slowest_list(&slowest, list), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_slowest_in_order),
		cmocka_unit_test(filters_below_the_fastest_that_is_kept),
		cmocka_unit_test(forgets_after_two_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
