// SPDX-License-Identifier: Apache-2.0
/*
 * Starts on a simulated disk of which one operation fails, each in turn: they
 * find everything, or say that they cannot.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/blob.h"
#include "base/log.h"
#include "base/mem.h"
#include "os/disk.h"
#include "os/env.h"
#include "os/sim.h"
#include "store/engine.h"

/* More than is read at once, so that some of the log is read later. */
#define LOG_BYTES (16u << 20)
#define ROW_BYTES 60000u
#define ROWS 100u
#define SECTOR 4096u
/* Of a place on the disk: all reads fail, and what comes after them does not. */
#define A_REGION 400u

struct fixture {
	struct os_env *env;
	struct os_loop *loop;
	struct engine *e;
	struct engine_report report;
};

static int start(struct fixture *f)
{
	struct engine_opts opts = {
		.dir = "shard", .shards = 1, .log_bytes = LOG_BYTES,
	};

	assert_int_equal(os_loop_new(f->env, &f->loop), 0);
	return engine_open(f->loop, &opts, &f->e, &f->report);
}

static void stop(struct fixture *f, bool is_open)
{
	os_loop_cancel(f->loop);
	if (is_open)
		engine_abandon(f->e);
	os_loop_free(f->loop);
}

static void appended(struct store_op *op)
{
	assert_int_equal(op->status, 0);
	blob_put(op->row);
	op->row = NULL;
}

/* One commit each. */
static void append(struct fixture *f, uint64_t id)
{
	struct store_op op = {
		.kind = OP_APPEND, .channel = 1, .id = id, .done = appended,
		.row = blob_new(NULL, ROW_BYTES),
	};

	memset(op.row->data, (int)id, ROW_BYTES);
	engine_submit(f->e, &op);
	while (op.row) {
		engine_step(f->e);
		if (op.row)
			os_loop_run(f->loop, UINT64_MAX);
	}
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	log_set_fd(-1);
	assert_int_equal(os_sim_new(1, &f->env), 0);
	assert_int_equal(start(f), 0);
	for (uint64_t id = 1; id <= ROWS; id++)
		append(f, id);
	stop(f, true);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	os_env_free(f->env);
	free(f);
	return 0;
}

static void wrote(struct os_disk_op *op, int result)
{
	assert_int_equal(result, SECTOR);
	*(bool *)op->ctx = true;
}

/* Overwrites the middle of the frame that brought this row. */
static void damage(struct fixture *f, uint64_t id)
{
	uint64_t frame = (ROW_BYTES + SECTOR) / SECTOR * SECTOR;
	void *junk = mem_aligned(SECTOR, SECTOR);
	struct os_file *file;
	bool done = false;
	struct os_disk_op op = { .done = wrote, .ctx = &done };

	memset(junk, 0x5a, SECTOR);
	assert_int_equal(os_loop_new(f->env, &f->loop), 0);
	assert_int_equal(os_file_open(f->loop, "shard/log", OS_FILE_DIRECT,
				      &file), 0);
	/* The start wrote a frame of one sector. */
	assert_int_equal(os_disk_write_sync(file, &op, junk, SECTOR,
					    SECTOR + (id - 1) * frame +
					    4 * SECTOR), 0);
	while (!done)
		os_loop_run(f->loop, UINT64_MAX);
	os_file_close(file);
	os_loop_free(f->loop);
	mem_free(junk);
}

/* Fails so many operations of a start, from the n-th on, for each n; returns
 * how many there were.  None succeeds with fewer rows; with damage none does. */
static uint64_t start_with_faults(struct fixture *f, uint64_t count,
				  bool damaged)
{
	for (uint64_t n = 1;; n++) {
		uint64_t ops;
		int err;

		os_sim_fail_many(f->env, n, count, EIO);
		err = start(f);
		ops = os_sim_ops(f->env);
		os_sim_fail_nth(f->env, 0, 0);
		assert_true(err || !damaged);
		if (!err)
			assert_int_equal(f->report.rows, ROWS);
		stop(f, !err);
		if (ops < n)
			return n - 1;
	}
}

static void a_failing_disk_is_no_end_of_the_log(void **state)
{
	assert_true(start_with_faults(*state, 1, false) > 8);
	assert_true(start_with_faults(*state, A_REGION, false) > 8);
}

static void nor_is_damage_with_a_failing_disk_behind_it(void **state)
{
	struct fixture *f = *state;

	/* All of it is read with what is before it, none of what is behind. */
	damage(f, 68);
	assert_int_equal(start(f), -EBADMSG);
	stop(f, false);
	assert_true(start_with_faults(f, 1, true) > 4);
	assert_true(start_with_faults(f, A_REGION, true) > 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_failing_disk_is_no_end_of_the_log),
		TEST(nor_is_damage_with_a_failing_disk_behind_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
