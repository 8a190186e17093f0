/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads, or writes, that go on where another ended: long ones are not worth a
 * place in the cache, for the disk is good at them.  Pure core.
 */
#ifndef SD_STREAM_H
#define SD_STREAM_H

#include "core.h"

#define SD_STREAMS	32u	/* followed at once */
#define SD_STREAM_GAP	128u	/* sectors that it may leap over */

struct sd_streams {
	spinlock_t lock;	/* all; innermost */
	u32 clock;
	struct sd_stream {
		u64 next;	/* sector where it will go on */
		u64 sectors;	/* so far */
		u32 used;	/* by the clock */
	} stream[SD_STREAMS];
};

void sd_streams_init(struct sd_streams *st);
/* One more, that the cache did not serve.  Sectors of its stream so far. */
u64 sd_streams_go_on(struct sd_streams *st, u64 sector, u32 nr);

#endif
