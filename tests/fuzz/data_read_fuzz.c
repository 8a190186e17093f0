// SPDX-License-Identifier: Apache-2.0
/*
 * Files of read states that say anything: behind each unit and frame stands a
 * good checksum, so that what they hold is looked at.  A shard opens, or says
 * why not; when it has opened it takes a change.
 *
 * Input: pieces { u8 file, u8 block, u8 kind, u8 seq, u8 place, u8 n, n bytes }.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "data/read_format.h"
#include "data/read_store.h"
#include "os/disk.h"
#include "os/sim.h"

#define LOG_BYTES (256u << 10)
#define PIECE_HEAD 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_set_level((enum log_level)-1);
	return 0;
}

static int open_store(struct os_loop *loop, struct read_store **ret_store)
{
	const struct read_store_opts opts = {
		.dir = "shard", .shards = 1, .log_bytes = LOG_BYTES,
	};

	return read_store_open(loop, &opts, ret_store, NULL);
}

static void ignore(struct os_disk_op *op, int result)
{
	(void)op;
	(void)result;
}

static void put_block(struct os_loop *loop, const char *path,
		      const void *block, uint64_t at)
{
	struct os_disk_op op = { .done = ignore };
	struct os_file *file;

	check(!os_file_open(loop, path, OS_FILE_CREATE, &file));
	check(!os_disk_write(file, &op, block, READ_BLOCK, at * READ_BLOCK));
	while (os_loop_run(loop, UINT64_MAX))
		;
	os_file_close(file);
}

static const uint8_t *put_piece(struct os_loop *loop, const uint8_t *at,
				const uint8_t *end)
{
	static const char *const paths[] = { "shard/log", "shard/checkpoint.0",
					     "shard/checkpoint.1" };
	static _Alignas(8) uint8_t block[READ_BLOCK];
	uint32_t n = at[5];

	if (n > (size_t)(end - at) - PIECE_HEAD)
		n = (uint32_t)(end - at) - PIECE_HEAD;
	memcpy(block + sizeof(struct read_head), at + PIECE_HEAD, n);
	read_seal(block, at[2], at[3], at[4],
		  (uint32_t)sizeof(struct read_head) + n);
	put_block(loop, paths[at[0] % 3], block, at[1] % 64);
	return at + PIECE_HEAD + n;
}

static void done(struct read_op *op)
{
	check(op->status != -EINVAL);
}

static void use(struct read_store *store)
{
	struct read_op op = { .user = 1, .channel = 2, .last = UINT64_MAX,
			      .done = done };

	read_store_submit(store, &op);
	read_store_step(store);
	read_store_close(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	struct read_store *store;
	struct os_loop *loop;
	struct os_env *env;

	check(!os_sim_new(1, &env));
	check(!os_loop_new(env, &loop));
	check(!open_store(loop, &store));
	read_store_close(store);
	while ((size_t)(end - data) >= PIECE_HEAD)
		data = put_piece(loop, data, end);
	if (!open_store(loop, &store))
		use(store);
	os_loop_free(loop);
	os_env_free(env);
	return 0;
}
