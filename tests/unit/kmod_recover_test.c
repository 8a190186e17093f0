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
static u64 clock_ns;
static u32 best;

static void set_samples(u32 *sample)
{
	for (u32 i = 0; i < SD_NR_SAMPLES; i++)
		sample[i] = 1000 + 2 * i;
}

/* Three members that were closed together. */
static int set_up(void **state)
{
	struct sd_layout layout;

	(void)state;
	clock_ns = 0;
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
	return sd_recover(&geom, SUPERDISK_MODE_MIRROR, SD_ATTACH_TRUST, true,
			  clock_ns, c, &best);
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

/* Nothing that is left in memory of one is listened to. */
static void one_that_cannot_be_read_says_nothing(void **state)
{
	(void)state;
	assert_int_equal(warm(), 7);
	c[1].super.generation = 99;
	c[1].super.roster[0] = 0;
	c[1].present = false;
	assert_int_equal(judge(), 7);
	assert_int_equal(warm(), 5);
	c[1].present = true;
	c[1].err = -EIO;
	assert_int_equal(judge(), 7);
	assert_int_not_equal(best, 1);
	assert_int_equal(warm(), 5);
	assert_non_null(c[1].why);
	c[2].present = false;	/* one of three is left */
	assert_int_equal(warm(), 0);
	c[0].present = c[2].present = false;
	assert_int_equal(judge(), 0);
	assert_int_equal(best, LEGS);
}

static void checksums_are_no_harm_to_one_who_does_not_verify(void **state)
{
	(void)state;
	sd_recover(&geom, SUPERDISK_MODE_MIRROR, SD_ATTACH_TRUST, false,
		   clock_ns, c, &best);
	for (u32 i = 0; i < LEGS; i++)
		assert_true(c[i].warm);
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

static void one_is_cold(u32 leg)
{
	assert_int_equal(warm(), 7 & ~(1u << leg));
	assert_non_null(c[leg].why);
	set_up(NULL);
}

static void another_layout_is_cold(void **state)
{
	(void)state;
	c[0].super.block_sectors = 64;
	one_is_cold(0);
	c[1].super.layout.data_start += 2048;
	one_is_cold(1);
	c[2].super.layout.region_shift++;
	one_is_cold(2);
	c[0].super.mode = SUPERDISK_MODE_CACHE;
	one_is_cold(0);
	c[2].super.verify = false;
	one_is_cold(2);
}

/* Blocks are placed by both. */
static void another_position_or_number_of_them_is_cold(void **state)
{
	(void)state;
	c[1].super.leg = 2;
	one_is_cold(1);
	c[1].super.nr_legs = 4;
	one_is_cold(1);
	for (u32 i = 0; i < LEGS; i++)
		c[i].super.nr_legs = 4;
	assert_int_equal(warm(), 0);
}

static enum superdisk_mode placement(u32 named)
{
	return sd_recover_placement(&geom, named, c);
}

static void small_ssds_are_a_cache_unless_it_is_named(void **state)
{
	(void)state;
	assert_int_equal(placement(SUPERDISK_MODE_AUTO),
			 SUPERDISK_MODE_MIRROR);
	assert_int_equal(placement(SUPERDISK_MODE_CACHE),
			 SUPERDISK_MODE_CACHE);
	c[1].layout.nr_slots--;
	assert_int_equal(placement(SUPERDISK_MODE_AUTO), SUPERDISK_MODE_CACHE);
	assert_int_equal(placement(SUPERDISK_MODE_MIRROR),
			 SUPERDISK_MODE_MIRROR);
}

/* One that is not here says nothing; those that are know what they were. */
static void a_cache_stays_one_while_its_small_ssds_are_away(void **state)
{
	(void)state;
	c[1].present = false;
	c[1].layout.nr_slots = 0;
	assert_int_equal(placement(SUPERDISK_MODE_AUTO),
			 SUPERDISK_MODE_MIRROR);
	c[0].super.mode = c[2].super.mode = SUPERDISK_MODE_CACHE;
	assert_int_equal(placement(SUPERDISK_MODE_AUTO), SUPERDISK_MODE_CACHE);
	c[0].present = c[2].present = false;
	assert_int_equal(placement(SUPERDISK_MODE_AUTO),
			 SUPERDISK_MODE_MIRROR);
}

static void discard_believes_nobody(void **state)
{
	(void)state;
	sd_recover(&geom, SUPERDISK_MODE_MIRROR, SD_ATTACH_DISCARD, true,
		   clock_ns, c, &best);
	for (u32 i = 0; i < LEGS; i++)
		assert_false(c[i].warm);
}

/* This cache begins anew, without those that are away; they return later. */
static void what_began_while_others_were_away_is_their_witness(void **state)
{
	struct sd_super away[2] = { c[0].super, c[1].super };

	(void)state;
	clock_ns = 1000;
	c[0].present = c[1].present = false;
	c[2].err = -ENODATA;
	c[2].super.set_uuid[0] = 'x';
	c[2].super.roster[0] = c[2].super.roster[1] = 0;
	c[2].super.generation = judge() + 1;
	c[2].err = 0;
	clock_ns = 2000;
	for (u32 i = 0; i < 2; i++) {
		c[i].present = true;
		c[i].super = away[i];
	}
	assert_int_equal(warm(), 4);
}

static void one_of_a_later_time_than_now_is_outranked_as_well(void **state)
{
	(void)state;
	clock_ns = 3;
	assert_int_equal(judge(), 7);
}

/* The third SSD is of another cache, newer, all of whose samples differ. */
static void make_foreign(void)
{
	struct sd_super *s = &c[2].super;

	for (u32 i = 0; i < LEGS; i++)
		set_samples(c[i].super.sample);
	s->set_uuid[0] = 'x';
	s->generation = 99;
	s->roster[0] = s->roster[1] = 0;
	for (u32 i = 0; i < SD_NR_SAMPLES; i++)
		s->sample[i]++;
}

static void weigh(u64 doubted[LEGS], u64 blank)
{
	u32 disk[SD_NR_SAMPLES];

	set_samples(disk);
	assert_true(sd_recover_is_mixed(&geom, c));
	for (u32 i = 0; i < LEGS; i++)
		sd_recover_weigh(&c[i], disk, doubted ? doubted[i] : 0, blank);
}

static void one_of_another_disk_is_cold_alone(void **state)
{
	(void)state;
	assert_false(sd_recover_is_mixed(&geom, c));
	make_foreign();
	weigh(NULL, 0);
	assert_int_equal(warm(), 3);
	assert_int_equal(judge(), 99);
	assert_int_equal(best, 0);
	c[2].super.nr_legs = 16;
	c[2].super.leg = 7;
	c[2].super.block_sectors = 8;
	assert_int_equal(warm(), 3);
}

static void one_of_another_disk_does_not_say_where_blocks_are(void **state)
{
	(void)state;
	make_foreign();
	weigh(NULL, 0);
	c[2].super.mode = SUPERDISK_MODE_CACHE;
	assert_int_equal(sd_recover_placement(&geom, SUPERDISK_MODE_AUTO, c),
			 SUPERDISK_MODE_MIRROR);
}

static void a_later_cache_of_this_disk_is_heard(void **state)
{
	(void)state;
	make_foreign();
	c[2].super.sample[63]--;
	weigh(NULL, 0);
	assert_int_equal(warm(), 4);
}

static void a_blank_block_is_on_any_disk(void **state)
{
	(void)state;
	make_foreign();
	c[2].super.sample[63]--;
	weigh(NULL, 1ull << 63);
	assert_int_equal(warm(), 3);
}

static void a_disk_that_is_nearly_blank_is_no_reason(void **state)
{
	(void)state;
	make_foreign();
	weigh(NULL, ~0xffull);
	assert_int_equal(warm(), 3);
	weigh(NULL, ~0x7full);
	assert_int_equal(warm(), 4);
}

static void what_is_in_doubt_is_no_reason(void **state)
{
	u64 others[LEGS] = { ~0ull << 7, ~0ull << 7, 0 };
	u64 its[LEGS] = { 0, 0, ~0ull << 7 };
	u64 apart[LEGS] = { ~0ull << 32, ~0ull << 32, ~0ull >> 32 };

	(void)state;
	make_foreign();
	weigh(others, 0);
	assert_int_equal(warm(), 4);
	weigh(its, 0);
	assert_int_equal(warm(), 4);
	weigh(apart, 0);
	assert_int_equal(warm(), 4);
}

static void nobody_who_is_wrong_himself_speaks_against_it(void **state)
{
	(void)state;
	make_foreign();
	c[0].super.sample[5]++;
	c[1].super.sample[5]++;
	weigh(NULL, 0);
	assert_int_equal(warm(), 4);
}

static void one_that_knows_the_disk_speaks_for_its_cache(void **state)
{
	(void)state;
	make_foreign();
	c[1].super.set_uuid[0] = 'x';
	weigh(NULL, 0);
	assert_int_equal(warm(), 4);
	assert_int_equal(best, 2);
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

static void every_sample_is_compared(void **state)
{
	unsigned long doubted[1] = {};
	u32 now[SD_NR_SAMPLES] = {};

	(void)state;
	for (u32 i = 0; i < SD_NR_SAMPLES; i++) {
		now[i] = 1;
		assert_false(sd_recover_same_disk(&c[0].super, now, doubted));
		now[i] = 0;
	}
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
		CASE(one_that_cannot_be_read_says_nothing),
		CASE(checksums_are_no_harm_to_one_who_does_not_verify),
		CASE(swapped_ones_are_cold),
		CASE(a_minority_is_not_believed),
		CASE(half_of_the_members_are_enough),
		CASE(another_set_is_cold),
		CASE(states_that_cannot_be_trusted_are_cold),
		CASE(a_larger_disk_is_the_same_a_smaller_is_not),
		CASE(another_layout_is_cold),
		CASE(another_position_or_number_of_them_is_cold),
		CASE(small_ssds_are_a_cache_unless_it_is_named),
		CASE(a_cache_stays_one_while_its_small_ssds_are_away),
		CASE(discard_believes_nobody),
		CASE(what_began_while_others_were_away_is_their_witness),
		CASE(one_of_a_later_time_than_now_is_outranked_as_well),
		CASE(one_of_another_disk_is_cold_alone),
		CASE(one_of_another_disk_does_not_say_where_blocks_are),
		CASE(a_later_cache_of_this_disk_is_heard),
		CASE(a_blank_block_is_on_any_disk),
		CASE(a_disk_that_is_nearly_blank_is_no_reason),
		CASE(what_is_in_doubt_is_no_reason),
		CASE(nobody_who_is_wrong_himself_speaks_against_it),
		CASE(one_that_knows_the_disk_speaks_for_its_cache),
		CASE(a_sample_in_doubt_does_not_count),
		CASE(every_sample_is_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
