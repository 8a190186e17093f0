// SPDX-License-Identifier: GPL-2.0-only
/* What the policies have in common.  Pure core. */
#include "policy.h"

int sd_policy_init(struct sd_policy *p, const struct sd_policy_ops *ops,
		   u32 nr_slots)
{
	u32 i;

	*p = (struct sd_policy) { .ops = ops, .nr_slots = nr_slots,
				  .hand = SD_NONE };
	for (i = 0; i < SD_POLICY_QUEUES; i++)
		sd_queue_init(&p->queue[i]);
	p->uses = sd_calloc(nr_slots, sizeof(*p->uses));
	p->links = sd_calloc(nr_slots, sizeof(*p->links));
	if (p->uses && p->links)
		return 0;
	sd_policy_fini(p);
	return -ENOMEM;
}

void sd_policy_fini(struct sd_policy *p)
{
	kvfree(p->links);
	kvfree(p->uses);
	*p = (struct sd_policy) {};
}
