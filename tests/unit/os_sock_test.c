// SPDX-License-Identifier: Apache-2.0
/* Sockets of the real loop, with a descriptor and without. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/sock.h"
#include "os_fixture.h"

static void on_sent(struct os_send *op, int result)
{
	struct wait *wait = op->ctx;

	wait->result = result;
	wait->done = true;
}

#define BIG (4u << 20)

struct reader {
	int fd;
	unsigned int wrong;
	size_t got;
};

static void *read_all(void *ctx)
{
	struct reader *r = ctx;
	char chunk[10000];
	ssize_t n;

	while ((n = read(r->fd, chunk, sizeof(chunk))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			r->wrong += chunk[i] != (char)(r->got++ % 251);
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
	assert_int_equal(r.wrong, 0);
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		REAL(a_send_continues_until_all_is_taken),
		REAL(a_send_to_a_peer_that_has_gone_fails),
		REAL(a_parked_socket_is_read_written_and_polled),
		REAL(a_parked_socket_is_closed_and_its_number_used_again),
		REAL(a_send_that_waits_can_be_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
