/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long something takes, as a histogram of powers of two from 1 us to 69 s
 * that one thread or many add to and any thread reads.
 */
#ifndef BASE_TIMINGS_H
#define BASE_TIMINGS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/metrics.h"

#define TIMINGS_LOWEST_BIT 10
#define TIMINGS_BUCKETS 28	/* the last one: longer than all others */

/* Good when zeroed.  Counters only, so relaxed: no partner. */
struct timings {
	atomic_uint_least64_t count[TIMINGS_BUCKETS];
	atomic_uint_least64_t sum_ns;
};

void timings_add(struct timings *t, uint64_t ns);

/* The samples of a histogram family, which is begun already. */
void timings_metrics(struct buf *out, const char *name,
		     const struct metric_label *labels,
		     const struct timings *t);

#endif
