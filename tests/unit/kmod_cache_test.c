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

static void a_block_is_given_no_slot_for_nothing(void **state)
{
	struct sd_op w, f;

	(void)state;
	assert_int_equal(sd_op_begin_fill(&guard, &table, &f, 4000, 1, false),
			 0);
	sd_op_begin_write(&guard, &table, &w, 4000, 1);
	assert_int_equal(sd_op_begin_fill(&guard, &table, &f, 4000, 1, true),
			 0);
	sd_op_end(&guard, &w, 1, crc);
	assert_int_equal(sd_cache_used(table.cache), 0);
	assert_int_equal(sd_table_find(&table, 4000), SD_NO_SLOT);
}

/* Nothing of the block before is left to it: neither its reads nor its end. */
static void a_slot_that_changed_hands_is_like_any_other(void **state)
{
	u64 block = leaving_block(), slot = sd_table_find(&table, block);
	struct sd_op op;

	(void)state;
	assert_true(hit(block) && hit(block));
	store();
	for (u64 b = 3000; sd_table_owner(&table, slot) == SD_NO_SLOT; b++)
		fill(b);
	assert_false(sd_cache_is_leaving(table.cache, slot));
	assert_int_equal(table.cache->policy.uses[slot], 0);
	block = sd_table_owner(&table, slot);
	assert_int_equal(sd_op_begin_fill(&guard, &table, &op, block, 6, false),
			 6);
	sd_op_end(&guard, &op, 6, crc);
}

