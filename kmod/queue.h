/* SPDX-License-Identifier: GPL-2.0-only */
/* Queues of slots, linked by number: 8 bytes a slot.  Pure core. */
#ifndef SD_QUEUE_H
#define SD_QUEUE_H

#include "index.h"

struct sd_links {
	u32 older, newer;
};

struct sd_queue {
	u32 oldest, newest;
	u32 nr;
};

static inline void sd_queue_init(struct sd_queue *q)
{
	*q = (struct sd_queue) { .oldest = SD_NONE, .newest = SD_NONE };
}

static inline void sd_queue_add(struct sd_queue *q, struct sd_links *links,
				u32 slot)
{
	links[slot] = (struct sd_links) { q->newest, SD_NONE };
	if (q->newest == SD_NONE)
		q->oldest = slot;
	else
		links[q->newest].newer = slot;
	q->newest = slot;
	q->nr++;
}

static inline void sd_queue_del(struct sd_queue *q, struct sd_links *links,
				u32 slot)
{
	struct sd_links l = links[slot];

	if (l.older == SD_NONE)
		q->oldest = l.newer;
	else
		links[l.older].newer = l.newer;
	if (l.newer == SD_NONE)
		q->newest = l.older;
	else
		links[l.newer].older = l.older;
	q->nr--;
}

#endif
