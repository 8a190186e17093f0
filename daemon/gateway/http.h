/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A core's HTTP server: libwebsockets reads requests and writes answers, and
 * does the handshake of WebSockets, whose descriptor it then hands over.
 * With http_request.c the only file that knows libwebsockets.
 */
#ifndef GATEWAY_HTTP_H
#define GATEWAY_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/upgrade.h"

struct call;
struct calls;
struct http;
struct os_loop;
struct tls;
struct tunnel;

/* `stirred` is called from the loop, the others within http_run(). */
struct http_owner {
	/* There is something to run: http_run() soon. */
	void (*stirred)(void *ctx);
	/* The head of a request is complete whose body is large, or says in
	 * chunks how large it is: the owner sets call->body.limit and calls
	 * http_take_body(), or http_answer(), now or later.  Until then no more
	 * of the body is read than has come along. */
	void (*head)(void *ctx, struct call *call);
	/* A request is complete.  The owner answers with http_answer(), now or
	 * later; the call may be gone by then (call_find()). */
	void (*call)(void *ctx, struct call *call);
	/* A WebSocket is open: the owner takes the descriptor, and the TLS that
	 * is spoken on it (NULL: none). */
	void (*socket)(void *ctx, int fd, struct tls *tls,
		       const struct upgrade *upgrade);
};

/* -ENOMEM, -EIO.  Borrows `calls`, `owner` and `ctx`. */
int http_open(struct os_loop *loop, struct calls *calls,
	      const struct http_owner *owner, void *ctx,
	      struct http **ret_http);

/* Ends all connections; calls in flight are freed. */
void http_close(struct http *http);

/* Reads and writes what is ready. */
void http_run(struct http *http);

/* Takes a connected stream socket, which may be a tunnel's plain end (else
 * NULL); http_run() soon. */
void http_adopt(struct http *http, int fd, struct tunnel *tunnel);
/* The same for operators: its calls are marked, and it cannot become a
 * WebSocket. */
void http_adopt_inside(struct http *http, int fd);

/* The owner was asked by `head`. */
void http_take_body(struct call *call);

/* call->answer is filled in; the call is freed when it is written, by
 * http_run(). */
void http_answer(struct call *call);

/* From now on a connection ends with its next answer. */
void http_drain(struct http *http);
/* Whether every call that the owner was given has its answer, and libwebsockets
 * holds no part of one. */
bool http_is_drained(const struct http *http);

/* Notices timeouts: to be called every second or so, before http_run(). */
void http_tick(struct http *http);

#endif
