// SPDX-License-Identifier: GPL-2.0-only
/* Cache mode: slots, who has them, who goes, who is let in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "args.h"
#include "format.h"
#include "guard.h"
#include "stream.h"

#define SLOTS	256u
#define BLOCKS	4096u

static struct sd_geom geom;
static struct sd_table table;
static struct sd_guard guard;
static const u32 crc[SD_MAX_PAGES];

static int set_up_with(const struct sd_policy_ops *ops)
{
	assert_int_equal(sd_geom_init(&geom, BLOCKS * 128, 128, 1), 0);
	sd_guard_init(&guard);
	assert_int_equal(sd_table_init(&table, &geom, 0, SLOTS,
				       sd_slots_per_chunk(geom.pages), false),
			 0);
	assert_int_equal(sd_table_init_cache(&table, ops), 0);
	sd_cache_ready(table.cache);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	return set_up_with(&sd_policy_s3fifo);
}

static int set_up_sieve(void **state)
{
	(void)state;
	return set_up_with(&sd_policy_sieve);
}

static int tear_down(void **state)
{
	(void)state;
	assert_true(sd_guard_idle(&guard));
	sd_table_fini(&table);
	return 0;
}

static bool fill(u64 block)
{
	struct sd_op op;

	if (!sd_op_begin_fill(&guard, &table, &op, block, 1, true))
		return false;
	return sd_op_end(&guard, &op, 1, crc);
}

static bool hit(u64 block)
{
	struct sd_ticket tk;

	return sd_read_begin(&table, &tk, block, 1);
}

/* What a checkpoint does with the slots that are leaving. */
static u32 store(void)
{
	sd_cache_storing(table.cache);
	return sd_table_stored(&guard, &table);
}

static void fill_all(u32 nr)
{
	for (u32 i = 0; i < nr; i++) {
		fill(i);
		if (sd_cache_is_short(table.cache))
			store();
	}
}

/* A block that is leaving: its slot, which nobody else may have yet. */
static u64 leaving_block(void)
{
	struct sd_cache *c = table.cache;

	for (u32 i = 0; !c->nr_leaving; i++)
		fill(i);
	return sd_table_owner(&table, c->leaving[0]);
}

static void a_block_gets_a_slot_and_is_found(void **state)
{
	(void)state;
	assert_false(hit(4000));
	assert_true(fill(4000));
	assert_true(hit(4000));
	assert_int_equal(sd_table_owner(&table, sd_table_find(&table, 4000)),
			 4000);
	assert_int_equal(sd_cache_used(table.cache), 1);
}

static void no_slot_has_two_blocks(void **state)
{
	u32 found = 0;

	(void)state;
	fill_all(BLOCKS);
	for (u64 b = 0; b < BLOCKS; b++) {
		u64 slot = sd_table_find(&table, b);

		found += slot != SD_NO_SLOT;
		if (slot != SD_NO_SLOT)
			assert_int_equal(sd_table_owner(&table, slot), b);
	}
	assert_int_equal(found, sd_cache_used(table.cache));
	assert_in_range(found, SLOTS - 2 * table.cache->reserve, SLOTS);
}

static void a_leaving_block_is_read_until_it_is_stored(void **state)
{
	u64 block = leaving_block(), slot = sd_table_find(&table, block);

	(void)state;
	assert_true(hit(block));
	assert_true(store() > 0);
	assert_false(hit(block));
	assert_int_equal(sd_table_owner(&table, slot), SD_NO_SLOT);
}

static void a_leaving_block_is_not_filled(void **state)
{
	u64 block = leaving_block();
	struct sd_op op;

	(void)state;
	assert_int_equal(sd_op_begin_fill(&guard, &table, &op, block, 0xff,
					  true), 0);
}

