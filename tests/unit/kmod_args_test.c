// SPDX-License-Identifier: GPL-2.0-only
/* The table line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "args.h"

#define MAX_WORDS 40

static int parse(struct sd_args *a, const char *line, char *copy)
{
	char *words[MAX_WORDS];
	const char *why;
	u32 n = 0;

	strcpy(copy, line);
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		words[n++] = w;
	return sd_args_parse(a, n, words, &why);
}

static void takes_defaults(void **state)
{
	struct sd_args a;
	char copy[256], out[256];

	(void)state;
	assert_int_equal(parse(&a, "/dev/a 2 /dev/b -", copy), 0);
	assert_string_equal(a.disk, "/dev/a");
	assert_int_equal(a.nr_legs, 2);
	assert_string_equal(a.ssd[1], "-");
	assert_int_equal(a.opt.block_sectors, SD_DEFAULT_BLOCK_SECTORS);
	assert_int_equal(a.opt.verify, 1);
	assert_int_equal(sd_options_print(&a.opt, out, sizeof(out)), 0);
	assert_string_equal(out, "");
}

static void prints_what_it_parsed(void **state)
{
	static const char * const lines[] = {
		"d 1 s 2 verify off",
		"d 1 s 4 mode passthrough block_sectors 8",
		"d 1 s 2 checkpoint_ms 100",
		"d 1 s 10 attach verify hedge_us auto read_ms off warm 4294967295 heat_s off",
		"d 1 s 6 hedge_us 50 read_ms 10 read_kib 256",
		"d 3 s - s 6 attach discard timeout_ms 100 buffer_kib 256",
	};
	struct sd_args a;
	char copy[256], out[256], again[512];

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(lines); i++) {
		struct sd_args b;

		assert_int_equal(parse(&a, lines[i], copy), 0);
		sd_options_print(&a.opt, out, sizeof(out));
		snprintf(again, sizeof(again), "d 1 s%s", out);
		assert_int_equal(parse(&b, again, copy), 0);
		assert_memory_equal(&a.opt, &b.opt, sizeof(a.opt));
		assert_non_null(strstr(lines[i], out));
	}
}

static void refuses_nonsense(void **state)
{
	static const char * const lines[] = {
		"", "d", "d 1", "d 0 s", "d 17 s", "d 2 s", "d x s", "d -1 s",
		"d 1 s 1", "d 1 s 2 verify", "d 1 s 1 verify", "d 1 s 2 verify maybe",
		"d 1 s 2 block_sectors 100", "d 1 s 2 block_sectors 4",
		"d 1 s 2 block_sectors 99999999999999999999999",
		"d 1 s 2 color blue", "d 1 s 2 timeout_ms 0x100",
		"d 1 s 4 verify off", "d 1 s 2 verify off extra",
		"d 1 s 2 hedge_us 49", "d 1 s 2 warm 0", "d 1 s 2 attach verified",
		"d 1 s 2 heat_s 15", "d 1 s 2 read_ms 9", "d 1 s 2 read_ms auto",
		"d 1 s 2 timeout_ms 18446744073709551716",
		"d 1 s 2 verify off mode cache", "d 1 s 64 verify off",
		"d 1 s 2 mode 1", "d 1 s 2 mode ssd", "d 1 s 2 block_sectors off",
	};
	struct sd_args a;
	char copy[256];

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(lines); i++)
		assert_int_equal(parse(&a, lines[i], copy), -EINVAL);
}

static void looks_at_no_word_beyond_its_own(void **state)
{
	static char *words[] = { "d", "1", "s", "1", "verify", "off", "off" };
	const char *why;
	struct sd_args a;

	(void)state;
	assert_int_equal(sd_args_parse(&a, 5, words, &why), -EINVAL);
	words[3] = "2";
	assert_int_equal(sd_args_parse(&a, 5, words, &why), -EINVAL);
	assert_int_equal(sd_args_parse(&a, 6, words, &why), 0);
	assert_int_equal(sd_args_parse(&a, 2, words, &why), -EINVAL);
}

static void a_number_is_digits_and_within_bounds(void **state)
{
	u32 v = 7;

	(void)state;
	assert_int_equal(sd_number_parse("", 0, 9, &v), -EINVAL);
	assert_int_equal(sd_number_parse("+1", 0, 9, &v), -EINVAL);
	assert_int_equal(sd_number_parse("1 ", 0, 9, &v), -EINVAL);
	assert_int_equal(sd_number_parse("10", 0, 9, &v), -EINVAL);
	assert_int_equal(v, 7);
	assert_int_equal(sd_number_parse("0009", 9, 9, &v), 0);
	assert_int_equal(v, 9);
	assert_int_equal(sd_number_parse("4294967295", 0, ~0u, &v), 0);
	assert_int_equal(v, ~0u);
	assert_int_equal(sd_number_parse("4294967296", 0, ~0u, &v), -EINVAL);
}

/* dm-superdisk(4). */
static void what_the_manual_calls_default_is(void **state)
{
	char copy[512], out[256];
	struct sd_args a;

	(void)state;
	assert_int_equal(parse(&a, "d 1 s 30 mode auto block_sectors 128 "
			       "verify on attach trust hedge_us off "
			       "read_ms 500 timeout_ms 10000 "
			       "checkpoint_ms 5000 buffer_kib 16384 "
			       "policy s3fifo sequential_kib 1024 fill_dwpd 3 "
			       "read_kib 4096 warm off heat_s 14400", copy), 0);
	assert_int_equal(sd_options_print(&a.opt, out, sizeof(out)), 0);
	assert_ptr_equal(sd_options_policy(&a.opt), &sd_policy_s3fifo);
	assert_int_equal(parse(&a, "d 1 s 2 policy sieve", copy), 0);
	assert_ptr_equal(sd_options_policy(&a.opt), &sd_policy_sieve);
}

static void never_prints_beyond_its_buffer(void **state)
{
	struct sd_args a;
	char copy[256], out[64];

	(void)state;
	assert_int_equal(parse(&a, "d 1 s 8 verify off checkpoint_ms 10 "
			       "timeout_ms 100 buffer_kib 256", copy), 0);
	for (u32 size = 1; size < sizeof(out); size++) {
		memset(out, 0x7f, sizeof(out));
		sd_options_print(&a.opt, out, size);
		for (u32 i = size; i < sizeof(out); i++)
			assert_int_equal(out[i], 0x7f);
		assert_non_null(memchr(out, 0, size));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_defaults),
		cmocka_unit_test(prints_what_it_parsed),
		cmocka_unit_test(refuses_nonsense),
		cmocka_unit_test(looks_at_no_word_beyond_its_own),
		cmocka_unit_test(a_number_is_digits_and_within_bounds),
		cmocka_unit_test(what_the_manual_calls_default_is),
		cmocka_unit_test(never_prints_beyond_its_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
