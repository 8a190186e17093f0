// SPDX-License-Identifier: Apache-2.0
/* Requests that libwebsockets is told of, each when it is time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway_http.h"

#define MANY 400		/* more than the pump serves in one run */
#define BODY 3000		/* bytes: one read takes it with its head */
#define STIRS_MAX 4		/* that one request may need */
#define PIPELINED 40		/* requests in one piece */

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

/* Whoever asks again and then reads slowly does not keep the core at it. */
static void is_still_while_an_answer_is_not_read(void **state)
{
	struct buf heard = BUF_INIT;
	int fd = connect_one(4096);

	(void)state;
	answer_len = 8u << 20;
	ask(fd, "/1");
	UNTIL(came_count == 1);
	stirs_when_still();
	ask(fd, "/2");
	assert_true(stirs_when_still() <= 1);
	assert_int_equal(came_count, 1);
	for (int i = 0; i < 2; i++) {
		UNTIL(has_answer(fd, &heard, SIZE_MAX));
		free(take_answer(&heard, &(size_t){ 0 }));
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(answers_what_came_in_one_piece_in_its_order),
		CASE(asks_again_for_what_is_held_of_many_requests),
		CASE(is_still_while_another_holds_a_request),
		CASE(is_stirred_once_until_it_runs),
		CASE(takes_a_body_that_came_with_its_head),
		CASE(stirs_no_more_than_a_request_needs),
		CASE(is_still_while_an_answer_is_not_read),
		CASE(reads_nothing_while_a_call_is_at_work),
		CASE(forgets_none_of_many),
		CASE(leaves_some_of_many_for_its_next_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
