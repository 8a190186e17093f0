// SPDX-License-Identifier: Apache-2.0
/*
 * Debian's libwebsockets has no hooks for a foreign poll loop, but it serves
 * any of its descriptors when told what is ready (lws_service_fd), and in its
 * own loop, which is never run, a change of what it waits for is a store to a
 * table.  What it waits for follows from what it does:
 *  - to read, but while a call is in flight on the socket, or an answer: what
 *    comes then it leaves where it is, which would be ready for ever;
 *  - to write while it holds a part of an answer that the socket did not take;
 *  - to be told once that it may write after each answer, before it looks at
 *    the next request (LRS_DEFERRING_ACTION);
 *  - to be asked again while it holds a part of the next request.
 * What is missed all the same is found by the tick, which asks the kernel about
 * all of them.
 */
#include "gateway/pump.h"

#include <libwebsockets.h>
#include <poll.h>

#include "os/loop.h"

/* Sockets of one run, for fairness to the other actors of the core. */
#define SERVED_MAX 256
#define TRIES_MAX 4

void pump_init(struct pump *pump, struct os_loop *loop,
	       void (*stirred)(void *ctx), void *ctx)
{
	*pump = (struct pump){ .loop = loop, .stirred = stirred, .ctx = ctx };
	list_init(&pump->ready);
}

static void queue(struct pump_socket *socket, unsigned int stirs)
{
	socket->stirs |= stirs;
	if (list_empty(&socket->link))
		list_push(&socket->pump->ready, &socket->link);
}

static void on_ready(void *ctx, unsigned int revents)
{
	struct pump_socket *socket = ctx;

	os_poll_change(socket->poll, 0);
	socket->tries = TRIES_MAX;
	queue(socket, revents);
	socket->pump->stirred(socket->pump->ctx);
}

int pump_start(struct pump *pump, struct pump_socket *socket, struct lws *wsi)
{
	*socket = (struct pump_socket){ .pump = pump, .wsi = wsi };
	list_init(&socket->link);
	return os_poll_start(pump->loop, lws_get_socket_fd(wsi), POLLIN,
			     on_ready, socket, &socket->poll);
}

void pump_stop(struct pump_socket *socket)
{
	if (socket->pump->serving == socket)
		socket->pump->serving = NULL;
	list_del(&socket->link);
	os_poll_stop(socket->poll);
	socket->poll = NULL;
}

void pump_write(struct pump_socket *socket)
{
	socket->tries = TRIES_MAX;
	queue(socket, POLLOUT);
}

/* False: it has ended. */
static bool tell(struct pump *pump, struct lws *wsi, unsigned int revents)
{
	struct lws_pollfd pfd = {
		.fd = lws_get_socket_fd(wsi),
		.events = POLLIN | POLLOUT,
		.revents = (short)revents,
	};

	lws_service_fd(pump->context, &pfd);
	return pump->serving;
}

/* What is held of an answer goes first, and with all of that gone nothing waits
 * for the socket: then the word that it may go on follows. */
static bool tell_writable(struct pump *pump, struct lws *wsi)
{
	bool held = lws_partial_buffered(wsi);

	return tell(pump, wsi, POLLOUT) &&
	       (!held || lws_partial_buffered(wsi) ||
		tell(pump, wsi, POLLOUT));
}

/* Has our poll wait for the events that libwebsockets wants of a socket. */
static void watch(struct pump *pump, struct pump_socket *socket)
{
	bool partial = lws_partial_buffered(socket->wsi);

	os_poll_change(socket->poll, partial ? POLLOUT :
				     socket->busy ? 0 : POLLIN);
	if (!socket->busy && !partial && socket->tries &&
	    !lws_service_adjust_timeout(pump->context, 1, 0)) {
		socket->tries--;
		queue(socket, POLLIN);
	}
}

static void serve(struct pump *pump, struct pump_socket *socket)
{
	unsigned int stirs = socket->stirs;
	struct lws *wsi = socket->wsi;

	socket->stirs = 0;
	pump->serving = socket;
	if (stirs & (POLLIN | POLLERR | POLLHUP) && !socket->busy &&
	    !tell(pump, wsi, POLLIN))
		return;
	/* An answer, what was left of one, or the word that it may go on; and
	 * this word behind an answer. */
	if (!socket->busy && (!tell_writable(pump, wsi) ||
			      (stirs & POLLOUT && !tell_writable(pump, wsi))))
		return;
	/* Nothing will be read from it or written to it any more. */
	if (stirs & POLLHUP && !socket->busy && !tell(pump, wsi, POLLHUP))
		return;
	pump->serving = NULL;
	watch(pump, socket);
}

void pump_run(struct pump *pump)
{
	int left = SERVED_MAX;
	struct list *node;

	while (left-- && (node = list_pop(&pump->ready)))
		serve(pump, list_entry(node, struct pump_socket, link));
	if (!list_empty(&pump->ready))
		pump->stirred(pump->ctx);
}

void pump_tick(struct pump *pump)
{
	lws_service(pump->context, -1);
}
