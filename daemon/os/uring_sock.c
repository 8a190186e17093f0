// SPDX-License-Identifier: Apache-2.0
#include "os/uring.h"

#include <errno.h>
#include <unistd.h>

void uring_set_sock(struct io_uring_sqe *sqe, int sock)
{
	if (sock >= 0)
		return;
	sqe->fd = ~sock;
	sqe->flags |= IOSQE_FIXED_FILE;
}

int uring_sock_park(struct os_loop *loop, int fd)
{
	int slot = uring_fixed_sock(to_uring(loop), fd);

	if (slot < 0)
		return fd;
	close(fd);
	return ~slot;
}

void uring_sock_close(struct os_loop *loop, int sock)
{
	uring_fixed_sock_gone(to_uring(loop), ~sock);
}

/* The newest completion with `data`, whose place is then ignored. */
static bool take_newest(struct uring_loop *loop, uint64_t data, int *ret_result)
{
	struct io_uring_cq *cq = &loop->ring.cq;
	unsigned int head = *cq->khead;
	unsigned int at = io_uring_smp_load_acquire(cq->ktail);

	while (at-- != head) {
		struct io_uring_cqe *cqe = &cq->cqes[at & cq->ring_mask];

		if (cqe->user_data != data)
			continue;
		*ret_result = cqe->res;
		cqe->user_data = URING_IGNORED;
		return true;
	}
	return false;
}

/*
 * An operation that is told not to wait has its completion before it is
 * submitted, among the last ones.  Where the queue had no room for it the bytes
 * are lost, and so is the connection.
 */
ssize_t uring_sock_recv(struct os_loop *base, int sock, void *buf, size_t size)
{
	struct uring_loop *loop = to_uring(base);
	struct io_uring_sqe *sqe = uring_sqe(loop);
	int result;

	if (!sqe)
		return -EAGAIN;
	io_uring_prep_recv(sqe, sock, buf, size, MSG_DONTWAIT);
	uring_set_sock(sqe, sock);
	uring_tag(sqe, URING_RECV, loop);
	uring_submit(loop);
	return take_newest(loop, (uintptr_t)loop | URING_RECV, &result) ?
		result : -ECONNABORTED;
}

void uring_send_cancel(struct os_loop *base, struct os_send *op)
{
	struct io_uring_sqe *sqe = uring_sqe(to_uring(base));

	op->cancelled = 1;
	if (!sqe)
		return;
	io_uring_prep_cancel64(sqe, (uintptr_t)op | URING_SEND, 0);
	io_uring_sqe_set_data64(sqe, URING_IGNORED);
}

int uring_send(struct os_loop *base, struct os_send *op)
{
	struct uring_loop *loop = to_uring(base);
	struct io_uring_sqe *sqe = uring_sqe(loop);
	/* WAITALL: the kernel itself goes on after a part, where it knows to. */
	int flags = MSG_NOSIGNAL | MSG_WAITALL;

	if (!sqe)
		return -EAGAIN;
	if (op->msg.msg_iovlen == 1)
		io_uring_prep_send(sqe, op->fd, op->msg.msg_iov->iov_base,
				   op->msg.msg_iov->iov_len, flags);
	else
		io_uring_prep_sendmsg(sqe, op->fd, &op->msg,
				      (unsigned int)flags);
	uring_set_sock(sqe, op->fd);
	uring_tag(sqe, URING_SEND, op);
	loop->in_flight++;
	return 0;
}

/* Drops the first `sent` bytes; true when there are more. */
static bool advance(struct msghdr *msg, size_t sent)
{
	while (msg->msg_iovlen && sent >= msg->msg_iov->iov_len) {
		sent -= msg->msg_iov->iov_len;
		msg->msg_iov++;
		msg->msg_iovlen--;
	}
	if (!msg->msg_iovlen)
		return false;
	msg->msg_iov->iov_base = (char *)msg->msg_iov->iov_base + sent;
	msg->msg_iov->iov_len -= sent;
	return true;
}

void uring_send_done(struct uring_loop *loop, void *ptr, int result)
{
	struct os_send *op = ptr;
	bool more = result == -EINTR || result == -EAGAIN;

	loop->in_flight--;
	if (result >= 0)
		more = advance(&op->msg, (size_t)result);
	if (more && op->cancelled) {
		more = false;
		result = -ECANCELED;
	}
	if (more) {
		result = uring_send(&loop->loop, op);
		if (!result)
			return;
	}
	loop->callbacks++;
	op->done(op, result < 0 ? result : 0);
}
