// SPDX-License-Identifier: Apache-2.0
/* The engine on a real disk: what it answers, and what it finds again. */
#include "store_engine.h"

static void appended_rows_come_back_newest_first(void **state)
{
	struct fixture *f = *state;

	assert_page(f, STORE_BEFORE, 0, 50, 0, 0, 1);
	append_many(f, CHANNEL, 10, 200, 10);
	assert_page(f, STORE_BEFORE, 0, 50, 2000, 50, 10);
	assert_page(f, STORE_BEFORE, 100, 50, 90, 9, 10);
	assert_page(f, STORE_AFTER, 100, 50, 600, 50, 10);
	assert_page(f, STORE_AFTER, 1990, 50, 2000, 1, 10);
	assert_page(f, STORE_AROUND, 1000, 50, 1250, 50, 10);
	assert_page(f, STORE_AROUND, 1005, 4, 1020, 4, 10);
}

static void pages_of_blocks_equal_pages_of_the_log(void **state)
{
	struct fixture *f = *state;

	append_many(f, CHANNEL, 10, 1000, 10);
	flush(f);
	reopen(f);
	assert_int_equal(f->report.replayed, 0);
	assert_int_equal(f->report.rows, 1000);
	append_many(f, CHANNEL, 10010, 20, 10);
	assert_page(f, STORE_BEFORE, 0, 50, 10200, 50, 10);
	assert_page(f, STORE_BEFORE, 5000, 100, 4990, 100, 10);
	assert_page(f, STORE_AFTER, 9900, 50, 10200, 30, 10);
	assert_page(f, STORE_AFTER, 0, 100, 1000, 100, 10);
	assert_page(f, STORE_AROUND, 10000, 50, 10200, 45, 10);
}

/* Wherever ten days of ids end. */
static void pages_go_on_over_any_span_of_time(void **state)
{
	const uint64_t days = (uint64_t)4 * 86400000 << 22;
	struct fixture *f = *state;

	append_many(f, CHANNEL, days, 300, days);
	flush(f);
	append_many(f, CHANNEL, 301 * days, 20, days);
	assert_page(f, STORE_BEFORE, 0, 50, 320 * days, 50, days);
	assert_page(f, STORE_BEFORE, 100 * days, 100, 99 * days, 99, days);
	assert_page(f, STORE_AFTER, 10 * days + 1, 50, 60 * days, 50, days);
	assert_page(f, STORE_AROUND, 290 * days, 40, 310 * days, 40, days);
}

static void a_cold_page_is_one_read(void **state)
{
	struct engine_stats before, after;
	struct fixture *f = *state;

	/* In small blocks, as they come, until nobody writes. */
	for (uint64_t id = 1; id < 1000; id += 7) {
		append_many(f, CHANNEL, id, 7, 1);
		flush(f);
	}
	idle(f);
	reopen(f);
	engine_stats(f->e, &before);
	assert_page(f, STORE_BEFORE, 0, 50, 1001, 50, 1);
	engine_stats(f->e, &after);
	assert_int_equal(after.reads - before.reads, 1);
}

static void unflushed_rows_are_found_again(void **state)
{
	struct fixture *f = *state;

	append_many(f, CHANNEL, 1, 500, 1);
	reopen(f);
	assert_int_equal(f->report.replayed, 500);
	assert_page(f, STORE_BEFORE, 0, 100, 500, 100, 1);
}

static void an_id_is_appended_once(void **state)
{
	struct fixture *f = *state;

	append_many(f, CHANNEL, 10, 100, 10);
	assert_int_equal(put(f, OP_APPEND, CHANNEL, 500, 0), -EEXIST);
	assert_int_equal(put(f, OP_APPEND, CHANNEL, 505, 0), 0);
	flush(f);
	assert_int_equal(put(f, OP_APPEND, CHANNEL, 505, 0), -EEXIST);
	assert_int_equal(put(f, OP_APPEND, CHANNEL, 507, 0), 0);
	flush(f);
	reopen(f);
	assert_int_equal(get(f, 505, 0), 0);
	assert_int_equal(get(f, 507, 0), 0);
	assert_int_equal(get(f, 508, 0), -ENOENT);
	assert_page(f, STORE_BEFORE, 0, 50, 1000, 50, 10);
}

