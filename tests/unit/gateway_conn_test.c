// SPDX-License-Identifier: Apache-2.0
/*
 * A connection on a core of its own, its owner a small actor, its peer this
 * thread on the other end of a TCP connection over loopback, whose buffers are
 * small: sends end in the middle of frames.
 *
 * conns_tick(), which ends closings after a while, runs where a case says so:
 * who is forgotten stays forgotten.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "actor/system.h"
#include "base/blob.h"
#include "gateway/conn.h"
#include "gateway/session.h"
#include "os/env.h"

#define SMALL_BUFFER 4096
#define PATIENCE_S 20
#define EVENTS 3000
#define TAIL_MAX 3000		/* some are copied, some are sent from where they are */
#define TAG 77

enum { RUN = ACTOR_MSG_USER };

struct run_msg {
	struct actor_msg head;
	void (*fn)(void);
};

static struct os_env *env;
static struct actor_system *sys;
static actor_ref owner;
static int peer, fds_before;

/* The owner's, on its core; the others' between two calls of on_core(). */
static struct actor *self;
static struct conns *conns;
static struct conn *conn;
static int theirs;
static uint32_t next, events;	/* of those it is to send */
static int ended;		/* what conn_read() ended with; 0: has not */
static uint32_t stirs;
static char heard[256];		/* texts, one after another */
static sem_t done;

/* --- the owner ------------------------------------------------------------ */

static uint32_t tail_len(uint32_t event)
{
	return event * 7919u % TAIL_MAX;
}

static uint8_t pattern(uint32_t event, uint32_t i)
{
	return (uint8_t)('a' + (event + i * 7) % 26);
}

static void put_event(uint32_t event)
{
	struct blob *tail = blob_new(NULL, tail_len(event));
	char head[16];
	int len = snprintf(head, sizeof(head), "%07u:", event);

	assert_non_null(tail);
	for (uint32_t i = 0; i < tail->len; i++)
		tail->data[i] = pattern(event, i);
	assert_int_equal(conn_put(conn, head, (size_t)len, tail), 0);
	blob_put(tail);
}

/* As a session does it. */
static void send_on(void)
{
	while (next < events && conn_has_room(conn))
		put_event(next++);
	conn_flush(conn);
}

static int on_message(void *ctx, enum frame_opcode opcode, const uint8_t *data,
		      size_t len)
{
	size_t used = strlen(heard);

	(void)ctx;
	(void)opcode;
	if (used + len < sizeof(heard))
		memcpy(heard + used, data, len);
	return 0;
}

static int handle(struct actor *me, void *state, struct actor_msg *msg)
{
	(void)state;
	self = me;
	if (msg->type == RUN) {
		((struct run_msg *)msg)->fn();
		sem_post(&done);
	} else if (msg->type == CONN_STIRRED && conn && !ended) {
		assert_int_equal(msg->tag, TAG);
		stirs++;
		ended = conn_read(conn, on_message, NULL);
		if (!ended)
			send_on();
	}
	return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
}

static const struct actor_class owner_class = {
	.name = "owner", .handle = handle,
};

/* Runs fn in the owner's handler, to its end. */
static void on_core(void (*fn)(void))
{
	struct run_msg *m = ACTOR_MSG_NEW(struct run_msg, RUN);

	m->fn = fn;
	assert_int_equal(actor_system_send(sys, owner, &m->head), 0);
	while (sem_wait(&done))
		;
}

/* --- its peer ------------------------------------------------------------- */

static int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

#define UNTIL(condition) do {						\
	time_t end_ = time(NULL) + PATIENCE_S;				\
	while (!(condition) && time(NULL) < end_)			\
		usleep(500);						\
	assert_true(condition);						\
} while (0)

static void connect_both(void)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	const int small = SMALL_BUFFER;
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len),
			 0);
	assert_int_equal(connect(peer, (struct sockaddr *)&at, sizeof(at)), 0);
	theirs = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(theirs >= 0);
	setsockopt(theirs, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	close(listener);
}

static void hear_exactly(void *to, size_t len)
{
	assert_int_equal(recv(peer, to, len, MSG_WAITALL), (ssize_t)len);
}

