// SPDX-License-Identifier: Apache-2.0
/* The real loop on io_uring, and the simulated disk's promises. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rng.h"
#include "os/disk.h"
#include "os/loop.h"
#include "os/sim.h"
#include "os/sock.h"

#define BLOCK OS_DISK_ALIGN
#define FOREVER UINT64_MAX

static struct os_env *env;
static struct os_loop *loop;

static int setup(void **state)
{
	(void)state;
	assert_int_equal(os_env_new(&env), 0);
	assert_int_equal(os_loop_new(env, &loop), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	os_loop_free(loop);
	os_env_free(env);
	return 0;
}

struct wait {
	int result;
	bool done;
};

static void on_disk(struct os_disk_op *op, int result)
{
	struct wait *wait = op->ctx;

	wait->result = result;
	wait->done = true;
}

static int finish(struct wait *wait)
{
	while (!wait->done)
		os_loop_run(loop, FOREVER);
	return wait->result;
}

static int write_at(struct os_file *file, const char *data, uint64_t offset,
		    bool sync)
{
	struct wait wait = { 0 };
	struct os_disk_op op = { .done = on_disk, .ctx = &wait };
	int err = sync ? os_disk_write_sync(file, &op, data, BLOCK, offset) :
			 os_disk_write(file, &op, data, BLOCK, offset);

	return err ? err : finish(&wait);
}

static int read_at(struct os_file *file, char *data, uint64_t offset)
{
	struct wait wait = { 0 };
	struct os_disk_op op = { .done = on_disk, .ctx = &wait };
	int err = os_disk_read(file, &op, data, BLOCK, offset);

	return err ? err : finish(&wait);
}

static char *block_of(char c)
{
	char *block = aligned_alloc(BLOCK, BLOCK);

	assert_non_null(block);
	memset(block, c, BLOCK);
	return block;
}

static void a_file_is_written_synced_and_read(void **state)
{
	char path[] = "/tmp/os_loop_test_XXXXXX";
	char *a = block_of('a'), *b = block_of('b');
	struct os_file *file;
	uint64_t size;

	(void)state;
	close(mkstemp(path));
	assert_int_equal(os_file_open(loop, path, 0, &file), 0);
	assert_int_equal(write_at(file, a, BLOCK, true), BLOCK);
	assert_int_equal(read_at(file, b, BLOCK), BLOCK);
	assert_memory_equal(a, b, BLOCK);
	assert_int_equal(read_at(file, b, 2 * BLOCK), 0);
	assert_int_equal(os_file_size(file, &size), 0);
	assert_int_equal(size, 2 * BLOCK);
	os_file_close(file);
	assert_int_equal(os_file_open(loop, path,
				      OS_FILE_CREATE | OS_FILE_EXCL, &file),
			 -EEXIST);
	assert_int_equal(os_file_open(loop, path, OS_FILE_RDONLY, &file), 0);
	assert_int_equal(write_at(file, a, 0, true), -EBADF);
	os_file_close(file);
	assert_int_equal(os_file_remove(loop, path), 0);
	free(a);
	free(b);
}

/* What is durable of it nobody knows. */
static void a_short_durable_write_fails(void **state)
{
	char path[] = "/tmp/os_loop_test_XXXXXX", *a = block_of('a');
	struct rlimit was, less;
	struct os_file *file;

	(void)state;
	close(mkstemp(path));
	assert_int_equal(os_file_open(loop, path, 0, &file), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	less = was;
	less.rlim_cur = BLOCK + BLOCK / 2;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
	assert_int_equal(write_at(file, a, BLOCK, false), BLOCK / 2);
	assert_int_equal(write_at(file, a, BLOCK, true), -EIO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(write_at(file, a, BLOCK, true), BLOCK);
	os_file_close(file);
	assert_int_equal(os_file_remove(loop, path), 0);
	free(a);
}

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

static void on_sent(struct os_send *op, int result)
{
	struct wait *wait = op->ctx;

	wait->result = result;
	wait->done = true;
}

#define BIG (4u << 20)

static void *read_all(void *ctx)
{
	struct reader *r = ctx;
	char chunk[10000];
	ssize_t n;

	while ((n = read(r->fd, chunk, sizeof(chunk))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			r->calls += chunk[i] != (char)(r->got++ % 251);
	}
	return NULL;
}

static void a_send_continues_until_all_is_taken(void **state)
{
	struct wait wait = { 0 };
	struct reader r = { 0 };
	char *data = malloc(BIG);
	struct iovec iov[3];
	struct os_send op = { .done = on_sent, .ctx = &wait, .iov = iov,
			      .iovcnt = 3 };
	pthread_t thread;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	for (size_t i = 0; i < BIG; i++)
		data[i] = (char)(i % 251);
	iov[0] = (struct iovec){ data, 3 };
	iov[1] = (struct iovec){ data + 3, BIG / 2 };
	iov[2] = (struct iovec){ data + 3 + BIG / 2, BIG / 2 - 3 };
	op.fd = fds[0];
	r.fd = fds[1];
	pthread_create(&thread, NULL, read_all, &r);
	assert_int_equal(os_send_start(loop, &op), 0);
	assert_int_equal(finish(&wait), 0);
	close(fds[0]);
	pthread_join(thread, NULL);
	close(fds[1]);
	assert_int_equal(r.got, BIG);
	assert_int_equal(r.calls, 0);
	free(data);
}

static void a_send_to_a_peer_that_has_gone_fails(void **state)
{
	struct wait wait = { 0 };
	struct iovec iov = { (void *)"x", 1 };
	struct os_send op = { .done = on_sent, .ctx = &wait, .iov = &iov,
			      .iovcnt = 1 };
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	close(fds[1]);
	op.fd = fds[0];
	assert_int_equal(os_send_start(loop, &op), 0);
	assert_int_equal(finish(&wait), -EPIPE);
	close(fds[0]);
}

/* Sockets that have given their descriptors back. */

/* Parks the first of a pair, as if many descriptors were in use. */
static int parked_pair(int *ret_peer)
{
	struct rlimit limit;
	int fds[2], high, sock;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(os_sock_park(loop, fds[0]), fds[0]);
	high = fcntl(fds[0], F_DUPFD_CLOEXEC, (int)limit.rlim_cur / 2);
	assert_true(high >= 0);
	close(fds[0]);
	sock = os_sock_park(loop, high);
	assert_true(sock < 0);
	assert_int_equal(fcntl(high, F_GETFD), -1);
	*ret_peer = fds[1];
	return sock;
}

static void note_ready(void *ctx, unsigned int revents)
{
	*(unsigned int *)ctx |= revents;
}

static void a_parked_socket_is_read_written_and_polled(void **state)
{
	struct wait wait = { 0 };
	struct iovec iov = { (void *)"hello", 5 };
	struct os_send op = { .done = on_sent, .ctx = &wait, .iov = &iov,
			      .iovcnt = 1 };
	unsigned int seen = 0;
	struct os_poll *poll;
	char data[16];
	int peer;

	(void)state;
	op.fd = parked_pair(&peer);
	assert_int_equal(os_sock_recv(loop, op.fd, data, sizeof(data)),
			 -EAGAIN);
	assert_int_equal(os_send_start(loop, &op), 0);
	assert_int_equal(finish(&wait), 0);
	assert_int_equal(read(peer, data, sizeof(data)), 5);
	assert_int_equal(os_poll_start(loop, op.fd, POLLIN, note_ready, &seen,
				       &poll), 0);
	os_loop_run(loop, 0);
	assert_int_equal(seen, 0);
	assert_int_equal(write(peer, "abc", 3), 3);
	while (!seen)
		os_loop_run(loop, FOREVER);
	/* Of what is under way the one that was asked for comes back. */
	assert_int_equal(os_sock_recv(loop, op.fd, data, 2), 2);
	assert_int_equal(os_sock_recv(loop, op.fd, data + 2, 14), 1);
	assert_memory_equal(data, "abc", 3);
	close(peer);
	assert_int_equal(os_sock_recv(loop, op.fd, data, sizeof(data)), 0);
	os_poll_stop(poll);
	os_sock_close(loop, op.fd);
}

static void a_parked_socket_is_closed_and_its_number_used_again(void **state)
{
	int peer, sock, again;
	char data[4];

	(void)state;
	sock = parked_pair(&peer);
	os_sock_close(loop, sock);
	/* The kernel lets go of it behind what it is doing. */
	while (recv(peer, data, sizeof(data), MSG_DONTWAIT) < 0)
		os_loop_run(loop, 0);
	close(peer);
	again = parked_pair(&peer);
	assert_int_equal(again, sock);
	assert_int_equal(write(peer, "x", 1), 1);
	assert_int_equal(os_sock_recv(loop, again, data, sizeof(data)), 1);
	close(peer);
	os_sock_close(loop, again);
}

static void a_send_that_waits_can_be_cancelled(void **state)
{
	struct wait wait = { 0 };
	char *data = calloc(1, BIG);
	struct iovec iov = { data, BIG };
	struct os_send op = { .done = on_sent, .ctx = &wait, .iov = &iov,
			      .iovcnt = 1 };
	int peer;

	(void)state;
	op.fd = parked_pair(&peer);
	assert_int_equal(os_send_start(loop, &op), 0);
	for (int i = 0; i < 3; i++)
		os_loop_run(loop, 0);
	assert_false(wait.done);
	os_send_cancel(loop, &op);
	assert_int_equal(finish(&wait), -ECANCELED);
	os_sock_close(loop, op.fd);
	close(peer);
	free(data);
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

/* The simulated disk. */

static void sim_setup(uint64_t seed)
{
	assert_int_equal(os_sim_new(seed, &env), 0);
	assert_int_equal(os_loop_new(env, &loop), 0);
}

static void sim_restart(void)
{
	os_sim_power_cut(env);
	os_loop_free(loop);
	assert_int_equal(os_loop_new(env, &loop), 0);
}

/* What a sector of one of two writers may hold after a cut. */
static bool only_of(const char *data, size_t len, char a, char b)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] != a && data[i] != b)
			return false;
	return true;
}

static void a_cut_keeps_what_was_synced_and_maybe_the_rest(void **state)
{
	char *a = block_of('a'), *b = block_of('b'), *c = block_of('c');
	bool kept = false, lost = false, torn = false;
	struct os_file *file;

	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		sim_setup(seed);
		assert_int_equal(os_file_open(loop, "d/f", OS_FILE_CREATE |
					      OS_FILE_DIRECT, &file), 0);
		assert_int_equal(os_dir_sync(loop, "d"), 0);
		assert_int_equal(write_at(file, a, 0, true), BLOCK);
		assert_int_equal(write_at(file, b, 0, false), BLOCK);
		os_file_close(file);
		sim_restart();
		assert_int_equal(os_file_open(loop, "d/f", 0, &file), 0);
		assert_int_equal(read_at(file, c, 0), BLOCK);
		assert_true(only_of(c, BLOCK, 'a', 'b'));
		for (size_t at = 0; at < BLOCK; at += 512) {
			kept |= only_of(c + at, 512, 'b', 'b');
			lost |= only_of(c + at, 512, 'a', 'a');
			torn |= c[at] == 'b' && c[at + 511] == 'a';
		}
		os_file_close(file);
		os_loop_free(loop);
		os_env_free(env);
	}
	assert_true(kept && lost && torn);
	free(a);
	free(b);
	free(c);
}

