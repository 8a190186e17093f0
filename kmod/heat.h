/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much each block of the disk is read: one byte a block, a logarithm, see
 * uapi/superdisk_heat.h.  Pure core.
 *
 * The byte of a hot block is written once in 2^(h/16) reads, so that readers
 * on several CPUs rarely take a cache line from each other.  Nothing is locked:
 * of two changes at the same time one may be lost, which is one count of many.
 */
#ifndef SD_HEAT_H
#define SD_HEAT_H

#include "core.h"
#include "uapi/superdisk_heat.h"

struct sd_heat {
	u64 nr_blocks;
	u8 *byte;		/* NULL: off */
};

int sd_heat_init(struct sd_heat *h, u64 nr_blocks);
void sd_heat_fini(struct sd_heat *h);

/* A read.  random: its low 16 bits are.  Any context. */
static inline void sd_heat_touch(struct sd_heat *h, u64 block, u32 random)
{
	u8 was = READ_ONCE(h->byte[block]);

	if (was == SUPERDISK_HEAT_MAX ||
	    random & (BIT(was / SUPERDISK_HEAT_OCTAVE) - 1))
		return;
	WRITE_ONCE(h->byte[block], was + 1);
}

/* A sixteenth of the half-life has passed: all of nr blocks fall by one. */
void sd_heat_decay(struct sd_heat *h, u64 first, u64 nr);
/* The first block not below `from` at least that hot, or nr_blocks. */
u64 sd_heat_next(const struct sd_heat *h, u8 floor, u64 from);
/* The next run of warm blocks from *from on: how many; *from is its first. */
u32 sd_heat_run(const struct sd_heat *h, u64 *from, u8 *to, u32 max);
/* These blocks are at least that hot; what is beyond the disk is left out. */
void sd_heat_raise(struct sd_heat *h, u64 first, const u8 *byte, u64 nr);

#endif
