// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "monitor/hist.h"

static void buckets_tile_the_line(void **state)
{
	(void)state;
	assert_int_equal(hist_lower(0), 0);
	for (uint32_t i = 0; i + 1 < HIST_BUCKETS; i++) {
		assert_true(hist_lower(i) < hist_upper(i));
		assert_int_equal(hist_upper(i), hist_lower(i + 1));
	}
	assert_int_equal(hist_upper(HIST_BUCKETS - 1), 1ULL << HIST_MAX_BITS);
}

static void a_value_falls_between_the_bounds_of_its_bucket(void **state)
{
	(void)state;
	for (int bit = 0; bit < HIST_MAX_BITS; bit++)
		for (int64_t off = -3; off <= 3; off++) {
			uint64_t v = (1ULL << bit) + (uint64_t)off;
			uint32_t i;

			if ((int64_t)v < 1)
				continue;
			i = hist_index(v);
			assert_true(v > hist_lower(i));
			assert_true(v <= hist_upper(i));
		}
}

static void every_bound_belongs_to_the_bucket_below(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		assert_int_equal(hist_index(hist_upper(i)), i);
}

static void the_extremes_have_a_bucket(void **state)
{
	(void)state;
	assert_int_equal(hist_index(0), 0);
	assert_int_equal(hist_index(1), 0);
	assert_int_equal(hist_index(UINT64_MAX), HIST_BUCKETS - 1);
	assert_int_equal(hist_index(1ULL << HIST_MAX_BITS), HIST_BUCKETS - 1);
}

static void the_stated_error_holds(void **state)
{
	(void)state;
	for (uint64_t v = 1; v < 1ULL << 36; v += v / 37 + 1) {
		struct hist_slots hist = { 0 };
		int64_t off;

		hist.count[hist_index(v)] = 1;
		off = (int64_t)hist_quantile(&hist, 0.5) - (int64_t)v;
		if (off < 0)
			off = -off;
		/* 6.25 %, and a half for the integer middle */
		assert_true((uint64_t)off * 16 <= v + 16);
	}
}

static void quantiles_pick_the_rank(void **state)
{
	struct hist_slots hist = { 0 };

	(void)state;
	hist.count[hist_index(1)] = 50;
	hist.count[hist_index(2)] = 49;
	hist.count[hist_index(8)] = 1;
	assert_int_equal(hist_quantile(&hist, 0), 1);
	assert_int_equal(hist_quantile(&hist, 0.5), 1);
	assert_int_equal(hist_quantile(&hist, 0.51), 2);
	assert_int_equal(hist_quantile(&hist, 0.99), 2);
	assert_int_equal(hist_quantile(&hist, 1), 8);
	assert_int_equal(hist_highest(&hist), 8);
	assert_int_equal(hist_count(&hist), 100);
}

static void an_empty_histogram_has_no_figures(void **state)
{
	const struct hist_slots hist = { 0 };

	(void)state;
	assert_int_equal(hist_quantile(&hist, 0.99), 0);
	assert_int_equal(hist_highest(&hist), 0);
	assert_int_equal(hist_mean(&hist), 0);
}

static void sums_and_differences_are_inverse(void **state)
{
	struct hist_slots a = { .sum = 30 }, b = { .sum = 12 }, both;

	(void)state;
	a.count[3] = 7;
	b.count[3] = 5;
	b.count[9] = 1;
	both = a;
	hist_add(&both, &b);
	assert_int_equal(both.sum, 42);
	assert_int_equal(both.count[3], 12);
	hist_subtract(&both, &b);
	assert_memory_equal(&both, &a, sizeof(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_tile_the_line),
		cmocka_unit_test(a_value_falls_between_the_bounds_of_its_bucket),
		cmocka_unit_test(every_bound_belongs_to_the_bucket_below),
		cmocka_unit_test(the_extremes_have_a_bucket),
		cmocka_unit_test(the_stated_error_holds),
		cmocka_unit_test(quantiles_pick_the_rank),
		cmocka_unit_test(an_empty_histogram_has_no_figures),
		cmocka_unit_test(sums_and_differences_are_inverse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
