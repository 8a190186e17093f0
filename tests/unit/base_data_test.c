// SPDX-License-Identifier: Apache-2.0
/* Ids, hashes, checksums, the log. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/blob.h"
#include "base/crc32c.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/snowflake.h"

#define NOW 1700000000000ull

static void ids_grow_whatever_the_clock_does(void **state)
{
	struct snowflake gen;
	uint64_t last = 0, now = NOW, id, made = 0;
	struct rng rng;

	(void)state;
	rng_init(&rng, 3);
	assert_int_equal(snowflake_init(&gen, 5, 0), 0);
	for (int i = 0; i < 200000; i++) {
		if (rng_chance(&rng, 20000))
			now = NOW + rng_below(&rng, 1000);
		if (snowflake_next(&gen, now, &id) == -EAGAIN)
			continue;
		assert_true(id > last);
		assert_int_equal(id >> 12 & 1023, 5);
		last = id;
		made++;
	}
	assert_true(made > 1000);
}

static void a_clock_that_stands_gives_4096_ids(void **state)
{
	struct snowflake gen;
	uint64_t id;

	(void)state;
	assert_int_equal(snowflake_init(&gen, 0, 0), 0);
	for (int i = 0; i < 4096; i++)
		assert_int_equal(snowflake_next(&gen, NOW, &id), 0);
	assert_int_equal(snowflake_next(&gen, NOW, &id), -EAGAIN);
	assert_int_equal(snowflake_next(&gen, NOW - 5, &id), -EAGAIN);
	assert_int_equal(snowflake_next(&gen, NOW + 1, &id), 0);
	assert_int_equal(snowflake_unix_ms(id), NOW + 1);
	assert_int_equal(snowflake_floor(NOW + 1), id);
}

static void a_restarted_generator_goes_on_above(void **state)
{
	struct snowflake gen;
	uint64_t before, after;

	(void)state;
	assert_int_equal(snowflake_init(&gen, 1023, 0), 0);
	assert_int_equal(snowflake_next(&gen, NOW, &before), 0);
	assert_int_equal(snowflake_init(&gen, 1023, before), 0);
	assert_int_equal(snowflake_next(&gen, NOW - 1000, &after), 0);
	assert_true(after > before);
	assert_int_equal(snowflake_init(&gen, 1024, 0), -EINVAL);
}

static void both_checksums_agree(void **state)
{
	struct rng rng;
	uint8_t data[300];

	(void)state;
	rng_init(&rng, 4);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	for (int i = 0; i < 2000; i++) {
		size_t len = rng_below(&rng, sizeof(data));
		size_t cut = len ? rng_below(&rng, len) : 0;

		rng_fill(&rng, data, len);
		assert_int_equal(crc32c(0, data, len),
				 crc32c_portable(0, data, len));
		assert_int_equal(crc32c(crc32c(0, data, cut), data + cut,
					len - cut), crc32c(0, data, len));
	}
}

/* The model: an array, as keys are few. */
static void a_map_holds_what_was_put_in(void **state)
{
	uint64_t model[512] = { 0 }, value, key;
	struct hmap map = HMAP_INIT;
	size_t count = 0, iter = 0, seen = 0;
	struct rng rng;

	(void)state;
	rng_init(&rng, 5);
	for (int i = 0; i < 100000; i++) {
		key = rng_below(&rng, 512);
		if (rng_below(&rng, 2)) {
			count += !model[key];
			model[key] = rng_next(&rng) | 1;
			assert_int_equal(hmap_set(&map, key, model[key]), 0);
		} else {
			assert_int_equal(hmap_del(&map, key), model[key] != 0);
			count -= model[key] != 0;
			model[key] = 0;
		}
		key = rng_below(&rng, 512);
		value = 0;
		assert_int_equal(hmap_get(&map, key, &value), model[key] != 0);
		assert_int_equal(value, model[key]);
		assert_int_equal(map.count, count);
	}
	while (hmap_next(&map, &iter, &key, &value)) {
		assert_int_equal(value, model[key]);
		seen++;
	}
	assert_int_equal(seen, count);
	hmap_fini(&map);
}

static void a_map_without_memory_keeps_what_it_has(void **state)
{
	struct hmap map = HMAP_INIT;
	uint64_t value;

	(void)state;
	for (uint64_t i = 0; i < 7; i++)
		assert_int_equal(hmap_set(&map, i, i), 0);
	mem_fail_nth(1);
	assert_int_equal(hmap_set(&map, 7, 7), -ENOMEM);
	assert_int_equal(hmap_set(&map, 3, 33), 0);
	mem_fail_nth(0);
	assert_true(hmap_get(&map, 3, &value) && value == 33);
	assert_false(hmap_get(&map, 7, NULL));
	hmap_fini(&map);
}

static void a_hash_tells_near_things_apart(void **state)
{
	char a[] = "channel-1000000000000000000", b[sizeof(a)];

	(void)state;
	for (size_t i = 0; i < sizeof(a) - 1; i++) {
		memcpy(b, a, sizeof(a));
		b[i] ^= 1;
		assert_true(hash_bytes(a, sizeof(a), 0) !=
			    hash_bytes(b, sizeof(b), 0));
	}
	assert_true(hash_bytes(a, 4, 0) != hash_bytes(a, 5, 0));
	assert_true(hash_bytes(a, 4, 0) != hash_bytes(a, 4, 1));
}

static void a_blob_lives_until_its_last_reference(void **state)
{
	struct blob *blob = blob_from_str("payload");

	(void)state;
	assert_non_null(blob);
	blob_get_n(blob, 3);
	for (int i = 0; i < 3; i++)
		blob_put(blob);
	assert_string_equal((char *)blob->data, "payload");
	blob_put(blob);
	blob_put(NULL);
	assert_null(blob_new(NULL, (size_t)BLOB_MAX + 1));
}

static void the_log_is_one_line_an_event_and_bounded(void **state)
{
	char text[8192];
	int fds[2], lines = 0;
	ssize_t len;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	log_set_fd(fds[1]);
	for (int i = 0; i < 1000; i++)
		log_info("test", "flood", "n=%d text=%s", i, "two\nlines");
	log_debug("test", "hidden", "");
	log_set_fd(STDERR_FILENO);
	len = read(fds[0], text, sizeof(text) - 1);
	assert_true(len > 0);
	text[len] = 0;
	for (char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	/* The second may change once in between. */
	assert_in_range(lines, LOG_BURST, 2 * LOG_BURST);
	assert_int_equal(strncmp(text, "info test flood n=0 text=two?lines\n",
				 35), 0);
	assert_null(strstr(text, "hidden"));
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_grow_whatever_the_clock_does),
		cmocka_unit_test(a_clock_that_stands_gives_4096_ids),
		cmocka_unit_test(a_restarted_generator_goes_on_above),
		cmocka_unit_test(both_checksums_agree),
		cmocka_unit_test(a_map_holds_what_was_put_in),
		cmocka_unit_test(a_map_without_memory_keeps_what_it_has),
		cmocka_unit_test(a_hash_tells_near_things_apart),
		cmocka_unit_test(a_blob_lives_until_its_last_reference),
		cmocka_unit_test(the_log_is_one_line_an_event_and_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
