// SPDX-License-Identifier: GPL-2.0-only
/*
 * S3-FIFO (Yang et al., SOSP 2023).  New blocks wait in a small queue, a tenth
 * of the slots; who was not used by its end is out, so that what is read once
 * passes by.  The others, and those that come back soon after they were out,
 * live in the main queue, which gives another round for every use.
 */
#include "policy.h"

enum { SMALL, MAIN };

static u32 small_share(const struct sd_policy *p)
{
	return p->nr_slots / 10;
}

static void s3fifo_insert(struct sd_policy *p, u32 slot, bool back)
{
	sd_queue_add(&p->queue[back ? MAIN : SMALL], p->links, slot);
}

/* A round for a slot of a queue: true if it is out. */
static bool judge(struct sd_policy *p, struct sd_queue *q, u32 slot)
{
	u8 uses = READ_ONCE(p->uses[slot]);

	sd_queue_del(q, p->links, slot);
	if (!uses)
		return true;
	WRITE_ONCE(p->uses[slot], q == &p->queue[SMALL] ? 0 : uses - 1);
	sd_queue_add(&p->queue[MAIN], p->links, slot);
	return false;
}

static u32 s3fifo_evict(struct sd_policy *p)
{
	struct sd_queue *small = &p->queue[SMALL], *main = &p->queue[MAIN], *q;
	u32 slot, steps;

	for (steps = 0; steps < SD_POLICY_STEPS; steps++) {
		q = small->nr > small_share(p) || !main->nr ? small : main;
		slot = q->oldest;
		if (slot == SD_NONE || judge(p, q, slot))
			return slot;
	}
	return SD_NONE;
}

const struct sd_policy_ops sd_policy_s3fifo = {
	.name = "s3fifo",
	.max_uses = 3,
	.insert = s3fifo_insert,
	.evict = s3fifo_evict,
};