static void a_write_keeps_the_slot_of_its_block(void **state)
{
	u64 block = leaving_block(), slot = sd_table_find(&table, block);
	struct sd_op w;

	(void)state;
	sd_op_begin_write(&guard, &table, &w, block, 1);
	assert_int_equal(w.slot, slot);
	store();
	assert_int_equal(sd_table_owner(&table, slot), block);
	sd_op_end(&guard, &w, 0, crc);
	assert_true(store() > 0);
	assert_int_equal(sd_table_owner(&table, slot), SD_NO_SLOT);
}

static void a_discard_keeps_slots_where_they_are(void **state)
{
	u64 block = leaving_block(), slot = sd_table_find(&table, block);
	struct sd_range r = { .first = 0, .last = BLOCKS - 1 };
	struct sd_op f;

	(void)state;
	sd_range_begin(&guard, &r);
	assert_int_equal(sd_range_slot(&guard, &table, block), slot);
	store();
	assert_int_equal(sd_range_slot(&guard, &table, block), slot);
	assert_int_equal(sd_op_begin_fill(&guard, &table, &f, 4000, 1, true),
			 0);
	assert_int_equal(sd_range_slot(&guard, &table, 4000), SD_NO_SLOT);
	sd_range_end(&guard, &r);
	assert_true(store() > 0);
}

static void a_read_is_not_believed_if_the_slot_changed_hands(void **state)
{
	u64 block = leaving_block(), slot = sd_table_find(&table, block);
	struct sd_ticket tk;

	(void)state;
	assert_true(sd_read_begin(&table, &tk, block, 1));
	store();
	assert_false(sd_read_still_valid(&table, &tk));
	for (u64 b = 3000; sd_table_owner(&table, slot) == SD_NO_SLOT; b++)
		fill(b);
	assert_false(sd_read_still_valid(&table, &tk));
	assert_false(sd_read_distrust(&guard, &table, &tk, block, 1));
	assert_true(hit(sd_table_owner(&table, slot)));
}

static void a_fill_without_a_free_slot_is_refused(void **state)
{
	u64 b = 0;

	(void)state;
	while (fill(b))
		b++;
	assert_int_equal(table.cache->nr_free, 0);
	assert_int_equal(table.cache->nr_picked, table.cache->reserve);
	assert_true(sd_cache_is_short(table.cache));
	store();
	assert_true(fill(b));
}

/* Each round a block that is always read, and new ones that are read once. */
static void what_is_read_stays(void **state)
{
	(void)state;
	fill_all(SLOTS);
	fill(7);
	for (u32 b = 1000; b < BLOCKS; b++) {
		hit(7);
		fill(b);
		if (sd_cache_is_short(table.cache))
			store();
	}
	assert_true(hit(7));
	assert_false(hit(1001));
}

static void a_sweep_is_bounded(void **state)
{
	struct sd_policy *p = &table.cache->policy;

	(void)state;
	fill_all(SLOTS - 2 * table.cache->reserve);
	for (u32 i = 0; i < SLOTS; i++)
		p->uses[i] = p->ops->max_uses;
	for (u32 i = 0, tries = 0; i < 8; tries++) {
		i += p->ops->evict(p) != SD_NONE;
		assert_in_range(tries, 0, 16);
	}
}

static void a_block_is_let_in_when_it_comes_back(void **state)
{
	struct sd_cache *c = table.cache;
	u32 b;

	(void)state;
	assert_true(sd_cache_admits(c, 1));	/* there is room */
	fill_all(SLOTS - c->reserve);
	assert_false(sd_cache_admits(c, 3000));
	assert_false(sd_cache_admits(c, 3000));	/* the same read, in parts */
	for (b = 3001; b < 3016; b++)
		assert_false(sd_cache_admits(c, b));
	assert_true(sd_cache_admits(c, 3000));
	for (b = 10000; b < 10000 + 4 * SLOTS; b++)
		sd_cache_admits(c, b);
	assert_false(sd_cache_admits(c, 3000));	/* too long ago */
}

static void an_evicted_block_is_let_in_at_once(void **state)
{
	u64 block = leaving_block();

	(void)state;
	assert_int_equal(sd_ghost_look(&table.cache->ghost, block),
			 SD_GHOST_BACK);
	store();
	assert_true(sd_cache_admits(table.cache, block));
}

