// SPDX-License-Identifier: Apache-2.0
/* A listener with a path, while descriptors are out. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/unix_socket.h"

static char dir[] = "/tmp/unix_socket_test.XXXXXX", path[64];

static int start(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/socket", dir);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static struct rlimit limit_before;

static void no_more_descriptors(void)
{
	int lowest = dup(0);
	struct rlimit limit;

	assert_true(lowest >= 0);
	close(lowest);
	assert_false(getrlimit(RLIMIT_NOFILE, &limit_before));
	limit = limit_before;
	limit.rlim_cur = (rlim_t)lowest;
	assert_false(setrlimit(RLIMIT_NOFILE, &limit));
}

static bool is_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1;
}

static void who_comes_while_descriptors_are_out_is_hung_up_on(void **state)
{
	int listener, client, next, peer = -1, spare, err;
	char c;

	(void)state;
	assert_false(unix_listen(path, 0600, 4, &listener));
	spare = unix_spare();
	assert_true(spare >= 0);
	assert_int_equal(unix_accept(listener, &spare, &peer), -EAGAIN);
	assert_false(unix_connect(path, 0, &client));
	no_more_descriptors();
	assert_true(is_readable(listener));
	err = unix_accept(listener, &spare, &peer);
	assert_false(is_readable(listener));
	assert_false(setrlimit(RLIMIT_NOFILE, &limit_before));
	assert_int_equal(err, -EMFILE);
	assert_int_equal(peer, -1);
	assert_true(spare >= 0);
	assert_int_equal(read(client, &c, 1), 0);

	assert_false(unix_connect(path, 0, &next));
	assert_false(unix_accept(listener, &spare, &peer));
	assert_int_equal(write(peer, "x", 1), 1);
	assert_int_equal(read(next, &c, 1), 1);
	close(peer);
	close(next);
	close(client);
	close(spare);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_comes_while_descriptors_are_out_is_hung_up_on),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
