/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels that this module builds for (6.1 and 6.12
 * are tested), each with the change that made it.
 */
#ifndef SD_COMPAT_H
#define SD_COMPAT_H

#include <linux/blkdev.h>
#include <linux/hrtimer.h>
#include <linux/version.h>
#include <net/genetlink.h>

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

/*
 * Flushes and FUA are for the disk, so they are asked of us if it wants them;
 * the volatile caches of SSDs are flushed where meta.h says.  What devices want
 * is among the limits since 6.11 (1122c0c1cc71); before, device-mapper asks for
 * flushes if any of them does.
 */
static inline void sd_limit_flushes(struct queue_limits *l,
				    struct block_device *disk)
{
#ifdef BLK_FEAT_WRITE_CACHE
	if (!bdev_write_cache(disk))
		l->features &= ~BLK_FEAT_WRITE_CACHE;
	if (!bdev_fua(disk))
		l->features &= ~BLK_FEAT_FUA;
#endif
}

/*
 * Since 6.17 (0c40d7cb5ef3) limits are refused if zeroes are written by
 * unmapping and max_write_zeroes_sectors is another.
 */
static inline void sd_limit_zeroes(struct queue_limits *l)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	l->max_hw_wzeroes_unmap_sectors = min(l->max_hw_wzeroes_unmap_sectors,
					      l->max_write_zeroes_sectors);
#endif
}

/*
 * A queue that cannot poll refuses a request that polls since 6.12; before, the
 * block layer took it for one that does not.
 */
static inline bool sd_polls(struct block_device *bdev)
{
#ifdef BLK_FEAT_POLL
	return bdev_get_queue(bdev)->limits.features & BLK_FEAT_POLL;
#else
	return test_bit(QUEUE_FLAG_POLL, &bdev_get_queue(bdev)->queue_flags);
#endif
}

/* Gone in 5.18 (c75e707fe1aa), back since 6.9 (44981351d2a2). */
static inline void sd_keep_hint(struct bio *bio, const struct bio *user)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	bio->bi_write_hint = user->bi_write_hint;
#endif
}

/* struct genl_dumpit_info has a genl_info since 6.7 (5c670a010de4). */
static inline struct nlattr **sd_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	return (struct nlattr **)genl_dumpit_info(cb)->attrs;
#else
	return genl_dumpit_info(cb)->info.attrs;
#endif
}

#endif
