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
#define TICK_NS 250000000ull
#define NS_PER_MS 1000000ull

struct backup_socket {
	struct actor_system *sys;
	struct actor *actor;
	struct os_loop *loop;
	struct store *store;
	uint64_t patience_ns;
	uint64_t until_ns;		/* the client is hung up on then */
	int fd, client;			/* -1: none */
	int spare;			/* for when descriptors are out */
	struct os_poll *listening, *poll;
	char word[WORD_MAX];		/* what the client has said so far */
	uint32_t word_len;
	/* What shards were asked for last, and their answers. */
	enum store_hold hold;
	bool due;			/* they are still to be asked for it */
	uint32_t asked, waiting;	/* asked: number of that, in tags */
	int err;
	uint64_t frame[STORE_SHARDS_MAX];
};

/* A callback of the loop is no handler: it tells ourselves to ask.  Without
 * memory the next tick does. */
static void want(struct backup_socket *b, enum store_hold hold)
{
	struct store_hold_msg *m = ACTOR_MSG_NEW(struct store_hold_msg,
						 STORE_HOLD);

	b->hold = hold;
	b->due = true;
	if (m)
		(void)actor_system_send(b->sys, actor_self(b->actor),
					&m->head);
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

	b->until_ns = actor_now_ns(b->actor) + b->patience_ns;
	b->word_len = 0;
	if (!strcmp(b->word, "still"))
		return;
	if (copied || !strcmp(b->word, "done"))
		want(b, copied ? STORE_HOLD_SPACE : STORE_HOLD_NONE);
	else
		hang_up(b);
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
	b->until_ns = actor_now_ns(b->actor) + b->patience_ns;
	want(b, STORE_HOLD_ALL);
}

static int start(struct actor *self, void *state, const void *arg)
{
	struct backup_socket *b = state;
	char path[STORE_PATH_MAX];
	int err;

	b->sys = actor_system_of(self);
	b->actor = self;
	b->loop = actor_loop(self);
	b->store = *(struct store *const *)arg;
	b->patience_ns = NS_PER_MS * (b->store->opts.backup_patience_ms ?
				      b->store->opts.backup_patience_ms :
				      BACKUP_PATIENCE_MS);
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
	if (!err && !actor_timer_start(self, TICK_NS, 0))
		err = -ENOMEM;
	/* The store does without. */
	if (err)
		log_warn("store", "no_backup_socket", "error=%d", -err);
	return err;
}

static bool make_all(struct store_hold_msg **m, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		m[i] = ACTOR_MSG_NEW(struct store_hold_msg, STORE_HOLD);
		if (m[i])
			continue;
		while (i)
			actor_msg_free(&m[--i]->head);
		return false;
	}
	return true;
}

/* All shards or, without memory, none of them yet. */
static void ask(struct backup_socket *b)
{
	struct store_hold_msg *m[STORE_SHARDS_MAX];
	uint32_t count = store_shards(b->store);

	if (!b->due || !make_all(m, count))
		return;
	b->due = false;
	b->err = 0;
	b->asked++;
	b->waiting = count;
	for (uint32_t i = 0; i < count; i++) {
		m[i]->hold = b->hold;
		m[i]->head.tag = (uint64_t)b->asked << 32 | i;
		actor_send(b->actor, store_route(b->sys, i), &m[i]->head);
	}
}

/* All shards have answered. */
static void tell(struct backup_socket *b)
{
	char line[BACKUP_LINE_MAX];
	int n;

	/* Something else is wanted already: that was for who has gone. */
	if (b->client < 0 || b->due)
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

static void on_tick(struct backup_socket *b, struct actor_msg *msg)
{
	if (b->client >= 0 && b->until_ns <= actor_now_ns(b->actor)) {
		log_warn("store", "backup_silent", "ms=%llu",
			 (unsigned long long)(b->patience_ns / NS_PER_MS));
		hang_up(b);
	}
	ask(b);
	actor_timer_again(b->actor, msg, TICK_NS);
}

static int handle(struct actor *self, void *state, struct actor_msg *msg)
{
	(void)self;
	if (msg->type == STORE_HOLD)
		ask(state);
	else if (msg->type == STORE_HELD)
		on_held(state, container_of(msg, struct store_held_msg, head));
	else if (msg->type == ACTOR_MSG_TIMER)
		on_tick(state, msg);
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
