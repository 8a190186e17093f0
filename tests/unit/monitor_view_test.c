// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "monitor/text.h"
#include "monitor/view.h"

static const struct view_style plain = { .width = 60, .ascii = true };

static void times_read_well(void **state)
{
	char text[TEXT_SIZE];

	(void)state;
	assert_string_equal(text_time(0, text), "0 ns");
	assert_string_equal(text_time(999, text), "999 ns");
	assert_string_equal(text_time(1500, text), "1.5 us");
	assert_string_equal(text_time(85400, text), "85 us");
	assert_string_equal(text_time(999700, text), "1.0 ms");
	assert_string_equal(text_time(34000000000, text), "34 s");
	assert_string_equal(text_time(5000000000000, text), "5000 s");
	assert_string_equal(text_count(12345, text), "12 k");
	assert_string_equal(text_bytes(1536 << 10, text), "1.5 MiB");
}

static void names_of_any_bytes_are_made_printable(void **state)
{
	const char command[16] = "sixteen bytes ok";
	char text[TEXT_SIZE], name[] = "fast\033[2J\xc3\n~ x";

	(void)state;
	text_make_printable(name);
	assert_string_equal(name, "fast?[2J??~ x");
	assert_string_equal(text_printable(command, sizeof(command), text),
			    "sixteen bytes ok");
	assert_string_equal(text_printable("\xff", 1, text), "?");
}

static unsigned int lines(struct buf *out)
{
	unsigned int count = 0;

	for (const char *at = buf_str(out); *at; at++)
		count += *at == '\n';
	return count;
}

static void a_histogram_shows_the_rows_in_use(void **state)
{
	struct hist_slots hist = { 0 };
	struct buf out = BUF_INIT;

	(void)state;
	hist.count[hist_index(3000)] = 10;
	hist.count[hist_index(30000)] = 5;
	view_histogram(&out, &hist, &plain);
	/* (2048, 4096] to (16384, 32768] */
	assert_int_equal(lines(&out), 4);
	assert_non_null(strstr(buf_str(&out), " 10 ##########"));
	assert_non_null(strstr(buf_str(&out), " 0 \n"));
	buf_fini(&out);
}

static void an_empty_histogram_shows_nothing(void **state)
{
	const struct hist_slots hist = { 0 };
	struct buf out = BUF_INIT;

	(void)state;
	view_histogram(&out, &hist, &plain);
	assert_string_equal(buf_str(&out), "");
	buf_fini(&out);
}

static void a_heatmap_keeps_to_its_rows_and_width(void **state)
{
	struct view_heat heat = { 0 };
	struct buf out = BUF_INIT;
	size_t widest = 0, width = 0;

	(void)state;
	for (unsigned int i = 0; i < VIEW_HEAT_COLUMNS + 7; i++) {
		struct hist_slots hist = { 0 };

		hist.count[hist_index(1ULL << (10 + i % 20))] = i + 1;
		view_heat_push(&heat, &hist);
	}
	view_heat(&out, &heat, 6, &plain);
	/* 20 powers of two, four in each row */
	assert_int_equal(lines(&out), 5);
	for (size_t i = 0; i < out.len; i++) {
		width = out.data[i] == '\n' ? 0 : width + 1;
		widest = width > widest ? width : widest;
	}
	assert_true(widest <= plain.width);
	buf_fini(&out);
}

static void the_newest_column_is_at_the_right(void **state)
{
	struct view_heat heat = { 0 };
	struct hist_slots hist = { 0 };
	struct buf out = BUF_INIT;

	(void)state;
	view_heat_push(&heat, &hist);
	hist.count[hist_index(5000)] = 3;
	view_heat_push(&heat, &hist);
	view_heat(&out, &heat, 8, &plain);
	assert_non_null(strstr(buf_str(&out), " @|      3 "));
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_read_well),
		cmocka_unit_test(names_of_any_bytes_are_made_printable),
		cmocka_unit_test(a_histogram_shows_the_rows_in_use),
		cmocka_unit_test(an_empty_histogram_shows_nothing),
		cmocka_unit_test(a_heatmap_keeps_to_its_rows_and_width),
		cmocka_unit_test(the_newest_column_is_at_the_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
