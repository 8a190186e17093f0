// SPDX-License-Identifier: GPL-2.0-only
/* Placement, validity and overlapping operations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format.h"
#include "guard.h"

static struct sd_geom geom;
static struct sd_table table;
static struct sd_guard guard;
static const u32 crc[SD_MAX_PAGES] = { 11, 22, 33, 44, 55, 66, 77, 88 };

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(sd_geom_init(&geom, 1000 * 128 + 24, 128, 3), 0);
	sd_guard_init(&guard);
	return sd_table_init(&table, &geom, 1, sd_leg_blocks(&geom, 1),
			     sd_slots_per_chunk(geom.pages), true);
}

static int tear_down(void **state)
{
	(void)state;
	assert_true(sd_guard_idle(&guard));
	sd_table_fini(&table);
	return 0;
}

static bool valid(u64 block, u64 mask)
{
	struct sd_ticket tk;

	return sd_read_begin(&table, &tk, block, mask);
}

static void fill(u64 block, u64 mask)
{
	struct sd_op op;

	assert_int_equal(sd_op_begin_fill(&guard, &table, &op, block, mask, false),
			 mask);
	assert_int_equal(sd_op_end(&guard, &op, ~0ull, crc), mask);
}

/* Checksums of 2.3 GiB: more than kvcalloc() gives. */
static void an_ssd_of_more_than_2_tib_has_its_tables(void **state)
{
	u64 slots = (23ull << 40) / 10 / (16 * SD_PAGE);
	struct sd_geom g;
	struct sd_table t;

	(void)state;
	assert_int_equal(sd_geom_init(&g, slots * 128, 128, 1), 0);
	assert_int_equal(sd_table_init(&t, &g, 0, slots,
				       sd_slots_per_chunk(g.pages), true), 0);
	assert_int_equal(sd_table_crc(&t, slots - 1, 15), 0);
	sd_table_mark_dirty(&t, slots - 1);
	assert_true(test_bit(t.nr_chunks - 1, t.dirty));
	sd_table_fini(&t);
	assert_null(sd_calloc(~0ull, 16));
	assert_null(sd_calloc((1ull << 60) + 1, 16));
}

static void without_verifying_no_memory_is_taken_for_it(void **state)
{
	struct sd_table t;

	(void)state;
	assert_non_null(table.crc);
	assert_int_equal(sd_table_init(&t, &geom, 1, sd_leg_blocks(&geom, 1),
				       sd_slots_per_chunk(geom.pages), false), 0);
	assert_null(t.crc);
	sd_table_fini(&t);
}

static void every_block_has_one_place(void **state)
{
	u64 block, nth, count[3] = {};

	(void)state;
	for (block = 0; block < geom.nr_blocks; block++) {
		u32 leg = sd_place(&geom, block, &nth);

		assert_int_equal(nth, count[leg]++);
	}
	for (u32 leg = 0; leg < 3; leg++)
		assert_int_equal(count[leg], sd_leg_blocks(&geom, leg));
	for (u64 slot = 0; slot < table.nr_slots; slot++)
		assert_int_equal(slot, sd_table_find(&table,
						     sd_table_owner(&table,
								    slot)));
}

/* An SSD that is smaller than its share, or larger; a disk that is too large. */
static void what_has_no_slot_is_not_found(void **state)
{
	struct sd_table t;
	struct sd_geom g;

	(void)state;
	assert_int_equal(sd_table_init(&t, &geom, 1, 10,
				       sd_slots_per_chunk(geom.pages), true), 0);
	assert_int_equal(sd_table_find(&t, 9 * 3 + 1), 9);
	assert_int_equal(sd_table_find(&t, 10 * 3 + 1), SD_NO_SLOT);
	sd_table_fini(&t);
	assert_int_equal(sd_table_init(&t, &geom, 1, 1000,
				       sd_slots_per_chunk(geom.pages), true), 0);
	assert_int_equal(sd_table_owner(&t, 10), 31);
	assert_int_equal(sd_table_owner(&t, 999), SD_NO_SLOT);
	sd_table_fini(&t);
	assert_int_equal(sd_geom_init(&g, ((u64)SD_NONE - 1) * 8, 8, 1), 0);
	assert_int_equal(sd_table_init(&t, &g, 0, 10, sd_slots_per_chunk(1),
				       true), 0);
	assert_int_equal(sd_table_init_cache(&t, &sd_policy_sieve), 0);
	sd_table_fini(&t);
	assert_int_equal(sd_geom_init(&g, (u64)SD_NONE * 8, 8, 1), 0);
	assert_int_equal(sd_table_init(&t, &g, 0, 10, sd_slots_per_chunk(1),
				       true), 0);
	assert_int_equal(sd_table_init_cache(&t, &sd_policy_sieve), -EFBIG);
	sd_table_fini(&t);
}

