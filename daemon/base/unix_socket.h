/* SPDX-License-Identifier: Apache-2.0 */
/* Stream sockets that have a path.  Descriptors are the caller's to close. */
#ifndef BASE_UNIX_SOCKET_H
#define BASE_UNIX_SOCKET_H

#include <sys/types.h>

/*
 * Listens at `path`, which must not be there, non-blocking; `mode` says who
 * may connect, from the start on.  -ENAMETOOLONG, -EADDRINUSE, or what the kernel says.
 */
int unix_listen(const char *path, mode_t mode, int backlog, int *ret_fd);

/* A descriptor to give up when there is no other one; -1: they are out. */
int unix_spare(void);

/*
 * Takes who is next, non-blocking.  -EAGAIN: nobody.  -EMFILE, -ENFILE:
 * descriptors are out, and who was next has been hung up on, in place of
 * *spare: a listener that stays readable would keep its loop turning.
 */
int unix_accept(int listener, int *spare, int *ret_fd);

/* Connects; `flags` is 0 or SOCK_NONBLOCK.  -ENOENT, -ECONNREFUSED: nobody
 * listens. */
int unix_connect(const char *path, int flags, int *ret_fd);

#endif
