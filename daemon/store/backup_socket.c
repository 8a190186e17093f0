// SPDX-License-Identifier: Apache-2.0
#include "store/backup_socket.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actor/system.h"
#include "base/log.h"
#include "base/unix_socket.h"
#include "os/loop.h"
#include "proto/store.h"
#include "store/shard.h"

#define WORD_MAX 16

struct backup_socket {
	struct actor_system *sys;
	actor_ref self;
	struct os_loop *loop;
	struct store *store;
	int fd, client;			/* -1: none */
	int spare;			/* for when descriptors are out */
	struct os_poll *listening, *poll;
	char word[WORD_MAX];		/* what the client has said so far */
	uint32_t word_len;
	/* What shards were asked for last, and their answers. */
	enum store_hold hold;
	uint32_t asked, waiting;	/* asked: number of that, in tags */
	int err;
	uint64_t frame[STORE_SHARDS_MAX];
};

/* A callback of the loop is no handler: it tells ourselves what to ask for. */
static void want(struct backup_socket *b, enum store_hold hold)
{
	struct store_hold_msg *m = ACTOR_MSG_NEW(struct store_hold_msg,
						 STORE_HOLD);

	if (!m)
		return;
	m->hold = hold;
	/* Without memory the client waits in vain, and goes. */
	(void)actor_system_send(b->sys, b->self, &m->head);
}

static void hang_up(struct backup_socket *b)
{
	if (b->client < 0)
		return;
	os_poll_stop(b->poll);
	b->poll = NULL;
	close(b->client);
	b->client = -1;
	want(b, STORE_HOLD_NONE);
}

static void obey(struct backup_socket *b)
{
	bool copied = !strcmp(b->word, "copied");

	if (copied || !strcmp(b->word, "done"))
		want(b, copied ? STORE_HOLD_SPACE : STORE_HOLD_NONE);
	else
		hang_up(b);
	b->word_len = 0;
}

static void readable(void *ctx, unsigned int revents)
{
	struct backup_socket *b = ctx;
	char c;
	ssize_t n = read(b->client, &c, 1);

	(void)revents;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n != 1 || b->word_len == WORD_MAX - 1) {
		hang_up(b);
		return;
	}
	b->word[b->word_len++] = c;
	if (c == '\n') {
		b->word[b->word_len - 1] = 0;
		obey(b);
	}
}

static void accept_one(void *ctx, unsigned int revents)
{
	struct backup_socket *b = ctx;
	int fd;

	(void)revents;
	if (unix_accept(b->fd, &b->spare, &fd))
		return;
	if (b->client >= 0 ||
	    os_poll_start(b->loop, fd, POLLIN, readable, b, &b->poll)) {
		close(fd);
		return;
	}
	b->client = fd;
	b->word_len = 0;
	want(b, STORE_HOLD_ALL);
}

static int start(struct actor *self, void *state, const void *arg)
{
	struct backup_socket *b = state;
	char path[STORE_PATH_MAX];
	int err;

	b->sys = actor_system_of(self);
	b->self = actor_self(self);
	b->loop = actor_loop(self);
	b->store = *(struct store *const *)arg;
	b->client = -1;
	if (snprintf(path, sizeof(path), "%s/" BACKUP_SOCKET_NAME,
		     b->store->opts.dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	b->spare = unix_spare();
	unlink(path);
	err = unix_listen(path, 0600, 1, &b->fd);
	if (!err)
		err = os_poll_start(b->loop, b->fd, POLLIN, accept_one, b,
				    &b->listening);
	/* The store does without. */
	if (err)
		log_warn("store", "no_backup_socket", "error=%d", -err);
	return err;
}

static void ask(struct actor *self, struct backup_socket *b,
		enum store_hold hold)
{
	b->hold = hold;
	b->err = 0;
	b->asked++;
	b->waiting = store_shards(b->store);
	for (uint32_t i = 0; i < store_shards(b->store); i++) {
		struct store_hold_msg *m = ACTOR_MSG_NEW(struct store_hold_msg,
							 STORE_HOLD);

		if (!m)
			return;
		m->hold = hold;
		m->head.tag = (uint64_t)b->asked << 32 | i;
		actor_send(self, store_route(b->sys, i), &m->head);
	}
}

/* All shards have answered. */
static void tell(struct backup_socket *b)
{
	char line[BACKUP_LINE_MAX];
	int n;

	if (b->client < 0)
		return;
	if (b->err)
		n = snprintf(line, sizeof(line), "stale");
	else if (b->hold != STORE_HOLD_ALL)
		n = snprintf(line, sizeof(line), "ok");
	else
		n = snprintf(line, sizeof(line), "held");
	for (uint32_t i = 0; !b->err && b->hold == STORE_HOLD_ALL &&
	     i < store_shards(b->store); i++)
		n += snprintf(line + n, sizeof(line) - (size_t)n, " %" PRIu64,
			      b->frame[i]);
	line[n++] = '\n';
	/* Less than what a socket takes at once. */
	if (send(b->client, line, (size_t)n, MSG_NOSIGNAL) != n)
		hang_up(b);
}

static void on_held(struct backup_socket *b, const struct store_held_msg *m)
{
	uint32_t shard = (uint32_t)m->head.tag;

	if (m->head.tag >> 32 != b->asked || shard >= STORE_SHARDS_MAX)
		return;
	b->frame[shard] = m->frame;
	if (m->status && !b->err)
		b->err = m->status;
	if (--b->waiting == 0)
		tell(b);
}

static int handle(struct actor *self, void *state, struct actor_msg *msg)
{
	if (msg->type == STORE_HOLD)
		ask(self, state, container_of(msg, struct store_hold_msg,
					      head)->hold);
	else if (msg->type == STORE_HELD)
		on_held(state, container_of(msg, struct store_held_msg, head));
	return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
}

static void stop(struct actor *self, void *state, int reason)
{
	struct backup_socket *b = state;

	(void)self;
	(void)reason;
	if (b->poll)
		os_poll_stop(b->poll);
	if (b->client >= 0)
		close(b->client);
	if (b->spare >= 0)
		close(b->spare);
	os_poll_stop(b->listening);
	close(b->fd);
}

const struct actor_class backup_socket_class = {
	.name = "store.backup",
	.state_size = sizeof(struct backup_socket),
	.start = start,
	.handle = handle,
	.stop = stop,
};
