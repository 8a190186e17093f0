/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels that this module builds for (6.1 and 6.12
 * are tested), each with the change that made it.
 */
#ifndef SD_COMPAT_H
#define SD_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/version.h>

#define SD_MODE(ti)	dm_table_get_mode((ti)->table)

/* hrtimer_init() went in 6.15 (9779489a31d7), hrtimer_setup() came in 6.13. */
static inline void sd_timer_setup(struct hrtimer *timer,
				  enum hrtimer_restart (*fn)(struct hrtimer *))
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer->function = fn;
#else
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
#endif
}

#endif
