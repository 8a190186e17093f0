// SPDX-License-Identifier: GPL-2.0-only
/* The bound of hedge_us auto. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hedge.h"

#define US 1000u
#define MS 1000000u

static struct sd_recent ssd, disk;
static u64 ssd_total[SUPERDISK_HIST_NR], disk_total[SUPERDISK_HIST_NR];
static u32 last_bound;

static int set_up(void **state)
{
	(void)state;
	memset(&ssd, 0, sizeof(ssd));
	memset(&disk, 0, sizeof(disk));
	memset(ssd_total, 0, sizeof(ssd_total));
	memset(disk_total, 0, sizeof(disk_total));
	last_bound = 0;
	return 0;
}

static void answers(u64 *total, u64 ns, u64 times)
{
	total[superdisk_hist_bucket(ns)] += times;
}

static u32 bound(void)
{
	sd_recent_update(&ssd, ssd_total);
	sd_recent_update(&disk, disk_total);
	last_bound = sd_hedge_bound_us(&ssd, &disk, last_bound);
	return last_bound;
}

static void no_bound_before_enough_is_known(void **state)
{
	(void)state;
	assert_int_equal(bound(), 0);
	answers(ssd_total, 100 * US, 99);
	answers(disk_total, 2 * MS, 1000);
	assert_int_equal(bound(), 0);
	answers(ssd_total, 100 * US, 100);
	assert_true(bound() > 0);
}

static void one_in_a_hundred_is_hedged(void **state)
{
	(void)state;
	answers(ssd_total, 100 * US, 98900);
	answers(ssd_total, 700 * US, 500);
	answers(ssd_total, 5 * MS, 600);
	answers(disk_total, 2 * MS, 1000);
	assert_in_range(bound(), 700, 900);
}

static void equal_reads_are_not_all_hedged(void **state)
{
	(void)state;
	answers(ssd_total, 100 * US, 100000);
	answers(disk_total, 2 * MS, 1000);
	assert_in_range(bound(), 200, 260);
}

static void never_waits_longer_than_for_the_disk(void **state)
{
	(void)state;
	answers(ssd_total, 80 * MS, 1000);
	answers(disk_total, 2 * MS, 1000);
	assert_in_range(bound(), 2000, 2600);
}

/* One of twenty: no more of what is asked twice would be won. */
static void the_disk_is_known_by_its_slow_reads(void **state)
{
	(void)state;
	answers(ssd_total, 80 * MS, 1000);
	answers(disk_total, 2 * MS, 920);
	answers(disk_total, 30 * MS, 80);
	assert_in_range(bound(), 30000, 39000);
}

static void without_a_disk_read_the_ssd_decides(void **state)
{
	(void)state;
	answers(ssd_total, 10 * MS, 1000);
	assert_in_range(bound(), 20000, 26000);
}

static void very_fast_ones_get_fifty_microseconds(void **state)
{
	(void)state;
	answers(ssd_total, 5 * US, 1000);
	answers(disk_total, 10 * US, 1000);
	assert_int_equal(bound(), 50);
}

static void what_was_long_ago_is_forgotten(void **state)
{
	(void)state;
	answers(disk_total, 2 * MS, 100000);
	answers(ssd_total, 1 * MS, 100000);
	assert_true(bound() >= 2000);
	for (u32 i = 0; i < 60; i++) {
		answers(ssd_total, 100 * US, 1000);
		answers(disk_total, 2 * MS, 1000);
		bound();
	}
	assert_in_range(bound(), 200, 260);
}

/* One that hangs must be hedged of all SSDs. */
static void silence_does_not_take_the_bound_away(void **state)
{
	u32 before;

	(void)state;
	answers(ssd_total, 100 * US, 1000);
	before = bound();
	assert_true(before > 0);
	for (u32 i = 0; i < 100; i++)
		assert_int_equal(bound(), before);
	answers(ssd_total, 1 * MS, 1000);
	assert_in_range(bound(), 2000, 2600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(no_bound_before_enough_is_known, set_up),
		cmocka_unit_test_setup(one_in_a_hundred_is_hedged, set_up),
		cmocka_unit_test_setup(equal_reads_are_not_all_hedged, set_up),
		cmocka_unit_test_setup(never_waits_longer_than_for_the_disk, set_up),
		cmocka_unit_test_setup(the_disk_is_known_by_its_slow_reads, set_up),
		cmocka_unit_test_setup(without_a_disk_read_the_ssd_decides, set_up),
		cmocka_unit_test_setup(very_fast_ones_get_fifty_microseconds, set_up),
		cmocka_unit_test_setup(what_was_long_ago_is_forgotten, set_up),
		cmocka_unit_test_setup(silence_does_not_take_the_bound_away, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
