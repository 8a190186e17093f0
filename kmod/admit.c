// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cache mode: which misses are worth a write to an SSD.
 *
 *	long reads		never: the disk is good at them
 *	a block without a slot	when it is missed again not long after, or came
 *				back soon after it was evicted, or there is room
 *	any			as far as the write budget goes
 */
#include "sd.h"

static bool is_long(struct sd_set *set, struct sd_streams *streams,
		    const struct sd_io *io)
{
	u64 sectors = sd_streams_go_on(streams, io->sector,
				       io->bytes >> SD_SECTOR_SHIFT);

	return set->opt.sequential_kib &&
	       sectors * SD_SECTOR > (u64)set->opt.sequential_kib << 10;
}

static bool deserves_slot(struct sd_leg *leg, const struct sd_io *io, u64 block)
{
	if (is_long(leg->set, &leg->set->reads, io)) {
		sd_count(leg->stats, SUPERDISK_C_BYPASSED_BYTES, io->bytes);
		return false;
	}
	if (sd_cache_admits(leg->table.cache, block))
		return true;
	sd_count(leg->stats, SUPERDISK_C_REFUSALS, 1);
	return false;
}

bool sd_admit(struct sd_leg *leg, const struct sd_io *io, u64 block, u64 mask)
{
	struct sd_cache *c = leg->table.cache;

	if (!c)
		return true;
	if (sd_table_find(&leg->table, block) == SD_NO_SLOT &&
	    !deserves_slot(leg, io, block))
		return false;
	if (sd_cache_spend(c, hweight64(mask) * SD_PAGE, io->start_ns))
		return true;
	sd_count(leg->stats, SUPERDISK_C_THROTTLED, 1);
	return false;
}

void sd_admit_written(struct sd_leg *leg, const struct sd_io *io, u64 block)
{
	struct sd_set *set = leg->set;

	if (leg->table.cache && !is_long(set, &set->writes, io))
		sd_cache_wrote(leg->table.cache, block);
}
