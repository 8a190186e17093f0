/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Background copying: which block is next, and when.  Pure core; one caller at
 * a time.
 */
#ifndef SD_PLAN_H
#define SD_PLAN_H

#include "heat.h"

/*
 * Blocks in classes of heat, the hottest class first, each from the start of
 * the disk on.  Heat changes meanwhile, so the last class is all blocks:
 * whatever went from one class to another is met again there.
 */
struct sd_plan {
	const struct sd_heat *heat;
	u64 nr_blocks;
	u64 at;
	u32 floor;		/* of the class */
	bool cold_too;
};

#define SD_PLAN_CLASS	(SUPERDISK_HEAT_OCTAVE / 2)
/* Blocks looked at in one call: below a tenth of a millisecond. */
#define SD_PLAN_BATCH	65536u

/* cold_too: blocks that were not read come last; else they do not come. */
void sd_plan_start(struct sd_plan *p, const struct sd_heat *heat, u64 nr_blocks,
		   bool cold_too);
/* 1: *ret_block is next; 0: none found yet, call again; -ENOENT: that was all */
int sd_plan_next(struct sd_plan *p, u64 *ret_block);

/* A budget of KiB that grows with time. */
struct sd_pace {
	u64 credit;		/* KiB * ns/s */
	u64 now_ns;
};

/* What may be saved up for later. */
#define SD_PACE_BURST_NS	50000000ull

void sd_pace_start(struct sd_pace *p, u64 now_ns);
/* Time has passed at this rate.  kib: what the next request wants. */
void sd_pace_tick(struct sd_pace *p, u64 now_ns, u32 kib_per_s, u32 kib);
bool sd_pace_take(struct sd_pace *p, u32 kib);
/* Nanoseconds until that much may be taken. */
u64 sd_pace_wait_ns(const struct sd_pace *p, u32 kib_per_s, u32 kib);

#endif
