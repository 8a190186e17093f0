// SPDX-License-Identifier: Apache-2.0
/* The engine on a real disk: what it answers, and what it finds again. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/blob.h"
#include "base/mem.h"
#include "os/env.h"
#include "store/engine.h"

#include "base/crc32c.h"
#include "store/format.h"
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

/* Overwrites bytes of a file of the shard. */
static void damage(struct fixture *f, const char *name, off_t at, size_t len)
{
	char path[128], junk[512];
	int fd;

	memset(junk, 0x5a, sizeof(junk));
	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, len, at), (ssize_t)len);
	close(fd);
}

/* A start writes an empty frame, the first; a small commit takes a sector. */
#define FRAME_AT(n) ((off_t)4096 * ((n) - 1))

static void a_damaged_block_is_an_error_not_a_gap(void **state)
{
	struct fixture *f = *state;
	struct engine_stats stats;
	struct call call = {
		.op.kind = OP_PAGE,
		.op.channel = CHANNEL,
		.op.limit = 50,
		.op.done = call_done,
	};

	append_many(f, CHANNEL, 1, 64, 1);
	append_many(f, CHANNEL + 1, 1, 64, 1);
	flush(f);
	engine_close(f->e);
	damage(f, "data", 5000, 16);
	assert_int_equal(try_open(f), 0);
	engine_submit(f->e, &call.op);
	finish(f, &call);
	if (call.op.status == 0) {	/* the other one lies there */
		rows_put(call.op.rows);
		call.done = false;
		call.op.channel++;
		engine_submit(f->e, &call.op);
		finish(f, &call);
	}
	assert_int_equal(call.op.status, -EBADMSG);
	engine_stats(f->e, &stats);
	assert_int_equal(stats.corrupt_blocks, 1);
	assert_int_equal(stats.corrupt_rows, 64);
}

/* A shard whose first block is damaged, with changes to its rows in the log:
 * rows 1 .. edits, of so many bytes. */
static void damage_under_edits(struct fixture *f, uint32_t edits, size_t size)
{
	char *text = calloc(1, size);

	append_many(f, CHANNEL, 1, 640, 1);
	flush(f);
	for (uint64_t id = 1; id <= edits; id++) {
		struct call call = {
			.op.kind = OP_EDIT, .op.channel = CHANNEL, .op.id = id,
			.op.row = blob_new(text, size), .op.done = call_done,
		};

		engine_submit(f->e, &call.op);
		finish(f, &call);
		assert_int_equal(call.op.status, 0);
		blob_put(call.op.row);
	}
	free(text);
	engine_close(f->e);
	damage(f, "data", 1000, 16);
	assert_int_equal(try_open(f), 0);
}

static int get_size(struct fixture *f, uint64_t id, uint32_t *ret_size)
{
	struct call call = {
		.op.kind = OP_GET, .op.channel = CHANNEL, .op.id = id,
		.op.done = call_done,
	};

	engine_submit(f->e, &call.op);
	finish(f, &call);
	if (!call.op.status)
		*ret_size = call.op.rows->row[0].size;
	rows_put(call.op.rows);
	return call.op.status;
}

static void changes_to_a_damaged_block_outlive_the_log_around_them(void **state)
{
	struct fixture *f = *state;
	struct engine_stats stats;
	uint32_t size = 0;

	damage_under_edits(f, 5, 100);
	/* In the same channel, so much that the log goes round. */
	for (uint64_t id = 1001; id < 81001; id += 8000)
		append_many(f, CHANNEL, id, 8000, 1);
	engine_stats(f->e, &stats);
	assert_true(stats.log_written > 2 * LOG_BYTES);
	for (int life = 0; life < 2; life++) {
		assert_int_equal(f->report.rows, life ? 80640 : 640);
		for (uint64_t id = 1; id <= 5; id++)
			assert_int_equal(get_size(f, id, &size), 0);
		assert_int_equal(size, 100);
		assert_int_equal(get_size(f, 6, &size), -EBADMSG);
		assert_page(f, STORE_BEFORE, 0, 100, 81000, 100, 1);
		cut_off(f);
		assert_int_equal(try_open(f), 0);
	}
}

static void appends_are_refused_when_no_room_can_be_made(void **state)
{
	struct fixture *f = *state;
	uint32_t size = 0;
	int err = 0;

	/* They alone take the memory for what is in no block yet. */
	f->delta_bytes = DELTA_BYTES / 2;
	damage_under_edits(f, 9, 40000);
	f->delta_bytes = DELTA_BYTES / 4;
	cut_off(f);
	assert_int_equal(try_open(f), 0);
	for (uint64_t id = 1001; id < 21001 && !err; id++)
		err = put(f, OP_APPEND, CHANNEL + 1, id, 0);
	assert_int_equal(err, -EIO);
	assert_int_equal(get_size(f, 9, &size), 0);
	assert_int_equal(size, 40000);
	assert_int_equal(get_size(f, 640, &size), 0);
	assert_int_equal(put(f, OP_APPEND, CHANNEL + 1, 30000, 0), -EIO);
}