static void an_edit_replaces_what_is_there(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, OP_EDIT, CHANNEL, 7, 1), -ENOENT);
	append_many(f, CHANNEL, 1, 300, 1);
	assert_int_equal(put(f, OP_EDIT, CHANNEL, 7, 1), 0);
	assert_int_equal(get(f, 7, 1), 0);
	flush(f);
	assert_int_equal(get(f, 7, 1), 0);
	assert_int_equal(put(f, OP_EDIT, CHANNEL, 7, 2), 0);
	assert_int_equal(get(f, 7, 2), 0);
	reopen(f);
	assert_int_equal(get(f, 7, 2), 0);
	flush(f);
	reopen(f);
	assert_int_equal(get(f, 7, 2), 0);
	assert_int_equal(f->report.rows, 300);
}

static void deleted_rows_are_gone(void **state)
{
	struct fixture *f = *state;
	uint64_t ids[STORE_DELETE_MAX];

	append_many(f, CHANNEL, 1, 1000, 1);
	flush(f);
	append_many(f, CHANNEL, 1001, 28, 1);
	for (uint32_t i = 0; i < 128; i++)
		ids[i] = 1028 - i;
	assert_int_equal(delete_ids(f, CHANNEL, ids, 128), 128);
	assert_int_equal(delete_ids(f, CHANNEL, ids, 128), 0);
	assert_page(f, STORE_BEFORE, 0, 50, 900, 50, 1);
	reopen(f);
	assert_page(f, STORE_BEFORE, 0, 50, 900, 50, 1);
	assert_int_equal(f->report.rows, 900);
	flush(f);
	reopen(f);
	assert_page(f, STORE_BEFORE, 0, 50, 900, 50, 1);
	assert_int_equal(f->report.rows, 900);
	assert_int_equal(put(f, OP_EDIT, CHANNEL, 1000, 0), -ENOENT);
}

static void an_id_named_twice_is_deleted_once(void **state)
{
	struct fixture *f = *state;
	uint64_t ids[] = { 5, 5, 6, 5 };

	append_many(f, CHANNEL, 1, 10, 1);
	assert_int_equal(delete_ids(f, CHANNEL, ids, 4), 2);
	assert_int_equal(delete_ids(f, 99, ids, 4), 0);
}

static void a_channel_can_be_emptied(void **state)
{
	struct fixture *f = *state;
	uint64_t ids[100];

	append_many(f, CHANNEL, 1, 100, 1);
	flush(f);
	for (uint32_t i = 0; i < 100; i++)
		ids[i] = i + 1;
	assert_int_equal(delete_ids(f, CHANNEL, ids, 100), 100);
	flush(f);
	assert_page(f, STORE_BEFORE, 0, 50, 0, 0, 1);
	reopen(f);
	assert_page(f, STORE_BEFORE, 0, 50, 0, 0, 1);
	assert_int_equal(f->report.rows, 0);
}

static void the_log_goes_round_many_times(void **state)
{
	struct fixture *f = *state;
	struct engine_stats stats;
	uint64_t next = 1;

	for (int i = 0; i < 12; i++) {
		append_many(f, CHANNEL, next, 8000, 1);
		append_many(f, 2000 + (uint64_t)i, 1, 100, 1);
		next += 8000;
	}
	engine_stats(f->e, &stats);
	assert_true(stats.log_written > 3 * LOG_BYTES);
	assert_page(f, STORE_BEFORE, 0, 100, next - 1, 100, 1);
	reopen(f);
	assert_int_equal(f->report.rows, next - 1 + 1200);
	assert_page(f, STORE_BEFORE, 0, 100, next - 1, 100, 1);
	assert_page(f, STORE_AFTER, 40000, 100, 40100, 100, 1);
}

