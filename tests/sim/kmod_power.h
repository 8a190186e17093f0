/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices that lose power, for simulations of the module's metadata code.
 *
 * Contents are one word a sector: of data the version, of metadata (sectors
 * below data_start) a copy.  Power is cut at a chosen write or flush; what a
 * volatile cache held, and each sector of the write under way, then survives or
 * not by chance.  One simulation a process: all state is static.
 */
#ifndef KMOD_POWER_H
#define KMOD_POWER_H

#include <setjmp.h>

#include "meta.h"

struct device {
	struct sd_dev dev;
	u64 sectors;
	u64 *now, *stable;		/* data: a version for each sector */
	u8 *meta_now, *meta_stable;	/* sectors below data_start */
	u64 data_start;
	bool *is_volatile;		/* now, not yet stable */
	u32 *volatiles;			/* all of these */
	u32 nr_volatiles;
	bool cache;			/* has a volatile cache */
	bool no_flush;			/* it ignores them */
	u32 flush_fails;		/* one in so many; 0: none */
	u64 no_fua;			/* to this sector */
	u64 unreadable;			/* a sector of metadata; 0: none */
};

/* All else that goes on while metadata I/O is under way. */
extern void (*power_meanwhile)(void);
extern jmp_buf power_out;

void power_seed(u64 seed);
/* Below n, from the seed. */
u64 power_rnd(u64 n);
/* Cut at this many-th write or flush from now; negative: never. */
void power_cut_in(int writes);

void device_init(struct device *d, u64 sectors, u64 data_start);
void device_fini(struct device *d);
/* All of a volatile cache: written, or of each sector nobody knows. */
void device_settle(struct device *d, bool flush);
/* A write of data: a version for each page. */
void device_write_pages(struct device *d, u64 sector, u32 pages,
			const u64 *version);
/* Somebody else's, past the cache. */
void device_overwrite(struct device *d, u64 sector, u32 nr, const u64 *version);

#endif
