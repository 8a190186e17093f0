// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "gateway/admission.h"

#define MANY 500

static struct admission_stats stats;
static struct admission_place place[MANY];
static unsigned int order[MANY], admitted;

static void on_admit(void *ctx, struct admission_place *who)
{
	assert_ptr_equal(ctx, &stats);
	assert_int_equal(who->state, ADMISSION_INSIDE);
	order[admitted++] = (unsigned int)(who - place);
}

static struct admission *fresh(void)
{
	struct admission *admission = admission_new(&stats, on_admit, &stats);

	assert_non_null(admission);
	stats = (struct admission_stats){ 0 };
	for (int i = 0; i < MANY; i++)
		place[i] = (struct admission_place){ 0 };
	admitted = 0;
	return admission;
}

static void lets_so_many_in_and_the_others_in_their_order(void **state)
{
	struct admission *a = fresh();
	unsigned int i;

	(void)state;
	for (i = 0; i < MANY; i++)
		assert_int_equal(admission_enter(a, &place[i], 0),
				 i < ADMISSION_PLACES);
	assert_int_equal(stats.inside, ADMISSION_PLACES);
	assert_int_equal(stats.waiting, MANY - ADMISSION_PLACES);
	assert_int_equal(stats.waiting_most, MANY - ADMISSION_PLACES);
	assert_int_equal(stats.inside_most, ADMISSION_PLACES);
	for (i = 0; i < MANY; i++) {
		assert_int_equal(place[i].state, ADMISSION_INSIDE);
		admission_leave(a, &place[i], 0);
	}
	assert_int_equal(admitted, MANY - ADMISSION_PLACES);
	for (i = 0; i < admitted; i++)
		assert_int_equal(order[i], ADMISSION_PLACES + i);
	assert_int_equal(stats.inside, 0);
	assert_int_equal(stats.admitted, MANY);
	admission_free(a);
}

static void forgets_one_that_gives_up_waiting(void **state)
{
	struct admission *a = fresh();
	unsigned int i;

	(void)state;
	for (i = 0; i < ADMISSION_PLACES + 3; i++)
		admission_enter(a, &place[i], 0);
	admission_leave(a, &place[ADMISSION_PLACES], 0);
	assert_int_equal(admitted, 0);
	admission_leave(a, &place[0], 0);
	assert_int_equal(admitted, 1);
	assert_int_equal(order[0], ADMISSION_PLACES + 1);
	/* Leaving twice is once. */
	admission_leave(a, &place[0], 0);
	assert_int_equal(admitted, 1);
	for (i = 0; i < ADMISSION_PLACES + 3; i++)
		admission_leave(a, &place[i], 0);
	admission_free(a);
}

static void takes_the_place_of_one_that_is_too_slow(void **state)
{
	struct admission *a = fresh();
	unsigned int i;

	(void)state;
	for (i = 0; i < ADMISSION_PLACES + 1; i++)
		admission_enter(a, &place[i], i);
	admission_tick(a, ADMISSION_NS - 1);
	assert_int_equal(admitted, 0);
	admission_tick(a, ADMISSION_NS);
	assert_int_equal(admitted, 1);
	assert_int_equal(place[0].state, ADMISSION_OUT);
	assert_int_equal(stats.overdue, 1);
	for (i = 0; i < ADMISSION_PLACES + 1; i++)
		admission_leave(a, &place[i], 0);
	admission_free(a);
}

static void holds_its_figures_whatever_happens(void **state)
{
	struct admission *a = fresh();
	uint64_t now = 0, inside, waiting;
	struct rng rng;
	int i, step;

	(void)state;
	rng_init(&rng, 7);
	for (step = 0; step < 20000; step++) {
		struct admission_place *p = &place[rng_below(&rng, MANY)];

		now += rng_below(&rng, ADMISSION_NS / 100);
		if (p->state == ADMISSION_OUT)
			admission_enter(a, p, now);
		else
			admission_leave(a, p, now);
		if (!(step % 64))
			admission_tick(a, now);
		for (inside = waiting = i = 0; i < MANY; i++) {
			inside += place[i].state == ADMISSION_INSIDE;
			waiting += place[i].state == ADMISSION_WAITING;
		}
		assert_true(inside <= ADMISSION_PLACES);
		/* Nobody waits while there is a place. */
		assert_true(!waiting || inside == ADMISSION_PLACES);
		assert_int_equal(stats.inside, inside);
		assert_int_equal(stats.waiting, waiting);
		admitted = 0;
	}
	for (i = 0; i < MANY; i++) {
		admission_leave(a, &place[i], now);
		admitted = 0;
	}
	admission_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lets_so_many_in_and_the_others_in_their_order),
		cmocka_unit_test(forgets_one_that_gives_up_waiting),
		cmocka_unit_test(takes_the_place_of_one_that_is_too_slow),
		cmocka_unit_test(holds_its_figures_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
