// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/timings.h"

static void has(struct buf *out, const char *line)
{
	if (!strstr(buf_str(out), line))
		fail_msg("no \"%s\" in\n%s", line, buf_str(out));
}

static void bounds_are_inclusive_and_counts_add_up(void **state)
{
	struct timings t = { 0 };
	struct buf out = BUF_INIT;

	(void)state;
	timings_add(&t, 0);
	timings_add(&t, 1024);
	timings_add(&t, 1025);
	timings_add(&t, 1ull << 36);
	timings_add(&t, (1ull << 36) + 1);
	timings_metrics(&out, "x_seconds", NULL, &t);
	has(&out, "x_seconds_bucket{le=\"0.000001024\"} 2\n");
	has(&out, "x_seconds_bucket{le=\"0.000002048\"} 3\n");
	has(&out, "x_seconds_bucket{le=\"34.359738368\"} 3\n");
	has(&out, "x_seconds_bucket{le=\"68.719476736\"} 4\n");
	has(&out, "x_seconds_bucket{le=\"+Inf\"} 5\n");
	has(&out, "x_seconds_sum 137.438955522\nx_seconds_count 5\n");
	buf_fini(&out);
}

static void ratios_of_nothing_are_nothing(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	metrics_sample_ratio(&out, "x", NULL, 3, 2);
	metrics_sample_ratio(&out, "y", NULL, 3, 0);
	assert_string_equal(buf_str(&out), "x 1.5\ny 0\n");
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_are_inclusive_and_counts_add_up),
		cmocka_unit_test(ratios_of_nothing_are_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
