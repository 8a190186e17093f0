/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol on superdiskd's UNIX socket: a request is one line with a JSON
 * object, {"do": COMMAND, ...}; the answer is one line with a JSON object, in
 * which "error" says in words what was wrong.  Requests of one connection are
 * answered in order.
 */
#ifndef MONITOR_CONTROL_H
#define MONITOR_CONTROL_H

#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"

#define CONTROL_SOCKET "/run/superdisk/superdiskd.sock"
#define CONTROL_REQUEST_MAX 4096
#define CONTROL_ANSWER_MAX (16U << 20)

/* What a superdiskd can be asked; the table ends with a name of NULL. */
struct control_command {
	const char *name;
	/* *returns* the answer, or NULL without memory. */
	json_t *(*answer)(void *ctx, const json_t *request);
};

/*
 * Appends the answer to the request of @size bytes at @line, of which nothing
 * is trusted, and a newline.
 */
void control_answer(const struct control_command *commands, void *ctx,
		    const char *line, size_t size, struct buf *out);

/* Where commands look for superdiskd: $SUPERDISK_SOCKET, or CONTROL_SOCKET. */
const char *control_path(void);

/* Client side.  A descriptor connected to @path, or -errno. */
int control_connect(const char *path);

/*
 * Sends {"do": @command} and waits for the answer, @timeout_ms at most.
 * -EPROTO for an answer that is none, -EPIPE, -ETIMEDOUT; -EREMOTEIO when it
 * carries an error, which is then in *ret_answer as well.
 */
int control_ask(int fd, const char *command, int timeout_ms,
		json_t **ret_answer);

#endif
