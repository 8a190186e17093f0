// SPDX-License-Identifier: Apache-2.0
/* What the simulated disk promises. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "os/sim.h"
#include "os_fixture.h"

static void sim_setup(uint64_t seed)
{
	assert_int_equal(os_sim_new(seed, &env), 0);
	assert_int_equal(os_loop_new(env, &loop), 0);
}

static void sim_restart(void)
{
	os_sim_power_cut(env);
	os_loop_free(loop);
	assert_int_equal(os_loop_new(env, &loop), 0);
}

/* What a sector of one of two writers may hold after a cut. */
static bool only_of(const char *data, size_t len, char a, char b)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] != a && data[i] != b)
			return false;
	return true;
}

static void a_cut_keeps_what_was_synced_and_maybe_the_rest(void **state)
{
	char *a = block_of('a'), *b = block_of('b'), *c = block_of('c');
	bool kept = false, lost = false, torn = false;
	struct os_file *file;

	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		sim_setup(seed);
		assert_int_equal(os_file_open(loop, "d/f", OS_FILE_CREATE |
					      OS_FILE_DIRECT, &file), 0);
		assert_int_equal(os_dir_sync(loop, "d"), 0);
		assert_int_equal(write_at(file, a, 0, true), BLOCK);
		assert_int_equal(write_at(file, b, 0, false), BLOCK);
		os_file_close(file);
		sim_restart();
		assert_int_equal(os_file_open(loop, "d/f", 0, &file), 0);
		assert_int_equal(read_at(file, c, 0), BLOCK);
		assert_true(only_of(c, BLOCK, 'a', 'b'));
		for (size_t at = 0; at < BLOCK; at += 512) {
			kept |= only_of(c + at, 512, 'b', 'b');
			lost |= only_of(c + at, 512, 'a', 'a');
			torn |= c[at] == 'b' && c[at + 511] == 'a';
		}
		os_file_close(file);
		os_loop_free(loop);
		os_env_free(env);
	}
	assert_true(kept && lost && torn);
	free(a);
	free(b);
	free(c);
}

static void a_durable_write_makes_only_itself_durable(void **state)
{
	char *a = block_of('a'), *b = block_of('b'), *c = block_of('c');
	struct os_file *file;
	int lost = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		sim_setup(seed);
		assert_int_equal(os_file_open(loop, "d/f", OS_FILE_CREATE |
					      OS_FILE_DIRECT, &file), 0);
		assert_int_equal(os_dir_sync(loop, "d"), 0);
		assert_int_equal(write_at(file, a, 0, true), BLOCK);
		assert_int_equal(write_at(file, a, BLOCK, true), BLOCK);
		assert_int_equal(write_at(file, b, 0, false), BLOCK);
		assert_int_equal(write_at(file, b, BLOCK, false), BLOCK);
		assert_int_equal(write_at(file, c, BLOCK, true), BLOCK);
		os_file_close(file);
		sim_restart();
		assert_int_equal(os_file_open(loop, "d/f", 0, &file), 0);
		assert_int_equal(read_at(file, b, 0), BLOCK);
		lost += !memcmp(a, b, 512);
		assert_int_equal(read_at(file, b, BLOCK), BLOCK);
		assert_memory_equal(b, c, BLOCK);
		memset(b, 'b', BLOCK);
		os_file_close(file);
		os_loop_free(loop);
		os_env_free(env);
	}
	assert_true(lost);
	free(a);
	free(b);
	free(c);
}

static void a_cut_undoes_some_unsynced_names(void **state)
{
	int found = 0, missing = 0;
	struct os_file *file;

	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		sim_setup(seed);
		assert_int_equal(os_file_open(loop, "d/f", OS_FILE_CREATE,
					      &file), 0);
		os_file_close(file);
		sim_restart();
		if (os_file_open(loop, "d/f", 0, &file)) {
			missing++;
		} else {
			found++;
			os_file_close(file);
		}
		os_loop_free(loop);
		os_env_free(env);
	}
	assert_true(found > 10 && missing > 10);
}

static void the_nth_operation_fails_as_told(void **state)
{
	char *a = block_of('a');
	struct os_file *file;

	(void)state;
	sim_setup(1);
	assert_int_equal(os_file_open(loop, "f", OS_FILE_CREATE |
				      OS_FILE_DIRECT, &file), 0);
	os_sim_fail_nth(env, 2, EIO);
	assert_int_equal(write_at(file, a, 0, true), BLOCK);
	assert_int_equal(write_at(file, a, 0, true), -EIO);
	assert_int_equal(write_at(file, a, 0, true), BLOCK);
	assert_int_equal(os_sim_ops(env), 3);
	assert_int_equal(read_at(file, a + 1, 0), -EINVAL);
	os_file_close(file);
	os_loop_free(loop);
	os_env_free(env);
	free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_keeps_what_was_synced_and_maybe_the_rest),
		cmocka_unit_test(a_durable_write_makes_only_itself_durable),
		cmocka_unit_test(a_cut_undoes_some_unsynced_names),
		cmocka_unit_test(the_nth_operation_fails_as_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
