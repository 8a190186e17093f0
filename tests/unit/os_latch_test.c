// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "os/latch.h"

#define COUNT 4
#define LONG_MS 60000

static void *arrive(void *arg)
{
	os_latch_arrive(arg, 0);
	return NULL;
}

static void *arrive_failed(void *arg)
{
	os_latch_arrive(arg, -EIO);
	return NULL;
}

static int wait_for(void *(*last)(void *arg))
{
	struct os_latch latch;
	pthread_t thread[COUNT];
	int err;

	os_latch_init(&latch);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(pthread_create(&thread[i], NULL,
						i == COUNT - 1 ? last : arrive,
						&latch), 0);
	err = os_latch_wait(&latch, COUNT, LONG_MS);
	for (int i = 0; i < COUNT; i++)
		pthread_join(thread[i], NULL);
	os_latch_fini(&latch);
	return err;
}

static void waits_for_all(void **state)
{
	(void)state;
	assert_int_equal(wait_for(arrive), 0);
}

static void one_failure_is_everybodys(void **state)
{
	(void)state;
	assert_int_equal(wait_for(arrive_failed), -EIO);
}

static void the_first_failure_counts_and_ends_the_wait(void **state)
{
	struct os_latch latch;

	(void)state;
	os_latch_init(&latch);
	os_latch_arrive(&latch, -ENOSPC);
	os_latch_arrive(&latch, -EIO);
	/* The others never come. */
	assert_int_equal(os_latch_wait(&latch, COUNT, LONG_MS), -ENOSPC);
	os_latch_fini(&latch);
}

static void one_that_never_comes_is_given_up(void **state)
{
	struct os_latch latch;

	(void)state;
	os_latch_init(&latch);
	os_latch_arrive(&latch, 0);
	assert_int_equal(os_latch_wait(&latch, 2, 1), -ETIMEDOUT);
	os_latch_fini(&latch);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_for_all),
		cmocka_unit_test(one_failure_is_everybodys),
		cmocka_unit_test(the_first_failure_counts_and_ends_the_wait),
		cmocka_unit_test(one_that_never_comes_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
