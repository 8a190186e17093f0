/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels that this module builds for (6.1 and 6.12
 * are tested), each with the change that made it.
 */
#ifndef SD_COMPAT_H
#define SD_COMPAT_H

#include <linux/version.h>

/* 96a95b7e53a7 ("dm: ...") 5.18: bio_alloc_bioset() takes bdev and opf: base. */

/* 6.9, 2c8161d1ea1e and others: the target asks for stable writes itself. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define SD_MODE(ti)	dm_table_get_mode((ti)->table)
typedef fmode_t sd_mode_t;
#else
#define SD_MODE(ti)	dm_table_get_mode((ti)->table)
typedef blk_mode_t sd_mode_t;	/* 05bdb9965305, 6.5 */
#endif

#endif