/* What the file system counts, not how long the file looks. */
static uint64_t data_bytes(const struct fixture *f)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/data", f->dir);
	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void space_that_is_free_goes_back_when_idle(void **state)
{
	struct fixture *f = *state;
	uint64_t ids[100], full;

	append_many(f, CHANNEL, 1, 20000, 1);
	flush(f);
	full = data_bytes(f);
	assert_true(full > 20000 * 300);
	for (uint64_t first = 1; first < 19000; first += 100) {
		for (uint32_t i = 0; i < 100; i++)
			ids[i] = first + i;
		assert_int_equal(delete_ids(f, CHANNEL, ids, 100), 100);
	}
	flush(f);
	idle(f);
	assert_true(data_bytes(f) < full / 2);
	/* And is taken again. */
	append_many(f, CHANNEL, 20001, 20000, 1);
	flush(f);
	idle(f);
	reopen(f);
	assert_int_equal(f->report.rows, 21000);
	assert_page(f, STORE_AFTER, 0, 100, 19100, 100, 1);
	assert_page(f, STORE_BEFORE, 0, 100, 40000, 100, 1);
}

/* However much is read; and it is used. */
static void the_cache_stays_within_its_size(void **state)
{
	struct fixture *f = *state;
	struct engine_stats stats;
	uint64_t most = 0;

	append_many(f, CHANNEL, 1, 20000, 1);
	flush(f);
	for (uint64_t id = 1; id <= 20000; id += 50) {
		assert_int_equal(get(f, id, 0), 0);
		engine_stats(f->e, &stats);
		most = stats.cache_bytes > most ? stats.cache_bytes : most;
	}
	assert_true(most <= CACHE_BYTES);
	assert_true(most > CACHE_BYTES / 2);
}

static void spaces_do_not_mix(void **state)
{
	struct fixture *f = *state;
	struct call call;

	append_many(f, CHANNEL, 1, 3, 1);
	send_put(f, &call, OP_APPEND, CHANNEL, 2, 0);
	finish(f, &call);
	assert_int_equal(call.op.status, -EEXIST);
	call.done = false;
	call.op.space = STORE_SPACE_PIN;
	engine_submit(f->e, &call.op);
	finish(f, &call);
	assert_int_equal(call.op.status, 0);
	blob_put(call.op.row);
	assert_page(f, STORE_BEFORE, 0, 50, 3, 3, 1);
}

static void compressed_rows_come_back(void **state)
{
	struct fixture *f = *state;
	struct engine_stats stats;

	f->compress = true;
	reopen(f);
	append_many(f, CHANNEL, 1, 2000, 1);
	flush(f);
	engine_stats(f->e, &stats);
	assert_true(stats.data_live < 2000 * 100);
	reopen(f);
	assert_page(f, STORE_BEFORE, 1500, 100, 1499, 100, 1);
}

static void a_shard_of_another_number_is_refused(void **state)
{
	struct fixture *f = *state;
	struct engine_opts opts = { .dir = f->dir, .shard = 1, .shards = 2 };
	struct engine *e;

	engine_close(f->e);
	f->e = NULL;
	assert_int_equal(engine_open(f->loop, &opts, &e, &f->report), -EXDEV);
}

