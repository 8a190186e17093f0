// SPDX-License-Identifier: Apache-2.0
/*
 * Files and buffers that a ring knows by number, so that an operation neither
 * counts references to a file nor pins pages.  What does not fit, or what the
 * kernel refuses, goes without.  A socket that is known so needs no descriptor.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <sys/resource.h>

#include "base/mem.h"
#include "os/uring.h"

#define SOCKS_MAX 65536u

/* The kernel takes no table that is larger than a process's own. */
static void make_room_for_socks(struct uring_fixed *fixed)
{
	struct rlimit limit;
	rlim_t room;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > INT_MAX ||
	    limit.rlim_cur <= URING_FIXED_FILES)
		return;
	room = limit.rlim_cur - URING_FIXED_FILES;
	fixed->sock_room = room < SOCKS_MAX ? (uint32_t)room : SOCKS_MAX;
	/* The kernel gives the lowest number that is free. */
	fixed->sock_from = (int)(limit.rlim_cur / 2);
}

static int put_file(struct uring_loop *loop, int slot, int fd)
{
	return io_uring_register_files_update(&loop->ring, (unsigned int)slot,
					      &fd, 1);
}

static int put_buf(struct uring_loop *loop, int slot, const struct iovec *iov)
{
	static const __u64 tag;

	return io_uring_register_buffers_update_tag(&loop->ring,
						    (unsigned int)slot, iov,
						    &tag, 1);
}

void uring_fixed_init(struct uring_loop *loop)
{
	struct uring_fixed *fixed = &loop->fixed;

	make_room_for_socks(fixed);
	fixed->has_files =
		!io_uring_register_files_sparse(&loop->ring,
						URING_FIXED_FILES +
						fixed->sock_room);
	fixed->has_bufs = !io_uring_register_buffers_sparse(&loop->ring,
							    URING_FIXED_BUFS);
	for (int i = 0; i < URING_FIXED_FILES; i++)
		fixed->file[i] = -1;
}

void uring_fixed_exit(struct uring_loop *loop)
{
	if (loop->fixed.has_files)
		(void)io_uring_unregister_files(&loop->ring);
	mem_free(loop->fixed.free_sock);
}

int uring_fixed_file(struct uring_loop *loop, int fd)
{
	struct uring_fixed *fixed = &loop->fixed;

	for (int i = 0; fixed->has_files && i < URING_FIXED_FILES; i++) {
		if (fixed->file[i] >= 0)
			continue;
		if (put_file(loop, i, fd) != 1)
			return -1;
		fixed->file[i] = fd;
		return i;
	}
	return -1;
}

void uring_fixed_file_gone(struct uring_loop *loop, int slot)
{
	if (slot < 0)
		return;
	/* Else the file stays open for as long as the ring is. */
	(void)put_file(loop, slot, -1);
	loop->fixed.file[slot] = -1;
}

/* A number for a socket; -1. */
static int take_sock(struct uring_fixed *fixed)
{
	if (fixed->sock_free)
		return (int)fixed->free_sock[--fixed->sock_free];
	if (!fixed->free_sock)
		fixed->free_sock = mem_alloc(fixed->sock_room *
					     sizeof(*fixed->free_sock));
	if (!fixed->free_sock || fixed->sock_fresh == fixed->sock_room)
		return -1;
	return (int)(URING_FIXED_FILES + fixed->sock_fresh++);
}

int uring_fixed_sock(struct uring_loop *loop, int fd)
{
	struct uring_fixed *fixed = &loop->fixed;
	int slot;

	if (!fixed->has_files || !fixed->sock_room || fd < fixed->sock_from)
		return -ENFILE;
	slot = take_sock(fixed);
	if (slot < 0)
		return -ENFILE;
	if (put_file(loop, slot, fd) == 1)
		return slot;
	fixed->free_sock[fixed->sock_free++] = (uint32_t)slot;
	return -ENFILE;
}

void uring_fixed_sock_gone(struct uring_loop *loop, int slot)
{
	struct uring_fixed *fixed = &loop->fixed;

	/* What is queued for it goes before its number is another's. */
	uring_submit(loop);
	(void)put_file(loop, slot, -1);
	fixed->free_sock[fixed->sock_free++] = (uint32_t)slot;
}

void uring_buf_added(struct os_loop *base, void *buf, size_t size)
{
	struct uring_loop *loop = to_uring(base);
	struct uring_fixed *fixed = &loop->fixed;
	struct iovec iov = { buf, size };

	for (int i = 0; fixed->has_bufs && i < URING_FIXED_BUFS; i++) {
		if (fixed->buf[i].iov_base)
			continue;
		if (put_buf(loop, i, &iov) == 1)
			fixed->buf[i] = iov;
		return;
	}
}

void uring_buf_gone(struct os_loop *base, void *buf)
{
	struct uring_loop *loop = to_uring(base);
	int slot = uring_fixed_buf(loop, buf, 1);

	if (slot < 0)
		return;
	memset(&loop->fixed.buf[slot], 0, sizeof(struct iovec));
	(void)put_buf(loop, slot, &loop->fixed.buf[slot]);
}

int uring_fixed_buf(const struct uring_loop *loop, const void *buf, size_t len)
{
	for (int i = 0; i < URING_FIXED_BUFS; i++) {
		const struct iovec *iov = &loop->fixed.buf[i];
		uintptr_t from = (uintptr_t)iov->iov_base;

		if (from && (uintptr_t)buf >= from &&
		    (uintptr_t)buf + len <= from + iov->iov_len)
			return i;
	}
	return -1;
}