static void a_durable_write_makes_only_itself_durable(void **state)
{
	char *a = block_of('a'), *b = block_of('b'), *c = block_of('c');
	struct os_file *file;
	int lost = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		sim_setup(seed);
		assert_int_equal(os_file_open(loop, "d/f", OS_FILE_CREATE |
					      OS_FILE_DIRECT, &file), 0);
		assert_int_equal(os_dir_sync(loop, "d"), 0);
		assert_int_equal(write_at(file, a, 0, true), BLOCK);
		assert_int_equal(write_at(file, a, BLOCK, true), BLOCK);
		assert_int_equal(write_at(file, b, 0, false), BLOCK);
		assert_int_equal(write_at(file, b, BLOCK, false), BLOCK);
		assert_int_equal(write_at(file, c, BLOCK, true), BLOCK);
		os_file_close(file);
		sim_restart();
		assert_int_equal(os_file_open(loop, "d/f", 0, &file), 0);
		assert_int_equal(read_at(file, b, 0), BLOCK);
		lost += !memcmp(a, b, 512);
		assert_int_equal(read_at(file, b, BLOCK), BLOCK);
		assert_memory_equal(b, c, BLOCK);
		memset(b, 'b', BLOCK);
		os_file_close(file);
		os_loop_free(loop);
		os_env_free(env);
	}
	assert_true(lost);
	free(a);
	free(b);
	free(c);
}

