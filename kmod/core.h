/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pure core stands on.  The files that include this header and no
 * other kernel header (KMOD_CORE in kmod.mk names them) also compile in user
 * space, where selftest/shim.h takes the kernel's place.
 */
#ifndef SD_CORE_H
#define SD_CORE_H

#ifdef __KERNEL__
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/crc32c.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/vmalloc.h>
#else
#include "selftest/shim.h"
#endif

#include "uapi/superdisk.h"

/*
 * Zeroed, for kvfree(): what grows with disk or SSD.  kvcalloc() takes more than
 * 2 GiB for a mistake.
 */
static inline void *sd_calloc(u64 n, size_t size)
{
	if (n > SIZE_MAX / size)
		return NULL;
	return n > INT_MAX / size ? vzalloc(n * size) :
				    kvcalloc(n, size, GFP_KERNEL);
}

#define SD_MAX_LEGS		SUPERDISK_MAX_LEGS
#define SD_SECTOR		512u
#define SD_SECTOR_SHIFT		9
#define SD_PAGE			4096u
#define SD_PAGE_SHIFT		12
#define SD_PAGE_SECTORS		(SD_PAGE / SD_SECTOR)
#define SD_MAX_PAGES		64	/* in a block: one word of validity */
#define SD_MIN_BLOCK_SECTORS	SD_PAGE_SECTORS
#define SD_MAX_BLOCK_SECTORS	(SD_MAX_PAGES * SD_PAGE_SECTORS)
#define SD_DEFAULT_BLOCK_SECTORS 128u

#endif
