// SPDX-License-Identifier: Apache-2.0
/* Answers larger than a socket takes, and clients that go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

#include "gateway_http.h"

#define LARGE (3u << 20)
#define IN_ONE_PART (128u << 10)
#define ANSWERS 8		/* large ones, one after another */
#define SMALL_BUFFER 8192
#define A_LONG_WHILE_S 100	/* longer than any timeout */

static void check_pattern(const char *body, size_t len)
{
	assert_int_equal(len, LARGE);
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)body[i] != pattern(i))
			fail_msg("byte %zu is another", i);
}

static void goes_on_when_the_socket_takes_more(void **state)
{
	struct buf heard = BUF_INIT;
	int fd = connect_one(SMALL_BUFFER);

	(void)state;
	answer_len = LARGE;
	for (int i = 0; i < 2; i++)
		ask(fd, "/large");
	UNTIL(came_count == 1);
	/* A client that reads nothing costs nothing, nor is its next request
	 * begun. */
	stirs_when_still();
	assert_true(stirs_when_still() <= 1);
	assert_int_equal(came_count, 1);
	for (int i = 0; i < 2; i++) {
		size_t len = 0;
		char *body;

		UNTIL(has_answer(fd, &heard, i ? SIZE_MAX : SMALL_BUFFER));
		body = take_answer(&heard, &len);
		check_pattern(body, len);
		free(body);
	}
	assert_int_equal(heard.len, 0);
	buf_fini(&heard);
	close(fd);
}

/* libwebsockets takes it all, the socket does not. */
static void owes_until_the_socket_has_all_of_it(void **state)
{
	struct buf heard = BUF_INIT;
	int fd = connect_one(SMALL_BUFFER), idle = connect_one(0);
	size_t len = 0;
	char *body;

	(void)state;
	assert_true(http_is_drained(http));
	answers_at_once = false;
	answer_len = IN_ONE_PART;
	ask(fd, "/large");
	UNTIL(came_count == 1);
	assert_false(http_is_drained(http));
	http_drain(http);
	answer(call_find(calls, came[0].id));
	http_run(http);
	assert_null(call_find(calls, came[0].id));
	stirs_when_still();
	assert_false(http_is_drained(http));
	UNTIL(hear(fd, &heard, SIZE_MAX));
	assert_true(http_is_drained(http));
	body = take_answer(&heard, &len);
	assert_non_null(body);
	assert_int_equal(len, IN_ONE_PART);
	free(body);
	buf_fini(&heard);
	close(fd);
	close(idle);
}

static void owes_nothing_to_a_client_that_has_gone(void **state)
{
	int fd = connect_one(0);

	(void)state;
	answers_at_once = false;
	ask(fd, "/gone");
	UNTIL(came_count == 1);
	close(fd);
	answer(call_find(calls, came[0].id));
	http_run(http);
	UNTIL(http_is_drained(http));
}

struct reader {
	int fd;
	struct buf heard;
	_Atomic size_t len;
	_Atomic bool enough;
};

static void *read_on(void *arg)
{
	struct reader *r = arg;
	struct pollfd pfd = { .fd = r->fd, .events = POLLIN };

	while (!atomic_load(&r->enough)) {
		poll(&pfd, 1, 10);
		hear(r->fd, &r->heard, SIZE_MAX);
		atomic_store(&r->len, r->heard.len);
	}
	return NULL;
}

/* What the socket did not take at first it may in the next moment. */
static void goes_on_with_a_client_that_reads_meanwhile(void **state)
{
	struct reader r = { .fd = connect_one(SMALL_BUFFER),
			    .heard = BUF_INIT };
	pthread_t thread;
	size_t len = 0;
	char *body;

	(void)state;
	answer_len = LARGE;
	assert_int_equal(pthread_create(&thread, NULL, read_on, &r), 0);
	for (int i = 1; i <= ANSWERS; i++) {
		ask(r.fd, "/large");
		UNTIL(atomic_load(&r.len) > (size_t)i * LARGE);
	}
	atomic_store(&r.enough, true);
	pthread_join(thread, NULL);
	for (int i = 0; i < ANSWERS; i++) {
		UNTIL(has_answer(r.fd, &r.heard, SIZE_MAX));
		body = take_answer(&r.heard, &len);
		check_pattern(body, len);
		free(body);
	}
	buf_fini(&r.heard);
	close(r.fd);
}

