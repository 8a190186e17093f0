/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending on stream sockets in batches: everything a loop's thread starts
 * between two os_loop_run() goes to the kernel in one system call, and each
 * operation carries all that is pending for its socket.
 *
 * An operation is a caller-owned os_send; it, its iovecs and the bytes they
 * name stay in place until its callback, which runs in os_loop_run().  At most
 * one operation may be in flight per descriptor, or bytes may interleave.  A
 * peer that does not read keeps it in flight; shutdown(2) of the descriptor
 * ends it.  The descriptor stays open until the callback.
 *
 * A socket can do without a descriptor, of which a process may have so many:
 * once parked it is known by a number to one loop alone, for as long as it is
 * open.  The number is negative; os_send and os_poll_start() take it in the
 * place of a descriptor, and so do the calls here that say `sock`.
 */
#ifndef OS_SOCK_H
#define OS_SOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

struct os_loop;

#define OS_SEND_IOV_MAX 1024u

struct os_send {
	/* 0: every byte was taken by the kernel; else a negative errno, and an
	 * unknown part was. */
	void (*done)(struct os_send *op, int result);
	void *ctx;		/* the caller's */
	int fd;
	unsigned int iovcnt;	/* 1 .. OS_SEND_IOV_MAX */
	struct iovec *iov;	/* advanced over what was sent: scratch */
	/* os/'s: */
	struct os_loop *loop;
	struct msghdr msg;
	int cancelled;
};

/* Starts op; fd, iov, iovcnt, done, ctx are set.  -EINVAL; -EAGAIN when the
 * queue is full (run the loop and try again). */
int os_send_start(struct os_loop *loop, struct os_send *op);

/* Ends op, which is in flight, soon: its callback gets -ECANCELED, unless it
 * has succeeded. */
void os_send_cancel(struct os_loop *loop, struct os_send *op);

/*
 * Parks a socket, and closes its descriptor, if half of all descriptors are in
 * use and the loop has room; no operation may be in flight on it.  Returns its
 * number, or `fd` as it is.
 */
int os_sock_park(struct os_loop *loop, int fd);
/* What is there: recv(2) that does not wait; a negative errno. */
ssize_t os_sock_recv(struct os_loop *loop, int sock, void *buf, size_t size);
void os_sock_close(struct os_loop *loop, int sock);

#endif
