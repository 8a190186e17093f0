// SPDX-License-Identifier: Apache-2.0
/*
 * The block programs on this kernel, for real: what is counted against what
 * was asked of a loop device.  Skips where eBPF or loop devices are refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "monitor/block.h"
#include "monitor/hist.h"

#define PAGE 4096
#define READS 321
#define WRITES 123
#define SIZE (16 << 20)

static struct block *block;
static struct devices *devices;
static uint32_t loop_number;
static int loop = -1;
static unsigned int slow_seen;

static void on_slow(const struct block_slow *record, void *ctx)
{
	(void)ctx;
	if (record->dev != loop_number)
		return;
	slow_seen++;
	assert_int_equal(record->bytes, PAGE);
	assert_int_equal(record->pid, getpid());
	assert_true(record->device_ns > 0);
}

static int open_loop(void)
{
	char file[] = "/tmp/superdisk-test-XXXXXX", path[32];
	struct loop_config config = { .block_size = 512 };
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int backing = mkstemp(file), number, fd;
	struct stat st;

	unlink(file);
	if (control < 0 || ftruncate(backing, SIZE))
		return -errno;
	number = ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	snprintf(path, sizeof(path), "/dev/loop%d", number);
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	config.fd = (uint32_t)backing;
	config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
	if (fd < 0 || ioctl(fd, LOOP_CONFIGURE, &config))
		return -errno;
	close(backing);
	assert_int_equal(fstat(fd, &st), 0);
	loop_number = (uint32_t)major(st.st_rdev) << 20 | minor(st.st_rdev);
	return fd;
}

static int set_up(void **state)
{
	char why[1024] = "";

	(void)state;
	assert_int_equal(devices_new("/sys", &devices), 0);
	loop = open_loop();
	if (loop < 0)
		print_message("# no loop device: %s\n", strerror(-loop));
	else if (block_open(on_slow, NULL, 0, why, sizeof(why), &block))
		print_message("# no eBPF: %s\n", why);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	block_close(block);
	devices_free(devices);
	if (loop >= 0)
		close(loop);
	return 0;
}

static void do_io(unsigned int reads, unsigned int writes)
{
	void *page = aligned_alloc(PAGE, PAGE);

	assert_non_null(page);
	memset(page, 7, PAGE);
	for (unsigned int i = 0; i < writes; i++)
		assert_int_equal(pwrite(loop, page, PAGE, i * PAGE), PAGE);
	for (unsigned int i = 0; i < reads; i++)
		assert_int_equal(pread(loop, page, PAGE, i * PAGE), PAGE);
	free(page);
}

/*
 * What the loop device did since the programs were attached; returns how many
 * events are missing from it, of any device.
 */
static uint64_t read_loop(struct latency_series *ret_series)
{
	uint64_t lost;

	struct latency *latency = latency_new();

	memset(ret_series, 0, sizeof(*ret_series));
	block_read(block, devices, latency);
	for (size_t i = 0; i < latency->count; i++)
		if (latency->series[i].dev == loop_number)
			*ret_series = latency->series[i];
	lost = latency_lost(latency);
	mem_free(latency);
	return lost;
}

/* All are there, or fewer by no more than what is admitted. */
static void assert_counted(struct latency_series *after,
			   const struct latency_series *before, int op,
			   uint64_t asked, uint64_t lost)
{
	for (int span = 0; span < BLOCK_SPANS; span++) {
		uint64_t counted = hist_count(&after->hist[op][span]) -
				   hist_count(&before->hist[op][span]);

		assert_true(counted <= asked);
		assert_true(counted + lost >= asked);
	}
}

static void every_request_is_counted_once(void **state)
{
	struct latency_series before, after;
	uint64_t lost;

	(void)state;
	if (!block)
		skip();
	lost = read_loop(&before);
	do_io(READS, WRITES);
	lost = read_loop(&after) - lost;
	assert_true(lost < READS / 10);
	assert_counted(&after, &before, BLOCK_READ, READS, lost);
	assert_counted(&after, &before, BLOCK_WRITE, WRITES, lost);
}

static void a_flush_is_a_flush(void **state)
{
	uint64_t lost, flushes;
	struct latency_series before, after;

	(void)state;
	if (!block)
		skip();
	do_io(0, 1);
	lost = read_loop(&before);
	assert_int_equal(fsync(loop), 0);
	lost = read_loop(&after) - lost;
	flushes = hist_count(&after.hist[BLOCK_FLUSH][BLOCK_DEVICE]) -
		  hist_count(&before.hist[BLOCK_FLUSH][BLOCK_DEVICE]);
	assert_true(flushes <= 1 && flushes + lost >= 1);
}

static void slow_requests_are_reported_when_asked_for(void **state)
{
	struct latency_series now;
	uint64_t lost;

	(void)state;
	if (!block)
		skip();
	lost = read_loop(&now);
	slow_seen = 0;
	do_io(10, 0);
	block_take_slow(block);
	assert_int_equal(slow_seen, 0);
	block_set_slow(block, 0);
	do_io(10, 0);
	block_set_slow(block, UINT64_MAX);
	block_take_slow(block);
	lost = read_loop(&now) - lost;
	assert_true(slow_seen <= 10 && slow_seen + lost >= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_request_is_counted_once),
		cmocka_unit_test(a_flush_is_a_flush),
		cmocka_unit_test(slow_requests_are_reported_when_asked_for),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
