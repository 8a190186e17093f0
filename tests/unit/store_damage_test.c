// SPDX-License-Identifier: Apache-2.0
/* A shard that is damaged: what it still answers, and when it does not open. */
#include "base/crc32c.h"
#include "store/format.h"
#include "store_engine.h"

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

/* Until what was there before is gone. */
static void rewrite_index(struct fixture *f)
{
	struct engine_stats stats = { 0 };
	uint64_t id = 0, before;

	do {
		before = stats.index_file;
		append_to_each(f, 2000, ++id);
		flush(f);
		engine_stats(f->e, &stats);
	} while (stats.index_file >= before);
}

/* Each in its turn, after starts and rewrites of the index. */
static void one_good_superblock_is_enough(void **state)
{
	struct fixture *f = *state;
	uint64_t rows = 0;

	for (int life = 0; life < 4; life++) {
		engine_close(f->e);
		damage(f, "super", life % 2 * 4096, 512);
		assert_int_equal(try_open(f), 0);
		assert_false(f->report.super_pair);
		assert_int_equal(f->report.rows, rows);
		engine_close(f->e);
		assert_int_equal(try_open(f), 0);
		assert_true(f->report.super_pair);
		if (life == 1) {
			rewrite_index(f);
			cut_off(f);
			assert_int_equal(try_open(f), 0);
			rows = f->report.rows;
			assert_true(rows && f->report.super_pair);
		}
	}
	engine_close(f->e);
	f->e = NULL;
	damage(f, "super", 0, 512);
	damage(f, "super", 4096, 512);
	assert_true(try_open(f) < 0);
}

/* Which has written one superblock since, the newer one. */
static void a_store_of_another_version_is_refused(void **state)
{
	struct super_disk *disk = mem_aligned(FORMAT_SECTOR, 2 * sizeof(*disk));
	const size_t from = offsetof(struct super_disk, version);
	struct fixture *f = *state;
	struct engine_opts opts = {
		.dir = f->dir, .shards = 1, .read_only = true, .salvage = true,
	};
	struct super super;
	char path[128];
	bool pair;
	int fd;

	engine_close(f->e);
	f->e = NULL;
	snprintf(path, sizeof(path), "%s/super", f->dir);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, disk, 2 * sizeof(*disk), 0),
			 2 * sizeof(*disk));
	assert_int_equal(super_choose(disk, &super, &pair), 0);
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
	/* Nor is it one that has lost its superblocks. */
	assert_int_equal(engine_open(f->loop, &opts, &f->e, &f->report),
			 -EPROTONOSUPPORT);
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
		TEST(a_damaged_block_is_an_error_not_a_gap),
		TEST(changes_to_a_damaged_block_outlive_the_log_around_them),
		TEST(appends_are_refused_when_no_room_can_be_made),
		TEST(a_torn_last_frame_is_cut_off),
		TEST(after_a_clean_stop_the_last_frame_is_no_torn_one),
		TEST(damage_within_the_log_is_refused),
		TEST(one_good_superblock_is_enough),
		TEST(a_store_of_another_version_is_refused),
		TEST(without_an_index_the_newest_blocks_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