static void masks_tell_parts_from_whole_pages(void **state)
{
	(void)state;
	assert_int_equal(sd_mask_touched(&geom, 128, 128), 0xffff);
	assert_int_equal(sd_mask_full(&geom, 128, 128), 0xffff);
	assert_int_equal(sd_mask_touched(&geom, 128 + 7, 2), 3);
	assert_int_equal(sd_mask_full(&geom, 128 + 7, 2), 0);
	assert_int_equal(sd_mask_full(&geom, 128 + 7, 9), 2);
	assert_int_equal(sd_mask_touched(&geom, 255, 1), 0x8000);
}

static void the_disk_has_no_page_beyond_its_end(void **state)
{
	struct sd_geom g;

	(void)state;
	assert_int_equal(sd_geom_init(&g, 128 + 20, 128, 1), 0);
	assert_int_equal(sd_mask_disk(&g, 0), 0xffff);
	assert_int_equal(sd_mask_disk(&g, 1), 3);
}

static void what_was_stored_for_another_block_is_not_taken(void **state)
{
	u64 other;

	(void)state;
	assert_int_equal(sd_table_load(&table, 2, 4, 1, &other), -EINVAL);
	assert_int_equal(sd_table_load(&table, 2, 7, 1, &other), 0);
	assert_true(valid(7, 1));
}

static void run_is_the_lowest_one(void **state)
{
	(void)state;
	assert_int_equal(sd_mask_run(0), 0);
	assert_int_equal(sd_mask_run(0xf0f0), 0xf0);
	assert_int_equal(sd_mask_run(~0ull), ~0ull);
	assert_int_equal(sd_mask_run(1ull << 63), 1ull << 63);
}

static void a_fill_makes_pages_valid(void **state)
{
	(void)state;
	assert_false(valid(1, 1));
	fill(1, 0xf);
	assert_true(valid(1, 0xf));
	assert_false(valid(1, 0x1f));
	assert_int_equal(sd_table_crc(&table, 0, 2), 33);
}

static void a_write_invalidates_until_it_ends(void **state)
{
	struct sd_op op;

	(void)state;
	fill(1, 0xf);
	sd_op_begin_write(&guard, &table, &op, 1, 6);
	assert_false(valid(1, 2));
	assert_true(valid(1, 9));
	assert_int_equal(sd_op_end(&guard, &op, ~0ull, crc), 6);
	assert_true(valid(1, 0xf));
	assert_int_equal(sd_table_crc(&table, 0, 1), 11);
}

static void a_failed_write_stays_invalid(void **state)
{
	struct sd_op op;

	(void)state;
	fill(1, 1);
	sd_op_begin_write(&guard, &table, &op, 1, 1);
	assert_int_equal(sd_op_end(&guard, &op, 0, crc), 0);
	assert_false(valid(1, 1));
}

static void overlapping_writes_spoil_each_other(void **state)
{
	struct sd_op a, b, c;

	(void)state;
	sd_op_begin_write(&guard, &table, &a, 1, 3);
	sd_op_begin_write(&guard, &table, &b, 1, 6);
	sd_op_begin_write(&guard, &table, &c, 1, 8);
	assert_int_equal(sd_op_end(&guard, &a, ~0ull, crc), 0);
	assert_int_equal(sd_op_end(&guard, &b, ~0ull, crc), 0);
	assert_int_equal(sd_op_end(&guard, &c, ~0ull, crc), 8);
}

