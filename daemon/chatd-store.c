// SPDX-License-Identifier: Apache-2.0
/* chatd-store(8): the operator's view of a message store. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sysexits.h>
#include <time.h>

#include "base/log.h"
#include "os/env.h"
#include "store/store.h"
#include "store/tool.h"
#include "store/tool_files.h"
#include "store/tool_live.h"

#define EXIT_DAMAGED 1

static struct os_loop *loop;
static bool is_open;		/* chatd has the store */

static int explain(const char *what, int err)
{
	fprintf(stderr, "chatd-store: %s: %s\n", what, strerror(-err));
	return err == -EBADMSG ? EXIT_DAMAGED : EX_OSERR;
}

static bool is_damaged(const struct tool_sum *sum)
{
	return sum->damaged_blocks || sum->lost_frames || sum->lost_indexes ||
	       sum->lost_supers;
}

static void show_sum(const struct tool_sum *sum)
{
	fprintf(stderr, "%" PRIu64 " partitions, %" PRIu64 " blocks, %" PRIu64
		" rows, %" PRIu64 " bytes of rows\n", sum->partitions,
		sum->blocks, sum->rows, sum->bytes);
	if (is_damaged(sum))
		fprintf(stderr, "DAMAGED: %" PRIu64 " blocks with %" PRIu64
			" rows, %" PRIu64 " commits, %" PRIu64 " indexes, %"
			PRIu64 " superblocks\n",
			sum->damaged_blocks, sum->damaged_rows,
			sum->lost_frames, sum->lost_indexes, sum->lost_supers);
}

static int run_check(char **argv)
{
	struct tool_sum sum;
	int err = tool_walk(loop, argv[0], false, stdout, NULL, NULL, &sum);

	if (err && err != -EBADMSG)
		return explain(argv[0], err);
	show_sum(&sum);
	return err || is_damaged(&sum) ? EXIT_DAMAGED : EX_OK;
}

static int dump_row(void *ctx, uint64_t channel, uint8_t space,
		    const struct row *row)
{
	(void)ctx;
	printf("{\"channel\":\"%" PRIu64 "\",\"space\":%u,\"id\":\"%" PRIu64
	       "\",\"hex\":\"", channel, space, row->id);
	for (uint32_t i = 0; i < row->size; i++)
		printf("%02x", row->data[i]);
	printf("\"}\n");
	return ferror(stdout) ? -EIO : 0;
}

static int run_dump(char **argv)
{
	struct tool_sum sum;
	int err = tool_walk(loop, argv[0], false, stderr, dump_row, NULL, &sum);

	if (err)
		return explain(argv[0], err);
	show_sum(&sum);
	return is_damaged(&sum) ? EXIT_DAMAGED : EX_OK;
}

static int source_shards(const char *dir, uint32_t *ret_shards)
{
	int err = store_count_shards(loop, dir, ret_shards);

	return !err && !*ret_shards ? -ENOENT : err;
}

struct live_walk {
	struct tool_live *live;
	struct tool_backup *backup;
};

static int add_live(void *ctx, uint64_t channel, uint8_t space,
		    const struct row *row)
{
	struct live_walk *walk = ctx;

	tool_live_still(walk->live);
	return tool_backup_add(walk->backup, channel, space, row);
}

/*
 * The rows of a store as it was when this began, though chatd goes on with
 * it.  What it takes to read them is copied beside the backup meanwhile.
 */
static int walk_live(const char *dir, const char *file,
		     struct tool_backup *backup, struct tool_sum *sum)
{
	char copy[STORE_PATH_MAX];
	struct live_walk walk = { .backup = backup };
	uint32_t shards;
	int err = source_shards(dir, &shards), closed;

	if (snprintf(copy, sizeof(copy), "%s.tmp", file) >= (int)sizeof(copy))
		err = -ENAMETOOLONG;
	if (!err)
		err = tool_live_open(dir, shards, copy, &walk.live);
	if (err)
		return err;
	err = tool_walk_at(loop, copy, tool_live_ends(walk.live), stderr,
			   add_live, &walk, sum);
	closed = tool_live_close(walk.live);
	return err ? err : closed;
}

static int walk_rows(const char *dir, const char *file,
		     struct tool_backup *backup, struct tool_sum *sum)
{
	int err;

	if (is_open)
		err = walk_live(dir, file, backup, sum);
	else
		err = tool_walk(loop, dir, false, stderr, tool_backup_add,
				backup, sum);
	show_sum(sum);
	return err ? err : is_damaged(sum) ? -EBADMSG : 0;
}

/* Where chatd keeps the files of the messages in a store. */
static const char *files_beside(const char *store)
{
	static char path[STORE_PATH_MAX];

	snprintf(path, sizeof(path), "%s/../" TOOL_FILES_NAME, store);
	return path;
}

/*
 * All files first, which may be removed before long, then the rows; then the
 * files that came meanwhile, which some of these rows name.
 */
static int back_up(const char *store, const char *file,
		   struct tool_backup *backup)
{
	struct tool_files_sum files = { 0 };
	struct timespec ever = { 0 }, begin;
	struct tool_sum rows = { 0 };
	int err;

