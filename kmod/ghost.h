/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Blocks that were missed or evicted not long ago: which of them come back is
 * what admission goes by.  4 bytes an entry.  Pure core.
 *
 * A guess, not a record: two blocks may share an entry (one in 65,000 lookups),
 * and updates race.  Time counts new blocks, in ticks.
 */
#ifndef SD_GHOST_H
#define SD_GHOST_H

#include "core.h"

#define SD_GHOST_WAYS		8u
#define SD_GHOST_WINDOW		2048u	/* ticks */

enum sd_ghost_sight {
	SD_GHOST_NEW,		/* not seen within the window */
	SD_GHOST_AGAIN,		/* missed before */
	SD_GHOST_BACK,		/* evicted */
};

struct sd_ghost {
	u32 nr_buckets;		/* of SD_GHOST_WAYS entries */
	u32 per_tick;
	u32 window;		/* ticks */
	u32 clock;		/* new blocks so far */
	u32 *entry;
};

/* Remembers about as many blocks. */
int sd_ghost_init(struct sd_ghost *g, u32 nr_blocks);
void sd_ghost_fini(struct sd_ghost *g);
/*
 * The block was missed.  Misses close together (as those of one read after the
 * other of the same block) count as one.  Any context, as the others.
 */
enum sd_ghost_sight sd_ghost_miss(struct sd_ghost *g, u32 block);
enum sd_ghost_sight sd_ghost_look(const struct sd_ghost *g, u32 block);
void sd_ghost_evicted(struct sd_ghost *g, u32 block);

#endif