static void known_memory_moves_the_same_bytes(void **state)
{
	char path[] = "/tmp/os_loop_test_XXXXXX";
	struct os_file *file;
	char *in, *out, *kept[40];

	(void)state;
	close(mkstemp(path));
	assert_int_equal(os_file_open(loop, path, OS_FILE_DIRECT, &file), 0);
	/* More of it than the kernel is told of. */
	for (int round = 0; round < 40; round++) {
		in = kept[round] = os_buf_new(loop, 2 * BLOCK);
		out = os_buf_new(loop, 4 * BLOCK);
		assert_non_null(in);
		assert_non_null(out);
		memset(in, 'a' + round % 26, 2 * BLOCK);
		assert_int_equal(write_at(file, in + BLOCK, 0, round % 2),
				 BLOCK);
		assert_int_equal(read_at(file, out + 3 * BLOCK, 0), BLOCK);
		assert_memory_equal(in, out + 3 * BLOCK, BLOCK);
		os_buf_free(loop, out);
	}
	for (int round = 0; round < 40; round++)
		os_buf_free(loop, kept[round]);
	os_file_close(file);
	assert_int_equal(os_file_remove(loop, path), 0);
}

static void a_cut_undoes_some_unsynced_names(void **state)
{
	int found = 0, missing = 0;
	struct os_file *file;

	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		sim_setup(seed);
		assert_int_equal(os_file_open(loop, "d/f", OS_FILE_CREATE,
					      &file), 0);
		os_file_close(file);
		sim_restart();
		if (os_file_open(loop, "d/f", 0, &file)) {
			missing++;
		} else {
			found++;
			os_file_close(file);
		}
		os_loop_free(loop);
		os_env_free(env);
	}
	assert_true(found > 10 && missing > 10);
}

