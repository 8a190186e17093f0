// SPDX-License-Identifier: Apache-2.0
/* The real loop on io_uring: readiness, jobs, wake-ups. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "os/sock.h"
#include "os_fixture.h"

struct reader {
	struct os_poll *poll;
	int fd, calls;
	size_t got;
};

static void on_ready(void *ctx, unsigned int revents)
{
	struct reader *r = ctx;
	char byte;

	assert_true(revents & POLLIN);
	r->calls++;
	r->got += (size_t)read(r->fd, &byte, 1);
	if (r->got == 5)
		os_poll_stop(r->poll);
}

static void a_poll_is_called_while_there_is_more(void **state)
{
	struct reader r = { 0 };
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	r.fd = fds[0];
	assert_int_equal(write(fds[1], "123456", 6), 6);
	assert_int_equal(os_poll_start(loop, fds[0], POLLIN, on_ready, &r,
				       &r.poll), 0);
	while (r.got < 5)
		os_loop_run(loop, FOREVER);
	/* Stopped: the sixth byte is nobody's. */
	os_loop_run(loop, os_now_ns(env) + 5000000);
	assert_int_equal(r.calls, 5);
	close(fds[0]);
	close(fds[1]);
}

static void a_changed_poll_waits_for_what_it_is_told(void **state)
{
	struct reader r = { 0 };
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	r.fd = fds[0];
	assert_int_equal(os_poll_start(loop, fds[0], POLLIN, on_ready, &r,
				       &r.poll), 0);
	os_loop_run(loop, 0);
	os_poll_change(r.poll, 0);
	os_loop_run(loop, 0);
	assert_int_equal(write(fds[1], "12345", 5), 5);
	os_loop_run(loop, os_now_ns(env) + 5000000);
	assert_int_equal(r.calls, 0);
	os_poll_change(r.poll, POLLIN);
	while (r.got < 5)
		os_loop_run(loop, FOREVER);
	close(fds[0]);
	close(fds[1]);
}

static int lane_order[64], lane_count;

static int note_order(void *arg)
{
	lane_order[lane_count++] = (int)(intptr_t)arg;
	return 7;
}

static int worked;

static void on_worked(void *arg, int result)
{
	(void)arg;
	assert_int_equal(result, 7);
	worked++;
}

static void work_of_a_lane_keeps_its_order(void **state)
{
	(void)state;
	worked = lane_count = 0;
	for (intptr_t i = 0; i < 64; i++)
		assert_int_equal(os_work(loop, 1, note_order, on_worked,
					 (void *)i), 0);
	while (worked < 64)
		os_loop_run(loop, FOREVER);
	for (int i = 0; i < 64; i++)
		assert_int_equal(lane_order[i], i);
}

static void *wake_it(void *arg)
{
	for (int i = 0; i < 1000; i++)
		os_loop_wake(arg);
	return NULL;
}

static void a_wake_ends_a_wait_now_or_the_next(void **state)
{
	pthread_t thread;

	(void)state;
	os_loop_wake(loop);
	os_loop_run(loop, FOREVER);
	pthread_create(&thread, NULL, wake_it, loop);
	os_loop_run(loop, FOREVER);
	pthread_join(thread, NULL);
}

/* A thread that ends before its loop does. */

#define BIG (4u << 20)

struct leaver {
	char path[32];
	struct os_file *file;
	struct os_poll *poll;
	struct os_send send;
	struct wait sent;
	unsigned int seen;
	int fds[2];
	bool job_ended, job_waited;
};

static void on_sent(struct os_send *op, int result)
{
	struct wait *wait = op->ctx;

	wait->result = result;
	wait->done = true;
}

static void note_ready(void *ctx, unsigned int revents)
{
	*(unsigned int *)ctx |= revents;
}

/* Long enough that whoever does not wait for it is found out. */
static int long_job(void *arg)
{
	const struct timespec pause = { .tv_nsec = 50000000 };

	nanosleep(&pause, NULL);
	((struct leaver *)arg)->job_ended = true;
	return 7;
}

