/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log-linear histograms, filled by eBPF programs and read by user space.
 *
 * Every power of two is cut into HIST_SUB linear buckets, so a bucket is at
 * most 1/HIST_SUB of its lower bound wide: a figure read off at the middle of
 * a bucket is wrong by at most 1/(2 * HIST_SUB) = 6.25 %.  Values below
 * HIST_SUB + 1 are exact.  A bucket holds (lower, upper], since the `le` of a
 * Prometheus bucket includes its bound; the index is therefore taken of v - 1.
 */
#ifndef HIST_API_BPF_H
#define HIST_API_BPF_H

#include <linux/types.h>

#define HIST_SUB_BITS 3
#define HIST_SUB (1U << HIST_SUB_BITS)
/* Values above 2^HIST_MAX_BITS (137 s in nanoseconds) share the last bucket. */
#define HIST_MAX_BITS 37
#define HIST_BUCKETS ((HIST_MAX_BITS - HIST_SUB_BITS + 1) * HIST_SUB)

/* Position of the highest set bit of @v, which is not 0. */
static inline __attribute__((always_inline)) __u32 hist_msb(__u64 v)
{
	__u32 msb = 0;

	if (v >> 32) {
		v >>= 32;
		msb += 32;
	}
	if (v >> 16) {
		v >>= 16;
		msb += 16;
	}
	if (v >> 8) {
		v >>= 8;
		msb += 8;
	}
	if (v >> 4) {
		v >>= 4;
		msb += 4;
	}
	if (v >> 2) {
		v >>= 2;
		msb += 2;
	}
	return msb + (__u32)(v >> 1);
}

/* The bucket of @value: a total, monotonic function onto 0..HIST_BUCKETS-1. */
static inline __attribute__((always_inline)) __u32 hist_index(__u64 value)
{
	__u64 v = value ? value - 1 : 0;
	__u32 msb, index;

	if (v < HIST_SUB)
		return (__u32)v;
	msb = hist_msb(v);
	index = (msb - HIST_SUB_BITS + 1) * HIST_SUB +
		((__u32)(v >> (msb - HIST_SUB_BITS)) & (HIST_SUB - 1));
	return index < HIST_BUCKETS ? index : HIST_BUCKETS - 1;
}

struct hist_slots {
	__u64 sum;	/* of the recorded values, in their unit */
	__u64 count[HIST_BUCKETS];
};

_Static_assert(sizeof(struct hist_slots) == 8 * (1 + HIST_BUCKETS),
	       "user space maps this memory");

#endif
