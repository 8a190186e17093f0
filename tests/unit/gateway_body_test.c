// SPDX-License-Identifier: Apache-2.0
/* Bodies of requests: whose are taken, how much of them is held, for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway_http.h"

#define UPLOAD (1u << 20)
/* What may have come along with a head, or was read by a tick. */
#define IN_HAND (16u << 10)
#define NS_PER_S (1000ull * 1000 * 1000)

static void say(int fd, const char *text)
{
	size_t len = strlen(text);

	assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
}

/* The head of an upload; `size` 0: in chunks. */
static void begin_upload(int fd, size_t size)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "POST /upload HTTP/1.1\r\nHost: test\r\n"
		 "Content-Type: multipart/form-data; boundary=x\r\n"
		 "%s%zu\r\n\r\n", size ? "Content-Length: " :
		 "Transfer-Encoding: chunked\r\nX-Nothing: ", size);
	say(fd, text);
}

/* As much as the socket takes of what is left. */
static void push(int fd, size_t *left)
{
	static const char data[65536];
	ssize_t n = send(fd, data, *left < sizeof(data) ? *left : sizeof(data),
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0)
		*left -= (size_t)n;
	else
		assert_int_equal(errno, EAGAIN);
}

static bool pushed(int fd, size_t *left)
{
	if (*left)
		push(fd, left);
	return !*left;
}

static bool has_status(int fd, struct buf *heard, const char *status)
{
	hear(fd, heard, SIZE_MAX);
	return !strncmp(buf_str(heard), "HTTP/1.1 ", 9) &&
	       !strncmp(buf_str(heard) + 9, status, strlen(status));
}

/* An upload whose owner has been asked, and has said nothing yet. */
static struct call *begin_asked(int fd)
{
	takes_at_once = false;
	begin_upload(fd, UPLOAD);
	UNTIL(asked_id);
	return call_find(calls, asked_id);
}

static void is_not_read_before_its_owner_asks_for_it(void **state)
{
	struct buf heard = BUF_INIT;
	int fd = connect_one(0);
	size_t left = UPLOAD;
	struct call *call;

	(void)state;
	call = begin_asked(fd);
	for (int i = 0; i < 100; i++) {
		pushed(fd, &left);
		stirs_when_still();
	}
	assert_true(call->body.cap <= IN_HAND);
	http_take_body(call);
	http_run(http);
	UNTIL(pushed(fd, &left) && came_count);
	assert_int_equal(came[0].body_len, UPLOAD);
	expect_answer(fd, &heard, "/upload");
	buf_fini(&heard);
	close(fd);
}

static void that_is_there_already_is_taken_too(void **state)
{
	static const char chunks[] = "3\r\nabc\r\n0\r\n\r\n";
	struct buf heard = BUF_INIT;
	int fd = connect_one(0);

	(void)state;
	takes_at_once = false;
	begin_upload(fd, 0);
	say(fd, chunks);
	UNTIL(asked_id);
	stirs_when_still();
	assert_int_equal(came_count, 0);
	http_take_body(call_find(calls, asked_id));
	http_run(http);
	UNTIL(came_count);
	assert_int_equal(came[0].body_len, 3);
	expect_answer(fd, &heard, "/upload");
	buf_fini(&heard);
	close(fd);
}

/* A body that has not come, or a tenth of it, holds next to nothing. */
static void costs_what_has_come_of_it(void **state)
{
	size_t left[8];
	int fd[8];

	(void)state;
	for (int i = 0; i < 8; i++) {
		fd[i] = connect_one(0);
		begin_upload(fd[i], CALL_UPLOAD_MAX);
		asked_id = 0;
		UNTIL(asked_id);
		left[i] = UPLOAD;
		UNTIL(pushed(fd[i], &left[i]));
	}
	UNTIL(call_find(calls, asked_id)->body.len == UPLOAD);
	assert_true(calls_have_room(calls, CALLS_LARGE_MAX - 9 * UPLOAD));
	assert_false(calls_have_room(calls, CALLS_LARGE_MAX - 7 * UPLOAD));
	for (int i = 0; i < 8; i++)
		close(fd[i]);
	UNTIL(calls_have_room(calls, CALLS_LARGE_MAX));
}