static void a_torn_last_frame_is_cut_off(void **state)
{
	struct fixture *f = *state;

	append_many(f, CHANNEL, 1, 1, 1);
	assert_int_equal(put(f, OP_APPEND, CHANNEL, 2, 0), 0);
	cut_off(f);
	damage(f, "log", FRAME_AT(3) + 100, 16);
	assert_int_equal(try_open(f), 0);
	assert_true(f->report.torn_tail);
	assert_page(f, STORE_BEFORE, 0, 50, 1, 1, 1);
}

static void after_a_clean_stop_the_last_frame_is_no_torn_one(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, OP_APPEND, CHANNEL, 1, 0), 0);
	engine_close(f->e);
	f->e = NULL;
	damage(f, "log", FRAME_AT(2) + 100, 16);
	assert_int_equal(try_open(f), -EBADMSG);
}

static void damage_within_the_log_is_refused(void **state)
{
	struct fixture *f = *state;

	for (uint64_t id = 1; id <= 3; id++)
		assert_int_equal(put(f, OP_APPEND, CHANNEL, id, 0), 0);
	engine_close(f->e);
	f->e = NULL;
	damage(f, "log", FRAME_AT(2) + 100, 16);
	assert_int_equal(try_open(f), -EBADMSG);
}

static void one_good_superblock_is_enough(void **state)
{
	struct fixture *f = *state;

	append_many(f, CHANNEL, 1, 10, 1);
	engine_close(f->e);
	damage(f, "super", 0, 512);
	assert_int_equal(try_open(f), 0);
	assert_page(f, STORE_BEFORE, 0, 50, 10, 10, 1);
	engine_close(f->e);
	f->e = NULL;
	damage(f, "super", 4096, 512);
	assert_true(try_open(f) < 0);
}

/* Which has written one superblock since, the newer one. */
static void a_store_of_another_version_is_refused(void **state)
{
	struct super_disk *disk = mem_aligned(FORMAT_SECTOR, 2 * sizeof(*disk));
	const size_t from = offsetof(struct super_disk, version);
	struct fixture *f = *state;
	struct super super;
	char path[128];
	int fd;

	engine_close(f->e);
	f->e = NULL;
	snprintf(path, sizeof(path), "%s/super", f->dir);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, disk, 2 * sizeof(*disk), 0),
			 2 * sizeof(*disk));
	assert_int_equal(super_choose(disk, &super), 0);
	super_encode(&super, &disk[0]);
	super.generation++;
	super_encode(&super, &disk[1]);
	disk[1].version = htole32(FORMAT_VERSION + 1);
	disk[1].crc = htole32(crc32c(0, (uint8_t *)&disk[1] + from,
				     sizeof(*disk) - from));
	assert_int_equal(pwrite(fd, disk, 2 * sizeof(*disk), 0),
			 2 * sizeof(*disk));
	close(fd);
	mem_free(disk);
	assert_int_equal(try_open(f), -EPROTONOSUPPORT);
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

/* Blocks that were replaced are still there; none of them may count. */
static void without_an_index_the_newest_blocks_count(void **state)
{
	struct fixture *f = *state;
	struct engine_opts opts = {
		.dir = f->dir, .shards = 1, .read_only = true, .salvage = true,
		.wake = wake, .ctx = f,
	};
	uint64_t gone[] = { 601, 605, 610 };
	char path[128];

	append_many(f, CHANNEL, 1, 640, 1);
	flush(f);
	for (uint64_t id = 1; id <= 300; id++)
		assert_int_equal(put(f, OP_EDIT, CHANNEL, id, 1), 0);
	assert_int_equal(delete_ids(f, CHANNEL, gone, 3), 3);
	flush(f);
	append_many(f, CHANNEL, 700, 20, 1);	/* in the log alone */
	engine_close(f->e);
	f->e = NULL;
	damage(f, "index.0", 64, 64);
	assert_int_equal(try_open(f), -EBADMSG);
	assert_int_equal(engine_open(f->loop, &opts, &f->e, &f->report), 0);
	assert_true(f->report.lost_index);
	assert_int_equal(f->report.rows, 640 - 3 + 20);
	assert_page(f, STORE_BEFORE, 720, 20, 719, 20, 1);
	/* Nor does the log help. */
	engine_close(f->e);
	f->e = NULL;
	snprintf(path, sizeof(path), "%s/log", f->dir);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(truncate(path, LOG_BYTES), 0);
	assert_int_equal(engine_open(f->loop, &opts, &f->e, &f->report), 0);
	assert_int_equal(f->report.rows, 640 - 3);
	for (uint64_t id = 1; id <= 300; id += 13)
		assert_int_equal(get(f, id, 1), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(get(f, gone[i], 0), -ENOENT);
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
		TEST(spaces_do_not_mix),
		TEST(compressed_rows_come_back),
		TEST(a_shard_of_another_number_is_refused),
		TEST(a_damaged_block_is_an_error_not_a_gap),
		TEST(changes_to_a_damaged_block_outlive_the_log_around_them),
		TEST(appends_are_refused_when_no_room_can_be_made),
		TEST(a_torn_last_frame_is_cut_off),
		TEST(after_a_clean_stop_the_last_frame_is_no_torn_one),
		TEST(damage_within_the_log_is_refused),
		TEST(one_good_superblock_is_enough),
		TEST(a_store_of_another_version_is_refused),
		TEST(what_is_held_is_not_rewritten),
		TEST(a_hold_does_not_keep_appends_waiting),
		TEST(without_an_index_the_newest_blocks_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
