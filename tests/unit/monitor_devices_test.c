// SPDX-License-Identifier: Apache-2.0
/* Devices that are known again, over a sysfs of our own; and errands. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "monitor/devices.h"
#include "monitor/errand.h"

#define NUMBER(major, minor) ((uint32_t)(major) << 20 | (minor))

static char root[] = "/tmp/superdisk-devices-XXXXXX";
static struct devices *devices;

/* Writes @text into @file, whose folders are made. */
static void put(const char *file, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, file);
	for (char *slash = path + strlen(root) + 1;
	     (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(path, 0755);
		*slash = '/';
	}
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(root));
	put("dev/block/259:0/wwid", "nvme.144d-5331-53-00000001\n");
	put("dev/block/259:1/wwid", "nvme.144d-5331-53-00000002\n");
	put("dev/block/253:16/serial", " ssd1  \n");
	put("dev/block/8:0/device/wwid", "naa.5000c500\n");
	put("dev/block/8:0/sda1/partition", "1\n");
	put("dev/block/7:0/loop/offset", "0\n");
	return devices_new(root, &devices);
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	devices_free(devices);
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static void a_device_has_an_identity(void **state)
{
	char identity[DEVICE_IDENTITY_MAX];

	(void)state;
	assert_int_equal(devices_identity(devices, NUMBER(259, 1), identity),
			 0);
	assert_string_equal(identity, "nvme.144d-5331-53-00000002");
	assert_int_equal(devices_identity(devices, NUMBER(253, 16), identity),
			 0);
	assert_string_equal(identity, "ssd1");
	assert_int_equal(devices_identity(devices, NUMBER(8, 0), identity), 0);
	assert_string_equal(identity, "naa.5000c500");
}

static void some_devices_have_none(void **state)
{
	char identity[DEVICE_IDENTITY_MAX];

	(void)state;
	assert_int_equal(devices_identity(devices, NUMBER(7, 0), identity),
			 -ENOENT);
	assert_int_equal(devices_identity(devices, NUMBER(9, 9), identity),
			 -ENOENT);
}

static void it_is_found_under_another_number(void **state)
{
	uint32_t number = 0;

	(void)state;
	assert_int_equal(devices_by_identity(devices,
					     "nvme.144d-5331-53-00000002",
					     &number), 0);
	assert_int_equal(number, NUMBER(259, 1));
	assert_int_equal(devices_by_identity(devices, "nobody", &number),
			 -ENODEV);
	put("dev/block/259:7/wwid", "nobody\n");
	assert_int_equal(devices_by_identity(devices, "nobody", &number), 0);
	assert_int_equal(number, NUMBER(259, 7));
}

static int add_one(void *arg)
{
	int *number = arg;

	return ++*number == 42 ? 0 : -EDOM;
}

static int wait_for(const struct errand *errand)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	int result;

	while ((result = errand_result(errand)) == -EAGAIN)
		nanosleep(&moment, NULL);
	return result;
}

static void an_errand_is_run_and_asked_for(void **state)
{
	struct errand *errand;
	int number = 41;

	(void)state;
	assert_int_equal(errand_start(add_one, &number, sizeof(number),
				      &errand), 0);
	assert_int_equal(wait_for(errand), 0);
	assert_int_equal(*(const int *)errand_arg(errand), 42);
	assert_int_equal(number, 41);
	errand_put(errand);
	assert_int_equal(errand_start(add_one, &number, sizeof(number),
				      &errand), 0);
	/* let go of before it is done: it frees itself */
	errand_put(errand);
	errand_put(NULL);
}

static void an_errand_says_why_it_failed(void **state)
{
	struct errand *errand;
	int number = 1;

	(void)state;
	assert_int_equal(errand_start(add_one, &number, sizeof(number),
				      &errand), 0);
	assert_int_equal(wait_for(errand), -EDOM);
	errand_put(errand);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_has_an_identity),
		cmocka_unit_test(some_devices_have_none),
		cmocka_unit_test(it_is_found_under_another_number),
		cmocka_unit_test(an_errand_is_run_and_asked_for),
		cmocka_unit_test(an_errand_says_why_it_failed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