/* Leaves a job, a poll and a send that nobody reads. */
static void *start_and_leave(void *arg)
{
	struct leaver *l = arg;
	char *a = block_of('a');

	check(!os_file_open(loop, l->path, 0, &l->file));
	check(write_at(l->file, a, 0, true) == BLOCK);
	check(!os_poll_start(loop, l->fds[0], POLLIN, note_ready, &l->seen,
			     &l->poll));
	check(!os_send_start(loop, &l->send));
	os_loop_run(loop, 0);
	check(!os_work(loop, 1, long_job, on_worked, l));
	os_loop_cancel(loop);
	l->job_waited = l->job_ended;
	free(a);
	return NULL;
}

static void leave_work_behind(struct leaver *l, struct iovec *iov)
{
	pthread_t thread;

	close(mkstemp(l->path));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, l->fds), 0);
	l->send = (struct os_send){ .done = on_sent, .ctx = &l->sent,
				    .iov = iov, .iovcnt = 1, .fd = l->fds[0] };
	pthread_create(&thread, NULL, start_and_leave, l);
	pthread_join(thread, NULL);
}

static void what_a_leaving_thread_has_started_ends_unheard(void **state)
{
	struct leaver l = { .path = "/tmp/os_loop_test_XXXXXX" };
	struct iovec iov = { calloc(1, BIG), BIG };
	char byte;

	(void)state;
	worked = 0;
	leave_work_behind(&l, &iov);
	free(iov.iov_base);
	assert_int_equal(write(l.fds[1], "x", 1), 1);
	while (recv(l.fds[1], &byte, 1, MSG_DONTWAIT) == 1)
		assert_int_equal(byte, 0);
	os_loop_run(loop, os_now_ns(env) + 5000000);
	assert_true(l.job_waited);
	assert_false(l.sent.done);
	assert_int_equal(l.seen, 0);
	assert_int_equal(worked, 0);
	os_poll_stop(l.poll);
	os_file_close(l.file);
	assert_int_equal(os_file_remove(loop, l.path), 0);
	close(l.fds[0]);
	close(l.fds[1]);
}

static void the_next_thread_goes_on_with_a_loop_that_was_left(void **state)
{
	struct leaver l = { .path = "/tmp/os_loop_test_XXXXXX" };
	struct iovec iov = { calloc(1, BIG), BIG }, again = { (void *)"x", 1 };
	char *a = block_of('a'), *b = block_of('b');

	(void)state;
	leave_work_behind(&l, &iov);
	free(iov.iov_base);
	os_poll_stop(l.poll);
	/* Its file, which the ring knows by number. */
	assert_int_equal(read_at(l.file, b, 0), BLOCK);
	assert_memory_equal(a, b, BLOCK);
	assert_int_equal(write_at(l.file, a, BLOCK, true), BLOCK);
	assert_int_equal(os_poll_start(loop, l.fds[0], POLLIN, note_ready,
				       &l.seen, &l.poll), 0);
	assert_int_equal(write(l.fds[1], "x", 1), 1);
	while (!l.seen)
		os_loop_run(loop, FOREVER);
	os_poll_stop(l.poll);
	while (recv(l.fds[1], b, BLOCK, MSG_DONTWAIT) > 0)
		continue;
	l.send.iov = &again;
	assert_int_equal(os_send_start(loop, &l.send), 0);
	assert_int_equal(finish(&l.sent), 0);
	a_wake_ends_a_wait_now_or_the_next(state);
	os_file_close(l.file);
	assert_int_equal(os_file_remove(loop, l.path), 0);
	close(l.fds[0]);
	close(l.fds[1]);
	free(a);
	free(b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		REAL(a_poll_is_called_while_there_is_more),
		REAL(a_changed_poll_waits_for_what_it_is_told),
		REAL(work_of_a_lane_keeps_its_order),
		REAL(a_wake_ends_a_wait_now_or_the_next),
		REAL(what_a_leaving_thread_has_started_ends_unheard),
		REAL(the_next_thread_goes_on_with_a_loop_that_was_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
