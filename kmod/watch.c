// SPDX-License-Identifier: GPL-2.0-only
/*
 * The watchdog: an SSD to which I/O is under way, and none of it comes back
 * within timeout_ms, is out of service.  Only per-CPU counters are read.
 */
#include "sd.h"

static bool silent(struct sd_leg *leg)
{
	u64 started, done;

	sd_stats_flight(leg->stats, &started, &done);
	if (started == done || done != leg->watch_done) {
		leg->watch_done = done;
		leg->watch_since = jiffies;
		return false;
	}
	return time_after(jiffies, leg->watch_since +
			  msecs_to_jiffies(leg->set->opt.timeout_ms));
}

void sd_watch_work(struct work_struct *work)
{
	struct sd_set *set = container_of(to_delayed_work(work), struct sd_set,
					  watch_work);
	u32 i;

	for (i = 0; i < set->geom.nr_legs; i++)
		if (silent(&set->leg[i]))
			sd_leg_fail(&set->leg[i], -ETIMEDOUT);
	queue_delayed_work(set->io_wq, &set->watch_work,
			   msecs_to_jiffies(set->opt.timeout_ms / 4));
}
