// SPDX-License-Identifier: GPL-2.0-only
/* Heat in the kernel: it falls as time passes, and outlives its table. */
#include "sd.h"

/* Blocks between two chances for others to run. */
#define SD_DECAY_BATCH	0x10000u

static unsigned long interval(const struct sd_set *set)
{
	return msecs_to_jiffies(set->opt.heat_s * (MSEC_PER_SEC /
						   SUPERDISK_HEAT_OCTAVE));
}

static void decay_work(struct work_struct *work)
{
	struct sd_set *set = container_of(to_delayed_work(work), struct sd_set,
					  decay_work);
	u64 at;

	for (at = 0; at < set->heat.nr_blocks; at += SD_DECAY_BATCH) {
		sd_heat_decay(&set->heat, at, SD_DECAY_BATCH);
		cond_resched();
	}
	set->decay_at += interval(set);
	sd_decay_start(set);
}

int sd_decay_init(struct sd_set *set)
{
	INIT_DELAYED_WORK(&set->decay_work, decay_work);
	if (!set->opt.heat_s)
		return 0;
	set->decay_at = jiffies + interval(set);
	return sd_heat_init(&set->heat, set->geom.nr_blocks);
}

/* Also after a suspend: however often that happens, time passes. */
void sd_decay_start(struct sd_set *set)
{
	unsigned long now = jiffies;

	if (set->heat.byte)
		queue_delayed_work(set->meta_wq, &set->decay_work,
				   time_after(set->decay_at, now) ?
				   set->decay_at - now : 0);
}

void sd_decay_stop(struct sd_set *set)
{
	cancel_delayed_work_sync(&set->decay_work);
}

void sd_decay_inherit(struct sd_set *set, const struct sd_set *before)
{
	if (set->heat.byte && before->heat.byte &&
	    set->geom.block_shift == before->geom.block_shift)
		sd_heat_raise(&set->heat, 0, before->heat.byte,
			      before->heat.nr_blocks);
}
