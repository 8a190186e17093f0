// SPDX-License-Identifier: Apache-2.0
/* The public functions: each goes to its environment's implementation. */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "os/impl.h"

void os_env_free(struct os_env *env)
{
	if (env)
		env->ops->free(env);
}

bool os_env_is_simulated(const struct os_env *env)
{
	return env->ops->simulated;
}

uint64_t os_now_ns(struct os_env *env)
{
	return env->ops->now_ns(env);
}

uint64_t os_wall_ms(struct os_env *env)
{
	return env->ops->wall_ms(env);
}

int os_random(struct os_env *env, void *buf, size_t len)
{
	return env->ops->random(env, buf, len);
}

int os_loop_new(struct os_env *env, struct os_loop **ret_loop)
{
	return env->ops->loop_new(env, ret_loop);
}

void os_loop_free(struct os_loop *loop)
{
	if (loop)
		loop->ops->free(loop);
}

void os_loop_cancel(struct os_loop *loop)
{
	loop->ops->cancel(loop);
}

struct os_env *os_loop_env(const struct os_loop *loop)
{
	return loop->env;
}

int os_loop_run(struct os_loop *loop, uint64_t deadline_ns)
{
	return loop->ops->run(loop, deadline_ns);
}

void os_loop_wake(struct os_loop *loop)
{
	loop->ops->wake(loop);
}

int os_poll_start(struct os_loop *loop, int fd, unsigned int events,
		  void (*fn)(void *ctx, unsigned int revents), void *ctx,
		  struct os_poll **ret_poll)
{
	return loop->ops->poll_start(loop, fd, events, fn, ctx, ret_poll);
}

void os_poll_change(struct os_poll *poll, unsigned int events)
{
	poll->loop->ops->poll_change(poll, events);
}

void os_poll_stop(struct os_poll *poll)
{
	if (poll)
		poll->loop->ops->poll_stop(poll);
}

int os_work(struct os_loop *loop, unsigned int lane, int (*fn)(void *arg),
	    void (*done)(void *arg, int result), void *arg)
{
	check(lane < OS_WORK_LANES);
	return loop->ops->work(loop, lane, fn, done, arg);
}

int os_send_start(struct os_loop *loop, struct os_send *op)
{
	if (!op->iovcnt || op->iovcnt > OS_SEND_IOV_MAX)
		return -EINVAL;
	op->loop = loop;
	op->cancelled = 0;
	op->msg = (struct msghdr){
		.msg_iov = op->iov,
		.msg_iovlen = op->iovcnt,
	};
	return loop->ops->send(loop, op);
}

void os_send_cancel(struct os_loop *loop, struct os_send *op)
{
	loop->ops->send_cancel(loop, op);
}

int os_sock_park(struct os_loop *loop, int fd)
{
	return loop->ops->sock_park ? loop->ops->sock_park(loop, fd) : fd;
}

ssize_t os_sock_recv(struct os_loop *loop, int sock, void *buf, size_t size)
{
	ssize_t n;

	if (sock < 0)
		return loop->ops->sock_recv(loop, sock, buf, size);
	n = recv(sock, buf, size, MSG_DONTWAIT);
	return n < 0 ? -errno : n;
}

void os_sock_close(struct os_loop *loop, int sock)
{
	if (sock < 0)
		loop->ops->sock_close(loop, sock);
	else
		close(sock);
}

int os_file_open(struct os_loop *loop, const char *path, unsigned int flags,
		 struct os_file **ret_file)
{
	return loop->ops->file_open(loop, path, flags, ret_file);
}

int os_dir_make(struct os_loop *loop, const char *path)
{
	return loop->ops->dir_make(loop, path);
}

int os_dir_sync(struct os_loop *loop, const char *path)
{
	return loop->ops->dir_sync(loop, path);
}

int os_file_rename(struct os_loop *loop, const char *from, const char *to)
{
	return loop->ops->rename(loop, from, to);
}

int os_file_remove(struct os_loop *loop, const char *path)
{
	return loop->ops->remove(loop, path);
}

int os_dir_list(struct os_loop *loop, const char *path,
		int (*fn)(void *ctx, const char *name), void *ctx)
{
	return loop->ops->dir_list(loop, path, fn, ctx);
}

void *os_buf_new(struct os_loop *loop, size_t size)
{
	void *buf = mem_aligned(OS_DISK_ALIGN, size);

	if (buf && loop->ops->buf_added)
		loop->ops->buf_added(loop, buf, size);
	return buf;
}

void os_buf_free(struct os_loop *loop, void *buf)
{
	if (buf && loop->ops->buf_gone)
		loop->ops->buf_gone(loop, buf);
	mem_free(buf);
}

void os_file_close(struct os_file *file)
{
	if (file)
		file->ops->close(file);
}

int os_file_size(struct os_file *file, uint64_t *ret_size)
{
	return file->ops->size(file, ret_size);
}

int os_file_truncate(struct os_file *file, uint64_t size)
{
	return file->ops->truncate(file, size);
}

static int submit(struct os_file *file, struct os_disk_op *op,
		  enum os_disk_kind kind, void *buf, size_t len,
		  uint64_t offset)
{
	if (len > INT_MAX || offset > INT64_MAX - len)
		return -EINVAL;
	return file->ops->submit(file, op, kind, buf, len, offset);
}

int os_disk_read(struct os_file *file, struct os_disk_op *op, void *buf,
		 size_t len, uint64_t offset)
{
	return submit(file, op, OS_DISK_READ, buf, len, offset);
}

int os_disk_write(struct os_file *file, struct os_disk_op *op, const void *buf,
		  size_t len, uint64_t offset)
{
	return submit(file, op, OS_DISK_WRITE, (void *)buf, len, offset);
}

int os_disk_sync(struct os_file *file, struct os_disk_op *op)
{
	return submit(file, op, OS_DISK_SYNC, NULL, 0, 0);
}

int os_disk_write_sync(struct os_file *file, struct os_disk_op *op,
		       const void *buf, size_t len, uint64_t offset)
{
	return submit(file, op, OS_DISK_WRITE_SYNC, (void *)buf, len, offset);
}

int os_disk_punch(struct os_file *file, struct os_disk_op *op, size_t len,
		  uint64_t offset)
{
	return submit(file, op, OS_DISK_PUNCH, NULL, len, offset);
}