/* All pages of the next block there are to be filled. */
static void a_slot_that_changes_hands_has_nothing_to_be_verified(void **state)
{
	u64 block = leaving_block(), slot = sd_table_find(&table, block);

	(void)state;
	assert_int_equal(sd_table_distrust(&table), 0);
	assert_int_equal(sd_table_unverified(&table, block), 1);
	store();
	assert_int_equal(sd_unverified_pages(&table, slot), 0);
	for (u64 b = 3000; sd_table_owner(&table, slot) == SD_NO_SLOT; b++)
		fill(b);
	assert_true(hit(sd_table_owner(&table, slot)));
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

/* A byte counts them. */
static void a_block_that_is_read_often_is_not_taken_for_unused(void **state)
{
	struct sd_policy *p = &table.cache->policy;

	(void)state;
	assert_true(fill(7));
	for (u32 i = 0; i < 1000; i++) {
		assert_true(hit(7));
		assert_in_range(p->uses[sd_table_find(&table, 7)], 1,
				p->ops->max_uses);
	}
}

static void each_use_is_worth_a_round(void **state)
{
	struct sd_policy *p = &table.cache->policy;

	(void)state;
	for (u32 slot = 0; slot < 50; slot++) {
		p->ops->insert(p, slot, true);
		p->uses[slot] = slot == 7 ? 3 : 1;
	}
	for (u32 i = 0; i < 49; i++)
		assert_int_not_equal(p->ops->evict(p), 7);
	assert_int_equal(p->ops->evict(p), 7);
}

/* By those that are read once, however many. */
static void a_new_block_that_was_used_is_not_pushed_out(void **state)
{
	struct sd_policy *p = &table.cache->policy;
	u32 out;

	(void)state;
	for (u32 slot = 0; slot < 100; slot++)
		p->ops->insert(p, slot, false);
	sd_policy_hit(p, 7);
	for (u32 i = 0; i < 500; i++) {
		out = p->ops->evict(p);
		assert_int_not_equal(out, 7);
		p->ops->insert(p, out, false);
	}
}

#define MANY	2000u	/* more than a sweep looks at */

static const struct sd_policy_ops *const policies[] = {
	&sd_policy_s3fifo, &sd_policy_sieve,
};

static void a_sweep_is_bounded(void **state)
{
	struct sd_policy p;

	(void)state;
	for (u32 n = 0; n < ARRAY_SIZE(policies); n++) {
		u32 tries = 1;

		assert_int_equal(sd_policy_init(&p, policies[n], MANY), 0);
		for (u32 slot = 0; slot < MANY; slot++) {
			p.ops->insert(&p, slot, slot % 2);
			p.uses[slot] = p.ops->max_uses;
		}
		assert_int_equal(p.ops->evict(&p), SD_NONE);
		while (p.ops->evict(&p) == SD_NONE)
			assert_true(++tries < MANY * 3 / SD_POLICY_STEPS + 2);
		sd_policy_fini(&p);
	}
}

static void only_slots_that_are_known_are_chosen(void **state)
{
	struct sd_policy p;

	(void)state;
	for (u32 n = 0; n < ARRAY_SIZE(policies); n++) {
		assert_int_equal(sd_policy_init(&p, policies[n], MANY), 0);
		for (u32 again = 0; again < 2; again++) {
			assert_int_equal(p.ops->evict(&p), SD_NONE);
			for (u32 slot = 5; slot < 8; slot++)
				p.ops->insert(&p, slot, true);
			for (u32 slot = 5; slot < 8; slot++)
				assert_int_equal(p.ops->evict(&p), slot);
		}
		sd_policy_fini(&p);
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

/* New blocks, other than those of before, anywhere. */
static void time_passes(struct sd_ghost *g, u32 blocks)
{
	static u32 next = 1;

	while (blocks--) {
		next ^= next << 13;
		next ^= next >> 17;
		next ^= next << 5;
		sd_ghost_miss(g, next | 1u << 20);
	}
}

static void what_was_seen_is_known_within_the_window_alone(void **state)
{
	u32 slots = 8192, nr = 100;
	struct sd_ghost g;

	(void)state;
	assert_int_equal(sd_ghost_init(&g, slots), 0);
	/* Ever and again, until the clock has gone round twice. */
	for (u32 i = 0; i < 2 * 4096; i++) {
		sd_ghost_miss(&g, i);
		time_passes(&g, 2 * g.per_tick);
		assert_int_equal(sd_ghost_look(&g, i), SD_GHOST_AGAIN);
	}
	for (u32 b = 0; b < nr; b++)
		sd_ghost_miss(&g, 10000 + b);
	time_passes(&g, slots + slots / 4);
	for (u32 b = 0; b < nr; b++)
		assert_int_equal(sd_ghost_look(&g, 10000 + b), SD_GHOST_NEW);
	sd_ghost_miss(&g, 20000);
	sd_ghost_evicted(&g, 20000);
	assert_int_equal(sd_ghost_look(&g, 20000), SD_GHOST_BACK);
	sd_ghost_fini(&g);
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

/* What was wanted is not wanted any more: others are let in again. */
static void after_a_loop_others_are_let_in_again(void **state)
{
	struct sd_cache *c = table.cache;
	u32 in = 0, n = SLOTS * 3 / 4;

	(void)state;
	fill_all(SLOTS - c->reserve);
	/* However long it was: one in a few is let in. */
	for (u32 i = 0; i < 1000 * n; i++)
		in += sd_cache_admits(c, 1000 + i % n) && i > 900 * n;
	assert_in_range(in, 100 * n / 64, 100 * n / 16);
	for (u32 b = 10000; b < 10000 + 20 * SLOTS; b++)
		sd_cache_admits(c, b);
	in = 0;
	for (u32 b = 50000; b < 50016; b++)
		sd_cache_admits(c, b);
	for (u32 b = 50000; b < 50008; b++)
		in += sd_cache_admits(c, b);
	assert_int_equal(in, 8);
}

static void a_write_is_remembered_of_what_has_no_slot(void **state)
{
	struct sd_cache *c = table.cache;

	(void)state;
	fill_all(SLOTS - c->reserve);
	sd_cache_wrote(c, 7);
	sd_cache_wrote(c, 3000);
	for (u32 b = 3001; b < 3016; b++)
		assert_false(sd_cache_admits(c, b));
	assert_int_equal(sd_ghost_look(&c->ghost, 7), SD_GHOST_NEW);
	assert_true(sd_cache_admits(c, 3000));
}

static void a_budget_is_there_from_the_start_and_does_not_leak(void **state)
{
	struct sd_cache *c = table.cache;
	u64 ms = 1000000, day = 86400000 * ms, spent = 0;

	(void)state;
	sd_cache_set_budget(c, 1000, 4000);
	assert_true(sd_cache_spend(c, 4000, 0));
	/* Looked at many times in a millisecond, for a second. */
	for (u64 now = 0; now <= 1000 * ms; now += 7 * ms / 10)
		spent += sd_cache_spend(c, 1, now);
	assert_in_range(spent, 998, 1000);
	/* Much in a second, and nothing spent for months. */
	sd_cache_set_budget(c, 1ull << 33, 1ull << 40);
	assert_true(sd_cache_spend(c, 1ull << 40, 100 * day));
	assert_true(sd_cache_spend(c, 1ull << 40, 100 * day + (ms << 31)));
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
	/* One that began earlier, but asks now. */
	assert_false(sd_cache_spend(c, 1, 10 * s));
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

static void what_is_of_another_ssd_or_of_nothing_takes_no_slot(void **state)
{
	u64 other;

	(void)state;
	sd_table_fini(&table);
	assert_int_equal(sd_geom_init(&geom, BLOCKS * 128, 128, 3), 0);
	assert_int_equal(sd_table_init(&table, &geom, 1, SLOTS,
				       sd_slots_per_chunk(geom.pages), false),
			 0);
	assert_int_equal(sd_table_init_cache(&table, &sd_policy_s3fifo), 0);
	assert_int_equal(sd_table_load(&table, 10, 33, 3, &other), -EINVAL);
	assert_int_equal(sd_table_load(&table, 11, 34, 3, &other), 0);
	assert_int_equal(sd_table_load(&table, 12, 37, 0, &other), 0);
	sd_cache_ready(table.cache);
	assert_int_equal(sd_cache_used(table.cache), 1);
	assert_true(hit(34));
}

/* As after a restart. */
static void load_full(void)
{
	u64 other;

	sd_table_fini(&table);
	assert_int_equal(sd_table_init(&table, &geom, 0, SLOTS,
				       sd_slots_per_chunk(geom.pages), false),
			 0);
	assert_int_equal(sd_table_init_cache(&table, &sd_policy_s3fifo), 0);
	for (u64 b = 0; b < SLOTS; b++)
		assert_int_equal(sd_table_load(&table, b, b, 1, &other), 0);
	sd_cache_ready(table.cache);
	assert_int_equal(table.cache->nr_free, 0);
}

/* Nothing to be stored would make room. */
static void a_full_cache_is_short_of_slots_only_once_some_leave(void **state)
{
	(void)state;
	load_full();
	assert_false(sd_cache_is_short(table.cache));
	assert_false(fill(4000));
	assert_true(sd_cache_is_short(table.cache));
	assert_true(store() > 0);
	assert_true(fill(4000));
}

/* Which is more than a tenth of them. */
static void a_scan_after_a_restart_leaves_most_where_they_are(void **state)
{
	u32 left = 0;

	(void)state;
	load_full();
	for (u64 b = 1000; b < 1000 + SLOTS; b++) {
		fill(b);
		store();
	}
	for (u64 b = 0; b < SLOTS; b++)
		left += hit(b);
	assert_in_range(left, SLOTS * 3 / 4, SLOTS);
}

static u64 next_block;

/* Another CPU, in the meantime. */
static bool give_while_others_come(void *of, u32 slot)
{
	(void)of;
	fill(next_block++);
	__sd_index_remove(&table.cache->index, slot);
	table.slots[slot].valid = 0;
	return true;
}

static void slots_may_begin_to_leave_while_others_are_given_up(void **state)
{
	struct sd_cache *c = table.cache;
	u32 storing;

	(void)state;
	next_block = 1000;
	while (fill(next_block))
		next_block++;
	for (u32 i = 0; i < 10; i++) {
		sd_cache_storing(c);
		storing = c->nr_storing;
		assert_true(storing > c->reserve / 2);
		assert_int_equal(sd_cache_stored(c, give_while_others_come,
						 NULL), storing);
		for (u32 n = 0; n < c->nr_leaving; n++)
			assert_true(sd_cache_is_leaving(c, c->leaving[n]));
		assert_int_equal(c->nr_leaving, c->nr_picked);
		while (fill(next_block))
			next_block++;
	}
}

/* Whatever its size: so the lock of the one is the lock of the other. */
static void a_chain_lies_in_one_bucket_of_the_guard(void **state)
{
	static const u32 sizes[] = { 1, 2, 3, 100, 1024, 1025, 5000 };
	struct sd_index ix;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_int_equal(sd_index_init(&ix, sizes[i]), 0);
		assert_true(1ull << ix.bits >= sizes[i]);
		assert_true(ix.bits >= SD_GUARD_BITS);
		sd_index_fini(&ix);
	}
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
		CASE(a_block_is_given_no_slot_for_nothing),
		CASE(a_slot_that_changed_hands_is_like_any_other),
		CASE(a_slot_that_changes_hands_has_nothing_to_be_verified),
		CASE(a_write_keeps_the_slot_of_its_block),
		CASE(a_discard_keeps_slots_where_they_are),
		CASE(a_read_is_not_believed_if_the_slot_changed_hands),
		CASE(a_fill_without_a_free_slot_is_refused),
		BOTH(what_is_read_stays),
		BOTH(a_block_that_is_read_often_is_not_taken_for_unused),
		CASE(each_use_is_worth_a_round),
		CASE(a_new_block_that_was_used_is_not_pushed_out),
		cmocka_unit_test(a_sweep_is_bounded),
		cmocka_unit_test(only_slots_that_are_known_are_chosen),
		CASE(a_block_is_let_in_when_it_comes_back),
		CASE(an_evicted_block_is_let_in_at_once),
		cmocka_unit_test(what_was_seen_is_known_within_the_window_alone),
		CASE(a_loop_is_mostly_refused),
		CASE(after_a_loop_others_are_let_in_again),
		CASE(a_write_is_remembered_of_what_has_no_slot),
		CASE(a_budget_is_there_from_the_start_and_does_not_leak),
		CASE(a_budget_is_saved_up_and_spent),
		CASE(long_reads_are_noticed),
		CASE(two_slots_of_one_block_are_not_believed),
		CASE(what_is_of_another_ssd_or_of_nothing_takes_no_slot),
		CASE(a_full_cache_is_short_of_slots_only_once_some_leave),
		CASE(a_scan_after_a_restart_leaves_most_where_they_are),
		CASE(slots_may_begin_to_leave_while_others_are_given_up),
		cmocka_unit_test(a_chain_lies_in_one_bucket_of_the_guard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
