/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A UNIX socket in the data folder, for `chatd admin` while chatd runs.  One
 * request per connection: the arguments, each ended by a NUL, then the end of
 * the stream; the answer is a status byte (0: done) and text.  Who may open
 * the socket (mode 0600) may do everything.
 *
 * There are places for eight.  Who does not say all of it, gets no answer, or
 * does not read it in time is hung up on, and so is nobody else.
 */
#ifndef GUILD_ADMIN_SOCKET_H
#define GUILD_ADMIN_SOCKET_H

#include "actor/actor.h"

#define ADMIN_SOCKET_NAME "admin.sock"

/* Binds `path`, replacing what a crash left there.  0 or a negative errno. */
int admin_socket_open(const char *path, int *ret_fd);

#define ADMIN_PATIENCE_MS 30000

struct admin_socket_arg {
	int fd;			/* taken */
	uint32_t patience_ms;	/* for a request, its answer, and reading that */
};

/* arg: struct admin_socket_arg.  To be spawned on a core. */
extern const struct actor_class admin_socket_class;

/*
 * The other side: sends argv, copies the answer to `out_fd`.  Returns the
 * exit status; -ECONNREFUSED or -ENOENT when nobody listens; -ECONNRESET when it
 * has ended without a word, done or not: a killed one may listen for a moment
 * longer than it lives.
 */
int admin_socket_call(const char *path, int argc, const char *const *argv,
		      int out_fd);

#endif
