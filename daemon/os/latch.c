// SPDX-License-Identifier: Apache-2.0
#include "os/latch.h"

#include <errno.h>
#include <time.h>

#include "base/check.h"

void os_latch_init(struct os_latch *latch)
{
	check(!sem_init(&latch->arrived, 0, 0));
	atomic_init(&latch->error, 0);
}

void os_latch_fini(struct os_latch *latch)
{
	sem_destroy(&latch->arrived);
}

void os_latch_arrive(struct os_latch *latch, int error)
{
	int none = 0;

	if (error)
		atomic_compare_exchange_strong(&latch->error, &none, error);
	sem_post(&latch->arrived);
}

static int wait_one(struct os_latch *latch, uint32_t timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000l;
	if (until.tv_nsec >= 1000000000l) {
		until.tv_nsec -= 1000000000l;
		until.tv_sec++;
	}
	while (sem_clockwait(&latch->arrived, CLOCK_MONOTONIC, &until))
		if (errno != EINTR)
			return -errno;
	return atomic_load(&latch->error);
}

int os_latch_wait(struct os_latch *latch, int count, uint32_t timeout_ms)
{
	int err = 0;

	while (!err && count--)
		err = wait_one(latch, timeout_ms);
	return err;
}
