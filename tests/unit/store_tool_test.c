// SPDX-License-Identifier: Apache-2.0
/* Check, backup, restore, repair: what chatd-store is made of. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "os/env.h"
#include "store/engine.h"
#include "store/format.h"
#include "store/store.h"
#include "store/tool.h"
#include "store/tool_files.h"

#define CHANNELS 20u
#define ROWS 200u		/* of each */
#define ROW_BYTES 200u

struct fixture {
	struct os_env *env;
	struct os_loop *loop;
	char dir[64], store[96], other[96], file[96];
	uint64_t sum;		/* over all rows met */
	uint64_t last_id, last_channel, disorder;
};

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static uint64_t digest(uint64_t channel, const struct row *row)
{
	uint64_t h = channel * 31 + row->id;

	for (uint32_t i = 0; i < row->size; i++)
		h = h * 1099511628211u + row->data[i];
	return h;
}

static int add_up(void *ctx, uint64_t channel, uint8_t space,
		  const struct row *row)
{
	struct fixture *f = ctx;

	(void)space;
	f->disorder += channel == f->last_channel && row->id <= f->last_id;
	f->last_channel = channel;
	f->last_id = row->id;
	f->sum += digest(channel, row);	/* whatever the order */
	return 0;
}

static uint64_t fill(struct fixture *f)
{
	struct tool_writer *writer;
	uint8_t data[ROW_BYTES];
	uint64_t sum = 0;

	assert_int_equal(tool_writer_open(f->loop, f->store, 2, &writer), 0);
	for (uint64_t id = 1; id <= ROWS; id++) {
		for (uint64_t c = 1; c <= CHANNELS; c++) {
			struct row row = { id, data, ROW_BYTES };

			memset(data, (int)(id + c), sizeof(data));
			sum += digest(c, &row);
			assert_int_equal(tool_writer_add(writer, c, 0, &row),
					 0);
		}
	}
	assert_int_equal(tool_writer_close(writer), 0);
	return sum;
}

static struct engine *open_shard(struct fixture *f, uint32_t shard)
{
	char path[STORE_PATH_MAX];
	struct engine_opts opts = {
		.dir = store_shard_dir(f->store, shard, path),
		.shard = shard,
		.shards = 2,
	};
	struct engine_report report;
	struct engine *e;

	assert_int_equal(engine_open(f->loop, &opts, &e, &report), 0);
	return e;
}

/* Moves everything of the shards from the log into blocks. */
static void flush(struct fixture *f)
{
	struct engine *e;

	for (uint32_t shard = 0; shard < 2; shard++) {
		e = open_shard(f, shard);
		engine_flush(e);
		for (engine_step(e); !engine_quiet(e); engine_step(e))
			os_loop_run(f->loop, 0);
		engine_close(e);
	}
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), ".build/tool_test.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->store, sizeof(f->store), "%s/store", f->dir);
	snprintf(f->other, sizeof(f->other), "%s/other", f->dir);
	snprintf(f->file, sizeof(f->file), "%s/backup", f->dir);
	assert_int_equal(os_env_new(&f->env), 0);
	assert_int_equal(os_loop_new(f->env, &f->loop), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	os_loop_free(f->loop);
	os_env_free(f->env);
	nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static struct tool_sum walk(struct fixture *f, const char *store)
{
	FILE *null = fopen("/dev/null", "w");
	struct tool_sum sum;

	f->sum = 0;
	assert_int_equal(tool_walk(f->loop, store, false, null, add_up, f,
				   &sum), 0);
	fclose(null);
	return sum;
}

static void a_walk_meets_every_row_in_order(void **state)
{
	struct fixture *f = *state;
	uint64_t want = fill(f);

	assert_int_equal(walk(f, f->store).rows, CHANNELS * ROWS);
	assert_int_equal(f->sum, want);
	flush(f);
	assert_int_equal(walk(f, f->store).rows, CHANNELS * ROWS);
	assert_int_equal(f->sum, want);
	assert_int_equal(f->disorder, 0);
}

static void a_backup_restores_every_row(void **state)
{
	struct fixture *f = *state;
	struct tool_backup *backup;
	struct tool_writer *writer;
	struct tool_sum sum;
	uint64_t want = fill(f);

	assert_int_equal(tool_backup_open(f->file, &backup), 0);
	assert_int_equal(tool_walk(f->loop, f->store, false, stderr,
				   tool_backup_add, backup, &sum), 0);
	assert_int_equal(tool_backup_close(backup), 0);
	assert_int_equal(tool_writer_open(f->loop, f->other, 3, &writer), 0);
	assert_int_equal(tool_backup_read(f->file, tool_writer_add, writer,
					  NULL, NULL),
			 0);
	assert_int_equal(tool_writer_close(writer), 0);
	assert_int_equal(walk(f, f->other).rows, CHANNELS * ROWS);
	assert_int_equal(f->sum, want);
}

static void a_backup_cut_short_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct tool_backup *backup;
	struct tool_sum sum;

	fill(f);
	assert_int_equal(tool_backup_open(f->file, &backup), 0);
	assert_int_equal(tool_walk(f->loop, f->store, false, stderr,
				   tool_backup_add, backup, &sum), 0);
	assert_int_equal(tool_backup_close(backup), 0);
	assert_int_equal(truncate(f->file, 4096), 0);
	assert_int_equal(tool_backup_read(f->file, add_up, f, NULL, NULL),
			 -EBADMSG);
}

