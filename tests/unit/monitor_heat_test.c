// SPDX-License-Identifier: Apache-2.0
/* The file of heat: what is written is read, what is damaged is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "monitor/heat_file.h"

#define BLOCKS 20000u
#define BLOCK_SIZE 65536u

static uint8_t heat[BLOCKS];
static struct buf image;

static void add(uint64_t first, uint32_t nr)
{
	struct heat_run run = { first, nr, heat + first };

	heat_file_add(&image, &run);
}

static int set_up(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < BLOCKS; i++)
		heat[i] = (uint8_t)(i * 7 + i / 251 + 1);
	image = BUF_INIT;
	heat_file_begin(&image, BLOCK_SIZE);
	add(3, 1);
	add(9, 13);
	add(5000, SUPERDISK_HEAT_RUN);
	add(BLOCKS - 9, 9);
	return heat_file_end(&image);
}

static int tear_down(void **state)
{
	(void)state;
	buf_fini(&image);
	return 0;
}

static void what_is_written_is_read(void **state)
{
	static const struct { uint64_t first; uint32_t nr; } want[] = {
		{ 3, 1 }, { 9, 13 }, { 5000, SUPERDISK_HEAT_RUN },
		{ BLOCKS - 9, 9 },
	};
	struct heat_run run;
	uint32_t size, n = 0;
	size_t at = 0;

	(void)state;
	assert_int_equal(heat_file_check(image.data, image.len, &size), 0);
	assert_int_equal(size, BLOCK_SIZE);
	while (heat_file_next(image.data, image.len, &at, &run)) {
		assert_int_equal(run.first, want[n].first);
		assert_int_equal(run.nr, want[n++].nr);
		assert_memory_equal(run.heat, heat + run.first, run.nr);
	}
	assert_int_equal(n, 4);
}

static void any_changed_bit_is_noticed(void **state)
{
	uint32_t size;

	(void)state;
	for (size_t bit = 0; bit < image.len * 8; bit += bit < 4096 ? 1 : 61) {
		image.data[bit / 8] ^= (char)(1 << bit % 8);
		assert_int_not_equal(heat_file_check(image.data, image.len,
						     &size), 0);
		image.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	assert_int_equal(heat_file_check(image.data, image.len, &size), 0);
}

static void any_missing_end_is_noticed(void **state)
{
	uint32_t size;

	(void)state;
	for (size_t len = 0; len < image.len; len += len < 200 ? 1 : 97)
		assert_int_equal(heat_file_check(image.data, len, &size),
				 -EBADMSG);
}

static void another_version_is_told_from_damage(void **state)
{
	struct superdisk_heat_file *head = (void *)image.data;
	uint32_t size;

	(void)state;
	head->version = 2;
	assert_int_equal(heat_file_check(image.data, image.len, &size),
			 -EOPNOTSUPP);
	head->magic[0] = 'S';
	assert_int_equal(heat_file_check(image.data, image.len, &size),
			 -EBADMSG);
}

/* Bytes of the disk are as hot as before, whatever the block size. */
static void conversion_keeps_the_heat_of_places(void **state)
{
	static uint8_t out[BLOCKS * 16], piece_heat[SUPERDISK_HEAT_RUN];
	struct heat_run run, piece;
	uint32_t done;

	(void)state;
	for (uint32_t to = 4096; to <= 262144; to *= 2) {
		uint32_t size, at_once = to > BLOCK_SIZE ? to / BLOCK_SIZE : 1;
		size_t at = 0;

		memset(out, 0, sizeof(out));
		heat_file_check(image.data, image.len, &size);
		while (heat_file_next(image.data, image.len, &at, &run)) {
			done = 0;
			while (heat_run_convert(&run, size, to, &done,
						piece_heat, &piece))
				for (uint32_t i = 0; i < piece.nr; i++)
					if (piece.heat[i] > out[piece.first + i])
						out[piece.first + i] = piece.heat[i];
		}
		for (uint64_t b = 5000; b < 5000 + SUPERDISK_HEAT_RUN; b++) {
			uint8_t got = out[b * size / to], most = 0;

			for (uint64_t i = b / at_once * at_once, n = 0;
			     n < at_once; i++, n++)
				if (i >= 5000 && i < 5000 + SUPERDISK_HEAT_RUN &&
				    heat[i] > most)
					most = heat[i];
			assert_int_equal(got, most);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_written_is_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(any_changed_bit_is_noticed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(any_missing_end_is_noticed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_version_is_told_from_damage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(conversion_keeps_the_heat_of_places, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
