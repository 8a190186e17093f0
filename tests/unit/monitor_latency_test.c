// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "monitor/hist.h"
#include "monitor/latency.h"

static struct latency *filled(void)
{
	struct latency *latency = latency_new();

	assert_non_null(latency);
	latency->at_ns = 12345678901234;
	latency->lost.requests = 3;
	latency->missed = 5;
	latency->count = 2;
	latency->series[0].dev = 8 << 20 | 1;
	strcpy(latency->series[0].name, "sda");
	latency->series[0].hist[BLOCK_READ][BLOCK_DEVICE].count[100] = 9;
	latency->series[0].hist[BLOCK_READ][BLOCK_DEVICE].sum = 1ULL << 40;
	latency->series[1].dev = 8 << 20 | 1;
	latency->series[1].parent = 254 << 20;
	strcpy(latency->series[1].name, "sda");
	strcpy(latency->series[1].parent_name, "fast \"disk\"");
	latency->series[1].hist[BLOCK_READ][BLOCK_DEVICE].count[100] = 1;
	latency->series[1].hist[BLOCK_WRITE][BLOCK_QUEUE].count[0] = 4;
	return latency;
}

static void json_keeps_everything(void **state)
{
	struct latency *before = filled(), *after = latency_new();
	json_t *document = latency_to_json(before);

	(void)state;
	assert_non_null(document);
	assert_int_equal(latency_from_json(document, after), 0);
	assert_memory_equal(before, after, sizeof(*before));
	json_decref(document);
	mem_free(before);
	mem_free(after);
}

static void documents_of_others_are_refused(void **state)
{
	static const char *const bad[] = {
		"{}", "[]", "{\"format\":2}",
		"{\"format\":1,\"sub_bits\":4,\"at_ns\":1,\"lost\":{},"
		"\"series\":[]}",
		"{\"format\":1,\"sub_bits\":3,\"at_ns\":1,\"lost\":{"
		"\"missed\":0,\"bios\":0,\"requests\":0,\"series\":0,\"records\":0},"
		"\"series\":[{\"device\":\"a\",\"number\":1,\"parent\":\"\","
		"\"parent_number\":0,\"operations\":{\"read\":{\"device\":{"
		"\"sum_ns\":1,\"buckets\":[[288,1]]}}}}]}",
		"{\"format\":1,\"sub_bits\":3,\"at_ns\":1,\"lost\":{"
		"\"missed\":0,\"bios\":0,\"requests\":0,\"series\":0,\"records\":0},"
		"\"series\":[{\"device\":\"a\",\"number\":1,\"parent\":\"\","
		"\"parent_number\":0,\"operations\":{\"read\":{\"device\":{"
		"\"sum_ns\":1,\"buckets\":[[-1,1]]}}}}]}",
		"{\"format\":1,\"sub_bits\":3,\"at_ns\":1,\"lost\":{"
		"\"missed\":0,\"bios\":0,\"requests\":0,\"series\":0,\"records\":0},"
		"\"series\":[{\"device\":"
		"\"0123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789\","
		"\"number\":1,\"parent\":\"\",\"parent_number\":0,"
		"\"operations\":{}}]}",
	};
	struct latency *latency = latency_new();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *document = json_loads(bad[i], 0, NULL);

		assert_non_null(document);
		assert_int_equal(latency_from_json(document, latency), -EPROTO);
		json_decref(document);
	}
	mem_free(latency);
}

static void too_many_series_are_refused(void **state)
{
	struct latency *latency = filled(), *after = latency_new();
	json_t *document = latency_to_json(latency), *series, *one;

	(void)state;
	series = json_object_get(document, "series");
	one = json_array_get(series, 0);
	while (json_array_size(series) <= BLOCK_SERIES_MAX)
		json_array_append(series, one);
	assert_int_equal(latency_from_json(document, after), -EPROTO);
	json_decref(document);
	mem_free(latency);
	mem_free(after);
}

static void the_difference_of_two_readings_is_what_happened(void **state)
{
	struct latency *then = filled(), *now = filled();

	(void)state;
	now->series[0].hist[BLOCK_READ][BLOCK_DEVICE].count[100] += 5;
	now->lost.requests = 4;
	now->series[2].dev = 77;
	now->series[2].hist[BLOCK_FLUSH][BLOCK_DEVICE].count[1] = 1;
	now->count = 3;
	latency_subtract(now, then);
	assert_int_equal(
		now->series[0].hist[BLOCK_READ][BLOCK_DEVICE].count[100], 5);
	assert_int_equal(now->lost.requests, 1);
	assert_true(latency_idle(&now->series[1]));
	assert_false(latency_idle(&now->series[2]));
	mem_free(then);
	mem_free(now);
}

static void parents_sum_up_to_the_device_and_the_busiest_is_first(void **state)
{
	struct latency *latency = filled();

	(void)state;
	latency->series[2].dev = 77;
	latency->series[2].hist[BLOCK_FLUSH][BLOCK_DEVICE].count[1] = 100;
	latency->count = 3;
	latency_merge_parents(latency);
	assert_int_equal(latency->count, 2);
	assert_int_equal(latency->series[0].dev, 77);
	assert_int_equal(latency->series[1].parent, 0);
	assert_string_equal(latency->series[1].parent_name, "");
	assert_int_equal(latency->series[1]
			 .hist[BLOCK_READ][BLOCK_DEVICE].count[100], 10);
	mem_free(latency);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_keeps_everything),
		cmocka_unit_test(documents_of_others_are_refused),
		cmocka_unit_test(too_many_series_are_refused),
		cmocka_unit_test(
			the_difference_of_two_readings_is_what_happened),
		cmocka_unit_test(
			parents_sum_up_to_the_device_and_the_busiest_is_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
