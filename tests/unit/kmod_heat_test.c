// SPDX-License-Identifier: GPL-2.0-only
/* Heat of blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "heat.h"

#define BLOCKS 5000u

static struct sd_heat heat;
static u64 random_state;

static u32 next_random(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (u32)(random_state >> 40);
}

static int set_up(void **state)
{
	(void)state;
	random_state = 1;
	return sd_heat_init(&heat, BLOCKS);
}

static int tear_down(void **state)
{
	(void)state;
	sd_heat_fini(&heat);
	return 0;
}

static void read_block(u64 block, u32 times)
{
	while (times--)
		sd_heat_touch(&heat, block, next_random());
}

/* What the header says of a byte, at the edges of its octaves. */
static void byte_is_the_logarithm_of_reads(void **state)
{
	(void)state;
	for (u32 octave = 1; octave <= 8; octave++) {
		u32 reads = 16 * ((1u << octave) - 1), sum = 0;

		for (u32 block = 0; block < 50; block++) {
			heat.byte[block] = 0;
			read_block(block, reads);
			sum += heat.byte[block];
		}
		assert_in_range(sum / 50, octave * 16 - 4, octave * 16 + 4);
	}
}

static void byte_stops_at_its_maximum(void **state)
{
	(void)state;
	heat.byte[7] = SUPERDISK_HEAT_MAX - 1;
	for (u32 i = 0; i < 4; i++)
		sd_heat_touch(&heat, 7, 0);
	assert_int_equal(heat.byte[7], SUPERDISK_HEAT_MAX);
}

static void half_life_halves(void **state)
{
	(void)state;
	heat.byte[0] = 100;
	heat.byte[BLOCKS - 1] = 3;
	for (u32 i = 0; i < SUPERDISK_HEAT_OCTAVE; i++)
		sd_heat_decay(&heat, 0, ~0u);
	assert_int_equal(heat.byte[0], 100 - SUPERDISK_HEAT_OCTAVE);
	assert_int_equal(heat.byte[BLOCKS - 1], 0);
}

static void next_finds_what_is_hot_enough(void **state)
{
	(void)state;
	heat.byte[10] = 5;
	heat.byte[20] = 50;
	assert_int_equal(sd_heat_next(&heat, 1, 0), 10);
	assert_int_equal(sd_heat_next(&heat, 6, 0), 20);
	assert_int_equal(sd_heat_next(&heat, 6, 21), BLOCKS);
	assert_int_equal(sd_heat_next(&heat, 0, 4), 4);
	assert_int_equal(sd_heat_next(&heat, 0, BLOCKS), BLOCKS);
}

/* All that is exported comes back, in runs, in one piece or in many. */
static void runs_carry_everything(void **state)
{
	static u8 run[SUPERDISK_HEAT_RUN];
	struct sd_heat copy;

	(void)state;
	for (u32 i = 0; i < 300; i++)
		heat.byte[next_random() % BLOCKS] = (u8)next_random();
	heat.byte[0] = 1;
	heat.byte[BLOCKS - 1] = 9;
	for (u32 max = 1; max <= SUPERDISK_HEAT_RUN; max *= 4) {
		u64 from = 0;
		u32 nr;

		assert_int_equal(sd_heat_init(&copy, BLOCKS), 0);
		while ((nr = sd_heat_run(&heat, &from, run, max))) {
			assert_true(nr <= max && run[0] && run[nr - 1]);
			sd_heat_raise(&copy, from, run, nr);
			from += nr;
		}
		assert_memory_equal(copy.byte, heat.byte, BLOCKS);
		sd_heat_fini(&copy);
	}
}

static void raising_never_cools_nor_overruns(void **state)
{
	static const u8 byte[4] = { 1, 9, 5, 5 };

	(void)state;
	heat.byte[BLOCKS - 2] = 4;
	heat.byte[BLOCKS - 1] = 4;
	sd_heat_raise(&heat, BLOCKS - 2, byte, 4);
	assert_int_equal(heat.byte[BLOCKS - 2], 4);
	assert_int_equal(heat.byte[BLOCKS - 1], 9);
	sd_heat_raise(&heat, ~0ull, byte, 4);
	assert_int_equal(heat.byte[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(byte_is_the_logarithm_of_reads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(byte_stops_at_its_maximum, set_up, tear_down),
		cmocka_unit_test_setup_teardown(half_life_halves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(next_finds_what_is_hot_enough, set_up, tear_down),
		cmocka_unit_test_setup_teardown(runs_carry_everything, set_up, tear_down),
		cmocka_unit_test_setup_teardown(raising_never_cools_nor_overruns, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