static void what_is_held_is_not_rewritten(void **state)
{
	struct engine_stats before, after;
	struct fixture *f = *state;
	uint64_t frame, later;
	uint64_t id = 1;

	append_many(f, CHANNEL, id, 2000, 1);
	engine_flush(f->e);
	while (!engine_quiet(f->e))
		step(f);
	while (engine_hold(f->e, STORE_HOLD_ALL, &frame) == -EAGAIN)
		step(f);
	engine_stats(f->e, &before);
	/* Enough for a flush, and somebody asks for one. */
	append_many(f, CHANNEL, id += 2000, 100, 1);
	engine_flush(f->e);
	for (int i = 0; i < 100; i++)
		engine_step(f->e);
	engine_stats(f->e, &after);
	assert_int_equal(after.rounds, before.rounds);
	assert_int_equal(after.index_written, before.index_written);
	assert_int_equal(engine_hold(f->e, STORE_HOLD_ALL, &later), 0);
	assert_true(later > frame);
	assert_int_equal(engine_hold(f->e, STORE_HOLD_SPACE, &frame), 0);
	while (!engine_quiet(f->e))
		step(f);
	engine_stats(f->e, &after);
	assert_true(after.rounds > before.rounds);
	assert_int_equal(engine_hold(f->e, STORE_HOLD_NONE, &frame), 0);
	assert_int_equal(engine_hold(f->e, STORE_HOLD_NONE, &frame), -ESTALE);
	assert_int_equal(engine_hold(f->e, STORE_HOLD_SPACE, &frame), -ESTALE);
}

static void a_hold_does_not_keep_appends_waiting(void **state)
{
	struct call *calls = calloc(48000, sizeof(*calls));
	struct fixture *f = *state;
	uint64_t frame;

	while (engine_hold(f->e, STORE_HOLD_ALL, &frame) == -EAGAIN)
		step(f);
	for (uint32_t i = 0; i < 48000; i++)
		send_put(f, &calls[i], OP_APPEND, CHANNEL, i + 1, 0);
	while (!calls[47999].done) {
		engine_tick(f->e);
		step(f);
	}
	for (uint32_t i = 0; i < 48000; i++) {
		assert_int_equal(calls[i].op.status, 0);
		blob_put(calls[i].op.row);
	}
	free(calls);
	assert_int_equal(engine_hold(f->e, STORE_HOLD_SPACE, &frame), -ESTALE);
	assert_page(f, STORE_BEFORE, 0, 100, 48000, 100, 1);
}

#define CROWD 100000u

/* Of the others each is there. */
static void too_many_that_wait_are_shed(void **state)
{
	struct call *calls = calloc(CROWD, sizeof(*calls));
	struct fixture *f = *state;
	struct engine_stats stats;
	uint32_t shed = 0;

	for (uint32_t i = 0; i < CROWD; i++) {
		send_put(f, &calls[i], OP_APPEND, CHANNEL, i + 1, 0);
		if (!calls[i].done)
			continue;
		assert_int_equal(calls[i].op.status, -EOVERFLOW);
		shed++;
	}
	engine_stats(f->e, &stats);
	assert_int_equal(stats.shed, shed);
	assert_true(shed && CROWD - shed >= 65536);
	for (uint32_t i = 0; i < CROWD; i++) {
		finish(f, &calls[i]);
		blob_put(calls[i].op.row);
	}
	free(calls);
	reopen(f);
	assert_int_equal(f->report.rows, CROWD - shed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(appended_rows_come_back_newest_first),
		TEST(pages_of_blocks_equal_pages_of_the_log),
		TEST(pages_go_on_over_any_span_of_time),
		TEST(a_cold_page_is_one_read),
		TEST(unflushed_rows_are_found_again),
		TEST(an_id_is_appended_once),
		TEST(an_edit_replaces_what_is_there),
		TEST(deleted_rows_are_gone),
		TEST(an_id_named_twice_is_deleted_once),
		TEST(a_channel_can_be_emptied),
		TEST(the_log_goes_round_many_times),
		TEST(space_that_is_free_goes_back_when_idle),
		TEST(the_cache_stays_within_its_size),
		TEST(spaces_do_not_mix),
		TEST(compressed_rows_come_back),
		TEST(a_shard_of_another_number_is_refused),
		TEST(what_is_held_is_not_rewritten),
		TEST(a_hold_does_not_keep_appends_waiting),
		TEST(too_many_that_wait_are_shed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
