// SPDX-License-Identifier: Apache-2.0
/* How a connection ends, whatever is in flight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway_conn.h"

static void close_away(void)
{
	conn_close(conn, FRAME_CLOSE_AWAY);
	conn = NULL;
}

static void close_follows_what_is_in_flight(void **state)
{
	uint8_t code[2] = { FRAME_CLOSE_AWAY >> 8, FRAME_CLOSE_AWAY & 0xff };

	(void)state;
	events = 30;
	on_core(send_on);
	on_core(close_away);
	for (uint32_t i = 0; i < 30; i++)
		hear_event(i);
	hear_close(FRAME_CLOSE_AWAY);
	/* It waits for ours. */
	on_core(do_nothing);
	on_core(do_nothing);
	assert_int_equal(open_fds(), fds_before + 2);
	say(FRAME_CLOSE, (char *)code, 2);
	hear_end();
	UNTIL(open_fds() == fds_before + 1);
}

static void close_answered(void)
{
	conn_close(conn, (uint16_t)ended);
	conn = NULL;
}

static void a_peers_close_is_answered_behind_what_is_in_flight(void **state)
{
	uint8_t code[2] = { 3000 >> 8, 3000 & 0xff };

	(void)state;
	events = 30;
	on_core(send_on);
	say(FRAME_CLOSE, (char *)code, 2);
	UNTIL(ended);
	assert_int_equal(ended, 3000);
	on_core(close_answered);
	for (uint32_t i = 0; i < 30; i++)
		hear_event(i);
	hear_close(3000);
	hear_end();
	UNTIL(open_fds() == fds_before + 1);
}

static void a_reset_in_mid_send_is_told_and_ends_it(void **state)
{
	const struct linger reset = { .l_onoff = 1 };

	(void)state;
	events = EVENTS;
	on_core(send_on);
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(peer);
	peer = dup(0);
	UNTIL(ended);
	assert_int_equal(ended, FRAME_CLOSE_LOST);
	on_core(close_answered);
	UNTIL(open_fds() == fds_before + 1);
}

static void close_lost(void)
{
	conn_close(conn, FRAME_CLOSE_LOST);
	conn = NULL;
}

static void a_cut_ends_a_send_that_nobody_reads(void **state)
{
	(void)state;
	events = EVENTS;
	on_core(send_on);
	on_core(close_lost);
	UNTIL(open_fds() == fds_before + 1);
}

static void tick_before(void)
{
	conns_tick(conns, actor_now_ns(self));
}

static void tick_after(void)
{
	conns_tick(conns, actor_now_ns(self) + CONN_CLOSE_NS);
}

static void who_never_answers_a_close_is_cut_in_time(void **state)
{
	(void)state;
	events = EVENTS;
	on_core(send_on);
	on_core(close_away);
	on_core(tick_before);
	assert_int_equal(open_fds(), fds_before + 2);
	on_core(tick_after);
	UNTIL(open_fds() == fds_before + 1);
}

static void close_and_free(void)
{
	close_away();
	conns_free(conns);
	assert_int_equal(conns_new(sys, actor_loop(self), &conns), 0);
}

/* A shutdown waits a moment for those who still have something to say. */
static void last_words_are_waited_for(void **state)
{
	(void)state;
	on_core(close_and_free);
	hear_close(FRAME_CLOSE_AWAY);
	hear_end();
	assert_int_equal(open_fds(), fds_before + 1);
}

static void told_then_closed(void)
{
	wait_and_be_told();
	close_away();
}

static void a_close_is_heard_though_nobody_has_read_what_came_before(
	void **state)
{
	static const uint8_t frame[] = { 0x81, 0x81, 0, 0, 0, 0, 'x' };
	static const uint8_t close_frame[] = { 0x88, 0x80, 0, 0, 0, 0 };

	(void)state;
	on_core_behind(told_then_closed, frame, sizeof(frame));
	hear_close(FRAME_CLOSE_AWAY);
	assert_int_equal(send(peer, close_frame, sizeof(close_frame), 0),
			 sizeof(close_frame));
	hear_end();
	UNTIL(open_fds() == fds_before + 1);
}

static void a_peer_that_goes_quietly_is_missed(void **state)
{
	(void)state;
	shutdown(peer, SHUT_WR);
	UNTIL(ended);
	assert_int_equal(ended, FRAME_CLOSE_LOST);
	on_core(close_answered);
	UNTIL(open_fds() == fds_before + 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(close_follows_what_is_in_flight),
		CASE(a_peers_close_is_answered_behind_what_is_in_flight),
		CASE(a_reset_in_mid_send_is_told_and_ends_it),
		CASE(a_cut_ends_a_send_that_nobody_reads),
		CASE(who_never_answers_a_close_is_cut_in_time),
		CASE(last_words_are_waited_for),
		CASE(a_close_is_heard_though_nobody_has_read_what_came_before),
		CASE(a_peer_that_goes_quietly_is_missed),
	};

	if (session_types_register())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
