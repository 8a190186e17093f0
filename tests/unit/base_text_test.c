// SPDX-License-Identifier: Apache-2.0
/* Buffers, JSON, UTF-8, times. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/timefmt.h"
#include "base/utf8.h"

static void a_buffer_keeps_its_first_error(void **state)
{
	struct buf buf = { .limit = 8 };

	(void)state;
	assert_int_equal(buf_puts(&buf, "12345678"), 0);
	assert_int_equal(buf_putc(&buf, '9'), -EMSGSIZE);
	assert_int_equal(buf_printf(&buf, "%d", 1), -EMSGSIZE);
	assert_string_equal(buf_str(&buf), "");
	assert_null(buf_steal(&buf, NULL));
	assert_null(blob_from_buf(&buf));
	buf_reset(&buf);
	assert_int_equal(buf_printf(&buf, "%s", "12345678"), 0);
	assert_string_equal(buf_str(&buf), "12345678");
	buf_consume(&buf, 3);
	assert_string_equal(buf_str(&buf), "45678");
	buf_fini(&buf);
}

static void a_buffer_reports_every_failed_allocation(void **state)
{
	uint64_t n = 0, made;

	(void)state;
	do {
		struct buf buf = BUF_INIT;

		mem_fail_nth(++n);
		for (int i = 0; i < 1000; i++)
			buf_puts(&buf, "seven b");
		made = mem_fail_nth(0);
		assert_int_equal(buf.err, made >= n ? -ENOMEM : 0);
		assert_int_equal(buf.err ? 7000 : buf.len, 7000);
		buf_fini(&buf);
	} while (made >= n);
	assert_true(n > 3);
}

static const char *written(struct buf *buf, const char *text, size_t len)
{
	struct jsonw w;

	buf_reset(buf);
	jsonw_init(&w, buf);
	jsonw_strn(&w, text, len);
	return buf_str(buf);
}

static void strings_are_escaped_and_made_valid(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain", "\"plain\"" },
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\"" },
		{ "\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"" },
		{ "\xe2\x82\xac", "\"\xe2\x82\xac\"" },
		{ "\xff", "\"" UTF8_REPLACEMENT "\"" },
		{ "\xc0\x80", "\"" UTF8_REPLACEMENT UTF8_REPLACEMENT "\"" },
		{ "\xed\xa0\x80!", "\"" UTF8_REPLACEMENT UTF8_REPLACEMENT
				   UTF8_REPLACEMENT "!\"" },
		{ "\xf0\x9f\x98", "\"" UTF8_REPLACEMENT UTF8_REPLACEMENT
				  UTF8_REPLACEMENT "\"" },
	};
	struct buf buf = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(written(&buf, cases[i].in,
					    strlen(cases[i].in)),
				    cases[i].out);
	assert_string_equal(written(&buf, "a\0b", 3), "\"a\\u0000b\"");
	buf_fini(&buf);
}

static void whatever_goes_in_valid_text_comes_out(void **state)
{
	struct buf buf = BUF_INIT;
	struct rng rng;

	(void)state;
	rng_init(&rng, 1);
	for (int i = 0; i < 20000; i++) {
		char text[24];
		size_t len = rng_below(&rng, sizeof(text));
		const char *out;

		rng_fill(&rng, text, len);
		out = written(&buf, text, len);
		assert_true(utf8_valid(out, buf.len));
		for (size_t at = 0; at < buf.len; at++)
			assert_true((unsigned char)out[at] >= ' ');
	}
	buf_fini(&buf);
}

static void nested_values_have_their_commas(void **state)
{
	struct buf buf = BUF_INIT;
	struct jsonw w;

	(void)state;
	jsonw_init(&w, &buf);
	jsonw_obj(&w);
	jsonw_key_arr(&w, "a");
	jsonw_u64(&w, UINT64_MAX);
	jsonw_i64(&w, INT64_MIN);
	jsonw_obj(&w);
	jsonw_end(&w);
	jsonw_arr(&w);
	jsonw_end(&w);
	jsonw_end(&w);
	jsonw_key_id(&w, "id", 175928847299117063ull);
	jsonw_key_id(&w, "none", 0);
	jsonw_key_bool(&w, "b", true);
	jsonw_key_str(&w, "s", NULL);
	jsonw_key_time_ms(&w, "t", 1420070400123ull);
	jsonw_key(&w, "x");
	jsonw_double(&w, 0.5);
	jsonw_key(&w, "raw");
	jsonw_raw(&w, "[1]", 3);
	jsonw_end(&w);
	assert_string_equal(buf_str(&buf),
		"{\"a\":[18446744073709551615,-9223372036854775808,{},[]],"
		"\"id\":\"175928847299117063\",\"none\":null,\"b\":true,"
		"\"s\":null,\"t\":\"2015-01-01T00:00:00.123000+00:00\","
		"\"x\":0.5,\"raw\":[1]}");
	buf_fini(&buf);
}

static void times_are_written_and_read_back(void **state)
{
	char text[TIMEFMT_SIZE];
	struct rng rng;
	uint64_t ms;

	(void)state;
	rng_init(&rng, 2);
	for (int i = 0; i < 20000; i++) {
		uint64_t at = rng_below(&rng, 253402300800000ull);

		timefmt_iso(at, text);
		assert_int_equal(timefmt_parse(text, &ms), 0);
		assert_int_equal(ms, at);
	}
	timefmt_iso(951782399999ull, text);
	assert_string_equal(text, "2000-02-28T23:59:59.999000+00:00");
	timefmt_iso(951782400000ull, text);
	assert_string_equal(text, "2000-02-29T00:00:00.000000+00:00");
	assert_int_equal(timefmt_parse("2015-01-01T01:00:00+01:00", &ms), 0);
	assert_int_equal(ms, 1420070400000ull);
}

static void times_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "2015", "2015-13-01T00:00:00Z", "2015-02-29T00:00:00Z",
		"2015-01-01T24:00:00Z", "2015-01-01T00:00:00",
		"2015-01-01T00:00:00Zx", "2015-01-01 00:00:00Z",
		"2015-01-01T00:00:00+1:00", "1969-12-31T23:59:59Z",
	};
	uint64_t ms = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(timefmt_parse(bad[i], &ms), -EINVAL);
	assert_int_equal(ms, 7);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_keeps_its_first_error),
		cmocka_unit_test(a_buffer_reports_every_failed_allocation),
		cmocka_unit_test(strings_are_escaped_and_made_valid),
		cmocka_unit_test(whatever_goes_in_valid_text_comes_out),
		cmocka_unit_test(nested_values_have_their_commas),
		cmocka_unit_test(times_are_written_and_read_back),
		cmocka_unit_test(times_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