/* In the middle of one that was announced, and of one in chunks. */
static void is_refused_when_all_of_them_are_too_large(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct call *other = call_new(calls, 0);
		struct buf heard = BUF_INIT;
		int fd = connect_one(0);
		size_t left = UPLOAD;

		asked_id = 0;
		begin_upload(fd, i ? 0 : UPLOAD);
		UNTIL(asked_id);
		assert_true(call_enlarge(calls, other, CALLS_LARGE_MAX));
		if (i)
			say(fd, "100000\r\n");
		UNTIL(pushed(fd, &left) && has_status(fd, &heard, "503"));
		assert_non_null(strstr(buf_str(&heard), "Retry-After: "));
		buf_fini(&heard);
		close(fd);
		call_free(calls, other);
	}
	(void)state;
	assert_int_equal(came_count, 0);
}

/* Those who hold all that large ones may have silence nobody. */
static void that_is_small_needs_no_room(void **state)
{
	struct call *other = call_new(calls, 0);
	struct buf heard = BUF_INIT;
	int fd = connect_one(0);

	(void)state;
	assert_true(call_enlarge(calls, other, CALLS_LARGE_MAX));
	for (unsigned int i = 0; i < 2; i++) {
		say(fd, "POST /small HTTP/1.1\r\nHost: test\r\n"
			"Content-Length: 5\r\n\r\n12345");
		expect_answer(fd, &heard, "/small");
		assert_int_equal(came[i].body_len, 5);
	}
	call_free(calls, other);
	buf_fini(&heard);
	close(fd);
}

/* Whoever reads slowly what anybody may have. */
static void has_room_beside_all_downloads(void **state)
{
	struct buf heard = BUF_INIT;
	int fd = connect_one(0), downloads = 0;
	struct call *other[CALLS_LARGE_MAX / UPLOAD + 1];
	size_t left = UPLOAD;

	(void)state;
	do
		other[downloads] = call_new(calls, 0);
	while (call_enlarge_answer(calls, other[downloads++], UPLOAD));
	assert_true(downloads > 5);
	begin_upload(fd, UPLOAD);
	UNTIL(pushed(fd, &left) && came_count);
	assert_int_equal(came[0].body_len, UPLOAD);
	while (downloads--)
		call_free(calls, other[downloads]);
	expect_answer(fd, &heard, "/upload");
	UNTIL(calls_have_room(calls, CALLS_LARGE_MAX));
	other[0] = call_new(calls, 0);
	assert_true(call_enlarge_answer(calls, other[0], CALLS_ANSWERS_MAX));
	call_free(calls, other[0]);
	buf_fini(&heard);
	close(fd);
}

static uint64_t overdue_in_s(void)
{
	uint64_t s = 0;

	while (!call_overdue(calls, os_now_ns(env) + s * NS_PER_S))
		s++;
	return s;
}

/* Whoever sends little has little time, whatever it has announced. */
static void that_trickles_in_has_little_time(void **state)
{
	int fd = connect_one(0);
	size_t left = UPLOAD;

	(void)state;
	begin_upload(fd, CALL_UPLOAD_MAX);
	UNTIL(asked_id);
	for (int i = 0; i < 20; i++) {
		say(fd, "x");
		stirs_when_still();
	}
	assert_true(overdue_in_s() <= 31);
	UNTIL(pushed(fd, &left));
	UNTIL(call_find(calls, asked_id)->body.len > UPLOAD);
	assert_true(overdue_in_s() > 60);
	close(fd);
}

