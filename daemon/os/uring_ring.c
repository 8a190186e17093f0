// SPDX-License-Identifier: Apache-2.0
/*
 * The ring itself.  A kernel of 6.1 or later is told that one thread alone
 * submits: it then leaves what a completion has to do to that thread, for when
 * it asks, and takes no locks against others.  Such a ring is made disabled and
 * is nobody's until its first submission, for a loop is made by the thread that
 * starts the others.  A thread that has submitted cannot give the ring away:
 * the next one gets a new one.
 */
#include "os/uring.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SQ_ENTRIES 1024

/* The best that the kernel knows: 6.1, 5.19, older. */
static const unsigned int flavours[] = {
	IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
		IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_R_DISABLED,
	IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
	0,
};

static int make(struct io_uring *ring, bool *ret_unclaimed)
{
	int err = -EINVAL;

	for (size_t i = 0; err == -EINVAL &&
			   i < sizeof(flavours) / sizeof(flavours[0]); i++) {
		struct io_uring_params p = {
			.flags = IORING_SETUP_CQSIZE | flavours[i],
			.cq_entries = URING_COMPLETIONS,
		};

		err = io_uring_queue_init_params(SQ_ENTRIES, ring, &p);
		*ret_unclaimed = p.flags & IORING_SETUP_R_DISABLED;
	}
	return err;
}

int uring_ring_init(struct uring_loop *loop)
{
	int err = make(&loop->ring, &loop->unclaimed);

	loop->has_ring = !err;
	if (!err)
		uring_fixed_enter(loop);
	return err;
}

void uring_ring_exit(struct uring_loop *loop)
{
	if (!loop->has_ring)
		return;
	uring_fixed_leave(loop);
	io_uring_queue_exit(&loop->ring);
	loop->has_ring = false;
}

bool uring_claim(struct uring_loop *loop)
{
	if (!loop->has_ring)
		return false;
	/* liburing 2.3 declares a function for it, which it does not have. */
	if (loop->unclaimed)
		syscall(__NR_io_uring_register, loop->ring.ring_fd,
			IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	loop->unclaimed = false;
	return true;
}

void uring_submit(struct uring_loop *loop)
{
	if (uring_claim(loop) && io_uring_sq_ready(&loop->ring))
		io_uring_submit_and_get_events(&loop->ring);
}

/*
 * What was in flight has ended, or has been given up.  Without memory for a new
 * ring the loop does nothing any more.
 */
void uring_leave(struct os_loop *base)
{
	struct uring_loop *loop = to_uring(base);

	uring_cancel(base);
	uring_ring_exit(loop);
	loop->in_flight = 0;
	loop->wake_armed = false;
	(void)uring_ring_init(loop);
}
