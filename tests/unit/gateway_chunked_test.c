// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/buf.h"
#include "gateway/chunked.h"

/* In pieces of `piece` bytes. */
static int read_all(const char *text, size_t piece, struct buf *out)
{
	struct chunked c = { 0 };
	size_t len = strlen(text);
	int end = 0;

	for (size_t at = 0; at < len && !end; at += piece)
		end = chunked_read(&c, text + at,
				   len - at < piece ? len - at : piece, out);
	return end;
}

static void check_body(const char *text, const char *body)
{
	for (size_t piece = 1; piece <= strlen(text); piece++) {
		struct buf out = BUF_INIT;

		assert_int_equal(read_all(text, piece, &out), 1);
		assert_string_equal(buf_str(&out), body);
		buf_fini(&out);
	}
}

static void reads_chunks_however_they_are_cut(void **state)
{
	(void)state;
	check_body("0\r\n\r\n", "");
	check_body("5\r\nhello\r\n0\r\n\r\n", "hello");
	check_body("3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
		   "abc0123456789");
	check_body("2 \r\n\r\n\r\n0\r\n\r\n", "\r\n");
}

static void refuses_what_is_no_chunk(void **state)
{
	static const char *const bad[] = {
		"\r\n", "x\r\n", "-1\r\n", "5\r\nhelloX", "5\nhello",
		"12345678\r\n", "0\r\n\n", "5;a\nhello", "1\r\nab",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf out = BUF_INIT;

		assert_int_equal(read_all(bad[i], 1, &out), -EINVAL);
		buf_fini(&out);
	}
}

static void ends_at_the_limit(void **state)
{
	struct buf out = { .limit = 4 };

	(void)state;
	assert_int_equal(read_all("5\r\nhello\r\n0\r\n\r\n", 100, &out),
			 -EMSGSIZE);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_chunks_however_they_are_cut),
		cmocka_unit_test(refuses_what_is_no_chunk),
		cmocka_unit_test(ends_at_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
