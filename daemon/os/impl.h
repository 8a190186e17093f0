/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to os/: what a real and a simulated environment each provide behind
 * the public headers.  Contracts are those of the public functions.
 */
#ifndef OS_IMPL_H
#define OS_IMPL_H

#include "os/disk.h"
#include "os/env.h"
#include "os/loop.h"
#include "os/sock.h"

struct os_env_ops {
	bool simulated;
	void (*free)(struct os_env *env);
	uint64_t (*now_ns)(struct os_env *env);
	uint64_t (*wall_ms)(struct os_env *env);
	int (*random)(struct os_env *env, void *buf, size_t len);
	int (*loop_new)(struct os_env *env, struct os_loop **ret_loop);
};

struct os_env {
	const struct os_env_ops *ops;
};

struct os_loop_ops {
	void (*free)(struct os_loop *loop);
	void (*cancel)(struct os_loop *loop);
	int (*run)(struct os_loop *loop, uint64_t deadline_ns);
	void (*wake)(struct os_loop *loop);
	int (*poll_start)(struct os_loop *loop, int fd, unsigned int events,
			  void (*fn)(void *ctx, unsigned int revents),
			  void *ctx, struct os_poll **ret_poll);
	void (*poll_change)(struct os_poll *poll, unsigned int events);
	void (*poll_stop)(struct os_poll *poll);
	int (*work)(struct os_loop *loop, unsigned int lane,
		    int (*fn)(void *arg), void (*done)(void *arg, int result),
		    void *arg);
	int (*send)(struct os_loop *loop, struct os_send *op);
	void (*send_cancel)(struct os_loop *loop, struct os_send *op);
	/* Sockets without a descriptor; NULL: there are none. */
	int (*sock_park)(struct os_loop *loop, int fd);
	ssize_t (*sock_recv)(struct os_loop *loop, int sock, void *buf,
			     size_t size);
	void (*sock_close)(struct os_loop *loop, int sock);
	int (*file_open)(struct os_loop *loop, const char *path,
			 unsigned int flags, struct os_file **ret_file);
	/* Of memory that os_buf_new() made; NULL: they need not know. */
	void (*buf_added)(struct os_loop *loop, void *buf, size_t size);
	void (*buf_gone)(struct os_loop *loop, void *buf);
	int (*dir_make)(struct os_loop *loop, const char *path);
	int (*dir_sync)(struct os_loop *loop, const char *path);
	int (*rename)(struct os_loop *loop, const char *from, const char *to);
	int (*remove)(struct os_loop *loop, const char *path);
	int (*dir_list)(struct os_loop *loop, const char *path,
			int (*fn)(void *ctx, const char *name), void *ctx);
};

struct os_loop {
	const struct os_loop_ops *ops;
	struct os_env *env;
};

struct os_poll {
	struct os_loop *loop;
};

enum os_disk_kind {
	OS_DISK_READ,
	OS_DISK_WRITE,
	OS_DISK_SYNC,
	OS_DISK_WRITE_SYNC,
	OS_DISK_PUNCH,
};

struct os_file_ops {
	void (*close)(struct os_file *file);
	int (*size)(struct os_file *file, uint64_t *ret_size);
	int (*truncate)(struct os_file *file, uint64_t size);
	int (*submit)(struct os_file *file, struct os_disk_op *op,
		      enum os_disk_kind kind, void *buf, size_t len,
		      uint64_t offset);
};

struct os_file {
	const struct os_file_ops *ops;
	struct os_loop *loop;
};

#endif