static void make_file(const struct fixture *f, const char *name, size_t size)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/files/%s", f->dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	for (size_t i = 0; i < size; i++)
		fputc((int)(i * 31 + size), file);
	fclose(file);
}

static void assert_same_file(const struct fixture *f, const char *name)
{
	char command[512];

	snprintf(command, sizeof(command), "cmp %s/files/%s %s/again/%s",
		 f->dir, name, f->dir, name);
	assert_int_equal(system(command), 0);
}

static int no_row(void *ctx, uint64_t channel, uint8_t space,
		  const struct row *row)
{
	(void)ctx;
	(void)channel;
	(void)space;
	(void)row;
	return -EINVAL;
}

static void files_come_back_as_they_were(void **state)
{
	const char *const names[] = { "7/1", "7/2", "8/1", "8/3" };
	const size_t sizes[] = { 0, TOOL_PIECE_MAX, 5, 100000 };
	struct timespec ever = { 0 }, never = { .tv_sec = INT32_MAX };
	struct tool_files_sum sum = { 0 }, none = { 0 };
	struct fixture *f = *state;
	struct tool_backup *backup;
	struct tool_files *files;
	char dir[128], path[160];

	snprintf(dir, sizeof(dir), "%s/files", f->dir);
	assert_int_equal(tool_files_walk(dir, &ever, NULL, NULL, &sum), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	for (int i = 7; i < 9; i++) {
		snprintf(path, sizeof(path), "%s/%d", dir, i);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	for (int i = 0; i < 4; i++)
		make_file(f, names[i], sizes[i]);
	make_file(f, "7/not-a-number", 3);
	assert_int_equal(tool_backup_open(f->file, &backup), 0);
	assert_int_equal(tool_files_walk(dir, &ever, tool_backup_add_piece,
					 backup, &sum), 0);
	assert_int_equal(tool_files_walk(dir, &never, tool_backup_add_piece,
					 backup, &none), 0);
	assert_int_equal(tool_backup_close(backup), 0);
	assert_int_equal(sum.files, 4);
	assert_int_equal(none.files, 0);

	snprintf(dir, sizeof(dir), "%s/again", f->dir);
	assert_int_equal(tool_files_new(dir, &files), 0);
	assert_int_equal(tool_backup_read(f->file, no_row, NULL,
					  tool_files_add, files), 0);
	assert_int_equal(tool_files_close(files), 0);
	for (int i = 0; i < 4; i++)
		assert_same_file(f, names[i]);
}

static void damage(const char *store, const char *file, off_t at)
{
	char path[STORE_PATH_MAX], junk[64];
	int fd;

	memset(junk, 0xa5, sizeof(junk));
	snprintf(path, sizeof(path), "%s/shard-0/%s", store, file);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
	close(fd);
}

/* Repairs the store into the other one; *ret_text is freed by the caller. */
static struct tool_sum repair(struct fixture *f, char **ret_text)
{
	struct tool_writer *writer;
	struct tool_sum sum;
	size_t len;
	FILE *out = open_memstream(ret_text, &len);

	assert_int_equal(tool_writer_open(f->loop, f->other, 2, &writer), 0);
	assert_int_equal(tool_walk(f->loop, f->store, true, out,
				   tool_writer_add, writer, &sum), 0);
	assert_int_equal(tool_writer_close(writer), 0);
	fclose(out);
	return sum;
}

static void damage_is_described_and_the_rest_saved(void **state)
{
	struct fixture *f = *state;
	struct tool_sum sum;
	char *text;

	fill(f);
	flush(f);
	damage(f->store, "data", 9000);
	sum = repair(f, &text);
	assert_int_equal(sum.damaged_blocks, 1);
	assert_true(sum.damaged_rows >= 64);
	assert_int_equal(sum.rows + sum.damaged_rows, CHANNELS * ROWS);
	assert_non_null(strstr(text, "damaged: shard 0, channel"));
	free(text);
	assert_int_equal(walk(f, f->other).rows, sum.rows);
}

static void a_gap_in_the_log_is_described_and_crossed(void **state)
{
	struct fixture *f = *state;
	struct tool_sum sum;
	FILE *null = fopen("/dev/null", "w");

	fill(f);
	damage(f->store, "log", 4096 + 64);
	assert_int_equal(tool_walk(f->loop, f->store, false, null, NULL, NULL,
				   &sum), -EBADMSG);
	assert_int_equal(tool_walk(f->loop, f->store, true, null, NULL, NULL,
				   &sum), 0);
	fclose(null);
	assert_int_equal(sum.lost_frames, 1);
	assert_true(sum.rows > 0 && sum.rows < CHANNELS * ROWS);
}

static void a_walk_ends_where_the_log_is_said_to(void **state)
{
	struct fixture *f = *state;
	FILE *null = fopen("/dev/null", "w");
	uint64_t ends[2] = { 2, 1 };
	struct tool_sum sum;
	uint64_t rows;

	fill(f);
	assert_int_equal(tool_walk_at(f->loop, f->store, ends, null, NULL,
				      NULL, &sum), 0);
	rows = sum.rows;
	assert_true(rows > 0 && rows < CHANNELS * ROWS);
	ends[0] = 1;		/* the frame of the start */
	assert_int_equal(tool_walk_at(f->loop, f->store, ends, null, NULL,
				      NULL, &sum), 0);
	assert_int_equal(sum.rows, 0);
	assert_int_equal(sum.lost_frames, 0);
	fclose(null);
}

static void index_file(const struct fixture *f, char *ret_name)
{
	char path[STORE_PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/shard-0/index.0", f->store);
	assert_int_equal(stat(path, &st), 0);
	strcpy(ret_name, st.st_size > 4096 ? "index.0" : "index.1");
}

static void a_damaged_index_is_told_and_rebuilt(void **state)
{
	struct fixture *f = *state;
	FILE *null = fopen("/dev/null", "w");
	struct tool_sum sum;
	uint64_t want = fill(f);
	char name[16], *text;

	flush(f);
	index_file(f, name);
	damage(f->store, name, 64);
	assert_int_equal(tool_walk(f->loop, f->store, false, null, NULL, NULL,
				   &sum), -EBADMSG);
	fclose(null);
	sum = repair(f, &text);
	assert_non_null(strstr(text, "damaged: shard 0: its index"));
	assert_int_equal(sum.lost_indexes, 1);
	free(text);
	assert_int_equal(walk(f, f->other).rows, CHANNELS * ROWS);
	assert_int_equal(f->sum, want);
}

struct deletion {
	struct store_op op;
	bool done;
};

static void deleted(struct store_op *op)
{
	((struct deletion *)op)->done = true;
}

static void delete_half(struct fixture *f, struct engine *e, uint64_t channel)
{
	uint64_t ids[ROWS / 2];
	struct deletion deletion = {
		.op.kind = OP_DELETE, .op.channel = channel, .op.ids = ids,
		.op.id_count = ROWS / 2, .op.done = deleted,
	};

	for (uint32_t i = 0; i < ROWS / 2; i++)
		ids[i] = 2 * i + 1;
	engine_submit(e, &deletion.op);
	for (; !deletion.done; engine_step(e))
		os_loop_run(f->loop, 0);
	assert_int_equal(deletion.op.changed, ROWS / 2);
}

/* A shard's rows are in blocks and, every other one, deleted in the log. */
static uint64_t fill_and_delete(struct fixture *f)
{
	struct engine *e;

	fill(f);
	flush(f);
	for (uint32_t shard = 0; shard < 2; shard++) {
		e = open_shard(f, shard);
		for (uint64_t c = 1; c <= CHANNELS; c++)
			if (store_shard_of(c, 2) == shard)
				delete_half(f, e, c);
		engine_close(e);
	}
	assert_int_equal(walk(f, f->store).rows, CHANNELS * ROWS / 2);
	return f->sum;
}

static void without_superblocks_all_is_found(void **state)
{
	struct fixture *f = *state;
	uint64_t want = fill_and_delete(f);
	char path[STORE_PATH_MAX], *text;
	FILE *null = fopen("/dev/null", "w");
	struct tool_sum sum;

	/* One shard's are damaged, the other one's file is gone. */
	damage(f->store, "super", 0);
	damage(f->store, "super", 4096);
	snprintf(path, sizeof(path), "%s/shard-1/super", f->store);
	assert_int_equal(remove(path), 0);
	assert_true(tool_walk(f->loop, f->store, false, null, NULL, NULL,
			      &sum) < 0);
	fclose(null);
	sum = repair(f, &text);
	assert_int_equal(sum.lost_supers, 2);
	assert_int_equal(sum.lost_indexes, 0);
	assert_int_equal(sum.lost_frames, 0);
	assert_non_null(strstr(text, "damaged: shard 1: both superblocks"));
	free(text);
	assert_int_equal(walk(f, f->other).rows, CHANNELS * ROWS / 2);
	assert_int_equal(f->sum, want);
}

/* Beside the index that counts, a later one that was never finished. */
static void begin_other_index(const struct fixture *f)
{
	char name[16], path[STORE_PATH_MAX];
	uint8_t buf[FORMAT_SECTOR] = { 0 };
	struct frame_head *head = (struct frame_head *)buf;
	struct frame frame = { .number = 1000, .records = 1 };
	int fd;

	index_file(f, name);
	snprintf(path, sizeof(path), "%s/shard-0/%s", f->store, name);
	fd = open(path, O_RDONLY);
	assert_int_equal(pread(fd, buf, sizeof(*head), 0), sizeof(*head));
	close(fd);
	frame.bytes = (uint32_t)change_part_size(0, 0);
	change_part_begin(buf + sizeof(*head), 1, 0, 1, 0, 0);
	frame_seal(buf, le64toh(head->store_tag), &frame);
	snprintf(path, sizeof(path), "%s/shard-0/index.%d", f->store,
		 !strcmp(name, "index.0"));
	fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(pwrite(fd, buf, sizeof(buf), 0), sizeof(buf));
	close(fd);
}

static void without_superblocks_the_finished_index_counts(void **state)
{
	struct fixture *f = *state;
	uint64_t want = fill_and_delete(f);
	struct tool_sum sum;
	char *text;

	begin_other_index(f);
	assert_int_equal(walk(f, f->store).rows, CHANNELS * ROWS / 2);
	damage(f->store, "super", 0);
	damage(f->store, "super", 4096);
	sum = repair(f, &text);
	free(text);
	assert_int_equal(sum.lost_supers, 1);
	assert_int_equal(sum.lost_frames, 0);
	assert_int_equal(sum.lost_indexes, 0);
	assert_int_equal(walk(f, f->other).rows, CHANNELS * ROWS / 2);
	assert_int_equal(f->sum, want);
}

/* Then the log's first frame says whose blocks these are. */
static void without_superblocks_and_indexes_rows_are_found(void **state)
{
	struct fixture *f = *state;
	uint64_t want = fill(f);
	struct tool_sum sum;
	char *text;

	flush(f);
	damage(f->store, "super", 0);
	damage(f->store, "super", 4096);
	damage(f->store, "index.0", 64);
	damage(f->store, "index.1", 64);
	sum = repair(f, &text);
	free(text);
	assert_int_equal(sum.lost_supers, 1);
	assert_int_equal(sum.lost_indexes, 1);
	assert_int_equal(walk(f, f->other).rows, CHANNELS * ROWS);
	assert_int_equal(f->sum, want);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_walk_meets_every_row_in_order),
		TEST(a_backup_restores_every_row),
		TEST(a_backup_cut_short_is_noticed),
		TEST(files_come_back_as_they_were),
		TEST(damage_is_described_and_the_rest_saved),
		TEST(a_gap_in_the_log_is_described_and_crossed),
		TEST(a_walk_ends_where_the_log_is_said_to),
		TEST(a_damaged_index_is_told_and_rebuilt),
		TEST(without_superblocks_all_is_found),
		TEST(without_superblocks_the_finished_index_counts),
		TEST(without_superblocks_and_indexes_rows_are_found),
	};

	log_set_fd(-1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
