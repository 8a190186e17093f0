// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/blob.h"
#include "base/mem.h"
#include "guild/reaction_set.h"

static struct reaction_set s;

static int setup(void **state)
{
	(void)state;
	reaction_set_init(&s);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	reaction_set_fini(&s);
	return 0;
}

static void counts_and_knows_its_reader(void **state)
{
	struct reaction_view view[REACTION_EMOJI_MAX];

	(void)state;
	assert_int_equal(reaction_set_add(&s, "b", 2, 200), 0);
	assert_int_equal(reaction_set_add(&s, "a", 1, 300), 0);
	assert_int_equal(reaction_set_add(&s, "b", 1, 400), 0);
	assert_int_equal(reaction_set_add(&s, "b", 1, 500), 0);
	assert_int_equal(reaction_set_view(&s, 2, view), 2);
	assert_string_equal(view[0].emoji, "b");
	assert_int_equal(view[0].count, 2);
	assert_true(view[0].me);
	assert_string_equal(view[1].emoji, "a");
	assert_false(view[1].me);
}

static void the_oldest_comes_first_also_after_a_removal(void **state)
{
	struct reaction_view view[REACTION_EMOJI_MAX];

	(void)state;
	reaction_set_add(&s, "b", 2, 200);
	reaction_set_add(&s, "a", 1, 300);
	reaction_set_add(&s, "b", 1, 400);
	reaction_set_del(&s, "b", 2);
	assert_int_equal(reaction_set_view(&s, 2, view), 2);
	assert_string_equal(view[0].emoji, "a");
	reaction_set_del(&s, "b", 1);
	assert_int_equal(reaction_set_view(&s, 2, view), 1);
}

static void twenty_emojis_are_enough(void **state)
{
	char name[8];

	(void)state;
	for (unsigned int i = 0; i < REACTION_EMOJI_MAX; i++) {
		snprintf(name, sizeof(name), "e%u", i);
		assert_int_equal(reaction_set_add(&s, name, 1, i), 0);
	}
	assert_int_equal(reaction_set_add(&s, "more", 1, 99), -ENOSPC);
	assert_int_equal(reaction_set_add(&s, "e7", 2, 99), 0);
}

static void rows_come_back(void **state)
{
	struct reaction_set back;
	struct blob *row;

	(void)state;
	reaction_set_add(&s, "\xf0\x9f\x94\xa5", 7, 1000);
	reaction_set_add(&s, "party:123", 7, 2000);
	reaction_set_add(&s, "party:123", 8, 1500);
	reaction_set_init(&back);
	for (uint64_t user = 7; user <= 8; user++) {
		assert_int_equal(reaction_set_row(&s, user, &row), 0);
		assert_non_null(row);
		assert_int_equal(reaction_set_load(&back, user, row->data,
						   row->len), 0);
		blob_put(row);
	}
	assert_int_equal(reaction_set_row(&s, 9, &row), 0);
	assert_null(row);
	assert_true(reaction_set_has(&back, "party:123", 8));
	assert_int_equal(reaction_set_find(&back, "party:123")->first_ms,
			 1500);
	reaction_set_fini(&back);
}

static void damaged_rows_are_refused(void **state)
{
	struct blob *row;

	(void)state;
	reaction_set_add(&s, "abc", 7, 1000);
	assert_int_equal(reaction_set_row(&s, 7, &row), 0);
	for (uint32_t n = 0; n < row->len; n++) {
		uint8_t *copy = mem_dup(row->data, n);
		struct reaction_set back;
		int err;

		reaction_set_init(&back);
		err = reaction_set_load(&back, 7, copy, n);
		/* A version alone is a row without any reaction. */
		assert_true(err == -EPROTO || n == 1);
		reaction_set_fini(&back);
		mem_free(copy);
	}
	blob_put(row);
}

static void agrees_with_a_naive_set(void **state)
{
	bool naive[3][16] = { { false } };
	uint32_t seed = 1, count[3];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		char name[2] = { 0 };
		uint32_t e, u;

		seed = seed * 1103515245 + 12345;
		e = (seed >> 16) % 3;
		u = (seed >> 20) % 16;
		name[0] = (char)('a' + e);
		naive[e][u] = seed >> 28 & 1;
		if (naive[e][u])
			reaction_set_add(&s, name, u + 1, (uint64_t)i);
		else
			reaction_set_del(&s, name, u + 1);
		memset(count, 0, sizeof(count));
		for (u = 0; u < 16; u++) {
			assert_int_equal(reaction_set_has(&s, name, u + 1),
					 naive[e][u]);
			count[e] += naive[e][u];
		}
		assert_int_equal(reaction_set_find(&s, name) ?
				 reaction_set_find(&s, name)->count : 0,
				 count[e]);
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(counts_and_knows_its_reader),
		CASE(the_oldest_comes_first_also_after_a_removal),
		CASE(twenty_emojis_are_enough),
		CASE(rows_come_back),
		CASE(damaged_rows_are_refused),
		CASE(agrees_with_a_naive_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
