// SPDX-License-Identifier: Apache-2.0
/* What a connection sends and reads while it is open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway_conn.h"

#define READ_BYTES (16u << 10)	/* that a connection reads at once */
#define WORD 122		/* bytes of a message */

/* In the end nobody but the peer's reading keeps it going. */
static void a_slow_reader_gets_all_in_order(void **state)
{
	(void)state;
	events = EVENTS;
	on_core(send_on);
	for (uint32_t i = 0; i < EVENTS; i++)
		hear_event(i);
	/* The owner was not stirred for nothing. */
	assert_in_range(stirs, 1, EVENTS);
}

static uint64_t stalled_ns, now_then_ns;

static void look_stalled(void)
{
	stalled_ns = conn_stalled_since_ns(conn);
	now_then_ns = actor_now_ns(self);
}

/* More than fits waits for room, which is there when the peer has read. */
static void who_does_not_read_stalls_a_batch_and_no_more(void **state)
{
	uint32_t put;

	(void)state;
	on_core(look_stalled);
	assert_int_equal(stalled_ns, 0);
	events = EVENTS;
	on_core(send_on);
	on_core(look_stalled);
	put = next;
	assert_true(stalled_ns && stalled_ns <= now_then_ns);
	assert_in_range(put, 1, EVENTS - 1);
	on_core(send_on);
	on_core(send_on);
	assert_int_equal(next, put);
	for (uint32_t i = 0; i < put; i++)
		hear_event(i);
	for (uint32_t i = put; i < EVENTS; i++)
		hear_event(i);
	do
		on_core(look_stalled);
	while (stalled_ns && now_then_ns - stalled_ns <
			     PATIENCE_S * 1000000000ull);
	assert_int_equal(stalled_ns, 0);
}

static void a_ping_is_answered_behind_what_is_in_flight(void **state)
{
	char text[5];

	(void)state;
	say(FRAME_PING, "idle", 4);
	assert_int_equal(hear_head(FRAME_PONG), 4);
	hear_exactly(text, 4);
	assert_memory_equal(text, "idle", 4);

	events = 30;
	on_core(send_on);
	assert_int_equal(next, events);
	say(FRAME_PING, "first", 5);
	say(FRAME_PING, "last", 4);
	say(FRAME_TEXT, "x", 1);
	UNTIL(heard[0]);
	for (uint32_t i = 0; i < 30; i++)
		hear_event(i);
	assert_int_equal(hear_head(FRAME_PONG), 4);
	hear_exactly(text, 4);
	assert_memory_equal(text, "last", 4);
}

static void detach(void)
{
	conn_detach(conn);
}

static void attach_again(void)
{
	assert_int_equal(conn_attach(conn, conns, actor_self(self), ++tag), 0);
}

static void what_comes_while_nobody_owns_it_is_heard_later(void **state)
{
	(void)state;
	on_core(detach);
	say(FRAME_TEXT, "one", 3);
	say(FRAME_TEXT, "two", 3);
	on_core(attach_again);
	UNTIL(strlen(heard) == 6);
	assert_string_equal(heard, "onetwo");
	events = 3;
	on_core(send_on);
	for (uint32_t i = 0; i < 3; i++)
		hear_event(i);
}

static void told_then_given_away(void)
{
	wait_and_be_told();
	detach();
	attach_again();
}

static void just_wait(void)
{
	while (sem_wait(&gate))
		;
}

static void its_next_owner_is_told_what_the_last_one_was(void **state)
{
	static const uint8_t frame[] = { 0x81, 0x81, 0, 0, 0, 0, 'x' };

	(void)state;
	on_core_behind(told_then_given_away, frame, sizeof(frame));
	UNTIL(heard[0] == 'x');
}

/* Then the next read finds nothing. */
static void what_fills_a_read_exactly_is_no_end(void **state)
{
	static uint8_t frames[READ_BYTES];

	(void)state;
	for (uint32_t at = 0; at < READ_BYTES; at += WORD + 6) {
		frames[at] = 0x81;
		frames[at + 1] = 0x80 | WORD;
		frames[at + 6] = 'x';
	}
	on_core_behind(just_wait, frames, sizeof(frames));
	say(FRAME_PING, "still", 5);
	assert_int_equal(hear_head(FRAME_PONG), 5);
	assert_int_equal(ended, 0);
}

static void put_many(void)
{
	for (uint32_t i = 0; i < 8; i++)
		put_event(i);
}

/* What is put goes out with one flush, and not before. */
static void nothing_is_sent_before_it_is_flushed(void **state)
{
	struct pollfd poll_fd = { .events = POLLIN };

	(void)state;
	on_core(put_many);
	poll_fd.fd = peer;
	assert_int_equal(poll(&poll_fd, 1, 20), 0);
	on_core(send_on);
	for (uint32_t i = 0; i < 8; i++)
		hear_event(i);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(a_slow_reader_gets_all_in_order),
		CASE(who_does_not_read_stalls_a_batch_and_no_more),
		CASE(a_ping_is_answered_behind_what_is_in_flight),
		CASE(what_comes_while_nobody_owns_it_is_heard_later),
		CASE(its_next_owner_is_told_what_the_last_one_was),
		CASE(what_fills_a_read_exactly_is_no_end),
		CASE(nothing_is_sent_before_it_is_flushed),
	};

	if (session_types_register())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
