// SPDX-License-Identifier: Apache-2.0
/*
 * Making a shard.  The log is written from end to end, because a log that was
 * never written commits an order of magnitude slower.  The superblock comes
 * last and by rename: without it there is no shard, and this begins again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/engine_impl.h"

#define FILL_BYTES (1u << 20)

const char *engine_path(const struct engine *e, const char *name, char *buf)
{
	snprintf(buf, ENGINE_PATH_MAX, "%s/%s", e->opts.dir, name);
	return buf;
}

static int open_new(struct engine *e, const char *name,
		    struct os_file **ret_file)
{
	char path[ENGINE_PATH_MAX];
	int err;

	err = os_file_open(e->loop, engine_path(e, name, path),
			   OS_FILE_CREATE | OS_FILE_DIRECT, ret_file);
	if (err)
		return err;
	err = os_file_truncate(*ret_file, 0);
	if (err)
		os_file_close(*ret_file);
	return err;
}

static int fill(struct engine *e, struct os_file *file, uint64_t bytes)
{
	uint8_t *zeroes = mem_aligned(FORMAT_SECTOR, FILL_BYTES);
	int err = zeroes ? 0 : -ENOMEM;

	if (zeroes)
		memset(zeroes, 0, FILL_BYTES);
	for (uint64_t at = 0; at < bytes && !err; at += FILL_BYTES) {
		uint64_t n = bytes - at < FILL_BYTES ? bytes - at : FILL_BYTES;

		err = io_do(&e->io, e->loop, IO_WRITE, file, zeroes, n, at);
	}
	mem_free(zeroes);
	return err;
}

static int make_log(struct engine *e)
{
	struct os_file *file;
	int err = open_new(e, "log", &file);

	if (err)
		return err;
	err = fill(e, file, e->super.log_bytes);
	if (!err)
		err = io_do(&e->io, e->loop, IO_SYNC, file, NULL, 0, 0);
	os_file_close(file);
	return err;
}

/* A file of one frame, which says that the log begins at its beginning. */
static int make_index(struct engine *e)
{
	static const struct log_tail tail = { .frame = 1, .seq = 1 };
	struct frame frame = {
		.number = e->super.index_first,
		.bytes = sizeof(struct change_tail_disk),
		.records = 1,
	};
	uint8_t *buf = mem_aligned(FORMAT_SECTOR, FORMAT_SECTOR);
	struct os_file *file;
	int err;

	if (!buf)
		return -ENOMEM;
	change_put_tail(buf + sizeof(struct frame_head), &tail);
	frame_seal(buf, e->super.store_tag, &frame);
	err = open_new(e, "index.0", &file);
	if (!err) {
		err = io_do(&e->io, e->loop, IO_WRITE_SYNC, file, buf,
			    FORMAT_SECTOR, 0);
		os_file_close(file);
	}
	mem_free(buf);
	return err;
}

static int make_empty(struct engine *e, const char *name)
{
	struct os_file *file;
	int err = open_new(e, name, &file);

	if (!err)
		os_file_close(file);
	return err;
}

static int make_super(struct engine *e)
{
	struct super_disk *copy = mem_aligned(FORMAT_SECTOR, 2 * sizeof(*copy));
	char from[ENGINE_PATH_MAX], to[ENGINE_PATH_MAX];
	struct os_file *file;
	int err;

	if (!copy)
		return -ENOMEM;
	memset(copy, 0, 2 * sizeof(*copy));
	super_encode(&e->super,
		     copy + super_offset(&e->super) / sizeof(*copy));
	err = open_new(e, "super.new", &file);
	if (!err) {
		err = io_do(&e->io, e->loop, IO_WRITE_SYNC, file, copy,
			    2 * sizeof(*copy), 0);
		os_file_close(file);
	}
	mem_free(copy);
	if (!err)
		err = os_dir_sync(e->loop, e->opts.dir);
	if (!err)
		err = os_file_rename(e->loop, engine_path(e, "super.new", from),
				     engine_path(e, "super", to));
	return err ? err : os_dir_sync(e->loop, e->opts.dir);
}

/* Rows without a superblock are not ours to overwrite. */
static int check_no_data(struct engine *e)
{
	char path[ENGINE_PATH_MAX];
	struct os_file *file;
	uint64_t size = 0;
	int err;

	err = os_file_open(e->loop, engine_path(e, "data", path),
			   OS_FILE_RDONLY, &file);
	if (err)
		return err == -ENOENT ? 0 : err;
	err = os_file_size(file, &size);
	os_file_close(file);
	if (!err && size) {
		log_error("store", "superblock_missing", "shard=%u",
			  e->opts.shard);
		err = -EBADMSG;
	}
	return err;
}

int create_shard(struct engine *e)
{
	const struct engine_opts *opts = &e->opts;
	uint64_t log_bytes = opts->log_bytes ? opts->log_bytes
					     : ENGINE_LOG_BYTES;
	int err = check_no_data(e);

	if (!err && (log_bytes < LOG_BYTES_MIN || log_bytes % FORMAT_SECTOR))
		err = -EINVAL;
	e->super = (struct super){
		.generation = 1,
		.log_bytes = log_bytes,
		.slot_bytes = opts->slot_bytes ? opts->slot_bytes
					       : ENGINE_SLOT_BYTES,
		.shard = opts->shard,
		.shards = opts->shards,
		.index_first = 1,
		.index_frames = 1,
	};
	if (!err)
		err = os_random(os_loop_env(e->loop), &e->super.store_tag,
				sizeof(e->super.store_tag));
	if (!err)
		err = make_log(e);
	if (!err)
		err = make_index(e);
	if (!err)
		err = make_empty(e, "index.1");
	if (!err)
		err = make_empty(e, "data");
	return err ? err : make_super(e);
}
