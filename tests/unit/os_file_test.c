// SPDX-License-Identifier: Apache-2.0
/* Files of the real loop. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os_fixture.h"

static void a_file_is_written_synced_and_read(void **state)
{
	char path[] = "/tmp/os_file_test_XXXXXX";
	char *a = block_of('a'), *b = block_of('b');
	struct os_file *file;
	uint64_t size;

	(void)state;
	close(mkstemp(path));
	assert_int_equal(os_file_open(loop, path, 0, &file), 0);
	assert_int_equal(write_at(file, a, BLOCK, true), BLOCK);
	assert_int_equal(read_at(file, b, BLOCK), BLOCK);
	assert_memory_equal(a, b, BLOCK);
	assert_int_equal(read_at(file, b, 2 * BLOCK), 0);
	assert_int_equal(os_file_size(file, &size), 0);
	assert_int_equal(size, 2 * BLOCK);
	os_file_close(file);
	assert_int_equal(os_file_open(loop, path,
				      OS_FILE_CREATE | OS_FILE_EXCL, &file),
			 -EEXIST);
	assert_int_equal(os_file_open(loop, path, OS_FILE_RDONLY, &file), 0);
	assert_int_equal(write_at(file, a, 0, true), -EBADF);
	os_file_close(file);
	assert_int_equal(os_file_remove(loop, path), 0);
	free(a);
	free(b);
}

/* What is durable of it nobody knows. */
static void a_short_durable_write_fails(void **state)
{
	char path[] = "/tmp/os_file_test_XXXXXX", *a = block_of('a');
	struct rlimit was, less;
	struct os_file *file;

	(void)state;
	close(mkstemp(path));
	assert_int_equal(os_file_open(loop, path, 0, &file), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	less = was;
	less.rlim_cur = BLOCK + BLOCK / 2;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
	assert_int_equal(write_at(file, a, BLOCK, false), BLOCK / 2);
	assert_int_equal(write_at(file, a, BLOCK, true), -EIO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(write_at(file, a, BLOCK, true), BLOCK);
	os_file_close(file);
	assert_int_equal(os_file_remove(loop, path), 0);
	free(a);
}

/*
 * A pipe takes writes and refuses syncs.  While it is full the write goes on,
 * and the sync must not be heard of; then its verdict is that of the operation.
 */
static void a_sync_follows_its_write_and_is_what_counts(void **state)
{
	char path[] = "/tmp/os_file_test_XXXXXX", *a = block_of('a');
	struct wait wait = { 0 };
	struct os_disk_op op = { .done = on_disk, .ctx = &wait };
	struct os_file *file;
	int fd;

	(void)state;
	close(mkstemp(path));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(os_file_open(loop, path, 0, &file), 0);
	assert_int_equal(write_at(file, a, 0, false), BLOCK);
	assert_int_equal(write_at(file, a, 0, true), -EINVAL);
	fd = open(path, O_RDWR | O_NONBLOCK);
	while (write(fd, a, BLOCK) == BLOCK)
		;
	assert_int_equal(os_disk_write_sync(file, &op, a, BLOCK, 0), 0);
	os_loop_run(loop, os_now_ns(env) + 20000000);
	assert_false(wait.done);
	while (!wait.done) {
		if (read(fd, a, BLOCK) < 0)
			assert_int_equal(errno, EAGAIN);
		os_loop_run(loop, os_now_ns(env) + 1000000);
	}
	assert_int_equal(wait.result, -EINVAL);
	close(fd);
	os_file_close(file);
	assert_int_equal(os_file_remove(loop, path), 0);
	free(a);
}

static void known_memory_moves_the_same_bytes(void **state)
{
	char path[] = "/tmp/os_file_test_XXXXXX";
	struct os_file *file;
	char *in, *out, *kept[40];

	(void)state;
	close(mkstemp(path));
	assert_int_equal(os_file_open(loop, path, OS_FILE_DIRECT, &file), 0);
	/* More of it than the kernel is told of. */
	for (int round = 0; round < 40; round++) {
		in = kept[round] = os_buf_new(loop, 2 * BLOCK);
		out = os_buf_new(loop, 4 * BLOCK);
		assert_non_null(in);
		assert_non_null(out);
		memset(in, 'a' + round % 26, 2 * BLOCK);
		assert_int_equal(write_at(file, in + BLOCK, 0, round % 2),
				 BLOCK);
		assert_int_equal(read_at(file, out + 3 * BLOCK, 0), BLOCK);
		assert_memory_equal(in, out + 3 * BLOCK, BLOCK);
		os_buf_free(loop, out);
	}
	for (int round = 0; round < 40; round++)
		os_buf_free(loop, kept[round]);
	os_file_close(file);
	assert_int_equal(os_file_remove(loop, path), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		REAL(a_file_is_written_synced_and_read),
		REAL(a_short_durable_write_fails),
		REAL(a_sync_follows_its_write_and_is_what_counts),
		REAL(known_memory_moves_the_same_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
