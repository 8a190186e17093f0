/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which slot goes next.  A policy keeps the slots that hold blocks in an order
 * of its own; 9 bytes a slot.  Pure core.
 *
 * Hits never call a policy: they raise uses[slot] up to the policy's max_uses,
 * without a lock (sd_policy_hit), and it looks at that when it must choose.
 */
#ifndef SD_POLICY_H
#define SD_POLICY_H

#include "queue.h"

#define SD_POLICY_QUEUES	2
#define SD_POLICY_STEPS		512u

struct sd_policy;

/* All of these under the lock of the owner; no allocation. */
struct sd_policy_ops {
	const char *name;
	u8 max_uses;		/* how far uses[] counts, at most 255 */
	/*
	 * The slot holds a block that is new.  `back`: one that was evicted not
	 * long ago.  The slot is in none of the policy's queues, uses is 0.
	 */
	void (*insert)(struct sd_policy *p, u32 slot, bool back);
	/*
	 * Choose a slot and forget it.  May lower uses[] of those that it
	 * passes by.  SD_NONE after SD_POLICY_STEPS of them, to be asked again
	 * (interrupts are off), or if there are no slots.
	 */
	u32 (*evict)(struct sd_policy *p);
};

struct sd_policy {
	const struct sd_policy_ops *ops;
	u32 nr_slots;
	u8 *uses;		/* written without a lock */
	struct sd_links *links;
	struct sd_queue queue[SD_POLICY_QUEUES];
	u32 hand;
};

extern const struct sd_policy_ops sd_policy_s3fifo, sd_policy_sieve;

int sd_policy_init(struct sd_policy *p, const struct sd_policy_ops *ops,
		   u32 nr_slots);
void sd_policy_fini(struct sd_policy *p);

/* A read found the block of this slot.  Any context; races lose counts. */
static inline void sd_policy_hit(struct sd_policy *p, u32 slot)
{
	u8 uses = READ_ONCE(p->uses[slot]);

	if (uses < p->ops->max_uses)
		WRITE_ONCE(p->uses[slot], uses + 1);
}

#endif
