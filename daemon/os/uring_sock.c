// SPDX-License-Identifier: Apache-2.0
#include "os/uring.h"

#include <errno.h>

int uring_send(struct os_loop *base, struct os_send *op)
{
	struct uring_loop *loop = container_of(base, struct uring_loop, loop);
	struct io_uring_sqe *sqe = uring_sqe(loop, 1);
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
	if (more) {
		result = uring_send(&loop->loop, op);
		if (!result)
			return;
	}
	loop->callbacks++;
	op->done(op, result < 0 ? result : 0);
}
