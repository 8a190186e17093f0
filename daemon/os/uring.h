/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to os/: the real loop.  A completion's user_data is the address of
 * what was started, its low bits the kind, an index into a table.
 */
#ifndef OS_URING_H
#define OS_URING_H

#include <liburing.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/uio.h>

#include "base/list.h"
#include "os/impl.h"

enum uring_kind {
	URING_IGNORED,
	URING_WAKE,	/* struct uring_loop */
	URING_POLL,	/* struct uring_poll */
	URING_DISK,	/* struct os_disk_op */
	URING_SEND,	/* struct os_send */
	URING_RECV,	/* struct uring_loop: of uring_sock_recv() */
	URING_DISK_PART,	/* struct os_disk_op: of its write, to be synced */
	URING_KINDS,
};

#define URING_KIND_MASK 7ull

/* What another thread has told a loop about waiting. */
enum uring_wait {
	URING_RUNNING,
	URING_WAITING,	/* in the kernel: a wake must write the eventfd */
	URING_WOKEN,	/* do not wait the next time */
};

/* What a ring knows by number; free places are -1 and no memory. */
#define URING_FIXED_FILES 32
#define URING_FIXED_BUFS 16

struct uring_fixed {
	bool has_files, has_bufs;
	int file[URING_FIXED_FILES];
	/* Behind the files: parked sockets. */
	int sock_from;			/* descriptors that are to be parked */
	uint32_t sock_room;		/* numbers there are for them */
	uint32_t sock_fresh;		/* from here on never used */
	uint32_t sock_free;		/* in free_sock[] */
	uint32_t *free_sock;		/* NULL before the first */
	struct iovec buf[URING_FIXED_BUFS];
};

struct work_job;

struct uring_loop {
	struct os_loop loop;
	struct io_uring ring;
	int wake_fd;
	uint64_t wake_count;		/* what the read of wake_fd returns */
	bool wake_armed;
	struct uring_fixed fixed;
	struct list to_arm;		/* polls to be started by the next run */
	unsigned int in_flight;		/* completions the kernel owes us, but
					 * that of wake_fd */
	int callbacks;			/* run by the current os_loop_run() */

	/* Written by other threads: */
	_Alignas(64) atomic_int wait;	/* enum uring_wait */
	_Atomic(struct work_job *) finished;	/* stack: os_work results */
	atomic_uint jobs_out;		/* os_work jobs that may yet touch us */
};

static inline struct uring_loop *to_uring(struct os_loop *loop)
{
	return container_of(loop, struct uring_loop, loop);
}

extern const struct os_file_ops uring_file_ops;

/* An entry of the queue; NULL when it cannot be emptied now. */
struct io_uring_sqe *uring_sqe(struct uring_loop *loop);
void uring_tag(struct io_uring_sqe *sqe, enum uring_kind kind, void *ptr);

/* Hands the kernel what is queued, if anything is. */
void uring_submit(struct uring_loop *loop);

int uring_loop_new(struct os_env *env, struct os_loop **ret_loop);

/* poll.c */
int uring_poll_start(struct os_loop *loop, int fd, unsigned int events,
		     void (*fn)(void *ctx, unsigned int revents), void *ctx,
		     struct os_poll **ret_poll);
void uring_poll_change(struct os_poll *poll, unsigned int events);
void uring_poll_stop(struct os_poll *poll);
void uring_poll_arm_all(struct uring_loop *loop);
void uring_poll_done(struct uring_loop *loop, void *ptr, int result);
/* The same without a callback: by uring_cancel(). */
void uring_poll_cancelled(struct uring_loop *loop, void *ptr);

/* file.c, blocking */
int uring_file_open(struct os_loop *loop, const char *path, unsigned int flags,
		    struct os_file **ret_file);
int uring_dir_make(struct os_loop *loop, const char *path);
int uring_dir_sync(struct os_loop *loop, const char *path);
int uring_rename(struct os_loop *loop, const char *from, const char *to);
int uring_remove(struct os_loop *loop, const char *path);
int uring_dir_list(struct os_loop *loop, const char *path,
		   int (*fn)(void *ctx, const char *name), void *ctx);
void uring_disk_done(struct uring_loop *loop, void *ptr, int result);
void uring_disk_part_done(struct uring_loop *loop, void *ptr, int result);

/* fixed.c */
void uring_fixed_init(struct uring_loop *loop);
/*
 * Before the ring goes: else its files stay open until the kernel has taken it
 * apart, which may be after the process has ended, and nobody can unmount.
 */
void uring_fixed_exit(struct uring_loop *loop);
/* The number it gets; -1: none. */
int uring_fixed_file(struct uring_loop *loop, int fd);
void uring_fixed_file_gone(struct uring_loop *loop, int slot);
void uring_buf_added(struct os_loop *loop, void *buf, size_t size);
void uring_buf_gone(struct os_loop *loop, void *buf);
/* The buffer that these bytes lie in; -1. */
int uring_fixed_buf(const struct uring_loop *loop, const void *buf, size_t len);

/* Those of sockets: -ENFILE when none is left, or descriptors are not short. */
int uring_fixed_sock(struct uring_loop *loop, int fd);
void uring_fixed_sock_gone(struct uring_loop *loop, int sock);

/* sock.c */

/* Has an entry act on a socket: a descriptor or, below zero, a parked one. */
void uring_set_sock(struct io_uring_sqe *sqe, int sock);
int uring_sock_park(struct os_loop *loop, int fd);
ssize_t uring_sock_recv(struct os_loop *loop, int sock, void *buf, size_t size);
void uring_sock_close(struct os_loop *loop, int sock);
void uring_send_cancel(struct os_loop *loop, struct os_send *op);
int uring_send(struct os_loop *loop, struct os_send *op);
void uring_send_done(struct uring_loop *loop, void *ptr, int result);

/* work.c */
int uring_work(struct os_loop *loop, unsigned int lane, int (*fn)(void *arg),
	       void (*done)(void *arg, int result), void *arg);
void uring_work_finish(struct uring_loop *loop);
/* Waits for the lanes, and drops what they hand back. */
void uring_work_cancel(struct uring_loop *loop);

#endif