static void a_write_spoils_a_fill_under_way(void **state)
{
	struct sd_op f, w;

	(void)state;
	assert_int_equal(sd_op_begin_fill(&guard, &table, &f, 1, 3, false), 3);
	sd_op_begin_write(&guard, &table, &w, 1, 2);
	assert_int_equal(sd_op_end(&guard, &w, ~0ull, crc), 0);
	assert_int_equal(sd_op_end(&guard, &f, ~0ull, crc), 0);
	assert_false(valid(1, 1));
}

static void a_fill_avoids_what_is_under_way(void **state)
{
	struct sd_op w, f;

	(void)state;
	fill(1, 1);
	sd_op_begin_write(&guard, &table, &w, 1, 4);
	assert_int_equal(sd_op_begin_fill(&guard, &table, &f, 1, 0xff, false), 2);
	assert_int_equal(sd_op_end(&guard, &f, ~0ull, crc), 2);
	assert_int_equal(sd_op_begin_fill(&guard, &table, &f, 1, 4, false), 0);
	sd_op_end(&guard, &w, ~0ull, crc);
}

static void a_write_without_an_ssd_keeps_fills_away(void **state)
{
	struct sd_op w, f;

	(void)state;
	sd_op_begin_write(&guard, NULL, &w, 1, 1);
	assert_int_equal(sd_op_begin_fill(&guard, &table, &f, 1, 1, false), 0);
	assert_int_equal(sd_op_end(&guard, &w, ~0ull, crc), 0);
	fill(1, 1);
}

static void a_read_is_not_believed_after_a_write(void **state)
{
	struct sd_ticket tk;
	struct sd_op w;

	(void)state;
	fill(1, 1);
	assert_true(sd_read_begin(&table, &tk, 1, 1));
	assert_true(sd_read_still_valid(&table, &tk));
	sd_op_begin_write(&guard, &table, &w, 1, 1);
	assert_false(sd_read_still_valid(&table, &tk));
	sd_op_end(&guard, &w, ~0ull, crc);
	assert_false(sd_read_distrust(&guard, &table, &tk, 1, 1));
	assert_true(valid(1, 1));
}

static void a_bad_page_is_distrusted(void **state)
{
	struct sd_ticket tk;

	(void)state;
	fill(1, 3);
	assert_true(sd_read_begin(&table, &tk, 1, 3));
	assert_true(sd_read_distrust(&guard, &table, &tk, 1, 1));
	assert_false(valid(1, 1));
	assert_true(valid(1, 2));
}

static void a_range_keeps_all_out_while_it_lasts(void **state)
{
	struct sd_range r = { .first = 0, .last = 10 };
	struct sd_op before, w, f;

	(void)state;
	fill(1, 1);
	sd_op_begin_write(&guard, &table, &before, 4, 1);
	sd_range_begin(&guard, &r);
	sd_range_block(&guard, &table, 1, 0xffff);
	sd_range_block(&guard, &table, 4, 0xffff);
	assert_false(valid(1, 1));
	assert_int_equal(sd_op_begin_fill(&guard, &table, &f, 1, 1, false), 0);
	assert_int_equal(sd_op_begin_fill(&guard, &table, &f, 10, 1, false), 0);
	sd_op_begin_write(&guard, &table, &w, 7, 1);
	sd_range_end(&guard, &r);
	assert_int_equal(sd_op_end(&guard, &before, ~0ull, crc), 0);
	assert_int_equal(sd_op_end(&guard, &w, ~0ull, crc), 0);
	fill(1, 1);
}

static void two_ranges_keep_all_out_until_both_have_ended(void **state)
{
	struct sd_range a = { .first = 0, .last = 10 };
	struct sd_range b = { .first = 5, .last = 20 };
	struct sd_op f;

	(void)state;
	sd_range_begin(&guard, &a);
	sd_range_begin(&guard, &b);
	sd_range_end(&guard, &a);
	assert_false(sd_guard_idle(&guard));
	assert_int_equal(sd_op_begin_fill(&guard, &table, &f, 7, 1, false), 0);
	fill(1, 1);
	sd_range_end(&guard, &b);
	assert_true(sd_guard_idle(&guard));
	fill(7, 1);
}

