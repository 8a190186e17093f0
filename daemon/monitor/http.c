// SPDX-License-Identifier: Apache-2.0
#include "monitor/http.h"

#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/mem.h"

#define CONNECTIONS_MAX 64
#define CONNECTIONS_PER_ADDRESS 32
#define CONNECTION_MEMORY 16384
#define IDLE_TIMEOUT_S 30

struct http {
	struct MHD_Daemon *daemon;
	sd_event_source *ready, *timer;
	const struct http_page *pages;
	void *ctx;
	int fd;
};

static const struct {
	const char *name, *value;
} headers[] = {
	{ "Cache-Control", "no-store" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "Content-Security-Policy",
	  "default-src 'none'; script-src 'unsafe-inline'; "
	  "style-src 'unsafe-inline'; connect-src 'self'" },
};

/* *takes* @body, from buf_steal(). */
static enum MHD_Result reply(struct MHD_Connection *connection,
			     unsigned int status, const char *type, char *body,
			     size_t size)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer_with_free_callback(size, body,
								   mem_free);
	enum MHD_Result result;

	if (!response) {
		mem_free(body);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", type);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		MHD_add_response_header(response, headers[i].name,
					headers[i].value);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow", "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection,
			      unsigned int status, const char *words)
{
	struct buf body = BUF_INIT;
	size_t size;
	char *text;

	buf_puts(&body, words);
	text = buf_steal(&body, &size);
	return text ? reply(connection, status, "text/plain", text, size) :
		      MHD_NO;
}

static enum MHD_Result answer(void *ctx, struct MHD_Connection *connection,
			      const char *url, const char *method,
			      const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	const struct http *http = ctx;
	const struct http_page *page = http->pages;
	struct buf body = BUF_INIT;
	size_t size;
	char *text;

	(void)version;
	(void)upload;
	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
			      "only GET and HEAD\n");
	if (!*state || *upload_size) {
		/* be called again when all of the request is in */
		*state = ctx;
		*upload_size = 0;
		return MHD_YES;
	}
	while (page->path && strcmp(page->path, url))
		page++;
	if (!page->path)
		return refuse(connection, MHD_HTTP_NOT_FOUND,
			      "no such page\n");
	page->write(http->ctx, &body);
	text = buf_steal(&body, &size);
	if (!text)
		return MHD_NO;
	return reply(connection, MHD_HTTP_OK, page->type, text, size);
}

static int listen_at(const struct addrinfo *at)
{
	const int on = 1;
	int err, fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC |
			     SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, at->ai_addr, at->ai_addrlen) || listen(fd, SOMAXCONN)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int listen_on(const char *address)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	const char *colon = strrchr(address, ':');
	struct addrinfo *at;
	char host[64];
	size_t size;
	int fd;

	if (!colon || !colon[1] || colon - address >= (ptrdiff_t)sizeof(host))
		return -EINVAL;
	size = (size_t)(colon - address);
	if (size > 2 && address[0] == '[' && colon[-1] == ']') {
		address++;
		size -= 2;
	}
	snprintf(host, sizeof(host), "%.*s", (int)size, address);
	if (!size || getaddrinfo(host, colon + 1, &hints, &at))
		return -EINVAL;
	fd = listen_at(at);
	freeaddrinfo(at);
	return fd;
}

/* libmicrohttpd says by when it wants to be called again. */
static void arm(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;
	uint64_t now_us;

	if (MHD_get_timeout(http->daemon, &timeout_ms) != MHD_YES) {
		sd_event_source_set_enabled(http->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_now(sd_event_source_get_event(http->timer), CLOCK_MONOTONIC,
		     &now_us);
	sd_event_source_set_time(http->timer, now_us + timeout_ms * 1000);
	sd_event_source_set_enabled(http->timer, SD_EVENT_ONESHOT);
}

static int on_ready(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct http *http = ctx;

	(void)source;
	(void)fd;
	(void)events;
	MHD_run(http->daemon);
	arm(http);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t now_us, void *ctx)
{
	(void)source;
	(void)now_us;
	return on_ready(NULL, -1, 0, ctx);
}

static int start(struct http *http, sd_event *event)
{
	const union MHD_DaemonInfo *info;
	int err;

	http->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer,
					http, MHD_OPTION_LISTEN_SOCKET, http->fd,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_PER_ADDRESS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S, MHD_OPTION_END);
	if (!http->daemon)
		return -ENOMEM;
	info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	err = sd_event_add_io(event, &http->ready, info->epoll_fd, EPOLLIN,
			      on_ready, http);
	if (err < 0)
		return err;
	err = sd_event_add_time(event, &http->timer, CLOCK_MONOTONIC,
				UINT64_MAX, 0, on_timer, http);
	if (err < 0)
		return err;
	arm(http);
	return 0;
}

int http_open(sd_event *event, const char *address,
	      const struct http_page *pages, void *ctx, struct http **ret_http)
{
	struct http *http = mem_zalloc(sizeof(*http));
	int err;

	if (!http)
		return -ENOMEM;
	http->pages = pages;
	http->ctx = ctx;
	http->fd = listen_on(address);
	err = http->fd < 0 ? http->fd : start(http, event);
	if (err) {
		http_close(http);
		return err;
	}
	*ret_http = http;
	return 0;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	sd_event_source_unref(http->ready);
	sd_event_source_unref(http->timer);
	if (http->daemon)
		MHD_stop_daemon(http->daemon); /* closes the socket, too */
	else if (http->fd >= 0)
		close(http->fd);
	mem_free(http);
}

int http_port(const struct http *http)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	char port[16];

	if (getsockname(http->fd, (struct sockaddr *)&address, &size) ||
	    getnameinfo((struct sockaddr *)&address, size, NULL, 0, port,
			sizeof(port), NI_NUMERICSERV))
		return -EIO;
	return atoi(port);
}
