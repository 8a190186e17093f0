// SPDX-License-Identifier: Apache-2.0
/* Steps find their requests, whatever comes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "monitor/steps.h"
#include "superdisk.h"

#define FAST 7
#define SSD 8
#define DISK 9

static struct steps *steps;
static struct steps_request got[16];
static size_t gots;

static void keep(const struct steps_request *request, void *ctx)
{
	(void)ctx;
	assert_true(gots < sizeof(got) / sizeof(got[0]));
	got[gots++] = *request;
}

static int set_up(void **state)
{
	(void)state;
	steps = steps_new(keep, NULL);
	gots = 0;
	return !steps;
}

static int tear_down(void **state)
{
	(void)state;
	steps_free(steps);
	return 0;
}

static void request(uint64_t sector, uint8_t op, uint8_t path, uint64_t start,
		    uint64_t total)
{
	const struct path_record record = {
		.kind = PATH_REQUEST, .dev = FAST, .sector = sector,
		.bytes = 4096, .op = op, .path = path, .start_ns = start,
		.total_ns = total, .leg_dev = SSD,
	};

	steps_add_request(steps, &record, start + total);
}

static void step(uint64_t sector, uint32_t to, bool write, uint64_t start,
		 uint64_t took)
{
	const struct path_step piece = {
		.kind = PATH_STEP, .dev = FAST, .sector = sector, .to = to,
		.write = write, .start_ns = start, .device_ns = took,
	};

	steps_add_step(steps, &piece, start + took);
}

static void a_hit_has_one_step(void **state)
{
	(void)state;
	step(64, SSD, false, 110, 80);
	assert_int_equal(gots, 0);
	request(64, SUPERDISK_OP_READ, SUPERDISK_PATH_HIT, 100, 95);
	assert_int_equal(gots, 1);
	assert_true(got[0].complete);
	assert_int_equal(got[0].count, 1);
	assert_int_equal(got[0].step[0].to, SSD);
}

static void a_rescue_waits_for_both_steps_and_sorts_them(void **state)
{
	(void)state;
	request(64, SUPERDISK_OP_READ, SUPERDISK_PATH_RESCUE, 100, 1000);
	step(64, DISK, false, 300, 800);
	assert_int_equal(gots, 0);
	step(64, SSD, false, 110, 80);
	assert_int_equal(gots, 1);
	assert_int_equal(got[0].step[0].to, SSD);
	assert_int_equal(got[0].step[1].to, DISK);
}

static void a_write_waits_for_the_slower_half(void **state)
{
	(void)state;
	step(64, DISK, true, 120, 500);
	request(64, SUPERDISK_OP_WRITE, SUPERDISK_PATH_WRITE, 100, 530);
	assert_int_equal(gots, 0);
	step(64, SSD, true, 119, 5000);
	assert_int_equal(gots, 1);
	assert_int_equal(got[0].count, 2);
}

static void a_repair_is_one_write_and_its_read_back(void **state)
{
	(void)state;
	step(64, SSD, true, 100, 80);
	step(64, SSD, false, 190, 80);
	request(64, SUPERDISK_OP_WRITE, SUPERDISK_PATH_HEAL, 100, 180);
	assert_int_equal(gots, 1);
	assert_int_equal(got[0].count, 2);
	assert_true(got[0].step[0].write && !got[0].step[1].write);
}

static void others_steps_are_left_alone(void **state)
{
	(void)state;
	step(72, SSD, false, 110, 80);		/* another sector */
	step(64, SSD, false, 50, 80);		/* before its time */
	step(64, SSD, true, 110, 80);		/* the other direction */
	request(64, SUPERDISK_OP_READ, SUPERDISK_PATH_HIT, 100, 95);
	assert_int_equal(gots, 0);
	step(64, SSD, false, 111, 70);
	assert_int_equal(gots, 1);
	request(72, SUPERDISK_OP_READ, SUPERDISK_PATH_HIT, 100, 95);
	assert_int_equal(gots, 2);
}

static void a_fill_is_not_the_write_of_somebody_else(void **state)
{
	(void)state;
	step(64, DISK, true, 110, 80);
	request(64, SUPERDISK_OP_WRITE, SUPERDISK_PATH_FILL, 100, 95);
	assert_int_equal(gots, 0);
	step(64, SSD, true, 112, 80);
	assert_int_equal(gots, 1);
	assert_int_equal(got[0].step[0].to, SSD);
}

static void nobody_waits_for_ever(void **state)
{
	(void)state;
	request(64, SUPERDISK_OP_READ, SUPERDISK_PATH_HEDGE_WIN, 100, 1000);
	step(64, DISK, false, 300, 800);
	steps_tick(steps, STEPS_WAIT_NS);
	assert_int_equal(gots, 0);
	steps_tick(steps, STEPS_WAIT_NS + 1100);
	assert_int_equal(gots, 1);
	assert_false(got[0].complete);
	assert_int_equal(got[0].count, 1);
	/* the SSD's answer finds nobody any more, and is forgotten */
	step(64, SSD, false, 110, STEPS_WAIT_NS * 2);
	steps_tick(steps, STEPS_WAIT_NS * 5);
	assert_int_equal(gots, 1);
}

static void the_end_gives_all_back(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 10; i++)
		request(i * 8, SUPERDISK_OP_READ, SUPERDISK_PATH_HIT, 100, 9);
	steps_flush(steps);
	assert_int_equal(gots, 10);
	assert_int_equal(steps_lost(steps), 0);
}

static void more_than_there_is_room_for_is_counted(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < STEPS_WAITING_MAX + 5; i++)
		step(i * 8, SSD, false, 100, 9);
	assert_int_equal(steps_lost(steps), 5);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_hit_has_one_step),
		CASE(a_rescue_waits_for_both_steps_and_sorts_them),
		CASE(a_write_waits_for_the_slower_half),
		CASE(a_repair_is_one_write_and_its_read_back),
		CASE(others_steps_are_left_alone),
		CASE(a_fill_is_not_the_write_of_somebody_else),
		CASE(nobody_waits_for_ever),
		CASE(the_end_gives_all_back),
		CASE(more_than_there_is_room_for_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