static void a_loop_is_mostly_refused(void **state)
{
	struct sd_cache *c = table.cache;
	u32 in = 0, n = SLOTS * 3 / 4;

	(void)state;
	fill_all(SLOTS - c->reserve);
	for (u32 i = 0; i < 20 * n; i++)
		in += sd_cache_admits(c, 1000 + i % n) && i > 10 * n;
	assert_in_range(in, 1, 10 * n / 16);
}

static void a_budget_is_saved_up_and_spent(void **state)
{
	struct sd_cache *c = table.cache;
	u64 s = 1000000000;

	(void)state;
	assert_true(sd_cache_spend(c, 1ull << 50, 5 * s));	/* no limit */
	sd_cache_set_budget(c, 1000, 4000);
	assert_true(sd_cache_spend(c, 4000, 10 * s));
	assert_false(sd_cache_spend(c, 1, 10 * s));
	assert_true(sd_cache_spend(c, 500, 10 * s + s / 2));
	assert_false(sd_cache_spend(c, 501, 11 * s));
	assert_true(sd_cache_spend(c, 4000, 100 * s));
	assert_false(sd_cache_spend(c, 4000, 101 * s));
}

static void long_reads_are_noticed(void **state)
{
	struct sd_streams st;

	(void)state;
	sd_streams_init(&st);
	assert_int_equal(sd_streams_go_on(&st, 5000, 8), 8);
	for (u32 i = 0; i < 100; i++) {
		assert_int_equal(sd_streams_go_on(&st, 1000 + i * 8, 8),
				 (i + 1) * 8);
		assert_int_equal(sd_streams_go_on(&st, 90000 + i * 16, 16),
				 (i + 1) * 16);
	}
	/* A leap over what was a hit, but not far or back. */
	assert_int_equal(sd_streams_go_on(&st, 1800 + SD_STREAM_GAP, 8), 808);
	assert_int_equal(sd_streams_go_on(&st, 1000, 8), 8);
	for (u32 i = 0; i < SD_STREAMS; i++)
		sd_streams_go_on(&st, (i + 1) * 1000000ull, 8);
	assert_int_equal(sd_streams_go_on(&st, 91600, 16), 16);
}

static void two_slots_of_one_block_are_not_believed(void **state)
{
	u64 other = SD_NO_SLOT;

	(void)state;
	assert_int_equal(sd_table_load(&table, 10, 77, 3, &other), 0);
	assert_int_equal(sd_table_load(&table, 11, 77, 3, &other), -EEXIST);
	assert_int_equal(other, 10);
	assert_int_equal(sd_table_load(&table, 12, 77, 3, &other), -EEXIST);
	assert_int_equal(sd_table_load(&table, 13, BLOCKS, 3, &other), -EINVAL);
	assert_false(hit(77));
	assert_int_equal(sd_table_owner(&table, 11), SD_NO_SLOT);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define BOTH(f) CASE(f), \
	cmocka_unit_test_setup_teardown(f, set_up_sieve, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_block_gets_a_slot_and_is_found),
		BOTH(no_slot_has_two_blocks),
		BOTH(a_leaving_block_is_read_until_it_is_stored),
		CASE(a_leaving_block_is_not_filled),
		CASE(a_write_keeps_the_slot_of_its_block),
		CASE(a_discard_keeps_slots_where_they_are),
		CASE(a_read_is_not_believed_if_the_slot_changed_hands),
		CASE(a_fill_without_a_free_slot_is_refused),
		BOTH(what_is_read_stays),
		BOTH(a_sweep_is_bounded),
		CASE(a_block_is_let_in_when_it_comes_back),
		CASE(an_evicted_block_is_let_in_at_once),
		CASE(a_loop_is_mostly_refused),
		CASE(a_budget_is_saved_up_and_spent),
		CASE(long_reads_are_noticed),
		CASE(two_slots_of_one_block_are_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
