// SPDX-License-Identifier: Apache-2.0
#include "monitor/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/unix_socket.h"

static json_t *refusal(const char *words)
{
	return json_pack("{ss}", "error", words);
}

static json_t *answer_to(const struct control_command *commands, void *ctx,
			 const json_t *request)
{
	const char *what = json_string_value(json_object_get(request, "do"));

	if (!what)
		return refusal("a request is an object with a string \"do\"");
	for (; commands->name; commands++)
		if (!strcmp(commands->name, what))
			return commands->answer(ctx, request);
	return refusal("no such command");
}

static int put_json(const char *data, size_t size, void *ctx)
{
	return buf_append(ctx, data, size);
}

void control_answer(const struct control_command *commands, void *ctx,
		    const char *line, size_t size, struct buf *out)
{
	json_t *request = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
	json_t *answer = request ? answer_to(commands, ctx, request) :
				   refusal("the request is not JSON");

	if (answer)
		json_dump_callback(answer, put_json, out, JSON_COMPACT);
	else
		buf_puts(out, "{\"error\":\"out of memory\"}");
	buf_putc(out, '\n');
	json_decref(request);
	json_decref(answer);
}

const char *control_path(void)
{
	const char *path = getenv("SUPERDISK_SOCKET");

	return path && *path ? path : CONTROL_SOCKET;
}

int control_connect(const char *path)
{
	int fd, err = unix_connect(path, 0, &fd);

	return err ? err : fd;
}

static int send_request(int fd, const char *command)
{
	char line[CONTROL_REQUEST_MAX];
	int size = snprintf(line, sizeof(line), "{\"do\":\"%s\"}\n", command);

	if (send(fd, line, (size_t)size, MSG_NOSIGNAL) != size)
		return -EPIPE;
	return 0;
}

/* Appends what has arrived; 1 at the end of the line. */
static int receive(int fd, int timeout_ms, struct buf *line)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char chunk[65536];
	ssize_t size;

	if (poll(&ready, 1, timeout_ms) <= 0)
		return -ETIMEDOUT;
	size = recv(fd, chunk, sizeof(chunk), 0);
	if (size <= 0)
		return -EPIPE;
	if (buf_append(line, chunk, (size_t)size))
		return line->err;
	return chunk[size - 1] == '\n';
}

int control_ask(int fd, const char *command, int timeout_ms,
		json_t **ret_answer)
{
	struct buf line = { .limit = CONTROL_ANSWER_MAX };
	json_t *answer = NULL;
	int err = send_request(fd, command);

	while (!err)
		err = receive(fd, timeout_ms, &line);
	if (err > 0) {
		answer = json_loadb(line.data, line.len, 0, NULL);
		err = json_is_object(answer) ? 0 : -EPROTO;
	}
	buf_fini(&line);
	if (!err && json_object_get(answer, "error"))
		err = -EREMOTEIO;
	if (!err || err == -EREMOTEIO)
		*ret_answer = answer;
	else
		json_decref(answer);
	return err;
}
