// SPDX-License-Identifier: GPL-2.0-only
/* Messages to the target. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "message.h"

#define MAX_WORDS 8

static struct sd_message m;
static char copy[128];

static int parse(const char *line)
{
	char *words[MAX_WORDS];
	u32 n = 0;

	strcpy(copy, line);
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		words[n++] = w;
	return sd_message_parse(&m, n, words, 4);
}

static void takes_what_the_manual_says(void **state)
{
	(void)state;
	assert_int_equal(parse("bypass 3"), 0);
	assert_int_equal(m.verb, SD_VERB_BYPASS);
	assert_int_equal(m.leg, 3);
	assert_int_equal(parse("restore 0"), 0);
	assert_int_equal(m.verb, SD_VERB_RESTORE);
	assert_int_equal(parse("remove 1"), 0);
	assert_int_equal(m.verb, SD_VERB_REMOVE);
	assert_int_equal(parse("replace 2 /dev/x"), 0);
	assert_int_equal(m.verb, SD_VERB_REPLACE);
	assert_string_equal(m.path, "/dev/x");
	assert_int_equal(parse("add 2 8:16"), 0);
	assert_int_equal(m.verb, SD_VERB_ADD);
	assert_string_equal(m.path, "8:16");
	assert_int_equal(parse("warm 4096"), 0);
	assert_int_equal(m.kib_per_s, 4096);
	assert_int_equal(parse("warm off"), 0);
	assert_int_equal(m.verb, SD_VERB_WARM);
	assert_int_equal(m.kib_per_s, 0);
}

static void refuses_all_else(void **state)
{
	static const char * const lines[] = {
		"", "bypass", "bypass 4", "bypass -1", "bypass 0 1", "bypass x",
		"add 0", "add 4 /dev/x", "replace 0", "remove", "warm", "warm 0",
		"warm -1", "warm fast", "warm 4294967296", "warm 1 2", "chill 1",
		"BYPASS 1",
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(lines); i++)
		assert_int_equal(parse(lines[i]), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_the_manual_says),
		cmocka_unit_test(refuses_all_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
