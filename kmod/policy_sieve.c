// SPDX-License-Identifier: GPL-2.0-only
/*
 * SIEVE (Zhang et al., NSDI 2024).  One queue in the order of arrival; the hand
 * goes from the oldest to the newest, spares what was used since it came by,
 * and takes what was not.  What stays keeps its place, so that new blocks,
 * which are all at the other end, are the first to be judged.
 */
#include "policy.h"

static void sieve_insert(struct sd_policy *p, u32 slot, bool back)
{
	(void)back;	/* all are judged alike */
	sd_queue_add(&p->queue[0], p->links, slot);
}

static u32 sieve_evict(struct sd_policy *p)
{
	struct sd_queue *q = &p->queue[0];
	u32 slot, steps;

	for (steps = 0; q->nr && steps < SD_POLICY_STEPS; steps++) {
		slot = p->hand == SD_NONE ? q->oldest : p->hand;
		p->hand = p->links[slot].newer;
		if (!READ_ONCE(p->uses[slot])) {
			sd_queue_del(q, p->links, slot);
			return slot;
		}
		WRITE_ONCE(p->uses[slot], 0);
	}
	return SD_NONE;
}

const struct sd_policy_ops sd_policy_sieve = {
	.name = "sieve",
	.max_uses = 1,
	.insert = sieve_insert,
	.evict = sieve_evict,
};