/* The next frame, which must be of this kind; its payload's length. */
static size_t hear_head(enum frame_opcode opcode)
{
	uint8_t head[8];
	size_t len;

	hear_exactly(head, 2);
	assert_int_equal(head[0], 0x80 | opcode);
	len = head[1];
	if (len == 126) {
		hear_exactly(head, 2);
		len = (size_t)head[0] << 8 | head[1];
	} else if (len == 127) {
		hear_exactly(head, 8);
		len = 0;
		for (int i = 0; i < 8; i++)
			len = len << 8 | head[i];
	}
	return len;
}

static void hear_event(uint32_t event)
{
	char want[TAIL_MAX + 16], got[TAIL_MAX + 16];
	size_t len = hear_head(FRAME_TEXT);

	snprintf(want, sizeof(want), "%07u:", event);
	for (uint32_t i = 0; i < tail_len(event); i++)
		want[8 + i] = (char)pattern(event, i);
	assert_int_equal(len, 8 + tail_len(event));
	hear_exactly(got, len);
	assert_memory_equal(got, want, len);
}

static void hear_end(void)
{
	char c;
	ssize_t n = recv(peer, &c, 1, 0);

	assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
}

static void hear_close(uint16_t code)
{
	uint8_t data[2];

	assert_int_equal(hear_head(FRAME_CLOSE), 2);
	hear_exactly(data, 2);
	assert_int_equal(data[0] << 8 | data[1], code);
}

/* A short frame, with a mask of zeroes. */
static void say(enum frame_opcode opcode, const char *text, size_t len)
{
	uint8_t frame[6 + 125] = { 0x80 | opcode, (uint8_t)(0x80 | len) };

	memcpy(frame + 6, text, len);
	assert_int_equal(send(peer, frame, len + 6, MSG_NOSIGNAL), len + 6);
}

/* --- setup ---------------------------------------------------------------- */

static void attach(void)
{
	conn = conn_new(theirs, NULL);
	assert_non_null(conn);
	assert_int_equal(conn_attach(conn, conns, actor_self(self), TAG), 0);
}

static void open_conn(void)
{
	assert_int_equal(conns_new(sys, actor_loop(self), &conns), 0);
	attach();
}

static int setup(void **state)
{
	struct actor_system_opts opts = { .cores = 1 };

	(void)state;
	next = events = stirs = 0;
	ended = 0;
	memset(heard, 0, sizeof(heard));
	sem_init(&done, 0, 0);
	assert_int_equal(os_env_new(&env), 0);
	opts.env = env;
	assert_int_equal(actor_system_new(&opts, &sys), 0);
	assert_int_equal(actor_system_start(sys), 0);
	assert_int_equal(actor_system_spawn(sys, &owner_class, NULL,
			&(struct actor_spawn_opts){ .core = 0 }, &owner), 0);
	fds_before = open_fds();
	connect_both();
	on_core(open_conn);
	return 0;
}

static void free_conns(void)
{
	if (conn)
		conn_close(conn, FRAME_CLOSE_LOST);
	conns_free(conns);
	conn = NULL;
}

static int teardown(void **state)
{
	(void)state;
	on_core(free_conns);
	close(peer);
	assert_int_equal(open_fds(), fds_before);
	assert_int_equal(actor_system_shutdown(sys, 20000), 0);
	actor_system_free(sys);
	os_env_free(env);
	sem_destroy(&done);
	return 0;
}

/* --- cases ---------------------------------------------------------------- */

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

static void detach(void)
{
	conn_detach(conn);
}

static void attach_again(void)
{
	assert_int_equal(conn_attach(conn, conns, actor_self(self), TAG), 0);
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

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(a_slow_reader_gets_all_in_order),
		CASE(who_does_not_read_stalls_a_batch_and_no_more),
		CASE(a_ping_is_answered_behind_what_is_in_flight),
		CASE(close_follows_what_is_in_flight),
		CASE(a_peers_close_is_answered_behind_what_is_in_flight),
		CASE(a_reset_in_mid_send_is_told_and_ends_it),
		CASE(a_cut_ends_a_send_that_nobody_reads),
		CASE(who_never_answers_a_close_is_cut_in_time),
		CASE(last_words_are_waited_for),
		CASE(what_comes_while_nobody_owns_it_is_heard_later),
		CASE(nothing_is_sent_before_it_is_flushed),
	};

	if (session_types_register())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
