// SPDX-License-Identifier: Apache-2.0
#include "guild/admin_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/unix_socket.h"
#include "guild/directory_impl.h"
#include "guild/live.h"
#include "os/loop.h"
#include "proto/directory.h"

#define CLIENTS_MAX 8
#define LIVE_ARGS_MAX 8	/* more than any such command takes */
#define NS_PER_MS 1000000ull
#define TICKS 4			/* in the time that a client has */

/* Each has a deadline of its own, from when it began. */
enum phase {
	READING,	/* the client says what it wants */
	AT_WORK,	/* nothing is expected of it but that it stays */
	WRITING,	/* it reads the answer */
};

struct client {
	struct admin_socket *socket;
	int fd;				/* -1: free */
	enum phase phase;
	struct os_poll *poll;
	uint64_t until_ns;		/* hung up on then */
	uint64_t turn;			/* how many had this place before */
	struct buf answer;
	uint32_t len;
	char text[DIR_ADMIN_TEXT_MAX];
};

struct admin_socket {
	struct actor_system *sys;
	struct actor *actor;
	struct os_loop *loop;
	uint64_t patience_ns;
	int fd, spare;			/* for when descriptors are out */
	struct os_poll *poll;
	struct client client[CLIENTS_MAX];
};

int admin_socket_open(const char *path, int *ret_fd)
{
	unlink(path);
	return unix_listen(path, 0600, CLIENTS_MAX, ret_fd);
}

static void client_close(struct client *c)
{
	os_poll_stop(c->poll);
	close(c->fd);
	buf_fini(&c->answer);
	*c = (struct client){ .socket = c->socket, .fd = -1,
			      .turn = c->turn + 1 };
}

static void enter(struct client *c, enum phase phase, unsigned int events)
{
	struct admin_socket *s = c->socket;

	c->phase = phase;
	c->until_ns = actor_now_ns(s->actor) + s->patience_ns;
	os_poll_change(c->poll, events);
}

/* Names a client, for an answer that may find another one in its place. */
static uint64_t tag_of(const struct client *c)
{
	return c->turn * CLIENTS_MAX + (uint64_t)(c - c->socket->client);
}

/* NULL: it has gone. */
static struct client *client_of(struct admin_socket *s, uint64_t tag)
{
	struct client *c = &s->client[tag % CLIENTS_MAX];

	return c->fd >= 0 && c->turn == tag / CLIENTS_MAX ? c : NULL;
}

static uint32_t count_args(const struct client *c)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->len; i++)
		n += !c->text[i];
	return n;
}

/* The whole request is here.  A callback of the loop is no handler: what is to
 * go to the directory goes to our own mailbox first. */
static void submit(struct client *c)
{
	struct admin_socket *s = c->socket;
	struct dir_admin_msg *m = ACTOR_MSG_NEW(struct dir_admin_msg,
						DIR_ADMIN);

	if (!m) {
		client_close(c);
		return;
	}
	m->argc = count_args(c);
	memcpy(m->text, c->text, c->len);
	m->head.tag = tag_of(c);
	enter(c, AT_WORK, POLLHUP);
	if (actor_system_send(s->sys, actor_self(s->actor), &m->head))
		client_close(c);
}

static void read_some(struct client *c)
{
	ssize_t n = read(c->fd, c->text + c->len, sizeof(c->text) - c->len);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0)
		c->len += (uint32_t)n;
	if (n < 0 || c->len == sizeof(c->text))
		client_close(c);
	else if (!n)
		submit(c);
}

/* Writes on; true when nothing is left, or nobody takes it. */
static bool write_some(struct client *c)
{
	ssize_t n = send(c->fd, c->answer.data, c->answer.len,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0)
		buf_consume(&c->answer, (size_t)n);
	return !c->answer.len || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static void on_client(void *ctx, unsigned int revents)
{
	struct client *c = ctx;

	(void)revents;
	if (c->phase == READING)
		read_some(c);
	else if (c->phase == AT_WORK || write_some(c))
		client_close(c);
}

static void accept_one(void *ctx, unsigned int revents)
{
	struct admin_socket *s = ctx;
	int fd;

	(void)revents;
	if (unix_accept(s->fd, &s->spare, &fd))
		return;
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &s->client[i];

		if (c->fd >= 0)
			continue;
		c->fd = fd;
		if (os_poll_start(s->loop, fd, POLLIN, on_client, c, &c->poll))
			client_close(c);
		else
			enter(c, READING, POLLIN);
		return;
	}
	close(fd);
}

static int start(struct actor *self, void *state, const void *arg)
{
	const struct admin_socket_arg *a = arg;
	struct admin_socket *s = state;

	s->sys = actor_system_of(self);
	s->actor = self;
	s->loop = actor_loop(self);
	s->patience_ns = a->patience_ms * NS_PER_MS;
	s->fd = a->fd;
	s->spare = unix_spare();
	for (int i = 0; i < CLIENTS_MAX; i++)
		s->client[i] = (struct client){ .socket = s, .fd = -1 };
	if (!actor_timer_start(self, s->patience_ns / TICKS, 0))
		return -ENOMEM;
	return os_poll_start(s->loop, s->fd, POLLIN, accept_one, s, &s->poll);
}

