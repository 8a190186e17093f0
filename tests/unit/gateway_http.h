/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libwebsockets in our own loop: what it must be told is told when it is time.
 * Its tick, which finds after a second what was missed, does not run here: who
 * is forgotten stays forgotten, and the case ends at its deadline.
 */
#ifndef TESTS_GATEWAY_HTTP_H
#define TESTS_GATEWAY_HTTP_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
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

#define CAME_MAX 800
#define CONNECTIONS_MAX 400
#define DEADLINE_NS (60ull * 1000 * 1000 * 1000)
#define STILL_NS (60ull * 1000 * 1000)	/* in which what spins would be seen */

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
} came[CAME_MAX];
static unsigned int came_count;
static bool answers_at_once;
static bool takes_at_once;	/* bodies */
static uint64_t asked_id;	/* the last one whose body the owner is to take */
static size_t answer_len;	/* 0: its path */
static bool ends_with_answer;

static inline void on_stirred(void *ctx)
{
	(void)ctx;
	stirred = true;
	stirs++;
}

static inline uint8_t pattern(size_t i)
{
	return (uint8_t)('a' + i * 7 % 26 + i / 4096 % 5);
}

static inline struct blob *large_body(void)
{
	struct blob *body = blob_new(NULL, answer_len);

	assert_non_null(body);
	for (size_t i = 0; i < answer_len; i++)
		body->data[i] = pattern(i);
	return body;
}

static inline void answer(struct call *call)
{
	call->answer.status = 200;
	call->answer.body = answer_len ? large_body() :
					 blob_from_str(call->path);
	if (ends_with_answer)
		call->keep_alive = false;
	http_answer(call);
}

static inline void on_call(void *ctx, struct call *call)
{
	(void)ctx;
	came[came_count].id = call->id;
	came[came_count].body_len = call->body.len;
	snprintf(came[came_count++].path, sizeof(came[0].path), "%s",
		 call->path);
	if (answers_at_once)
		answer(call);
}

static inline void on_socket(void *ctx, int fd, struct tls *tls,
		      const struct upgrade *upgrade)
{
	(void)ctx;
	(void)tls;
	(void)upgrade;
	close(fd);
}

static inline void on_head(void *ctx, struct call *call)
{
	(void)ctx;
	asked_id = call->id;
	call->body.limit = CALL_UPLOAD_MAX;
	if (takes_at_once)
		http_take_body(call);
}

static const struct http_owner owner = {
	.stirred = on_stirred, .head = on_head, .call = on_call,
	.socket = on_socket,
};

static int setup(void **state)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	(void)state;
	came_count = stirs = 0;
	answers_at_once = takes_at_once = true;
	asked_id = 0;
	ends_with_answer = stirred = false;
	answer_len = 0;
	assert_int_equal(os_env_new(&env), 0);
	assert_int_equal(os_loop_new(env, &loop), 0);
	calls = calls_new();
	assert_non_null(calls);
	assert_int_equal(http_open(loop, calls, &owner, NULL, &http), 0);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, CONNECTIONS_MAX), 0);
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
static inline void step(uint64_t until_ns)
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
static inline unsigned int stirs_when_still(void)
{
	uint64_t end = os_now_ns(env) + STILL_NS;
	unsigned int before = stirs;

	while (os_now_ns(env) < end)
		step(os_now_ns(env) + 1000000);
	return stirs - before;
}

/* A client; what the server's end holds back is `buffer` bytes, or 0: as the
 * kernel likes. */
static inline int connect_one(int buffer)
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

static inline void ask(int fd, const char *path)
{
	char text[128];
	int len = snprintf(text, sizeof(text),
			   "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path);

	assert_int_equal(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
}

/* What there is, at most `most` bytes; true at the end of the stream. */
static inline bool hear(int fd, struct buf *heard, size_t most)
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
static inline char *take_answer(struct buf *heard, size_t *ret_len)
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
static inline bool has_answer(int fd, struct buf *heard, size_t most)
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

static inline void expect_answer(int fd, struct buf *heard, const char *path)
{
	size_t len;
	char *body;

	UNTIL(has_answer(fd, heard, SIZE_MAX));
	body = take_answer(heard, &len);
	assert_string_equal(body, path);
	free(body);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
