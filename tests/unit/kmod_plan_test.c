// SPDX-License-Identifier: GPL-2.0-only
/* Order and speed of background copying. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan.h"

#define BLOCKS 200000u
#define SECOND 1000000000ull

static struct sd_heat heat;

static int set_up(void **state)
{
	(void)state;
	return sd_heat_init(&heat, BLOCKS);
}

static int tear_down(void **state)
{
	(void)state;
	sd_heat_fini(&heat);
	return 0;
}

/* The next block of the plan, BLOCKS at its end. */
static u64 next(struct sd_plan *p)
{
	u64 block;
	int r;

	do {
		r = sd_plan_next(p, &block);
	} while (!r);
	return r > 0 ? block : BLOCKS;
}

static void hotter_blocks_come_first(void **state)
{
	struct sd_plan p;

	(void)state;
	heat.byte[7] = 9;
	heat.byte[150000] = 255;
	heat.byte[3] = 100;
	heat.byte[199999] = 101;
	sd_plan_start(&p, &heat, BLOCKS, true);
	assert_int_equal(next(&p), 150000);
	assert_int_equal(next(&p), 3);
	assert_int_equal(next(&p), 199999);
	assert_int_equal(next(&p), 7);
}

static void every_block_comes_in_the_end(void **state)
{
	static bool seen[BLOCKS];
	struct sd_plan p;
	u64 block, nr = 0;

	(void)state;
	for (u32 i = 0; i < 1000; i++)
		heat.byte[i * 199] = (u8)i;
	sd_plan_start(&p, &heat, BLOCKS, true);
	while ((block = next(&p)) < BLOCKS) {
		nr += !seen[block];
		seen[block] = true;
	}
	assert_int_equal(nr, BLOCKS);
}

static void cold_blocks_do_not_come_unless_wanted(void **state)
{
	struct sd_plan p;

	(void)state;
	heat.byte[9] = 1;
	sd_plan_start(&p, &heat, BLOCKS, false);
	assert_int_equal(next(&p), 9);
	assert_int_equal(next(&p), BLOCKS);
}

static void without_heat_it_is_from_first_to_last(void **state)
{
	struct sd_heat none = { .nr_blocks = BLOCKS };
	struct sd_plan p;

	(void)state;
	sd_plan_start(&p, &none, BLOCKS, true);
	for (u64 i = 0; i <= BLOCKS; i++)
		assert_int_equal(next(&p), i);
	sd_plan_start(&p, &none, BLOCKS, false);
	assert_int_equal(next(&p), BLOCKS);
}

/* It comes to nothing on a disk that nobody reads, in many calls. */
static void one_call_looks_at_a_bounded_part_of_the_disk(void **state)
{
	u32 classes = SUPERDISK_HEAT_MAX / SD_PLAN_CLASS;
	struct sd_plan p;
	u64 block, calls = 1;

	(void)state;
	sd_plan_start(&p, &heat, BLOCKS, false);
	while (!sd_plan_next(&p, &block))
		calls++;
	assert_true(calls > classes * (BLOCKS / SD_PLAN_BATCH));
}

/* Blocks whose heat changes while the plan goes on are not lost. */
static void a_block_that_cools_or_warms_still_comes(void **state)
{
	struct sd_plan p;
	u64 block;
	bool seen = false;

	(void)state;
	heat.byte[10] = 50;
	heat.byte[20] = 200;
	sd_plan_start(&p, &heat, BLOCKS, false);
	assert_int_equal(next(&p), 20);
	heat.byte[10] = 255;
	while ((block = next(&p)) < BLOCKS)
		seen |= block == 10;
	assert_true(seen);
}

/* KiB taken in a second of ticks of that many nanoseconds. */
static u64 taken(u32 rate, u64 tick)
{
	struct sd_pace p;
	u64 now = 5, kib = 0;

	sd_pace_start(&p, now);
	for (; now < 5 + SECOND; now += tick) {
		sd_pace_tick(&p, now, rate, 64);
		while (sd_pace_take(&p, 64))
			kib += 64;
	}
	return kib;
}

static void rate_is_kept_whatever_the_tick(void **state)
{
	static const u32 rates[] = { 64, 1000, 65536, 10000000 };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rates); i++)
		for (u64 tick = 100000; tick <= 40000000; tick *= 20)
			assert_in_range(taken(rates[i], tick) + 64,
					rates[i] - rates[i] / 10, rates[i] + 64);
}

static void an_idle_time_is_not_saved_up(void **state)
{
	struct sd_pace p;
	u32 kib = 0;

	(void)state;
	sd_pace_start(&p, 0);
	sd_pace_tick(&p, 3600 * SECOND, 65536, 64);
	while (sd_pace_take(&p, 64))
		kib += 64;
	assert_true(kib <= 65536 / 20 + 64);
	/* At a rate and after a time that have a product of 2^64. */
	sd_pace_start(&p, 0);
	sd_pace_tick(&p, 1ull << 33, 1u << 31, 64);
	assert_true(sd_pace_take(&p, 64));
}

static void wait_is_long_enough_and_not_longer(void **state)
{
	struct sd_pace p;
	u64 wait;

	(void)state;
	for (u32 rate = 1; rate < 4000000000u; rate = rate * 7 + 1) {
		sd_pace_start(&p, 0);
		wait = sd_pace_wait_ns(&p, rate, 256);
		for (u64 now = 0; wait > SECOND; now += SECOND, wait -= SECOND)
			sd_pace_tick(&p, now + SECOND, rate, 256);
		sd_pace_tick(&p, p.now_ns + wait - 1, rate, 256);
		assert_false(sd_pace_take(&p, 256));
		sd_pace_tick(&p, p.now_ns + 1, rate, 256);
		assert_true(sd_pace_take(&p, 256));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hotter_blocks_come_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_block_comes_in_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cold_blocks_do_not_come_unless_wanted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_call_looks_at_a_bounded_part_of_the_disk, set_up, tear_down),
		cmocka_unit_test(without_heat_it_is_from_first_to_last),
		cmocka_unit_test_setup_teardown(a_block_that_cools_or_warms_still_comes, set_up, tear_down),
		cmocka_unit_test(rate_is_kept_whatever_the_tick),
		cmocka_unit_test(an_idle_time_is_not_saved_up),
		cmocka_unit_test(wait_is_long_enough_and_not_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
