// SPDX-License-Identifier: Apache-2.0
#include "monitor/control_server.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/unix_socket.h"

#define CLIENTS_MAX 32
#define US_PER_MS 1000

struct client {
	struct client *next;
	struct control_server *server;
	sd_event_source *source, *late;
	int fd;
	struct buf in;		/* an unfinished request */
	struct buf out;		/* what the socket did not take yet */
};

struct control_server {
	sd_event *event;
	sd_event_source *source;
	const struct control_command *commands;
	void *ctx;
	uint64_t patience_us;
	int fd, spare;		/* for when descriptors are out */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	unsigned int count;
	struct client *clients;
};

static void client_close(struct client *client)
{
	struct client **at = &client->server->clients;

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	client->server->count--;
	sd_event_source_disable_unref(client->source);
	sd_event_source_disable_unref(client->late);
	close(client->fd);
	buf_fini(&client->in);
	buf_fini(&client->out);
	mem_free(client);
}

/* It has asked, or read all of an answer: it has its time once more. */
static int client_renew(struct client *client)
{
	return sd_event_source_set_time_relative(client->late,
						 client->server->patience_us);
}

/* Sends what it can and waits for room for the rest. */
static int client_flush(struct client *client)
{
	struct buf *out = &client->out;
	bool had_answer = out->len;
	ssize_t size;
	int err;

	while (out->len) {
		size = send(client->fd, out->data, out->len, MSG_NOSIGNAL);
		if (size < 0 && errno == EAGAIN)
			break;
		if (size < 0)
			return -errno;
		buf_consume(out, (size_t)size);
	}
	if (out->err)
		return out->err;
	if (had_answer && !out->len) {
		err = client_renew(client);
		if (err < 0)
			return err;
	}
	/* no further request is read before this answer has gone */
	return sd_event_source_set_io_events(client->source,
					     out->len ? EPOLLOUT : EPOLLIN);
}

static void answer_lines(struct client *client)
{
	struct buf *in = &client->in;
	struct control_server *server = client->server;
	char *end;

	while (in->len && (end = memchr(in->data, '\n', in->len))) {
		size_t size = (size_t)(end - in->data);

		control_answer(server->commands, server->ctx, in->data, size,
			       &client->out);
		buf_consume(in, size + 1);
	}
}

static int client_read(struct client *client)
{
	char chunk[CONTROL_REQUEST_MAX];
	ssize_t size = recv(client->fd, chunk, sizeof(chunk), 0);

	if (size < 0 && errno == EAGAIN)
		return 0;
	if (size <= 0)
		return -EPIPE;
	if (buf_append(&client->in, chunk, (size_t)size))
		return client->in.err;
	answer_lines(client);
	return client_flush(client);
}

static int on_client(sd_event_source *source, int fd, uint32_t events,
		     void *ctx)
{
	struct client *client = ctx;
	int err;

	(void)source;
	(void)fd;
	if (events & EPOLLOUT)
		err = client_flush(client);
	else
		err = client_read(client);
	if (err < 0)
		client_close(client);
	return 0;
}

static int on_late(sd_event_source *source, uint64_t now_us, void *ctx)
{
	(void)source;
	(void)now_us;
	client_close(ctx);
	return 0;
}

static int client_start(struct client *client, sd_event *event)
{
	int err = sd_event_add_io(event, &client->source, client->fd, EPOLLIN,
				  on_client, client);

	if (err >= 0)
		err = sd_event_add_time_relative(event, &client->late,
						 CLOCK_MONOTONIC,
						 client->server->patience_us,
						 0, on_late, client);
	return err;
}

static void add_client(struct control_server *server, int fd)
{
	struct client *client = mem_zalloc(sizeof(*client));

	if (!client) {
		close(fd);
		return;
	}
	client->fd = fd;
	client->server = server;
	client->in.limit = 2 * CONTROL_REQUEST_MAX;
	client->out.limit = CONTROL_ANSWER_MAX;
	client->next = server->clients;
	server->clients = client;
	server->count++;
	if (client_start(client, server->event) < 0)
		client_close(client);
}

static int on_listen(sd_event_source *source, int fd, uint32_t events,
		     void *ctx)
{
	struct control_server *server = ctx;
	int client;

	(void)source;
	(void)events;
	if (unix_accept(fd, &server->spare, &client))
		return 0;
	if (server->count < CLIENTS_MAX) {
		add_client(server, client);
		return 0;
	}
	log_warn("control", "too_many_clients", "limit=%u", CLIENTS_MAX);
	close(client);
	return 0;
}

static int make_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];

	if (!slash || slash == path)
		return 0;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	if (mkdir(folder, 0755) && errno != EEXIST)
		return -errno;
	return 0;
}

static int open_path(const char *path)
{
	int err = make_folder(path), fd;

	if (err)
		return err;
	fd = control_connect(path);
	if (fd >= 0) {
		close(fd);
		return -EADDRINUSE;
	}
	if (fd == -ECONNREFUSED)
		unlink(path); /* nobody listens there any more */
	err = unix_listen(path, 0660, CLIENTS_MAX, &fd);
	return err ? err : fd;
}

int control_server_open(sd_event *event, const char *path,
			const struct control_command *commands, void *ctx,
			uint32_t patience_ms,
			struct control_server **ret_server)
{
	struct control_server *server;
	int err;

	if (strlen(path) >= sizeof(server->path))
		return -ENAMETOOLONG;
	server = mem_zalloc(sizeof(*server));
	if (!server)
		return -ENOMEM;
	server->event = event;
	server->commands = commands;
	server->ctx = ctx;
	server->patience_us = (uint64_t)patience_ms * US_PER_MS;
	server->spare = unix_spare();
	server->fd = open_path(path);
	err = server->fd;
	if (err >= 0) {
		strcpy(server->path, path);
		err = sd_event_add_io(event, &server->source, server->fd,
				      EPOLLIN, on_listen, server);
	}
	if (err < 0) {
		control_server_close(server);
		return err;
	}
	*ret_server = server;
	return 0;
}

void control_server_close(struct control_server *server)
{
	if (!server)
		return;
	while (server->clients)
		client_close(server->clients);
	sd_event_source_disable_unref(server->source);
	if (server->spare >= 0)
		close(server->spare);
	if (server->fd >= 0) {
		close(server->fd);
		unlink(server->path);
	}
	mem_free(server);
}
