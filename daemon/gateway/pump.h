/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets that libwebsockets serves, watched by their core's own loop: of
 * libwebsockets' loop nothing but its bookkeeping runs.  The kernel is asked
 * once for each time that there is something to read, and for nothing when an
 * answer is written.
 *
 * A socket that stirs, or has an answer, waits for pump_run().
 *
 * Context: the thread of the loop.
 */
#ifndef GATEWAY_PUMP_H
#define GATEWAY_PUMP_H

#include <stdbool.h>

#include "base/list.h"

struct lws;
struct lws_context;
struct os_loop;
struct os_poll;

struct pump {
	struct os_loop *loop;
	struct lws_context *context;
	void (*stirred)(void *ctx);
	void *ctx;
	struct list ready;
	struct pump_socket *serving;	/* NULL: it has been stopped meanwhile */
};

struct pump_socket {
	struct pump *pump;
	struct lws *wsi;
	struct os_poll *poll;
	struct list link;		/* in pump->ready */
	unsigned int stirs;		/* POLLIN, … that are to be served */
	unsigned char tries;		/* to read what may be buffered */
	bool busy;			/* its owner wants nothing read now */
};

/* `stirred` is called when there is something to run.  Borrows all. */
void pump_init(struct pump *pump, struct os_loop *loop,
	       void (*stirred)(void *ctx), void *ctx);

/* -ENOMEM. */
int pump_start(struct pump *pump, struct pump_socket *socket, struct lws *wsi);
/* Before or right after libwebsockets has closed its descriptor; from within
 * pump_run(), too. */
void pump_stop(struct pump_socket *socket);

/* Its owner has something to write: it is asked for it by the next run. */
void pump_write(struct pump_socket *socket);

/* Serves what is ready. */
void pump_run(struct pump *pump);

/* Every second or so: timeouts of libwebsockets. */
void pump_tick(struct pump *pump);

#endif
