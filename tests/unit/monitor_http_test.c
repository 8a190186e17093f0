// SPDX-License-Identifier: Apache-2.0
/* The HTTP side for real: libmicrohttpd on an event loop, requests by hand. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "monitor/http.h"

#define STEP_US 10000
#define STEPS_MAX 1000

struct fixture {
	sd_event *event;
	struct http *http;
};

static void write_hello(void *ctx, struct buf *out)
{
	(void)ctx;
	buf_puts(out, "hello\n");
}

static void write_big(void *ctx, struct buf *out)
{
	(void)ctx;
	for (int i = 0; i < 100000; i++)
		buf_puts(out, "0123456789");
}

static const struct http_page pages[] = {
	{ "/hello", "text/plain", write_hello },
	{ "/big", "text/plain", write_big },
	{ NULL, NULL, NULL },
};

static int set_up(void **state)
{
	static struct fixture f;

	assert_true(sd_event_new(&f.event) >= 0);
	assert_int_equal(http_open(f.event, "127.0.0.1:0", pages, NULL,
				   &f.http), 0);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	http_close(f->http);
	sd_event_unref(f->event);
	return 0;
}

static int connected(const struct fixture *f)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)http_port(f->http)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address,
				 sizeof(address)), 0);
	return fd;
}

/* Sends @request and reads to the end of the connection. */
static size_t talk(const struct fixture *f, const char *request, char *answer,
		   size_t size)
{
	int fd = connected(f);
	size_t have = 0;

	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL),
			 strlen(request));
	for (int i = 0; i < STEPS_MAX; i++) {
		ssize_t got;

		sd_event_run(f->event, STEP_US);
		got = recv(fd, answer + have, size - have - 1, MSG_DONTWAIT);
		if (got > 0)
			have += (size_t)got;
		else if (got == 0 || errno != EAGAIN)
			break;
	}
	answer[have] = 0;
	close(fd);
	return have;
}

#define CLOSE "Host: x\r\nConnection: close\r\n\r\n"

static void a_page_is_served(void **state)
{
	char answer[2048];

	talk(*state, "GET /hello HTTP/1.1\r\n" CLOSE, answer, sizeof(answer));
	assert_memory_equal(answer, "HTTP/1.1 200", 12);
	assert_non_null(strstr(answer, "\r\n\r\nhello\n"));
	assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff"));
}

static void a_head_has_no_body(void **state)
{
	char answer[2048];

	talk(*state, "HEAD /hello HTTP/1.1\r\n" CLOSE, answer, sizeof(answer));
	assert_memory_equal(answer, "HTTP/1.1 200", 12);
	assert_null(strstr(answer, "hello"));
}

static void a_big_page_arrives_whole(void **state)
{
	static char answer[2 << 20];

	assert_true(talk(*state, "GET /big HTTP/1.1\r\n" CLOSE, answer,
			 sizeof(answer)) > 1000000);
}

static void what_is_not_there_is_404(void **state)
{
	char answer[2048];

	talk(*state, "GET /../etc/passwd HTTP/1.1\r\n" CLOSE, answer,
	     sizeof(answer));
	assert_memory_equal(answer, "HTTP/1.1 404", 12);
}

static void other_methods_are_405(void **state)
{
	char answer[2048];

	talk(*state, "POST /hello HTTP/1.1\r\nContent-Length: 3\r\n" CLOSE
	     "abc", answer, sizeof(answer));
	assert_memory_equal(answer, "HTTP/1.1 405", 12);
	assert_non_null(strstr(answer, "Allow: GET, HEAD"));
}

static void headers_without_end_are_refused(void **state)
{
	static char request[65536], answer[4096];

	memset(request, 'x', sizeof(request) - 1);
	memcpy(request, "GET /hello HTTP/1.1\r\n", 21);
	if (talk(*state, request, answer, sizeof(answer)))
		assert_memory_equal(answer, "HTTP/1.1 4", 10);
}

static void two_listeners_on_one_port_are_refused(void **state)
{
	const struct fixture *f = *state;
	struct http *second;
	char address[64];

	snprintf(address, sizeof(address), "127.0.0.1:%d", http_port(f->http));
	assert_int_equal(http_open(f->event, address, pages, NULL, &second),
			 -EADDRINUSE);
}

static void addresses_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = { "", ":", "80", ":80", "x:80",
					   "127.0.0.1:x", "127.0.0.1:", "[]:1",
					   "[::1:1" };
	const struct fixture *f = *state;
	struct http *http;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (http_open(f->event, bad[i], pages, NULL, &http) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_page_is_served),
		CASE(a_head_has_no_body),
		CASE(a_big_page_arrives_whole),
		CASE(what_is_not_there_is_404),
		CASE(other_methods_are_405),
		CASE(headers_without_end_are_refused),
		CASE(two_listeners_on_one_port_are_refused),
		CASE(addresses_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