static void on_tick(struct admin_socket *s, struct actor_msg *msg)
{
	uint64_t now = actor_now_ns(s->actor);

	for (int i = 0; i < CLIENTS_MAX; i++)
		if (s->client[i].fd >= 0 && s->client[i].until_ns <= now)
			client_close(&s->client[i]);
	actor_timer_again(s->actor, msg, s->patience_ns / TICKS);
}

/* c->answer is complete. */
static void answer(struct client *c)
{
	if (c->answer.err || write_some(c))
		client_close(c);
	else
		enter(c, WRITING, POLLOUT);
}

static void answer_reply(struct admin_socket *s,
			 const struct dir_admin_reply_msg *m)
{
	struct client *c = client_of(s, m->head.tag);

	if (!c)
		return;
	buf_putc(&c->answer, m->error ? 1 : 0);
	buf_append(&c->answer, m->text, m->len);
	answer(c);
}

/* The arguments of a request, each ended by a NUL. */
static int split(const struct dir_admin_msg *m, const char *argv[LIVE_ARGS_MAX])
{
	const char *text = m->text;
	uint32_t i;

	for (i = 0; i < m->argc && i < LIVE_ARGS_MAX; i++) {
		argv[i] = text;
		text += strlen(text) + 1;
	}
	return (int)i;
}

static void look(struct admin_socket *s, struct client *c, int argc,
		 const char *const *argv)
{
	struct buf text = BUF_INIT;
	int err = live_run(s->sys, argc, argv, &text);

	buf_putc(&c->answer, err ? 1 : 0);
	if (!text.err)
		buf_append(&c->answer, text.data, text.len);
	buf_fini(&text);
	answer(c);
}

static void ask(struct actor *self, struct admin_socket *s,
		struct dir_admin_msg *m)
{
	struct client *c = client_of(s, m->head.tag);
	const char *argv[LIVE_ARGS_MAX];
	int argc = split(m, argv);

	if (!c)
		return;
	if (argc && live_is(argv[0])) {
		look(s, c, argc, argv);
		return;
	}
	actor_msg_take(self, &m->head);
	if (actor_send(self, actor_lookup(s->sys, DIRECTORY_NAME), &m->head))
		client_close(c);
}

static int handle(struct actor *self, void *state, struct actor_msg *msg)
{
	if (msg->type == DIR_ADMIN)
		ask(self, state, (struct dir_admin_msg *)msg);
	else if (msg->type == DIR_ADMIN_REPLY)
		answer_reply(state, (struct dir_admin_reply_msg *)msg);
	else if (msg->type == ACTOR_MSG_TIMER)
		on_tick(state, msg);
	return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
}

static void stop(struct actor *self, void *state, int reason)
{
	struct admin_socket *s = state;

	(void)self;
	(void)reason;
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (s->client[i].fd >= 0)
			client_close(&s->client[i]);
	os_poll_stop(s->poll);
	if (s->spare >= 0)
		close(s->spare);
	close(s->fd);
}

const struct actor_class admin_socket_class = {
	.name = "admin",
	.state_size = sizeof(struct admin_socket),
	.start = start,
	.handle = handle,
	.stop = stop,
};

static int send_args(int fd, int argc, const char *const *argv)
{
	for (int i = 0; i < argc; i++) {
		size_t len = strlen(argv[i]) + 1;

		if (send(fd, argv[i], len, MSG_NOSIGNAL) != (ssize_t)len)
			return -ECONNRESET;
	}
	return shutdown(fd, SHUT_WR) ? -ECONNRESET : 0;
}

/* All of it before any is shown: whoever looks at it slowly, page by page, is
 * waited for here, not there. */
static int hear(int fd, struct buf *answer)
{
	char chunk[4096];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		if (buf_append(answer, chunk, (size_t)n))
			return answer->err;
	if (n < 0)
		return -errno;
	return answer->len ? 0 : -ECONNRESET;
}

static int show(const struct buf *answer, int out_fd)
{
	for (size_t at = 1; at < answer->len; ) {
		ssize_t n = write(out_fd, answer->data + at, answer->len - at);

		if (n <= 0)
			return -EIO;
		at += (size_t)n;
	}
	return answer->data[0];
}

int admin_socket_call(const char *path, int argc, const char *const *argv,
		      int out_fd)
{
	struct buf answer = BUF_INIT;
	int fd, ret = unix_connect(path, 0, &fd);

	if (ret)
		return ret;
	ret = send_args(fd, argc, argv);
	if (!ret)
		ret = hear(fd, &answer);
	close(fd);
	if (!ret)
		ret = show(&answer, out_fd);
	buf_fini(&answer);
	return ret;
}
