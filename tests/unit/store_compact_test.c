// SPDX-License-Identifier: Apache-2.0
/*
 * What background work costs at most: bytes written for each byte of rows, file
 * for what is alive, and work in one step.  DESIGN.md says why these hold.
 */
#include "store_engine.h"

#define CHANNELS 64u
#define ROUNDS 128u
/* A row of these tests as a block holds it. */
#define ROW_BYTES 310u
#define SLOT_BYTES (1u << 20)
/* Of round.c and pack.h: blocks of a step, and what is written as one. */
#define STEP_BLOCKS 4u

static struct engine_stats stats_of(const struct fixture *f)
{
	struct engine_stats stats;

	engine_stats(f->e, &stats);
	return stats;
}

/*
 * The worst there is for appends: each round has one row of each channel, so
 * that each ends in small blocks.  A row is written to the first of them, and
 * then again each time that it lies in one of twice as many: log2(64) times.
 */
static void a_row_is_rewritten_a_few_times(void **state)
{
	struct engine_stats before, after;
	struct fixture *f = *state;
	uint64_t user;

	before = stats_of(f);
	for (uint64_t id = 1; id <= ROUNDS; id++) {
		append_to_each(f, CHANNELS, id);
		flush(f);
	}
	after = stats_of(f);
	user = CHANNELS * ROUNDS * ROW_BYTES;
	assert_true(after.rounds - before.rounds >= ROUNDS);
	assert_true(after.data_written - before.data_written < 7 * user);
	/* And it is that bad: else the bound is not what was tested. */
	assert_true(after.data_written - before.data_written > 3 * user);
}

/* Blocks of 64 rows: so many of each channel, one after the other. */
static void append_blocks(struct fixture *f, uint64_t blocks)
{
	for (uint64_t b = 0; b < blocks; b++) {
		for (uint32_t c = 0; c < CHANNELS; c++)
			append_many(f, CHANNEL + c, 1 + b * 64, 64, 1);
		flush(f);
	}
}

static void an_edit_costs_one_block(void **state)
{
	struct engine_stats before, after;
	struct fixture *f = *state;

	append_blocks(f, 2);
	before = stats_of(f);
	for (uint32_t c = 0; c < CHANNELS; c++)
		assert_int_equal(put(f, OP_EDIT, CHANNEL + c, 5, 1), 0);
	flush(f);
	after = stats_of(f);
	assert_int_equal(after.moved_blocks - before.moved_blocks, CHANNELS);
	assert_true(after.data_written - before.data_written <
		    CHANNELS * 65 * ROW_BYTES);
}

/*
 * Every second block goes with all its rows: that writes nothing, so what is
 * written is what was moved.  What is won is what went and is not there any
 * more; the file is by a third longer than what lives, and two slots.
 */
static void garbage_is_collected_at_a_bounded_price(void **state)
{
	struct engine_stats before, after;
	struct fixture *f = *state;
	uint64_t moved, won, ids[64];

	append_blocks(f, 24);
	before = stats_of(f);
	for (uint64_t b = 0; b < 24; b += 2)
		for (uint32_t c = 0; c < CHANNELS; c++) {
			for (uint32_t i = 0; i < 64; i++)
				ids[i] = 1 + b * 64 + i;
			assert_int_equal(delete_ids(f, CHANNEL + c, ids, 64),
					 64);
		}
	flush(f);
	after = stats_of(f);
	moved = after.data_written - before.data_written;
	won = before.data_used - after.data_used;
	assert_true(after.data_live < before.data_live * 6 / 10);
	assert_true(after.data_used <
		    after.data_live * 4 / 3 + 4 * SLOT_BYTES);
	assert_true(won > 2 * SLOT_BYTES);
	assert_true(moved < won * 3 / 2 + 2 * SLOT_BYTES);
	reopen(f);
	assert_int_equal(f->report.rows, CHANNELS * 12 * 64);
}

/* While a round makes hundreds of blocks, each step makes some. */
static void a_step_makes_few_blocks(void **state)
{
	uint64_t most = 0, before, made = 0;
	struct fixture *f = *state;

	append_many(f, CHANNEL, 1, 2000, 1);
	append_many(f, CHANNEL + 1, 1, 1000, 1);
	before = stats_of(f).blocks;
	engine_flush(f->e);
	while (!engine_quiet(f->e)) {
		uint64_t blocks = stats_of(f).blocks, now;

		step(f);
		now = stats_of(f).blocks;
		if (now > blocks && now - blocks > most)
			most = now - blocks;
	}
	made = stats_of(f).blocks - before;
	assert_true(made >= 3000 / 128);
	assert_int_equal(most, STEP_BLOCKS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_row_is_rewritten_a_few_times),
		TEST(an_edit_costs_one_block),
		TEST(garbage_is_collected_at_a_bounded_price),
		TEST(a_step_makes_few_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
