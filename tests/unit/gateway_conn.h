/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection on a core of its own, its owner a small actor, its peer this
 * thread on the other end of a TCP connection over loopback, whose buffers are
 * small: sends end in the middle of frames.
 *
 * conns_tick(), which ends closings after a while, runs where a case says so:
 * who is forgotten stays forgotten.
 */
#ifndef TESTS_GATEWAY_CONN_H
#define TESTS_GATEWAY_CONN_H

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "actor/system.h"
#include "base/blob.h"
#include "gateway/conn.h"
#include "gateway/session.h"
#include "os/env.h"
#include "os/loop.h"

#define SMALL_BUFFER 4096
#define PATIENCE_S 20
#define EVENTS 3000
#define TAIL_MAX 3000		/* some are copied, some are not */

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
static uint64_t tag;		/* of the attachment */
static char heard[256];		/* texts, one after another */
static sem_t done;

/* --- the owner ------------------------------------------------------------ */

static inline uint32_t tail_len(uint32_t event)
{
	return event * 7919u % TAIL_MAX;
}

static inline uint8_t pattern(uint32_t event, uint32_t i)
{
	return (uint8_t)('a' + (event + i * 7) % 26);
}

static inline void put_event(uint32_t event)
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
static inline void send_on(void)
{
	while (next < events && conn_has_room(conn))
		put_event(next++);
	conn_flush(conn);
}

static inline int on_message(void *ctx, enum frame_opcode opcode,
			     const uint8_t *data, size_t len)
{
	size_t used = strlen(heard);

	(void)ctx;
	(void)opcode;
	if (used + len < sizeof(heard))
		memcpy(heard + used, data, len);
	return 0;
}

static inline int handle(struct actor *me, void *state, struct actor_msg *msg)
{
	(void)state;
	self = me;
	if (msg->type == RUN) {
		((struct run_msg *)msg)->fn();
		sem_post(&done);
	} else if (msg->type == CONN_STIRRED && conn && !ended &&
		   msg->tag == tag) {
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
static inline void on_core(void (*fn)(void))
{
	struct run_msg *m = ACTOR_MSG_NEW(struct run_msg, RUN);

	m->fn = fn;
	assert_int_equal(actor_system_send(sys, owner, &m->head), 0);
	while (sem_wait(&done))
		;
}

/* --- its peer ------------------------------------------------------------- */

static inline int open_fds(void)
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

static inline void connect_both(void)
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

/* A ring that ends may wake the thread that made it, with EINTR. */
static inline ssize_t hear_some(void *to, size_t len)
{
	ssize_t n;

	do
		n = recv(peer, to, len, 0);
	while (n < 0 && errno == EINTR);
	return n;
}

static inline void hear_exactly(void *to, size_t len)
{
	ssize_t n = 1;

	for (size_t at = 0; n > 0 && len; at += (size_t)n, len -= (size_t)n)
		n = hear_some((char *)to + at, len);
	assert_int_equal(len, 0);
}

/* The next frame, which must be of this kind; its payload's length. */
static inline size_t hear_head(enum frame_opcode opcode)
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

static inline void hear_event(uint32_t event)
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

static inline void hear_end(void)
{
	char c;
	ssize_t n = hear_some(&c, 1);

	assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
}

static inline void hear_close(uint16_t code)
{
	uint8_t data[2];

	assert_int_equal(hear_head(FRAME_CLOSE), 2);
	hear_exactly(data, 2);
	assert_int_equal(data[0] << 8 | data[1], code);
}

/* A short frame, with a mask of zeroes. */
static inline void say(enum frame_opcode opcode, const char *text, size_t len)
{
	uint8_t frame[6 + 125] = { 0x80 | opcode, (uint8_t)(0x80 | len) };

	memcpy(frame + 6, text, len);
	assert_int_equal(send(peer, frame, len + 6, MSG_NOSIGNAL), len + 6);
}

/* --- setup ---------------------------------------------------------------- */

static inline void attach(void)
{
	conn = conn_new(theirs, NULL);
	assert_non_null(conn);
	assert_int_equal(conn_attach(conn, conns, actor_self(self), ++tag), 0);
}

static inline void open_conn(void)
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

static inline void free_conns(void)
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

/* Once the core has done what it was told before. */
static inline void do_nothing(void)
{
}

static sem_t gate;

/* What has come in the meantime is told, and not read yet. */
static inline void wait_and_be_told(void)
{
	while (sem_wait(&gate))
		;
	os_loop_run(actor_loop(self), actor_now_ns(self) + 1000000000);
}

/* Says all of it before the core goes on with fn. */
static inline void on_core_behind(void (*fn)(void), const void *data,
				  size_t len)
{
	struct run_msg *m = ACTOR_MSG_NEW(struct run_msg, RUN);

	sem_init(&gate, 0, 0);
	m->fn = fn;
	assert_int_equal(actor_system_send(sys, owner, &m->head), 0);
	assert_int_equal(send(peer, data, len, MSG_NOSIGNAL), (ssize_t)len);
	sem_post(&gate);
	while (sem_wait(&done))
		;
	sem_destroy(&gate);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
