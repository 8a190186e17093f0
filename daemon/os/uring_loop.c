// SPDX-License-Identifier: Apache-2.0
#include "os/uring.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#define SQ_ENTRIES 1024
#define CQ_ENTRIES 16384
#define CANCEL_SECONDS 2

void uring_submit(struct uring_loop *loop)
{
	if (io_uring_sq_ready(&loop->ring))
		io_uring_submit(&loop->ring);
}

struct io_uring_sqe *uring_sqe(struct uring_loop *loop)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);

	if (sqe)
		return sqe;
	uring_submit(loop);
	return io_uring_get_sqe(&loop->ring);
}

void uring_tag(struct io_uring_sqe *sqe, enum uring_kind kind, void *ptr)
{
	check(!((uintptr_t)ptr & URING_KIND_MASK));
	io_uring_sqe_set_data64(sqe, (uintptr_t)ptr | kind);
}

static void wake_done(struct uring_loop *loop, void *ptr, int result)
{
	(void)ptr;
	(void)result;
	loop->wake_armed = false;
}

/* Keeps a read of wake_fd in flight, so that a write to it ends a wait. */
static int wake_arm(struct uring_loop *loop)
{
	struct io_uring_sqe *sqe;

	if (loop->wake_armed)
		return 0;
	sqe = uring_sqe(loop);
	if (!sqe)
		return -EAGAIN;
	io_uring_prep_read(sqe, loop->wake_fd, &loop->wake_count,
			   sizeof(loop->wake_count), 0);
	uring_tag(sqe, URING_WAKE, loop);
	loop->wake_armed = true;
	return 0;
}

static void (*const done_table[URING_KINDS])(struct uring_loop *loop,
					     void *ptr, int result) = {
	[URING_WAKE] = wake_done,
	[URING_POLL] = uring_poll_done,
	[URING_DISK] = uring_disk_done,
	[URING_DISK_PART] = uring_disk_part_done,
	[URING_SEND] = uring_send_done,
};

static void complete(struct uring_loop *loop, uint64_t data, int result)
{
	unsigned int kind = data & URING_KIND_MASK;

	check(kind < URING_KINDS);
	if (done_table[kind])
		done_table[kind](loop, (void *)(uintptr_t)(data & ~URING_KIND_MASK),
				 result);
}

/* A callback may queue more, which a later run reaps: bounded. */
static void reap(struct uring_loop *loop)
{
	struct io_uring_cqe *cqe;

	for (int n = 0; n < CQ_ENTRIES; n++) {
		uint64_t data;
		int result;

		if (io_uring_peek_cqe(&loop->ring, &cqe))
			return;
		data = cqe->user_data;
		result = cqe->res;
		io_uring_cqe_seen(&loop->ring, cqe);
		complete(loop, data, result);
	}
}

static void wait_until(struct uring_loop *loop, uint64_t deadline_ns)
{
	uint64_t now = os_now_ns(loop->loop.env);
	struct __kernel_timespec ts = { 0 };
	struct io_uring_cqe *cqe;

	if (deadline_ns == UINT64_MAX) {
		io_uring_submit_and_wait(&loop->ring, 1);
		return;
	}
	if (deadline_ns <= now)
		return;
	ts.tv_sec = (long long)((deadline_ns - now) / 1000000000);
	ts.tv_nsec = (long long)((deadline_ns - now) % 1000000000);
	io_uring_submit_and_wait_timeout(&loop->ring, &cqe, 1, &ts, NULL);
}

/*
 * Sequentially consistent with the exchange in uring_wake(): either the waker
 * sees WAITING and writes the eventfd, or we see WOKEN and do not wait.  What
 * the waker did before its wake is visible to us afterwards in both cases.
 */
static void wait_for_events(struct uring_loop *loop, uint64_t deadline_ns)
{
	int expected = URING_RUNNING;

	if (wake_arm(loop) == 0 &&
	    atomic_compare_exchange_strong(&loop->wait, &expected,
					   URING_WAITING))
		wait_until(loop, deadline_ns);
	atomic_exchange(&loop->wait, URING_RUNNING);
}

static int uring_run(struct os_loop *base, uint64_t deadline_ns)
{
	struct uring_loop *loop = to_uring(base);

	loop->callbacks = 0;
	uring_poll_arm_all(loop);
	uring_submit(loop);
	uring_work_finish(loop);
	reap(loop);
	if (deadline_ns && !loop->callbacks) {
		wait_for_events(loop, deadline_ns);
		uring_work_finish(loop);
		reap(loop);
	}
	return loop->callbacks;
}

