/* SPDX-License-Identifier: Apache-2.0 */
/*
 * superdiskd's HTTP side: GET and HEAD of a table of pages, over
 * libmicrohttpd on the caller's sd-event loop.  One thread, never blocks.
 */
#ifndef MONITOR_HTTP_H
#define MONITOR_HTTP_H

#include <stddef.h>

#include <systemd/sd-event.h>

#include "base/buf.h"

/* The table of pages ends with a path of NULL. */
struct http_page {
	const char *path, *type;
	/* Appends the body. */
	void (*write)(void *ctx, struct buf *out);
};

struct http;

/*
 * Serves @pages, which it *borrows*, on @address ("127.0.0.1:9650", "[::1]:0").
 * -EINVAL for an address that is none, or what bind() said.
 */
int http_open(sd_event *event, const char *address,
	      const struct http_page *pages, void *ctx, struct http **ret_http);
void http_close(struct http *http);

/* The port in use, for an address with port 0. */
int http_port(const struct http *http);

#endif
