// SPDX-License-Identifier: Apache-2.0
/*
 * libwebsockets in our own loop: what it must be told is told when it is time.
 * Its tick, which finds after a second what was missed, does not run here: who
 * is forgotten stays forgotten, and the case ends at its deadline.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/blob.h"
#include "base/buf.h"
#include "gateway/call.h"
#include "gateway/http.h"
#include "os/loop.h"

#define DEADLINE_NS (60ull * 1000 * 1000 * 1000)
#define STILL_NS (60ull * 1000 * 1000)	/* in which what spins would be seen */
#define MANY 400		/* more than the pump serves in one run */
#define LARGE (3u << 20)
#define BODY 3000		/* bytes: one read takes it with its head */
#define STIRS_MAX 4		/* that one request may need */
#define ANSWERS 8		/* large ones, one after another */
#define PIPELINED 40		/* requests in one piece */
#define SMALL_BUFFER 8192

static struct os_env *env;
static struct os_loop *loop;
static struct http *http;
static struct calls *calls;
static int listener;
static bool stirred;
static unsigned int stirs;	/* so far */

/* Calls that have come, by number; each wants its answer now or later. */
static struct {
	uint64_t id;
	char path[32];
	size_t body_len;
} came[2 * MANY];
static unsigned int came_count;
static bool answers_at_once;
static size_t answer_len;	/* 0: its path */
static bool ends_with_answer;

static void on_stirred(void *ctx)
{
	(void)ctx;
	stirred = true;
	stirs++;
}

static uint8_t pattern(size_t i)
{
	return (uint8_t)('a' + i * 7 % 26 + i / 4096 % 5);
}

static struct blob *large_body(void)
{
	struct blob *body = blob_new(NULL, answer_len);

	assert_non_null(body);
	for (size_t i = 0; i < answer_len; i++)
		body->data[i] = pattern(i);
	return body;
}

static void answer(struct call *call)
{
	call->answer.status = 200;
	call->answer.body = answer_len ? large_body() :
					 blob_from_str(call->path);
	if (ends_with_answer)
		call->keep_alive = false;
	http_answer(call);
}

static void on_call(void *ctx, struct call *call)
{
	(void)ctx;
	came[came_count].id = call->id;
	came[came_count].body_len = call->body.len;
	snprintf(came[came_count++].path, sizeof(came[0].path), "%s",
		 call->path);
	if (answers_at_once)
		answer(call);
}

static void on_socket(void *ctx, int fd, struct tls *tls,
		      const struct upgrade *upgrade)
{
	(void)ctx;
	(void)tls;
	(void)upgrade;
	close(fd);
}

static const struct http_owner owner = {
	.stirred = on_stirred, .call = on_call, .socket = on_socket,
};

static int setup(void **state)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	(void)state;
	came_count = stirs = 0;
	answers_at_once = true;
	ends_with_answer = stirred = false;
	answer_len = 0;
	assert_int_equal(os_env_new(&env), 0);
	assert_int_equal(os_loop_new(env, &loop), 0);
	calls = calls_new();
	assert_non_null(calls);
	assert_int_equal(http_open(loop, calls, &owner, NULL, &http), 0);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, MANY), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	http_close(http);
	calls_free(calls);
	close(listener);
	os_loop_free(loop);
	os_env_free(env);
	return 0;
}

/* One step of the core: its loop, then what that has stirred. */
static void step(uint64_t until_ns)
{
	os_loop_run(loop, until_ns);
	if (!stirred)
		return;
	stirred = false;
	http_run(http);
}

#define UNTIL(condition) do {						\
	uint64_t end_ = os_now_ns(env) + DEADLINE_NS;			\
	while (!(condition) && os_now_ns(env) < end_)			\
		step(os_now_ns(env) + 1000000);				\
	assert_true(condition);						\
} while (0)

/* How often it is stirred while nothing ought to happen. */
static unsigned int stirs_when_still(void)
{
	uint64_t end = os_now_ns(env) + STILL_NS;
	unsigned int before = stirs;

	while (os_now_ns(env) < end)
		step(os_now_ns(env) + 1000000);
	return stirs - before;
}

/* A client; what the server's end holds back is `buffer` bytes, or 0: as the
 * kernel likes. */
static int connect_one(int buffer)
{
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0), theirs;

	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len),
			 0);
	if (buffer)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	assert_int_equal(connect(fd, (struct sockaddr *)&at, len), 0);
	theirs = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(theirs >= 0);
	if (buffer)
		setsockopt(theirs, SOL_SOCKET, SO_SNDBUF, &buffer,
			   sizeof(buffer));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	http_adopt(http, theirs, NULL);
	return fd;
}