static void closes_behind_an_answer_that_is_the_last(void **state)
{
	struct buf heard = BUF_INIT;
	int fd = connect_one(SMALL_BUFFER);
	size_t len = 0;
	char *body;

	(void)state;
	answer_len = LARGE;
	ends_with_answer = true;
	ask(fd, "/last");
	UNTIL(hear(fd, &heard, SIZE_MAX));
	body = take_answer(&heard, &len);
	assert_non_null(body);
	check_pattern(body, len);
	free(body);
	buf_fini(&heard);
	close(fd);
}

/* Whatever the server was doing with it. */
static void lets_go_of_a_client_that_is_gone(void **state)
{
	const struct linger reset = { .l_onoff = 1 };
	int fd[3];

	(void)state;
	/* In the middle of a request, of a call, and of an answer. */
	answers_at_once = false;
	for (int i = 0; i < 3; i++) {
		fd[i] = connect_one(SMALL_BUFFER);
		setsockopt(fd[i], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	}
	assert_int_equal(send(fd[0], "GET /half", 9, 0), 9);
	ask(fd[1], "/call");
	ask(fd[2], "/answer");
	UNTIL(came_count == 2);
	for (unsigned int i = 0; i < 2; i++)
		if (!strcmp(came[i].path, "/answer")) {
			answer_len = LARGE;
			answer(call_find(calls, came[i].id));
		}
	http_run(http);
	stirs_when_still();
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	/* Nothing is read from one at work: it hears of the end with its
	 * answer. */
	UNTIL(!call_find(calls, came[!strcmp(came[0].path, "/call")].id));
	for (unsigned int i = 0; i < 2; i++) {
		struct call *call = call_find(calls, came[i].id);

		if (call)
			answer(call);
	}
	http_run(http);
	UNTIL(!call_find(calls, came[0].id) && !call_find(calls, came[1].id));
	stirs_when_still();
	assert_int_equal(stirs_when_still(), 0);
}

static void answers_one_that_will_say_no_more(void **state)
{
	struct buf heard = BUF_INIT;
	int fd = connect_one(0);

	(void)state;
	answers_at_once = false;
	ask(fd, "/half");
	UNTIL(came_count == 1);
	shutdown(fd, SHUT_WR);
	assert_true(stirs_when_still() <= 1);
	answer(call_find(calls, came[0].id));
	http_run(http);
	expect_answer(fd, &heard, "/half");
	/* Then its end is found. */
	UNTIL(hear(fd, &heard, SIZE_MAX));
	buf_fini(&heard);
	close(fd);
}

/* What the clock of all in this process is ahead of the kernel's. */
static time_t ahead_s;

int clock_gettime(clockid_t id, struct timespec *now)
{
	int ret = (int)syscall(SYS_clock_gettime, id, now);

	now->tv_sec += ahead_s;
	return ret;
}

static bool has_ended(int fd)
{
	char c;

	http_tick(http);
	return !recv(fd, &c, 1, 0);
}

/* The one thing that the tick is for. */
static void who_never_ends_a_request_is_hung_up_on(void **state)
{
	int fd = connect_one(0), idle = connect_one(0);

	(void)state;
	assert_int_equal(send(fd, "GET /half", 9, 0), 9);
	stirs_when_still();
	assert_false(has_ended(fd) || has_ended(idle));
	ahead_s += A_LONG_WHILE_S;
	UNTIL(has_ended(fd));
	UNTIL(has_ended(idle));
	close(fd);
	close(idle);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(goes_on_when_the_socket_takes_more),
		CASE(owes_until_the_socket_has_all_of_it),
		CASE(owes_nothing_to_a_client_that_has_gone),
		CASE(goes_on_with_a_client_that_reads_meanwhile),
		CASE(closes_behind_an_answer_that_is_the_last),
		CASE(lets_go_of_a_client_that_is_gone),
		CASE(answers_one_that_will_say_no_more),
		CASE(who_never_ends_a_request_is_hung_up_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
