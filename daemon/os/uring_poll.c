// SPDX-License-Identifier: Apache-2.0
/*
 * Readiness of descriptors: a one-shot poll, armed anew after each callback,
 * which makes it level-triggered.
 *
 * IDLE -> ARMED (in the kernel) -> IDLE, by the completion.  A stop or change
 * while ARMED asks the kernel to end the poll and acts when it has.
 */
#include "os/uring.h"

#include <errno.h>
#include <poll.h>

#include "base/check.h"
#include "base/mem.h"

struct uring_poll {
	struct os_poll poll;
	struct list link;	/* in to_arm */
	void (*fn)(void *ctx, unsigned int revents);
	void *ctx;
	int fd;
	unsigned int events;
	bool armed;		/* a completion is owed to us */
	bool remove;		/* ask the kernel to end it */
	bool stopped;		/* free it when nothing is owed */
	bool running;		/* within fn */
};

static struct uring_loop *loop_of(struct uring_poll *poll)
{
	return container_of(poll->poll.loop, struct uring_loop, loop);
}

static void queue(struct uring_poll *poll)
{
	if (list_empty(&poll->link))
		list_push(&loop_of(poll)->to_arm, &poll->link);
}

static void release(struct uring_poll *poll)
{
	list_del(&poll->link);
	mem_free(poll);
}

int uring_poll_start(struct os_loop *loop, int fd, unsigned int events,
		     void (*fn)(void *ctx, unsigned int revents), void *ctx,
		     struct os_poll **ret_poll)
{
	struct uring_poll *poll = mem_alloc(sizeof(*poll));

	if (!poll)
		return -ENOMEM;
	*poll = (struct uring_poll){
		.poll.loop = loop, .fd = fd, .events = events,
		.fn = fn, .ctx = ctx,
	};
	list_init(&poll->link);
	queue(poll);
	*ret_poll = &poll->poll;
	return 0;
}

static bool submit(struct uring_loop *loop, struct uring_poll *poll)
{
	struct io_uring_sqe *sqe = uring_sqe(loop);

	if (!sqe)
		return false;
	if (poll->armed) {
		io_uring_prep_poll_remove(sqe, (uintptr_t)poll | URING_POLL);
		io_uring_sqe_set_data64(sqe, URING_IGNORED);
		poll->remove = false;
		return true;
	}
	io_uring_prep_poll_add(sqe, poll->fd, poll->events);
	uring_set_sock(sqe, poll->fd);
	uring_tag(sqe, URING_POLL, poll);
	poll->armed = true;
	loop->in_flight++;
	return true;
}

void uring_poll_arm_all(struct uring_loop *loop)
{
	while (!list_empty(&loop->to_arm)) {
		struct uring_poll *poll = list_entry(loop->to_arm.next,
						     struct uring_poll, link);
		bool wanted = poll->armed ? poll->remove : poll->events;

		if (wanted && !submit(loop, poll))
			return;
		list_del(&poll->link);
	}
}

void uring_poll_change(struct os_poll *base, unsigned int events)
{
	struct uring_poll *poll = container_of(base, struct uring_poll, poll);

	if (poll->events == events)
		return;
	poll->events = events;
	poll->remove = poll->armed;
	queue(poll);
}

/*
 * The removal goes to the kernel at once where it can: the caller may close
 * the descriptor next, and its number may come back as another file.
 */
void uring_poll_stop(struct os_poll *base)
{
	struct uring_poll *poll = container_of(base, struct uring_poll, poll);
	struct uring_loop *loop = loop_of(poll);

	check(!poll->stopped);
	poll->stopped = true;
	if (!poll->armed) {
		if (!poll->running)
			release(poll);
		return;
	}
	poll->remove = true;
	if (!submit(loop, poll))
		queue(poll);
}

void uring_poll_done(struct uring_loop *loop, void *ptr, int result)
{
	struct uring_poll *poll = ptr;

	loop->in_flight--;
	poll->armed = false;
	poll->remove = false;
	if (!poll->stopped && result != -ECANCELED) {
		unsigned int seen = result < 0 ? POLLERR : (unsigned int)result;

		poll->running = true;
		if (seen & (poll->events | POLLERR | POLLHUP)) {
			loop->callbacks++;
			poll->fn(poll->ctx, seen);
		}
		poll->running = false;
	}
	if (poll->stopped)
		release(poll);
	else
		queue(poll);
}

void uring_poll_cancelled(struct uring_loop *loop, void *ptr)
{
	struct uring_poll *poll = ptr;

	loop->in_flight--;
	poll->armed = false;
	if (poll->stopped)
		release(poll);
}
