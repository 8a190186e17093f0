// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/snowflake.h"
#include "guild/nonce.h"

#define NOW 1800000000000ull

static struct nonces nonces;

static int setup(void **state)
{
	(void)state;
	nonces = (struct nonces){ 0 };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	nonces_fini(&nonces);
	return 0;
}

static void a_nonce_leads_to_its_message(void **state)
{
	uint64_t id = snowflake_floor(NOW), found, key = nonce_key(1, 2, "a");

	(void)state;
	assert_false(nonces_find(&nonces, key, NOW, &found));
	assert_int_equal(nonces_begin(&nonces, key), 0);
	assert_true(nonces_find(&nonces, key, NOW, &found));
	assert_int_equal(found, 0);
	nonces_end(&nonces, key, id);
	assert_true(nonces_find(&nonces, key, NOW + 1000, &found));
	assert_int_equal(found, id);
}

static void a_failed_message_frees_its_nonce(void **state)
{
	uint64_t found, key = nonce_key(1, 2, "a");

	(void)state;
	nonces_begin(&nonces, key);
	nonces_end(&nonces, key, 0);
	assert_false(nonces_find(&nonces, key, NOW, &found));
}

static void after_some_minutes_it_may_come_again(void **state)
{
	uint64_t found, key = nonce_key(1, 2, "a");

	(void)state;
	nonces_begin(&nonces, key);
	nonces_end(&nonces, key, snowflake_floor(NOW));
	assert_true(nonces_find(&nonces, key, NOW + NONCE_MS, &found));
	assert_false(nonces_find(&nonces, key, NOW + NONCE_MS + 1, &found));
}

static void others_nonces_are_others(void **state)
{
	(void)state;
	assert_true(nonce_key(1, 2, "a") != nonce_key(2, 2, "a"));
	assert_true(nonce_key(1, 2, "a") != nonce_key(1, 3, "a"));
	assert_true(nonce_key(1, 2, "a") != nonce_key(1, 2, "b"));
}

static void the_oldest_are_forgotten(void **state)
{
	uint64_t found;

	(void)state;
	for (uint64_t key = 1; key <= 3 * NONCES_MAX; key++)
		assert_int_equal(nonces_begin(&nonces, key), 0);
	assert_int_equal(nonces.map.count, NONCES_MAX);
	assert_false(nonces_find(&nonces, 2 * NONCES_MAX, NOW, &found));
	assert_true(nonces_find(&nonces, 2 * NONCES_MAX + 1, NOW, &found));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_nonce_leads_to_its_message),
		CASE(a_failed_message_frees_its_nonce),
		CASE(after_some_minutes_it_may_come_again),
		CASE(others_nonces_are_others),
		CASE(the_oldest_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