static void an_operation_is_under_way_until_it_ends(void **state)
{
	struct sd_op w;

	(void)state;
	sd_op_begin_write(&guard, NULL, &w, 12345, 1);
	assert_false(sd_guard_idle(&guard));
	sd_op_end(&guard, &w, 0, crc);
	assert_true(sd_guard_idle(&guard));
}

/* Of so many some share a bucket with any other block. */
static void what_is_under_way_on_other_blocks_does_not_matter(void **state)
{
	static struct sd_op ops[10000];
	struct sd_op w;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(ops); i++)
		sd_op_begin_write(&guard, NULL, &ops[i], 2000 + i, 1);
	fill(1, 1);
	sd_op_begin_write(&guard, &table, &w, 1, 1);
	assert_int_equal(sd_op_end(&guard, &w, ~0ull, crc), 1);
	for (u32 i = 0; i < ARRAY_SIZE(ops); i++) {
		assert_false(ops[i].spoiled);
		sd_op_end(&guard, &ops[i], 0, crc);
	}
}

static void only_good_pages_are_published(void **state)
{
	struct sd_op op;

	(void)state;
	assert_int_equal(sd_op_begin_fill(&guard, &table, &op, 1, 0xf0, false), 0xf0);
	assert_int_equal(sd_op_end(&guard, &op, 0xd0, crc), 0xd0);
	assert_false(valid(1, 0x20));
	assert_int_equal(sd_table_crc(&table, 0, 6), 33);
	/* Checksums are counted from the first page, good or not. */
	assert_int_equal(sd_op_begin_fill(&guard, &table, &op, 4, 0xf0, false), 0xf0);
	assert_int_equal(sd_op_end(&guard, &op, 0x40, crc), 0x40);
	assert_int_equal(sd_table_crc(&table, 1, 6), 33);
}

