/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A function in a thread of its own, for what may take long or for ever (a
 * read of a sick device, a file on a slow one): the loop asks now and then
 * whether it is done, and may let go of it.
 */
#ifndef MONITOR_ERRAND_H
#define MONITOR_ERRAND_H

#include <stddef.h>

struct errand;

/* In the thread: 0 or negative errno, but not -EAGAIN. */
typedef int errand_fn(void *arg);

/*
 * Runs @fn on a copy of the @size bytes at @arg, which goes with the errand.
 * -ENOMEM, -EAGAIN: no thread.
 */
int errand_start(errand_fn *fn, const void *arg, size_t size,
		 struct errand **ret_errand);

/* -EAGAIN while it runs, then what @fn returned. */
int errand_result(const struct errand *errand);
/* The copy, as @fn left it; only when it is done.  *borrows*. */
const void *errand_arg(const struct errand *errand);

/* Lets go of it; one that still runs ends by itself.  NULL is allowed. */
void errand_put(struct errand *errand);

#endif