static void uring_wake(struct os_loop *base)
{
	struct uring_loop *loop = to_uring(base);
	uint64_t one = 1;

	/* Partner: wait_for_events(). */
	if (atomic_exchange(&loop->wait, URING_WOKEN) != URING_WAITING)
		return;
	/* Fails only when its counter is full: then it is readable. */
	if (write(loop->wake_fd, &one, sizeof(one)) < 0)
		return;
}

/* Without callbacks: their owners are gone. */
static void discard(struct uring_loop *loop, const struct io_uring_cqe *cqe)
{
	unsigned int kind = cqe->user_data & URING_KIND_MASK;

	if (kind == URING_POLL)
		uring_poll_cancelled(loop,
				     (void *)(uintptr_t)(cqe->user_data &
							 ~URING_KIND_MASK));
	else if (kind == URING_DISK || kind == URING_DISK_PART ||
		 kind == URING_SEND)
		loop->in_flight--;
	else if (kind == URING_WAKE)
		loop->wake_armed = false;
}

static void ask_to_cancel(struct uring_loop *loop)
{
	struct io_uring_sqe *sqe = uring_sqe(loop);

	if (!sqe)
		return;
	io_uring_prep_cancel(sqe, NULL, IORING_ASYNC_CANCEL_ANY);
	io_uring_sqe_set_data64(sqe, URING_IGNORED);
}

static void uring_cancel(struct os_loop *base)
{
	struct uring_loop *loop = to_uring(base);
	struct __kernel_timespec ts = { .tv_sec = CANCEL_SECONDS };
	struct io_uring_cqe *cqe;

	uring_work_cancel(loop);
	if (!loop->in_flight)
		return;
	ask_to_cancel(loop);
	/* What it returns is how many were submitted; -ETIME: we give up. */
	while (loop->in_flight &&
	       io_uring_submit_and_wait_timeout(&loop->ring, &cqe, 1, &ts,
						NULL) >= 0) {
		while (!io_uring_peek_cqe(&loop->ring, &cqe)) {
			discard(loop, cqe);
			io_uring_cqe_seen(&loop->ring, cqe);
		}
	}
}

static void uring_loop_free(struct os_loop *base)
{
	struct uring_loop *loop = to_uring(base);

	uring_cancel(base);
	uring_fixed_exit(loop);
	io_uring_queue_exit(&loop->ring);
	close(loop->wake_fd);
	mem_free(loop);
}

static const struct os_loop_ops uring_ops = {
	.free = uring_loop_free,
	.cancel = uring_cancel,
	.run = uring_run,
	.wake = uring_wake,
	.poll_start = uring_poll_start,
	.poll_change = uring_poll_change,
	.poll_stop = uring_poll_stop,
	.work = uring_work,
	.send = uring_send,
	.send_cancel = uring_send_cancel,
	.sock_park = uring_sock_park,
	.sock_recv = uring_sock_recv,
	.sock_close = uring_sock_close,
	.file_open = uring_file_open,
	.buf_added = uring_buf_added,
	.buf_gone = uring_buf_gone,
	.dir_make = uring_dir_make,
	.dir_sync = uring_dir_sync,
	.rename = uring_rename,
	.remove = uring_remove,
	.dir_list = uring_dir_list,
};

/* The flags keep completions from interrupting us; 5.19 and later. */
static int ring_init(struct io_uring *ring)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_CQSIZE | IORING_SETUP_COOP_TASKRUN |
			 IORING_SETUP_TASKRUN_FLAG,
		.cq_entries = CQ_ENTRIES,
	};
	int err = io_uring_queue_init_params(SQ_ENTRIES, ring, &p);

	if (err != -EINVAL)
		return err;
	p = (struct io_uring_params){
		.flags = IORING_SETUP_CQSIZE,
		.cq_entries = CQ_ENTRIES,
	};
	return io_uring_queue_init_params(SQ_ENTRIES, ring, &p);
}

int uring_loop_new(struct os_env *env, struct os_loop **ret_loop)
{
	struct uring_loop *loop = mem_aligned(64, sizeof(*loop));
	int err;

	if (!loop)
		return -ENOMEM;
	*loop = (struct uring_loop){ .loop = { &uring_ops, env } };
	list_init(&loop->to_arm);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (loop->wake_fd < 0) {
		err = -errno;
		goto fail;
	}
	err = ring_init(&loop->ring);
	if (err)
		goto fail_fd;
	uring_fixed_init(loop);
	*ret_loop = &loop->loop;
	return 0;
fail_fd:
	close(loop->wake_fd);
fail:
	mem_free(loop);
	return err;
}
