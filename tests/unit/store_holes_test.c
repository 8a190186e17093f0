// SPDX-License-Identifier: Apache-2.0
/* Changes of rows here and there: a bounded number of blocks has such holes. */
#include "store_engine.h"

#define BLOCKS 64u
#define ROWS (BLOCKS * 64u)
#define HOLES_MAX 8u

static int setup_holes(void **state)
{
	struct fixture *f;

	setup(state);
	f = *state;
	f->holes_max = HOLES_MAX;
	reopen(f);
	append_many(f, CHANNEL, 1, ROWS, 1);
	flush(f);
	return 0;
}

struct scattered {
	struct call call[BLOCKS];
	uint64_t id[BLOCKS];
};

/* One row of each block, all at once. */
static struct scattered *send_scattered(struct fixture *f, uint64_t offset)
{
	struct scattered *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	for (uint32_t i = 0; i < BLOCKS; i++) {
		s->id[i] = 1 + i * 64 + offset;
		s->call[i] = (struct call){
			.op.kind = OP_DELETE,
			.op.channel = CHANNEL,
			.op.ids = &s->id[i],
			.op.id_count = 1,
			.op.done = call_done,
		};
		engine_submit(f->e, &s->call[i].op);
	}
	return s;
}

static void assert_deleted(struct fixture *f, struct scattered *s, int status)
{
	for (uint32_t i = 0; i < BLOCKS; i++) {
		finish(f, &s->call[i]);
		assert_int_equal(s->call[i].op.status, status);
	}
	free(s);
}

static void scattered_deletes_are_written_in_several_rounds(void **state)
{
	struct engine_stats before, after;
	struct fixture *f = *state;

	engine_stats(f->e, &before);
	assert_deleted(f, send_scattered(f, 5), 0);
	while (!engine_quiet(f->e))
		step(f);
	engine_stats(f->e, &after);
	/* Nothing else asks for one: the log is nearly empty. */
	assert_true(after.rounds - before.rounds >= BLOCKS / HOLES_MAX - 1);
	for (uint32_t i = 0; i < BLOCKS; i++)
		assert_int_equal(get(f, 1 + i * 64 + 5, 0), -ENOENT);
	flush(f);
	reopen(f);
	assert_int_equal(f->report.rows, ROWS - BLOCKS);
}

static void what_waits_for_fewer_holes_ends_a_hold(void **state)
{
	struct fixture *f = *state;
	struct scattered *s;
	uint64_t frame;
	bool done = false;

	while (engine_hold(f->e, STORE_HOLD_ALL, &frame) == -EAGAIN)
		step(f);
	s = send_scattered(f, 7);
	while (!done) {
		engine_tick(f->e);
		step(f);
		done = s->call[BLOCKS - 1].done;
	}
	assert_deleted(f, s, 0);
	assert_int_equal(engine_hold(f->e, STORE_HOLD_SPACE, &frame), -ESTALE);
}

static void what_waits_for_fewer_holes_is_answered_at_the_end(void **state)
{
	struct fixture *f = *state;
	struct scattered *s;
	uint64_t frame;

	while (engine_hold(f->e, STORE_HOLD_ALL, &frame) == -EAGAIN)
		step(f);
	s = send_scattered(f, 9);
	while (!s->call[HOLES_MAX - 1].done)
		step(f);
	/* As long as it takes others to be done nothing comes of it. */
	for (uint64_t id = 1; id < 20; id++)
		assert_int_equal(put(f, OP_APPEND, CHANNEL + 1, id, 0), 0);
	engine_close(f->e);
	f->e = NULL;
	for (uint32_t i = 0; i < BLOCKS; i++) {
		assert_true(s->call[i].done);
		assert_int_equal(s->call[i].op.status,
				 i < HOLES_MAX ? 0 : -ECANCELED);
	}
	free(s);
}

/* Every block; what of them is in memory is not. */
static void damage_blocks(const struct fixture *f)
{
	const char noise[512] = "?";
	char path[128];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/data", f->dir);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0 && !fstat(fd, &st));
	for (off_t at = 0; at < st.st_size; at += 4096)
		assert_int_equal(pwrite(fd, noise, sizeof(noise), at),
				 sizeof(noise));
	close(fd);
}

/* What is stuck on a damaged block no round takes away. */
static void holes_that_stay_keep_nobody_waiting(void **state)
{
	struct engine_stats stats;
	struct fixture *f = *state;
	struct scattered *s;
	uint64_t frame;

	while (engine_hold(f->e, STORE_HOLD_ALL, &frame) == -EAGAIN)
		step(f);
	s = send_scattered(f, 11);
	while (!s->call[HOLES_MAX - 1].done)
		step(f);
	/* The cache forgets the blocks that have holes. */
	for (uint64_t id = ROWS; id > HOLES_MAX * 64; id -= 64)
		assert_int_equal(get(f, id, 0), 0);
	damage_blocks(f);
	assert_int_equal(engine_hold(f->e, STORE_HOLD_SPACE, &frame), 0);
	for (uint32_t i = 0; i < BLOCKS; i++) {
		while (!s->call[i].done) {
			engine_tick(f->e);
			step(f);
		}
		assert_true(!s->call[i].op.status ||
			    s->call[i].op.status == -EBADMSG);
	}
	free(s);
	engine_stats(f->e, &stats);
	assert_true(stats.corrupt_blocks >= HOLES_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_holes, teardown)
	const struct CMUnitTest tests[] = {
		TEST(scattered_deletes_are_written_in_several_rounds),
		TEST(what_waits_for_fewer_holes_ends_a_hold),
		TEST(what_waits_for_fewer_holes_is_answered_at_the_end),
		TEST(holes_that_stay_keep_nobody_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
