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
#define TRICKLE_CHANNELS 256u
#define TRICKLE_ROUNDS 32u
/* Of round.c and fetch.c: blocks of a step, reads under way. */
#define STEP_BLOCKS 4u
#define STEP_READS 4u

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

/*
 * The worst there is for an idle shard: after each round one row of each
 * channel is new, and 64 to 127 would have to be written to put it beside the
 * others.  What a start may spend is gone first.
 */
static void an_idle_shard_writes_a_few_times_what_came(void **state)
{
	struct engine_stats before, after;
	struct fixture *f = *state;
	uint64_t id = 0;

	do {
		before = stats_of(f);
		append_to_each(f, TRICKLE_CHANNELS, ++id);
		flush(f);
		idle(f);
		after = stats_of(f);
	} while (id < 64 || (id < 128 &&
			     after.data_written - before.data_written >
				     TRICKLE_CHANNELS * 40 * ROW_BYTES));
	before = after;
	for (uint32_t round = 0; round < TRICKLE_ROUNDS; round++) {
		append_to_each(f, TRICKLE_CHANNELS, ++id);
		flush(f);
		idle(f);
	}
	after = stats_of(f);
	assert_true(after.data_written - before.data_written <
		    (7 + 8 + 1) * TRICKLE_ROUNDS * TRICKLE_CHANNELS *
		    ROW_BYTES);
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

/* Small blocks at the end of so many channels, none of them in memory, and a
 * row for each that makes the next round rewrite them. */
static void make_small_blocks(struct fixture *f)
{
	append_to_each(f, 512, 1);
	flush(f);
	reopen(f);
	append_to_each(f, 512, 2);
}

/* Steps until it asks for blocks; nothing that it asked for arrives. */
static uint64_t gather(struct fixture *f)
{
	uint64_t before = stats_of(f).reads;

	engine_flush(f->e);
	for (int i = 0; i < 1000; i++)
		engine_step(f->e);
	return stats_of(f).reads - before;
}

/* Else a commit stands behind hundreds of reads. */
static void a_round_asks_for_few_blocks_at_a_time(void **state)
{
	struct fixture *f = *state;
	uint64_t reads;

	make_small_blocks(f);
	reads = gather(f);
	assert_true(reads > 0 && reads <= STEP_READS);
	flush(f);
	for (uint32_t c = 0; c < 512; c++)
		assert_int_equal(put(f, OP_EDIT, CHANNEL + c, 1, 1), 0);
}

/* Though a round wants the same one, and does not have it yet. */
static void a_reader_does_not_wait_for_a_round(void **state)
{
	struct call call = {
		.op.kind = OP_PAGE, .op.limit = 50, .op.done = call_done,
	};
	struct fixture *f = *state;
	uint64_t reads;

	make_small_blocks(f);
	gather(f);
	reads = stats_of(f).reads;
	/* The round asks in the order of their rows. */
	call.op.channel = CHANNEL + 15;
	engine_submit(f->e, &call.op);
	assert_int_equal(stats_of(f).reads, reads + 1);
	finish(f, &call);
	assert_int_equal(call.op.status, 0);
	assert_int_equal(call.op.rows->count, 2);
	rows_put(call.op.rows);
	flush(f);
	assert_page(f, STORE_BEFORE, 0, 50, 2, 2, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_row_is_rewritten_a_few_times),
		TEST(an_idle_shard_writes_a_few_times_what_came),
		TEST(an_edit_costs_one_block),
		TEST(garbage_is_collected_at_a_bounded_price),
		TEST(a_step_makes_few_blocks),
		TEST(a_round_asks_for_few_blocks_at_a_time),
		TEST(a_reader_does_not_wait_for_a_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
