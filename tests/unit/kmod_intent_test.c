// SPDX-License-Identifier: GPL-2.0-only
/* The intent map: who may go, who must wait, what may be cleared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "meta.h"

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

/* However long it took: what was written is likely to be written again. */
static void a_write_that_has_just_ended_spares_its_bit(void **state)
{
	(void)state;
	sd_intent_get(&it, 7);
	pass();
	assert_int_equal(sd_intent_choose(&it, false), 0);
	sd_intent_put(&it, 7);
	assert_int_equal(sd_intent_choose(&it, false), 0);
	assert_int_equal(sd_intent_choose(&it, false), 1);
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

static int read_as;		/* what a read of the stored map comes to */

static int read_map(struct sd_dev *d, u64 sector, void *buf, u32 bytes)
{
	(void)d;
	(void)sector;
	memset(buf, 0, bytes);
	return read_as;
}

static int write_map(struct sd_dev *d, u64 sector, const void *buf, u32 bytes,
		     bool fua)
{
	(void)d;
	(void)sector;
	(void)buf;
	(void)bytes;
	assert_true(fua);
	return 0;
}

static void a_map_that_is_not_right_puts_all_in_doubt(void **state)
{
	struct sd_super super = { .epoch = 1, .layout.nr_regions = 5000 };
	struct sd_dev dev = { .read = read_map, .write = write_map };
	struct sd_meta m;

	(void)state;
	for (read_as = -EIO; read_as <= 0; read_as += EIO) {
		assert_int_equal(sd_meta_init(&m, &dev, &dev, NULL, NULL,
					      &super), 0);
		assert_int_equal(sd_meta_load_intents(&m), 0);
		assert_int_equal(sd_intent_count(&m.intent),
				 5000 + SD_NR_SAMPLES);
		sd_meta_fini(&m);
	}
}

static int flush_fails(struct sd_dev *d)
{
	(void)d;
	return -EIO;
}

static void a_disk_that_does_not_flush_leaves_all_as_it_was(void **state)
{
	struct sd_super super = { .epoch = 1, .layout.nr_regions = 10 };
	struct sd_dev dev = { read_map, write_map, flush_fails };
	static struct sd_guard guard;
	struct sd_table t;
	struct sd_geom g;
	struct sd_meta m;

	(void)state;
	assert_int_equal(sd_geom_init(&g, 1000, 8, 1), 0);
	assert_int_equal(sd_table_init(&t, &g, 0, 125, sd_slots_per_chunk(1),
				       true), 0);
	assert_int_equal(sd_meta_init(&m, &dev, &dev, &t, &guard, &super), 0);
	sd_intent_get(&m.intent, 70);
	sd_intent_put(&m.intent, 70);
	sd_table_mark_dirty(&t, 3);
	assert_int_equal(sd_meta_checkpoint(&m, true), -EREMOTEIO);
	assert_true(sd_intent_doubted(&m.intent, 70));
	assert_true(test_bit(0, t.dirty));
	sd_meta_fini(&m);
	sd_table_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_first_waits_the_second_goes),
		CASE(a_pass_that_began_before_does_not_count),
		CASE(idle_bits_are_cleared),
		CASE(a_write_that_has_just_ended_spares_its_bit),
		CASE(used_bits_are_not),
		CASE(after_a_clear_all_wait_for_their_own_pass),
		CASE(a_clear_during_a_pass_is_not_undone),
		CASE(doubts_stay_until_cleared),
		cmocka_unit_test(a_map_that_is_not_right_puts_all_in_doubt),
		cmocka_unit_test(a_disk_that_does_not_flush_leaves_all_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
