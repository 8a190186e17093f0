// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "data/read_table.h"

static int setup(void **state)
{
	struct read_table *t = malloc(sizeof(*t));

	assert_non_null(t);
	read_table_init(t);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	read_table_fini(*state);
	free(*state);
	return 0;
}

static int set(struct read_table *t, uint64_t user, uint64_t channel,
	       uint64_t last, uint32_t mentions)
{
	const struct read_state s = { channel, last, mentions };

	return read_table_set(t, user, &s);
}

static void finds_what_was_set_and_nothing_else(void **state)
{
	struct read_table *t = *state;
	const struct read_state *s;

	assert_null(read_table_get(t, 1, 1));
	assert_int_equal(set(t, 1, 10, 100, 3), 0);
	assert_int_equal(set(t, 1, 10, 101, 4), 0);
	s = read_table_get(t, 1, 10);
	assert_non_null(s);
	assert_int_equal(s->last, 101);
	assert_int_equal(s->mentions, 4);
	assert_null(read_table_get(t, 1, 11));
	assert_null(read_table_get(t, 2, 10));
	assert_int_equal(t->states, 1);
	assert_int_equal(t->users, 1);
}

static void lists_a_user_by_channel(void **state)
{
	struct read_table *t = *state;
	const struct read_state *s;
	uint32_t count;

	for (uint64_t c = 50; c > 0; c--)
		assert_int_equal(set(t, 7, c * 37 % 51, c, 0), 0);
	s = read_table_user(t, 7, &count);
	assert_int_equal(count, 50);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(s[i].channel, i + 1);
	assert_null(read_table_user(t, 8, &count));
	assert_int_equal(count, 0);
}

static void a_user_has_a_limit(void **state)
{
	struct read_table *t = *state;

	for (uint32_t c = 0; c < READ_STATES_PER_USER; c++)
		assert_int_equal(set(t, 7, c, 1, 0), 0);
	assert_int_equal(set(t, 7, READ_STATES_PER_USER, 1, 0), -ENOSPC);
	assert_int_equal(set(t, 7, 5, 2, 0), 0);
}

/* Many users in few parts, against a naive count. */
#define USERS 20000u
#define CHANNELS 12u

static void fill(struct read_table *t, uint64_t seed)
{
	struct rng rng;

	rng_init(&rng, seed);
	for (uint32_t i = 0; i < USERS * CHANNELS; i++)
		assert_int_equal(set(t, 1 + rng_below(&rng, USERS),
				     1 + rng_below(&rng, CHANNELS),
				     rng_next(&rng), (uint32_t)i), 0);
}

static void an_image_brings_everything_back(void **state)
{
	struct read_table *t = *state, *copy = malloc(sizeof(*copy));
	struct buf image = BUF_INIT;
	uint32_t a, b;

	fill(t, 1);
	read_table_init(copy);
	for (uint32_t p = 0; p < READ_TABLE_PARTS; p++) {
		buf_reset(&image);
		read_table_dump(t, p, &image);
		assert_int_equal(image.err, 0);
		assert_int_equal(read_table_load(copy, image.data, image.len),
				 0);
	}
	assert_int_equal(copy->states, t->states);
	assert_int_equal(copy->users, t->users);
	for (uint64_t user = 1; user <= USERS; user++) {
		const struct read_state *x = read_table_user(t, user, &a);
		const struct read_state *y = read_table_user(copy, user, &b);

		assert_int_equal(a, b);
		if (a)
			assert_memory_equal(x, y, a * sizeof(*x));
	}
	buf_fini(&image);
	read_table_fini(copy);
	free(copy);
}

static void a_cut_image_is_refused(void **state)
{
	struct read_table *t = *state;
	struct buf image = BUF_INIT;
	uint32_t part = 0;

	assert_int_equal(set(t, 9, 1, 2, 3), 0);
	assert_int_equal(set(t, 9, 2, 2, 3), 0);
	while (!image.len)
		read_table_dump(t, part++, &image);
	for (size_t cut = 1; cut < image.len; cut++)
		assert_int_equal(read_table_load(t, image.data, cut), -EPROTO);
	buf_fini(&image);
}

/* 1000 users with 50 channels each: the shape that the figure is for. */
static void a_state_costs_little(void **state)
{
	struct read_table *t = *state;
	uint64_t net;

	for (uint64_t user = 1; user <= 100000; user++)
		for (uint64_t c = 1; c <= 50; c++)
			assert_int_equal(set(t, user, c, c, 0), 0);
	net = t->bytes - sizeof(*t);
	print_message("# %.1f bytes per state with 50 a user, and %zu fixed\n",
		      (double)net / (double)t->states, sizeof(*t));
	assert_true(net < 24 * t->states);
}

/* States come and go, in a few parts' worth of users; against a plain array. */
static void states_that_say_nothing_go(void **state)
{
	enum { FEW_USERS = 3000, FEW_CHANNELS = 4 };
	uint32_t *want = calloc(FEW_USERS * FEW_CHANNELS, sizeof(*want));
	struct read_table *t = *state;
	uint64_t states = 0, fixed = t->bytes;
	struct rng rng;

	assert_non_null(want);
	rng_init(&rng, 3);
	for (uint32_t i = 0; i < 200000; i++) {
		uint32_t k = (uint32_t)rng_below(&rng, FEW_USERS * FEW_CHANNELS);

		want[k] = rng_below(&rng, 2) ? 0 : i;
		assert_int_equal(set(t, 1 + k / FEW_CHANNELS,
				     1 + k % FEW_CHANNELS, want[k], 0), 0);
	}
	for (uint32_t k = 0; k < FEW_USERS * FEW_CHANNELS; k++) {
		const struct read_state *s;

		s = read_table_get(t, 1 + k / FEW_CHANNELS,
				   1 + k % FEW_CHANNELS);
		assert_int_equal(!!s, !!want[k]);
		assert_true(!s || s->last == want[k]);
		states += !!s;
	}
	assert_int_equal(t->states, states);
	for (uint32_t k = 0; k < FEW_USERS * FEW_CHANNELS; k++)
		assert_int_equal(set(t, 1 + k / FEW_CHANNELS,
				     1 + k % FEW_CHANNELS, 0, 0), 0);
	assert_int_equal(t->states, 0);
	assert_int_equal(t->users, 0);
	/* Slots stay. */
	assert_true(t->bytes - fixed < FEW_USERS * 4 * 32);
	free(want);
}

static void lost_memory_changes_nothing(void **state)
{
	struct read_table *t = *state;
	uint64_t before;
	int err = -ENOMEM;

	for (uint64_t n = 1; err; n++) {
		before = t->states;
		mem_fail_nth(n);
		err = set(t, 77, 5, 1, 1);
		mem_fail_nth(0);
		assert_true(!err || err == -ENOMEM);
		assert_int_equal(t->states, before + !err);
		assert_int_equal(!!read_table_get(t, 77, 5), !err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			finds_what_was_set_and_nothing_else, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_a_user_by_channel, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_user_has_a_limit, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_image_brings_everything_back,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_cut_image_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_state_costs_little, setup,
						teardown),
		cmocka_unit_test_setup_teardown(states_that_say_nothing_go,
						setup, teardown),
		cmocka_unit_test_setup_teardown(lost_memory_changes_nothing,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
