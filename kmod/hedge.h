/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long a read waits for an SSD before the disk is asked too (hedge_us
 * auto).  Pure core.
 *
 *	bound = min(max(p99 of the SSD, 2 * p50 of the SSD, 50 us),
 *		    p95 of the disk)
 *
 * Dean and Barroso, "The Tail at Scale", CACM 56(2), 2013, send the second
 * request when the first is older than the 95th percentile of its class, which
 * adds 5 % of load.  Here the second one goes to a disk that is ten times
 * slower and shared, so it is the 99th: 1 %.  Twice the median keeps that true
 * when all reads take about the same time and a bucket of the histogram holds
 * half of them.  No bound is worth more than the disk would have taken: an SSD
 * that has become slow as a whole costs at most that, then its reads come from
 * the disk.
 *
 * An SSD that hangs gives no answers, and soon nothing would be known of it: the
 * last bound holds until there is a new one.
 */
#ifndef SD_HEDGE_H
#define SD_HEDGE_H

#include "core.h"

/* A latency histogram that forgets: an eighth with each update. */
struct sd_recent {
	u64 seen[SUPERDISK_HIST_NR];	/* totals at the last update */
	u64 weight[SUPERDISK_HIST_NR];	/* times SD_RECENT_ONE */
};

#define SD_RECENT_ONE	256u

/* total: all there were since the start; zeroes to begin with. */
void sd_recent_update(struct sd_recent *r, const u64 *total);
/*
 * Upper edge of the bucket in which that many of a thousand lie; 0 if there are
 * too few to tell.
 */
u64 sd_recent_permille_ns(const struct sd_recent *r, u32 permille);

/* Microseconds; if too little is known before, which is 0 at first. */
u32 sd_hedge_bound_us(const struct sd_recent *ssd, const struct sd_recent *disk,
		      u32 before);

#endif
