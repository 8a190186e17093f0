/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of os/ share: an environment with its loop, and an operation
 * that is waited for.  Included after cmocka.h. */
#ifndef TESTS_OS_FIXTURE_H
#define TESTS_OS_FIXTURE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "os/disk.h"
#include "os/env.h"
#include "os/loop.h"

#define BLOCK OS_DISK_ALIGN
#define FOREVER UINT64_MAX

static struct os_env *env;
static struct os_loop *loop;

static inline int setup(void **state)
{
	(void)state;
	assert_int_equal(os_env_new(&env), 0);
	assert_int_equal(os_loop_new(env, &loop), 0);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	os_loop_free(loop);
	os_env_free(env);
	return 0;
}

struct wait {
	int result;
	bool done;
};

static inline void on_disk(struct os_disk_op *op, int result)
{
	struct wait *wait = op->ctx;

	wait->result = result;
	wait->done = true;
}

static inline int finish(struct wait *wait)
{
	while (!wait->done)
		os_loop_run(loop, FOREVER);
	return wait->result;
}

static inline int write_at(struct os_file *file, const char *data,
			   uint64_t offset, bool sync)
{
	struct wait wait = { 0 };
	struct os_disk_op op = { .done = on_disk, .ctx = &wait };
	int err = sync ? os_disk_write_sync(file, &op, data, BLOCK, offset) :
			 os_disk_write(file, &op, data, BLOCK, offset);

	return err ? err : finish(&wait);
}

static inline int read_at(struct os_file *file, char *data, uint64_t offset)
{
	struct wait wait = { 0 };
	struct os_disk_op op = { .done = on_disk, .ctx = &wait };
	int err = os_disk_read(file, &op, data, BLOCK, offset);

	return err ? err : finish(&wait);
}

static inline char *block_of(char c)
{
	char *block = aligned_alloc(BLOCK, BLOCK);

	assert_non_null(block);
	memset(block, c, BLOCK);
	return block;
}

#define REAL(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
