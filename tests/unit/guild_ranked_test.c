// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "guild/ranked.h"

#define MANY 5000

static struct ranked_entry entry(uint64_t id, uint32_t group, const char *name)
{
	struct ranked_entry e = { .id = id, .group = group };

	memcpy(e.name, name, strnlen(name, sizeof(e.name)));
	return e;
}

static void sorts_by_group_then_name_then_id(void **state)
{
	const struct ranked_entry e[] = {
		entry(5, 1, "a"), entry(9, 0, "z"), entry(3, 1, "ab"),
		entry(4, 1, "a"), entry(1, 2, ""),
	};
	static const uint64_t order[] = { 9, 4, 5, 3, 1 };
	struct ranked r = { 0 };
	uint32_t at;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(ranked_insert(&r, &e[i], &at), 0);
	assert_int_equal(at, 4);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(ranked_at(&r, i)->id, order[i]);
	assert_null(ranked_at(&r, 5));
	assert_int_equal(ranked_insert(&r, &e[0], &at), -EEXIST);
	assert_true(ranked_find(&r, &e[2], &at));
	assert_int_equal(at, 3);
	ranked_fini(&r);
}

/* A plain sorted array, the slow way. */
static uint32_t model_place(const uint64_t *model, uint32_t count, uint64_t id)
{
	uint32_t i = 0;

	while (i < count && model[i] < id)
		i++;
	return i;
}

static void agrees_with_an_array_whatever_happens(void **state)
{
	static uint64_t model[MANY];
	uint32_t count = 0, at, i;
	struct ranked r = { 0 };
	struct rng rng;

	(void)state;
	rng_init(&rng, 11);
	for (int step = 0; step < 30000; step++) {
		/* Grows, then shrinks to nothing, then grows again. */
		bool grow = rng_chance(&rng, step / 10000 % 2 ? 200000 :
							       800000);
		uint64_t id = rng_below(&rng, MANY);
		struct ranked_entry e = entry(id, 0, "n");

		i = model_place(model, count, id);
		if (grow && (i == count || model[i] != id)) {
			memmove(model + i + 1, model + i,
				(count++ - i) * sizeof(*model));
			model[i] = id;
			assert_int_equal(ranked_insert(&r, &e, &at), 0);
			assert_int_equal(at, i);
		} else if (!grow) {
			bool there = i < count && model[i] == id;

			assert_int_equal(ranked_remove(&r, &e, &at), there);
			if (!there)
				continue;
			assert_int_equal(at, i);
			memmove(model + i, model + i + 1,
				(--count - i) * sizeof(*model));
		}
		assert_int_equal(r.count, count);
	}
	for (i = 0; i < count; i++)
		assert_int_equal(ranked_at(&r, i)->id, model[i]);
	ranked_fini(&r);
}

static void loses_nothing_when_memory_is_out(void **state)
{
	struct ranked r = { 0 };
	uint32_t at, i;
	int err;

	(void)state;
	for (i = 0; i < 2000; i++) {
		struct ranked_entry e = entry(i * 7919 % 2000, 0, "");

		mem_fail_nth(1);
		err = ranked_insert(&r, &e, &at);
		mem_fail_nth(0);
		if (err) {
			assert_int_equal(err, -ENOMEM);
			assert_false(ranked_find(&r, &e, &at));
			assert_int_equal(ranked_insert(&r, &e, &at), 0);
		}
		assert_int_equal(r.count, i + 1);
	}
	for (i = 0; i < 2000; i++)
		assert_int_equal(ranked_at(&r, i)->id, i);
	ranked_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts_by_group_then_name_then_id),
		cmocka_unit_test(agrees_with_an_array_whatever_happens),
		cmocka_unit_test(loses_nothing_when_memory_is_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