/* What comes behind is no request, however it looks. */
static void that_was_not_waited_for_is_no_request(void **state)
{
	struct buf heard = BUF_INIT;
	int fd = connect_one(0);
	struct call *call;

	(void)state;
	say(fd, "POST /half HTTP/1.1\r\nHost: test\r\n"
		"Content-Length: 60\r\n\r\n12345");
	UNTIL((call = call_overdue(calls, UINT64_MAX)));
	stirs_when_still();
	call->answer.status = 504;
	http_answer(call);
	http_run(http);
	UNTIL(has_status(fd, &heard, "504"));
	assert_non_null(strstr(buf_str(&heard), "Connection: close"));
	ask(fd, "/behind");
	ask(fd, "/further");
	UNTIL(hear(fd, &heard, SIZE_MAX));
	assert_int_equal(came_count, 0);
	buf_fini(&heard);
	close(fd);
}

/* Either the next request is read, or it is said that it is not: never is it
 * taken for the body of one that said nothing of any. */
static void of_no_length_is_none(void **state)
{
	static const char *const methods[] = { "POST", "PUT", "PATCH",
					       "DELETE", "GET" };
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct buf heard = BUF_INIT;
		int fd = connect_one(0);
		bool closes;

		came_count = 0;
		snprintf(text, sizeof(text),
			 "%s /first HTTP/1.1\r\nHost: test\r\n\r\n", methods[i]);
		say(fd, text);
		ask(fd, "/second");
		UNTIL(has_status(fd, &heard, "200"));
		assert_int_equal(came[0].body_len, 0);
		closes = strstr(buf_str(&heard), "Connection: close");
		UNTIL(closes ? hear(fd, &heard, SIZE_MAX) : came_count == 2);
		assert_int_equal(came_count, closes ? 1 : 2);
		buf_fini(&heard);
		close(fd);
	}
}

/* Chunks that libwebsockets would keep to itself, and lengths that are none. */
static void that_cannot_be_told_is_refused(void **state)
{
	static const char *const heads[] = {
		"GET / HTTP/1.1\r\nTransfer-Encoding: chunked",
		"DELETE / HTTP/1.1\r\nTransfer-Encoding: chunked",
		"POST / HTTP/1.1\r\nTransfer-Encoding: x, chunked",
		("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
		 "Content-Length: 5"),
		"POST / HTTP/1.1\r\nContent-Length: +5",
		"POST / HTTP/1.1\r\nContent-Length: -5",
		"POST / HTTP/1.1\r\nContent-Length: 0x5",
		"POST / HTTP/1.1\r\nContent-Length: 5, 5",
		"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 9",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct buf heard = BUF_INIT;
		int fd = connect_one(0);

		say(fd, heads[i]);
		say(fd, "\r\nHost: test\r\n\r\n");
		UNTIL(has_status(fd, &heard, "400"));
		assert_non_null(strstr(buf_str(&heard), "Connection: close"));
		say(fd, "5\r\nhello\r\n");
		assert_true(stirs_when_still() < 10);
		assert_int_equal(came_count, 0);
		buf_fini(&heard);
		close(fd);
	}
}

/* The client that still writes when it is refused reads why. */
static void that_is_refused_is_read_for_a_while(void **state)
{
	struct buf heard = BUF_INIT;
	int fd = connect_one(0);
	size_t left = UPLOAD;
	struct call *call;

	(void)state;
	call = begin_asked(fd);
	call->answer.status = 401;
	http_answer(call);
	http_run(http);
	UNTIL(pushed(fd, &left));
	UNTIL(has_status(fd, &heard, "401"));
	UNTIL(hear(fd, &heard, SIZE_MAX));
	assert_int_equal(came_count, 0);
	buf_fini(&heard);
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(is_not_read_before_its_owner_asks_for_it),
		CASE(that_is_there_already_is_taken_too),
		CASE(costs_what_has_come_of_it),
		CASE(is_refused_when_all_of_them_are_too_large),
		CASE(that_is_small_needs_no_room),
		CASE(has_room_beside_all_downloads),
		CASE(that_trickles_in_has_little_time),
		CASE(that_was_not_waited_for_is_no_request),
		CASE(of_no_length_is_none),
		CASE(that_cannot_be_told_is_refused),
		CASE(that_is_refused_is_read_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
