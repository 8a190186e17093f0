// SPDX-License-Identifier: Apache-2.0
/* The index is not longer than twice what counts, however often one starts. */
#include "store_engine.h"

#define CHANNELS 2000u
#define ROUNDS 6u		/* of a life: too few to double the index */
#define LIVES 5u
/* From here on it is rewritten when most of it is history, see index.h. */
#define INDEX_SHORT (1u << 20)

static void many_starts_leave_no_history_behind(void **state)
{
	struct fixture *f = *state;
	struct engine_stats stats;
	uint64_t id = 0, longest = 0;

	for (uint32_t life = 0; life < LIVES; life++) {
		for (uint32_t round = 0; round < ROUNDS; round++) {
			append_to_each(f, CHANNELS, ++id);
			flush(f);
			engine_stats(f->e, &stats);
			if (longest < stats.index_file)
				longest = stats.index_file;
		}
		cut_off(f);
		assert_int_equal(try_open(f), 0);
	}
	/* There was some, and one round's at most was too much. */
	assert_true(longest > INDEX_SHORT / 2);
	assert_true(longest < INDEX_SHORT + INDEX_SHORT / 2);
	assert_int_equal(f->report.rows, CHANNELS * id);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(many_starts_leave_no_history_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