	/* The clock that files are stamped with. */
	clock_gettime(CLOCK_REALTIME_COARSE, &begin);
	err = tool_files_walk(files_beside(store), &ever,
			      tool_backup_add_piece, backup, &files);
	if (!err)
		err = walk_rows(store, file, backup, &rows);
	if (!err)
		err = tool_files_walk(files_beside(store), &begin,
				      tool_backup_add_piece, backup, &files);
	fprintf(stderr, "%" PRIu64 " files, %" PRIu64 " bytes of files\n",
		files.files, files.bytes);
	return err;
}

/* Damage ends a backup: it must not pass for a whole one. */
static int run_backup(char **argv)
{
	struct tool_backup *backup;
	int err = tool_backup_open(argv[1], &backup), closed;

	if (err)
		return explain(argv[1], err);
	err = back_up(argv[0], argv[1], backup);
	closed = tool_backup_close(backup);
	if (!err)
		err = closed;
	if (!err)
		return EX_OK;
	remove(argv[1]);
	return explain("no backup was made", err);
}

static int finish(const char *dir, struct tool_writer *writer, int err)
{
	int closed = tool_writer_close(writer);

	if (err || closed)
		return explain(dir, err ? err : closed);
	return EX_OK;
}

static int skip_row(void *ctx, uint64_t channel, uint8_t space,
		    const struct row *row)
{
	(void)ctx;
	(void)channel;
	(void)space;
	(void)row;
	return 0;
}

static int skip_piece(void *ctx, uint64_t channel, uint64_t id,
		      const void *data, uint32_t size)
{
	(void)ctx;
	(void)channel;
	(void)id;
	(void)data;
	(void)size;
	return 0;
}

/* A backup that is damaged becomes no store, not half of one. */
static int run_restore(char **argv)
{
	uint32_t shards = argv[2] ? (uint32_t)strtoul(argv[2], NULL, 10) : 2;
	struct tool_writer *writer;
	struct tool_files *files;
	int err, closed;

	if (!shards || shards > 256)
		return explain("SHARDS", -EINVAL);
	err = tool_backup_read(argv[0], skip_row, NULL, skip_piece, NULL);
	if (err)
		return explain(argv[0], err);
	err = tool_writer_open(loop, argv[1], shards, &writer);
	if (err)
		return explain(argv[1], err);
	err = tool_files_new(files_beside(argv[1]), &files);
	if (err)
		return finish(argv[1], writer, err);
	err = tool_backup_read(argv[0], tool_writer_add, writer,
			       tool_files_add, files);
	closed = tool_files_close(files);
	return finish(argv[1], writer, err ? err : closed);
}

static int run_repair(char **argv)
{
	struct tool_writer *writer;
	struct tool_sum sum;
	uint32_t shards;
	int err = source_shards(argv[0], &shards), status;

	if (err)
		return explain(argv[0], err);
	err = tool_writer_open(loop, argv[1], shards, &writer);
	if (err)
		return explain(argv[1], err);
	err = tool_walk(loop, argv[0], true, stdout, tool_writer_add, writer,
			&sum);
	show_sum(&sum);
	status = finish(argv[1], writer, err);
	return status == EX_OK && is_damaged(&sum) ? EXIT_DAMAGED : status;
}

/*
 * chatd holds a lock on `lock` in its data folder, where the store lies.  A
 * store elsewhere has none: then nobody has it open.  Held until the end.
 */
static int lock_out_chatd(const char *store)
{
	char path[STORE_PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/../lock", store);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	return flock(fd, LOCK_SH | LOCK_NB) ? -errno : 0;
}

static const struct {
	const char *name, *arguments, *summary;
	int least, most;
	bool live;		/* while chatd has the store open, too */
	int (*run)(char **argv);
} commands[] = {
	{ "check", "STORE", "read and check everything", 1, 1, false,
	  run_check },
	{ "dump", "STORE", "every row as a line of JSON", 1, 1, false,
	  run_dump },
	{ "backup", "STORE FILE", "all rows and files into one file", 2, 2, true,
	  run_backup },
	{ "restore", "FILE STORE [SHARDS]", "a new store from a backup", 2, 3,
	  false, run_restore },
	{ "repair", "STORE NEW", "a new store of all that is readable", 2, 2,
	  false, run_repair },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(FILE *out, int status)
{
	fputs("usage: chatd-store COMMAND ...\n\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-8s %-20s %s\n", commands[i].name,
			commands[i].arguments, commands[i].summary);
	fputs("\nchatd must not have the store open, but for backup.\n", out);
	return status;
}

static int run(int argc, char **argv)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(argv[0], commands[i].name))
			continue;
		if (argc - 1 < commands[i].least || argc - 1 > commands[i].most)
			break;
		is_open = lock_out_chatd(argv[1]);
		if (is_open && !commands[i].live) {
			fputs("chatd-store: chatd has the store open\n",
			      stderr);
			return EX_TEMPFAIL;
		}
		return commands[i].run(argv + 1);
	}
	return usage(stderr, EX_USAGE);
}

int main(int argc, char **argv)
{
	struct os_env *env;
	int status;

	if (argc < 2)
		return usage(stderr, EX_USAGE);
	if (!strcmp(argv[1], "--help"))
		return usage(stdout, EX_OK);
	log_set_level(LOG_ERROR);
	if (os_env_new(&env) || os_loop_new(env, &loop))
		return explain("io_uring", -ENOSYS);
	status = run(argc - 1, argv + 1);
	os_loop_free(loop);
	os_env_free(env);
	return status;
}
