// SPDX-License-Identifier: Apache-2.0
/*
 * Decoded blocks in memory, places that get other tenants, and what is asked of
 * the disk: a simulated one, where a request takes as long as the test says.
 */
#include "os/sim.h"
#include "store_engine.h"

#define OTHER (CHANNEL + 1)	/* its one block is what others replace */
#define FILLER (CHANNEL + 2)	/* more than the cache holds */
#define FILLER_ROWS 4800u	/* and than a slot does */
#define SECOND 1000000000ull
#define PIECE_BYTES (64u << 10)	/* of pack.c */

static int setup_sim(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "shard");
	assert_int_equal(os_sim_new(1, &f->env), 0);
	assert_int_equal(os_loop_new(f->env, &f->loop), 0);
	assert_int_equal(try_open(f), 0);
	*state = f;
	return 0;
}

/* What is asked of the disk from now on takes so long. */
static void take(struct fixture *f, uint64_t seconds)
{
	const struct os_sim_faults faults = {
		.slow_ppm = seconds ? 1000000 : 0,
		.slow_ns = seconds * SECOND,
	};

	os_sim_set_faults(f->env, &faults);
}

static struct engine_stats stats_of(const struct fixture *f)
{
	struct engine_stats stats;

	engine_stats(f->e, &stats);
	return stats;
}

static void read_all(struct fixture *f, uint64_t channel, uint32_t rows)
{
	for (uint64_t id = 0; id < rows; id += 50)
		rows_put(page(f, channel, STORE_AFTER, id, 50));
}

/* A block that is alone in its slot, in memory, and has a hole. */
static void make_block(struct fixture *f)
{
	append_many(f, FILLER, 1, FILLER_ROWS, 1);
	flush(f);
	reopen(f);
	append_many(f, OTHER, 1, 64, 1);
	flush(f);
	reopen(f);
	read_all(f, OTHER, 64);
	assert_int_equal(put(f, OP_EDIT, OTHER, 5, 1), 0);
}

/* Its round has what it needs, and its write is under way. */
static void begin_round(struct fixture *f)
{
	uint64_t written = stats_of(f).data_written;

	take(f, 10);
	engine_flush(f->e);
	for (int i = 0; i < 50; i++)
		engine_step(f->e);
	take(f, 0);
	assert_true(stats_of(f).data_written > written);
}

/*
 * The block was pushed out of memory while a round replaced it; somebody reads
 * it, and has it when its place is free.  Then it has another tenant.
 */
static void a_late_read_is_not_taken_for_a_new_block(void **state)
{
	struct call call = {
		.op.kind = OP_PAGE, .op.channel = OTHER, .op.limit = 50,
		.op.done = call_done,
	};
	struct fixture *f = *state;
	uint64_t reads, used;

	make_block(f);
	begin_round(f);
	read_all(f, FILLER, FILLER_ROWS);
	reads = stats_of(f).reads;
	take(f, 20);
	engine_submit(f->e, &call.op);
	take(f, 0);
	assert_int_equal(stats_of(f).reads, reads + 1);
	while (stats_of(f).delta_bytes)
		step(f);
	assert_false(call.done);
	finish(f, &call);
	assert_int_equal(call.op.rows->count, 50);
	rows_put(call.op.rows);

	used = stats_of(f).data_file;
	append_many(f, CHANNEL, 1, FILLER_ROWS, 1);
	flush(f);
	assert_true(stats_of(f).data_file < used + 2 * (1u << 20));
	/* From the end: what was read late is still in memory then. */
	for (uint64_t id = FILLER_ROWS; id > 0; id -= 16)
		assert_int_equal(get(f, id, 0), 0);
}

/* Else a commit stands behind half a MiB, or waits for its flush. */
static void blocks_are_written_in_pieces(void **state)
{
	struct fixture *f = *state;
	uint64_t written, ops;

	append_many(f, FILLER, 1, 2000, 1);
	written = stats_of(f).data_written;
	ops = os_sim_ops(f->env);
	flush(f);
	written = stats_of(f).data_written - written;
	assert_true(written > 8 * PIECE_BYTES);
	assert_true((os_sim_ops(f->env) - ops) * PIECE_BYTES > written);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_sim, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_late_read_is_not_taken_for_a_new_block),
		TEST(blocks_are_written_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