static void impossible_geometry_is_refused(void **state)
{
	struct sd_geom g;

	(void)state;
	assert_int_equal(sd_geom_init(&g, 1000, 100, 1), -EINVAL);
	assert_int_equal(sd_geom_init(&g, 1000, 4, 1), -EINVAL);
	assert_int_equal(sd_geom_init(&g, 1000, 1024, 1), -EINVAL);
	assert_int_equal(sd_geom_init(&g, 0, 128, 1), -EINVAL);
	assert_int_equal(sd_geom_init(&g, 1000, 128, 0), -EINVAL);
	assert_int_equal(sd_geom_init(&g, 1000, 128, 17), -EINVAL);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* Block 1 lives in slot 0 of this leg. */
static void what_is_distrusted_is_not_read(void **state)
{
	(void)state;
	fill(1, 0xff);
	assert_int_equal(sd_table_count_valid(&table), 8);
	assert_int_equal(sd_table_distrust(&table), 0);
	assert_false(valid(1, 1));
	assert_int_equal(sd_table_count_valid(&table), 0);
	assert_int_equal(sd_table_unverified(&table, 1), 0xff);
	assert_int_equal(sd_table_count_unverified(&table), 8);
}

static void what_is_equal_is_read_again(void **state)
{
	struct sd_op op;

	(void)state;
	fill(1, 0xff);
	sd_table_distrust(&table);
	assert_int_equal(sd_op_begin_verify(&guard, &table, &op, 1, ~0ull),
			 0xff);
	assert_false(valid(1, 1));
	assert_int_equal(sd_op_end(&guard, &op, 0xf3, crc), 0xf3);
	assert_true(valid(1, 0xf3));
	assert_false(valid(1, 4));
	/* What differs is forgotten. */
	assert_int_equal(sd_table_count_unverified(&table), 0);
	assert_int_equal(sd_op_begin_verify(&guard, &table, &op, 1, ~0ull), 0);
}

static void a_page_is_verified_once_at_a_time(void **state)
{
	struct sd_op first, second;

	(void)state;
	fill(1, 0xff);
	sd_table_distrust(&table);
	assert_int_equal(sd_op_begin_verify(&guard, &table, &first, 1, 0xf),
			 0xf);
	assert_int_equal(sd_op_begin_verify(&guard, &table, &second, 1, ~0ull),
			 0xf0);
	assert_int_equal(sd_op_end(&guard, &first, ~0ull, crc), 0xf);
	assert_int_equal(sd_op_end(&guard, &second, ~0ull, crc), 0xf0);
}

static void a_write_makes_verifying_needless(void **state)
{
	struct sd_op write, verify;

	(void)state;
	fill(1, 0xff);
	sd_table_distrust(&table);
	sd_op_begin_verify(&guard, &table, &verify, 1, 0xf);
	sd_op_begin_write(&guard, &table, &write, 1, 2);
	assert_int_equal(sd_table_unverified(&table, 1), 0xfd);
	assert_int_equal(sd_op_end(&guard, &verify, ~0ull, crc), 0);
	/* It was overtaken: the others are looked at again. */
	assert_int_equal(sd_table_unverified(&table, 1), 0xfd);
	sd_op_end(&guard, &write, ~0ull, crc);
	assert_int_equal(sd_op_begin_verify(&guard, &table, &verify, 1, 0xf), 1);
	sd_op_end(&guard, &verify, ~0ull, crc);
	assert_true(valid(1, 1));
}

static void a_fill_leaves_unverified_pages_alone(void **state)
{
	struct sd_op op;

	(void)state;
	fill(1, 0xf);
	sd_table_distrust(&table);
	assert_int_equal(sd_op_begin_fill(&guard, &table, &op, 1, 0xff,
					  false), 0xf0);
	sd_op_end(&guard, &op, ~0ull, crc);
	assert_true(valid(1, 0xf0));
	assert_int_equal(sd_table_unverified(&table, 1), 0xf);
}

static void a_discard_spoils_verifying(void **state)
{
	struct sd_range r = { .first = 0, .last = 9 };
	struct sd_op op;

	(void)state;
	fill(1, 0xf);
	sd_table_distrust(&table);
	sd_op_begin_verify(&guard, &table, &op, 1, 0xf);
	sd_range_begin(&guard, &r);
	sd_range_block(&guard, &table, 1, 0xf);
	assert_int_equal(sd_op_end(&guard, &op, ~0ull, crc), 0);
	assert_int_equal(sd_op_begin_verify(&guard, &table, &op, 1, 0xf), 0);
	sd_range_end(&guard, &r);
	assert_int_equal(sd_table_count_unverified(&table), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ssd_of_more_than_2_tib_has_its_tables),
		CASE(without_verifying_no_memory_is_taken_for_it),
		CASE(every_block_has_one_place),
		CASE(what_has_no_slot_is_not_found),
		CASE(masks_tell_parts_from_whole_pages),
		CASE(the_disk_has_no_page_beyond_its_end),
		CASE(what_was_stored_for_another_block_is_not_taken),
		CASE(run_is_the_lowest_one),
		CASE(a_fill_makes_pages_valid),
		CASE(a_write_invalidates_until_it_ends),
		CASE(a_failed_write_stays_invalid),
		CASE(overlapping_writes_spoil_each_other),
		CASE(a_write_spoils_a_fill_under_way),
		CASE(a_fill_avoids_what_is_under_way),
		CASE(a_write_without_an_ssd_keeps_fills_away),
		CASE(a_read_is_not_believed_after_a_write),
		CASE(a_bad_page_is_distrusted),
		CASE(a_range_keeps_all_out_while_it_lasts),
		CASE(two_ranges_keep_all_out_until_both_have_ended),
		CASE(an_operation_is_under_way_until_it_ends),
		CASE(what_is_under_way_on_other_blocks_does_not_matter),
		CASE(only_good_pages_are_published),
		CASE(what_is_distrusted_is_not_read),
		CASE(what_is_equal_is_read_again),
		CASE(a_page_is_verified_once_at_a_time),
		CASE(a_write_makes_verifying_needless),
		CASE(a_fill_leaves_unverified_pages_alone),
		CASE(a_discard_spoils_verifying),
		CASE(impossible_geometry_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
