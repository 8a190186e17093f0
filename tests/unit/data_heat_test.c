// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "data/heat.h"

static int setup(void **state)
{
	*state = heat_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	heat_free(*state);
	return 0;
}

static void names_the_hottest_first(void **state)
{
	uint32_t where[3] = { 0 };
	struct heat_entry top[2];

	for (int i = 0; i < 30; i++) {
		uint32_t channel = i < 5 ? 0 : i < 15 ? 1 : 2;

		heat_count(*state, &where[channel], 100 + channel, HEAT_READ);
	}
	heat_count(*state, &where[2], 102, HEAT_RUN);
	assert_int_equal(heat_top(*state, top, 0, 2), 2);
	assert_int_equal(top[0].channel, 102);
	assert_int_equal(top[0].count[HEAT_READ], 15);
	assert_int_equal(top[0].count[HEAT_RUN], 1);
	assert_int_equal(top[1].channel, 101);
	assert_int_equal(top[1].count[HEAT_READ], 10);
	assert_int_equal(top[1].count[HEAT_RUN], 0);
}

static void merges_the_cores(void **state)
{
	struct heat *other = heat_new();
	struct heat_entry top[3];
	uint32_t where = 0;

	assert_non_null(other);
	heat_count(*state, &where, 1, HEAT_READ);
	where = 0;
	for (int i = 0; i < 3; i++)
		heat_count(other, &where, 2, HEAT_READ);
	assert_int_equal(heat_top(*state, top, 0, 3), 1);
	assert_int_equal(heat_top(other, top, 1, 3), 2);
	assert_int_equal(top[0].channel, 2);
	assert_int_equal(top[1].channel, 1);
	heat_free(other);
}

/* Ten channels have half of all reads; the others, far more than there is room
 * for, have one now and then. */
static void keeps_the_hot_among_many_cold(void **state)
{
	static uint32_t where[100000];
	struct heat_entry top[10];
	struct rng rng;
	uint64_t sum = 0;

	rng_init(&rng, 1);
	for (int i = 0; i < 200000; i++) {
		uint64_t channel = rng_below(&rng, 2) ? rng_below(&rng, 10) :
						       rng_below(&rng, 100000);

		heat_count(*state, &where[channel], 1 + channel, HEAT_READ);
	}
	assert_int_equal(heat_top(*state, top, 0, 10), 10);
	for (int i = 0; i < 10; i++) {
		assert_in_range(top[i].channel, 1, 10);
		sum += top[i].count[HEAT_READ];
	}
	assert_in_range(sum, 98000, 101000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_the_hottest_first, setup,
						teardown),
		cmocka_unit_test_setup_teardown(merges_the_cores, setup,
						teardown),
		cmocka_unit_test_setup_teardown(keeps_the_hot_among_many_cold,
						setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
