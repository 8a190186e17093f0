// SPDX-License-Identifier: GPL-2.0-only
/* Who is believed when a set of SSDs is attached. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "recover.h"

#define LEGS 3

static struct sd_geom geom;
static struct sd_candidate c[SD_MAX_LEGS];
static u32 best;

/* Three members that were closed together. */
static int set_up(void **state)
{
	struct sd_layout layout;

	(void)state;
	sd_geom_init(&geom, 3000 * 128, 128, LEGS);
	sd_layout_init(&layout, 4000 * 128, 128, sd_leg_blocks(&geom, 0));
	for (u32 i = 0; i < LEGS; i++)
		c[i] = (struct sd_candidate) {
			.present = true,
			.layout = layout,
			.super = {
				.set_uuid = "a set",
				.epoch = 100 + i,
				.generation = 7,
				.disk_sectors = geom.disk_sectors,
				.layout = layout,
				.block_sectors = 128,
				.nr_legs = LEGS,
				.leg = i,
				.mode = SUPERDISK_MODE_MIRROR,
				.verify = true,
				.roster = { 100, 101, 102 },
			},
		};
	return 0;
}

static u64 judge(void)
{
	return sd_recover(&geom, SUPERDISK_MODE_MIRROR, SD_ATTACH_TRUST, true, c,
			  &best);
}

static u32 warm(void)
{
	u32 i, mask = 0;

	judge();
	for (i = 0; i < LEGS; i++)
		mask |= (u32)c[i].warm << i;
	return mask;
}

static void members_of_one_generation_are_warm(void **state)
{
	(void)state;
	assert_int_equal(judge(), 7);
	assert_int_equal(warm(), 7);
	assert_false(c[0].doubts);
}

static void unclean_ones_have_doubts(void **state)
{
	(void)state;
	c[1].super.state = SD_SUPER_ACTIVE;
	assert_int_equal(warm(), 7);
	assert_true(c[1].doubts);
}

static void one_that_missed_writes_is_cold(void **state)
{
	(void)state;
	c[0].super.generation = c[2].super.generation = 8;
	c[0].super.roster[1] = c[2].super.roster[1] = 0;
	assert_int_equal(warm(), 5);
	assert_non_null(c[1].why);
}

static void one_that_lags_within_a_change_is_warm(void **state)
{
	(void)state;
	c[0].super.generation = 8;
	assert_int_equal(warm(), 7);
}

static void a_blank_one_is_cold_and_that_is_no_news(void **state)
{
	(void)state;
	c[1].err = -ENODATA;
	assert_int_equal(warm(), 5);
	assert_null(c[1].why);
}

static void swapped_ones_are_cold(void **state)
{
	struct sd_super s = c[0].super;

	(void)state;
	c[0].super = c[1].super;
	c[1].super = s;
	assert_int_equal(warm(), 4);
}

static void a_minority_is_not_believed(void **state)
{
	(void)state;
	c[1].present = c[2].present = false;
	assert_int_equal(warm(), 0);
	assert_non_null(c[0].why);
}

static void half_of_the_members_are_enough(void **state)
{
	(void)state;
	c[0].super.roster[2] = 0;
	c[1].present = c[2].present = false;
	assert_int_equal(warm(), 1);
}

static void another_set_is_cold(void **state)
{
	(void)state;
	c[2].super.set_uuid[0] = 'x';
	assert_int_equal(warm(), 3);
}

static void states_that_cannot_be_trusted_are_cold(void **state)
{
	(void)state;
	c[0].super.state = SD_SUPER_ACTIVE | SD_SUPER_LOOSE;
	c[1].super.state = SD_SUPER_OUT;
	assert_int_equal(warm(), 4);
}

static void a_larger_disk_is_the_same_a_smaller_is_not(void **state)
{
	(void)state;
	c[0].super.disk_sectors += 8;
	c[1].super.disk_sectors -= 8;
	assert_int_equal(warm(), 6);
}

static void another_layout_is_cold(void **state)
{
	(void)state;
	c[0].super.block_sectors = 64;
	c[1].super.layout.data_start += 2048;
	c[2].super.verify = false;
	assert_int_equal(warm(), 0);
}

static void discard_believes_nobody(void **state)
{
	(void)state;
	sd_recover(&geom, SUPERDISK_MODE_MIRROR, SD_ATTACH_DISCARD, true, c,
		   &best);
	for (u32 i = 0; i < LEGS; i++)
		assert_false(c[i].warm);
}

static void a_sample_in_doubt_does_not_count(void **state)
{
	unsigned long doubted[1] = {};
	u32 now[SD_NR_SAMPLES] = {};

	(void)state;
	assert_true(sd_recover_same_disk(&c[0].super, now, doubted));
	now[5] = 1;
	assert_false(sd_recover_same_disk(&c[0].super, now, doubted));
	doubted[0] = 1ul << 5;
	assert_true(sd_recover_same_disk(&c[0].super, now, doubted));
}

#define CASE(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(members_of_one_generation_are_warm),
		CASE(unclean_ones_have_doubts),
		CASE(one_that_missed_writes_is_cold),
		CASE(one_that_lags_within_a_change_is_warm),
		CASE(a_blank_one_is_cold_and_that_is_no_news),
		CASE(swapped_ones_are_cold),
		CASE(a_minority_is_not_believed),
		CASE(half_of_the_members_are_enough),
		CASE(another_set_is_cold),
		CASE(states_that_cannot_be_trusted_are_cold),
		CASE(a_larger_disk_is_the_same_a_smaller_is_not),
		CASE(another_layout_is_cold),
		CASE(discard_believes_nobody),
		CASE(a_sample_in_doubt_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
