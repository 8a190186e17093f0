// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "monitor/control.h"
#include "monitor/latency_options.h"
#include "monitor/service.h"

#define ARGS_MAX 8

/* Splits @line at spaces into the argument vector of a command. */
static int split(const char *line, char *store, char *argv[ARGS_MAX + 1])
{
	char *save = NULL;
	int argc = 0;

	strcpy(store, line);
	for (char *word = strtok_r(store, " ", &save); word && argc < ARGS_MAX;
	     word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	return argc;
}

static char store[256], why[256];
static struct latency_options latency;
static struct service_options service;

static int parse_latency(const char *line)
{
	char *argv[ARGS_MAX + 1];
	int argc = split(line, store, argv);

	why[0] = 0;
	return latency_options_parse(argc, argv, &latency, why, sizeof(why));
}

static int parse_service(const char *line)
{
	char *argv[ARGS_MAX + 1];
	int argc = split(line, store, argv);

	why[0] = 0;
	return service_options_parse(argc, argv, &service, why, sizeof(why));
}

static void latency_alone_asks_superdiskd_once(void **state)
{
	(void)state;
	assert_int_equal(parse_latency("latency"), 0);
	assert_string_equal(latency.socket, CONTROL_SOCKET);
	assert_int_equal(latency.interval_ms, 0);
	assert_int_equal(latency.operation, -1);
	assert_true(latency.live);
}

static void latency_takes_what_biolatency_and_iostat_take(void **state)
{
	(void)state;
	assert_int_equal(parse_latency("latency -Q -T -d sda 0.5 3"), 0);
	assert_true(latency.queue);
	assert_true(latency.timestamp);
	assert_string_equal(latency.device, "sda");
	assert_int_equal(latency.interval_ms, 500);
	assert_int_equal(latency.count, 3);
	assert_string_equal(latency.socket, CONTROL_SOCKET);
	/* what superdiskd has is of all cgroups */
	assert_int_equal(parse_latency("latency -m -D -F -c /a 1"), 0);
	assert_string_equal(latency.cgroup, "/a");
	assert_null(latency.socket);
}

static void latency_options_may_follow_operands(void **state)
{
	(void)state;
	assert_int_equal(parse_latency("latency 1 --json -o flush --own"), 0);
	assert_true(latency.json);
	assert_false(latency.live);
	assert_int_equal(latency.operation, BLOCK_FLUSH);
	assert_null(latency.socket);
}

static void latency_refuses_with_a_reason(void **state)
{
	static const struct {
		const char *line, *complaint;
	} bad[] = {
		{ "latency 0", "interval" },
		{ "latency nan", "interval" },
		{ "latency -- -1", "interval" },
		{ "latency 1x", "interval" },
		{ "latency 1e9", "interval" },
		{ "latency 1 0", "count" },
		{ "latency 1 -2", "no such option" },
		{ "latency 1 2x", "count" },
		{ "latency 1 99999999999999", "count" },
		{ "latency 1 2 3", "too many" },
		{ "latency -o trim", "operation" },
		{ "latency -i", "needs an argument" },
		{ "latency --nonsense", "no such option" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse_latency(bad[i].line), -EINVAL);
		if (!strstr(why, bad[i].complaint))
			fail_msg("%s: %s", bad[i].line, why);
	}
}

static void superdiskd_has_defaults(void **state)
{
	(void)state;
	assert_int_equal(parse_service("superdiskd"), 0);
	assert_string_equal(service.socket, CONTROL_SOCKET);
	assert_non_null(service.listen);
	assert_true(service.block);
}

static void superdiskd_parts_can_be_left_out(void **state)
{
	(void)state;
	assert_int_equal(parse_service("superdiskd -l none --no-block"), 0);
	assert_null(service.listen);
	assert_false(service.block);
}

static void superdiskd_refuses_with_a_reason(void **state)
{
	(void)state;
	assert_int_equal(parse_service("superdiskd now"), -EINVAL);
	assert_non_null(strstr(why, "now"));
	assert_int_equal(parse_service("superdiskd --socket"), -EINVAL);
	assert_non_null(strstr(why, "needs an argument"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(latency_alone_asks_superdiskd_once),
		cmocka_unit_test(latency_takes_what_biolatency_and_iostat_take),
		cmocka_unit_test(latency_options_may_follow_operands),
		cmocka_unit_test(latency_refuses_with_a_reason),
		cmocka_unit_test(superdiskd_has_defaults),
		cmocka_unit_test(superdiskd_parts_can_be_left_out),
		cmocka_unit_test(superdiskd_refuses_with_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