static void the_nth_operation_fails_as_told(void **state)
{
	char *a = block_of('a');
	struct os_file *file;

	(void)state;
	sim_setup(1);
	assert_int_equal(os_file_open(loop, "f", OS_FILE_CREATE |
				      OS_FILE_DIRECT, &file), 0);
	os_sim_fail_nth(env, 2, EIO);
	assert_int_equal(write_at(file, a, 0, true), BLOCK);
	assert_int_equal(write_at(file, a, 0, true), -EIO);
	assert_int_equal(write_at(file, a, 0, true), BLOCK);
	assert_int_equal(os_sim_ops(env), 3);
	assert_int_equal(read_at(file, a + 1, 0), -EINVAL);
	os_file_close(file);
	os_loop_free(loop);
	os_env_free(env);
	free(a);
}

#define REAL(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		REAL(a_file_is_written_synced_and_read),
		REAL(a_short_durable_write_fails),
		REAL(known_memory_moves_the_same_bytes),
		REAL(a_poll_is_called_while_there_is_more),
		REAL(a_changed_poll_waits_for_what_it_is_told),
		REAL(a_send_continues_until_all_is_taken),
		REAL(a_send_to_a_peer_that_has_gone_fails),
		REAL(a_parked_socket_is_read_written_and_polled),
		REAL(a_parked_socket_is_closed_and_its_number_used_again),
		REAL(a_send_that_waits_can_be_cancelled),
		REAL(work_of_a_lane_keeps_its_order),
		REAL(a_wake_ends_a_wait_now_or_the_next),
		cmocka_unit_test(a_cut_keeps_what_was_synced_and_maybe_the_rest),
		cmocka_unit_test(a_durable_write_makes_only_itself_durable),
		cmocka_unit_test(a_cut_undoes_some_unsynced_names),
		cmocka_unit_test(the_nth_operation_fails_as_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
