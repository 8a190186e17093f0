/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A latch: one thread waits until so many others have come up, or one of them
 * has failed to.  For start-up code, outside of any actor.
 */
#ifndef OS_LATCH_H
#define OS_LATCH_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>

struct os_latch {
	sem_t arrived;
	atomic_int error;	/* the first, 0: none */
};

void os_latch_init(struct os_latch *latch);
void os_latch_fini(struct os_latch *latch);

/* One more has come up (0) or failed (negative errno).  Any thread. */
void os_latch_arrive(struct os_latch *latch, int error);

/*
 * Blocks until `count` have arrived.  0, the first error, or -ETIMEDOUT after
 * timeout_ms for each of them.
 */
int os_latch_wait(struct os_latch *latch, int count, uint32_t timeout_ms);

#endif
