/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files for a storage engine, asynchronous, on a loop's io_uring, or on a
 * simulated disk that loses, tears and reorders what was not yet synced.
 *
 * An operation is a caller-owned os_disk_op that must stay in place until its
 * callback; buffers likewise.  Callbacks run in os_loop_run() on the loop's
 * thread, with the number of bytes moved or a negative errno.  Short reads and
 * writes are reported, not retried.
 */
#ifndef OS_DISK_H
#define OS_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/loop.h"

struct os_file;

enum {
	OS_FILE_CREATE = 1 << 0,	/* make it if absent */
	OS_FILE_DIRECT = 1 << 1,	/* O_DIRECT: offsets, sizes, memory aligned */
	OS_FILE_EXCL   = 1 << 2,	/* with CREATE: -EEXIST if present */
	OS_FILE_RDONLY = 1 << 3,
};

#define OS_DISK_ALIGN 4096u

struct os_disk_op {
	void (*done)(struct os_disk_op *op, int result);
	void *ctx;		/* the caller's */
	/* os/'s: */
	struct os_file *file;
	size_t expected;	/* what a result of 0 stands for */
};

/* Blocking, meant for start-up and shutdown.  `path` is below the env's root
 * in a simulation. */
int os_file_open(struct os_loop *loop, const char *path, unsigned int flags,
		 struct os_file **ret_file);
void os_file_close(struct os_file *file);
int os_file_size(struct os_file *file, uint64_t *ret_size);
int os_file_truncate(struct os_file *file, uint64_t size);
int os_dir_make(struct os_loop *loop, const char *path);
/* Makes creations, renames and removals in a directory durable. */
int os_dir_sync(struct os_loop *loop, const char *path);
int os_file_rename(struct os_loop *loop, const char *from, const char *to);
int os_file_remove(struct os_loop *loop, const char *path);
/* Calls fn for each name but . and ..; stops when fn returns non-zero. */
int os_dir_list(struct os_loop *loop, const char *path,
		int (*fn)(void *ctx, const char *name), void *ctx);

/*
 * Memory for many operations on files of this loop, aligned to OS_DISK_ALIGN.
 * The kernel is told of it once instead of at each operation, as far as it
 * takes more (RLIMIT_MEMLOCK); else it is memory like any other.  NULL when
 * there is none.  Freed when nothing is in flight in it; NULL is nothing.
 */
void *os_buf_new(struct os_loop *loop, size_t size);
void os_buf_free(struct os_loop *loop, void *buf);

/* Queue one operation; submitted by the next os_loop_run().  -EAGAIN when the
 * queue is full (run the loop and try again). */
int os_disk_read(struct os_file *file, struct os_disk_op *op, void *buf,
		 size_t len, uint64_t offset);
int os_disk_write(struct os_file *file, struct os_disk_op *op, const void *buf,
		  size_t len, uint64_t offset);
int os_disk_sync(struct os_file *file, struct os_disk_op *op);
/*
 * A write that is durable when it completes, with what of the file's size it
 * takes to read it back.  Says nothing about writes before it.  A
 * short one fails.
 */
int os_disk_write_sync(struct os_file *file, struct os_disk_op *op,
		       const void *buf, size_t len, uint64_t offset);
/*
 * Gives the space of this part of the file back to the file system; its size
 * stays.  Reads return zeroes from then on, after a crash perhaps what was
 * there before.  The result is 0, or -EOPNOTSUPP where the file system cannot.
 */
int os_disk_punch(struct os_file *file, struct os_disk_op *op, size_t len,
		  uint64_t offset);

#endif