static void ask(int fd, const char *path)
{
	char text[128];
	int len = snprintf(text, sizeof(text),
			   "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path);

	assert_int_equal(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
}

/* What there is, at most `most` bytes; true at the end of the stream. */
static bool hear(int fd, struct buf *heard, size_t most)
{
	char data[65536];
	ssize_t n = recv(fd, data, most < sizeof(data) ? most : sizeof(data),
			 0);

	if (n > 0)
		buf_append(heard, data, (size_t)n);
	else if (n < 0)
		assert_int_equal(errno, EAGAIN);
	return !n;
}

/* The body of the first answer, which it takes away; NULL: not whole yet. */
static char *take_answer(struct buf *heard, size_t *ret_len)
{
	const char *text = buf_str(heard), *end = strstr(text, "\r\n\r\n");
	const char *length = strstr(text, "Content-Length: ");
	size_t head, len;
	char *body;

	if (!end || !length)
		return NULL;
	assert_true(!strncmp(text, "HTTP/1.1 200 OK\r\n", 17));
	head = (size_t)(end + 4 - text);
	len = strtoul(length + 16, NULL, 10);
	if (heard->len < head + len)
		return NULL;
	body = calloc(1, len + 1);
	memcpy(body, heard->data + head, len);
	buf_consume(heard, head + len);
	*ret_len = len;
	return body;
}

/* Looks for the end of the head where it may be only: a body is large. */
static bool has_answer(int fd, struct buf *heard, size_t most)
{
	char front[512];
	const char *end, *length;

	hear(fd, heard, most);
	snprintf(front, sizeof(front), "%.*s",
		 (int)(heard->len < sizeof(front) ? heard->len :
						    sizeof(front) - 1),
		 heard->len ? (const char *)heard->data : "");
	end = strstr(front, "\r\n\r\n");
	length = strstr(front, "Content-Length: ");
	return end && length &&
	       heard->len >= (size_t)(end + 4 - front) +
			     strtoul(length + 16, NULL, 10);
}

static void expect_answer(int fd, struct buf *heard, const char *path)
{
	size_t len;
	char *body;

	UNTIL(has_answer(fd, heard, SIZE_MAX));
	body = take_answer(heard, &len);
	assert_string_equal(body, path);
	free(body);
}

static void answers_what_came_in_one_piece_in_its_order(void **state)
{
	static const char *const paths[] = { "/1", "/2", "/3", "/4", "/5" };
	struct buf heard = BUF_INIT, text = BUF_INIT;
	int fd = connect_one(0);

	(void)state;
	for (int i = 0; i < 5; i++)
		buf_printf(&text, "GET %s HTTP/1.1\r\nHost: test\r\n\r\n",
			   paths[i]);
	assert_int_equal(send(fd, text.data, text.len, 0), text.len);
	for (int i = 0; i < 5; i++)
		expect_answer(fd, &heard, paths[i]);
	assert_int_equal(came_count, 5);
	/* And again, after a rest. */
	assert_int_equal(stirs_when_still(), 0);
	ask(fd, "/6");
	expect_answer(fd, &heard, "/6");
	buf_fini(&heard);
	buf_fini(&text);
	close(fd);
}

/* As much as a client may send before it hears an answer. */
static void asks_again_for_what_is_held_of_many_requests(void **state)
{
	struct buf heard = BUF_INIT, text = BUF_INIT;
	int fd = connect_one(0);

	(void)state;
	for (int i = 0; i < PIPELINED; i++)
		buf_printf(&text, "GET /%d HTTP/1.1\r\nHost: test\r\n\r\n",
			   i);
	assert_int_equal(send(fd, text.data, text.len, 0), text.len);
	for (int i = 0; i < PIPELINED; i++) {
		char path[8];

		snprintf(path, sizeof(path), "/%d", i);
		expect_answer(fd, &heard, path);
	}
	buf_fini(&heard);
	buf_fini(&text);
	close(fd);
}

/* What one has sent too early is held, and others are not asked for it. */
static void is_still_while_another_holds_a_request(void **state)
{
	static const char two[] = "GET /1 HTTP/1.1\r\nHost: test\r\n\r\n"
				  "GET /2 HTTP/1.1\r\nHost: test\r\n\r\n";
	struct buf heard = BUF_INIT;
	int busy = connect_one(0), fd = connect_one(0);

	(void)state;
	answers_at_once = false;
	send(busy, two, sizeof(two) - 1, 0);
	UNTIL(came_count == 1);
	answers_at_once = true;
	ask(fd, "/other");
	expect_answer(fd, &heard, "/other");
	stirs_when_still();
	assert_int_equal(stirs_when_still(), 0);
	assert_int_equal(came_count, 2);
	answer(call_find(calls, came[0].id));
	http_run(http);
	expect_answer(busy, &heard, "/1");
	expect_answer(busy, &heard, "/2");
	buf_fini(&heard);
	close(busy);
	close(fd);
}

/* The core may have much to do before it comes to us. */
static void is_stirred_once_until_it_runs(void **state)
{
	struct buf heard = BUF_INIT;
	int fd = connect_one(0);

	(void)state;
	ask(fd, "/1");
	for (int i = 0; i < 50; i++)
		os_loop_run(loop, os_now_ns(env) + 1000000);
	assert_int_equal(stirs, 1);
	expect_answer(fd, &heard, "/1");
	buf_fini(&heard);
	close(fd);
}

/* The body is held by libwebsockets, and no answer will ask for it. */
static void takes_a_body_that_came_with_its_head(void **state)
{
	struct buf heard = BUF_INIT, text = BUF_INIT;
	int fd = connect_one(0);

	(void)state;
	for (int i = 0; i < 3; i++) {
		buf_printf(&text, "POST /body HTTP/1.1\r\nHost: test\r\n"
			   "Content-Type: application/json\r\n"
			   "Content-Length: %u\r\n\r\n\"%0*d\"", BODY,
			   BODY - 2, i);
		assert_int_equal(send(fd, text.data, text.len, 0), text.len);
		expect_answer(fd, &heard, "/body");
		assert_int_equal(came[i].body_len, BODY);
		buf_reset(&text);
	}
	buf_fini(&heard);
	buf_fini(&text);
	close(fd);
}

/* Of what holds nothing libwebsockets is not asked again. */
static void stirs_no_more_than_a_request_needs(void **state)
{
	struct buf heard = BUF_INIT;
	int fd = connect_one(0);

	(void)state;
	for (int i = 0; i < 8; i++) {
		unsigned int before = stirs;

		ask(fd, "/one");
		expect_answer(fd, &heard, "/one");
		stirs_when_still();
		assert_in_range(stirs - before, 1, STIRS_MAX);
	}
	buf_fini(&heard);
	close(fd);
}

/* Late answers, to requests of which the next is there already. */
static void reads_nothing_while_a_call_is_at_work(void **state)
{
	struct buf heard = BUF_INIT;
	int fd = connect_one(0);
	char path[8];

	(void)state;
	answers_at_once = false;
	ask(fd, "/0");
	UNTIL(came_count == 1);
	for (unsigned int i = 1; i < 5; i++) {
		snprintf(path, sizeof(path), "/%u", i);
		ask(fd, path);
		/* The kernel may tell it once that there is something. */
		assert_true(stirs_when_still() <= 1);
		assert_int_equal(came_count, i);
		answer(call_find(calls, came[i - 1].id));
		http_run(http);
		expect_answer(fd, &heard, came[i - 1].path);
		UNTIL(came_count == i + 1);
		assert_string_equal(came[i].path, path);
	}
	buf_fini(&heard);
	close(fd);
}

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
		size_t len;
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
	size_t len;
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
	size_t len;
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

static void forgets_none_of_many(void **state)
{
	struct buf heard[MANY];
	int fd[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		heard[i] = BUF_INIT;
		fd[i] = connect_one(0);
		ask(fd[i], "/one");
	}
	for (int i = 0; i < MANY; i++) {
		expect_answer(fd[i], &heard[i], "/one");
		buf_fini(&heard[i]);
	}
	for (int i = 0; i < MANY; i++)
		close(fd[i]);
	assert_int_equal(came_count, MANY);
}

/* The other actors of the core have their turn in between. */
static void leaves_some_of_many_for_its_next_run(void **state)
{
	struct buf heard = BUF_INIT;
	int fd[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		fd[i] = connect_one(0);
		ask(fd[i], "/one");
	}
	for (int i = 0; i < 50; i++)
		os_loop_run(loop, os_now_ns(env) + 1000000);
	http_run(http);
	assert_in_range(came_count, 1, MANY - 1);
	UNTIL(came_count == MANY);
	for (int i = 0; i < MANY; i++) {
		expect_answer(fd[i], &heard, "/one");
		close(fd[i]);
	}
	buf_fini(&heard);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(answers_what_came_in_one_piece_in_its_order),
		CASE(asks_again_for_what_is_held_of_many_requests),
		CASE(is_still_while_another_holds_a_request),
		CASE(is_stirred_once_until_it_runs),
		CASE(takes_a_body_that_came_with_its_head),
		CASE(stirs_no_more_than_a_request_needs),
		CASE(reads_nothing_while_a_call_is_at_work),
		CASE(goes_on_when_the_socket_takes_more),
		CASE(goes_on_with_a_client_that_reads_meanwhile),
		CASE(closes_behind_an_answer_that_is_the_last),
		CASE(lets_go_of_a_client_that_is_gone),
		CASE(answers_one_that_will_say_no_more),
		CASE(forgets_none_of_many),
		CASE(leaves_some_of_many_for_its_next_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
