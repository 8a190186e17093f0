// SPDX-License-Identifier: GPL-2.0-only
/*
 * Intents that a single write needs on every SSD: those of the samples that
 * make up the disk's fingerprint.  Rare, so they may wait in process context.
 */
#include "sd.h"

#include <linux/sort.h>

static int compare_blocks(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

void sd_samples_init(struct sd_set *set)
{
	u32 i;

	for (i = 0; i < SD_NR_SAMPLES; i++)
		set->sample_block[i] = sd_sample_block(set->geom.nr_blocks, i);
	sort(set->sample_block, SD_NR_SAMPLES, sizeof(u64), compare_blocks,
	     NULL);
}

bool sd_is_sample(const struct sd_set *set, u64 first, u64 last)
{
	u32 low = 0, high = SD_NR_SAMPLES, mid;

	while (low < high) {	/* the lowest sample not below first */
		mid = (low + high) / 2;
		if (set->sample_block[mid] < first)
			low = mid + 1;
		else
			high = mid;
	}
	return low < SD_NR_SAMPLES && set->sample_block[low] <= last;
}

static bool covers(struct sd_set *set, struct sd_io *io, u32 sample)
{
	u64 at = sd_sample_block(set->geom.nr_blocks, sample);

	return io->first <= at && at <= io->last;
}

static bool get_on_leg(struct sd_set *set, struct sd_io *io,
		       struct sd_leg *leg)
{
	bool durable = true;
	u32 i;

	for (i = 0; i < SD_NR_SAMPLES; i++)
		if (covers(set, io, i))
			durable &= sd_intent_get(&leg->meta.intent,
						 sd_meta_sample_bit(i));
	return durable;
}

bool sd_samples_get(struct sd_set *set, struct sd_io *io, u64 first, u64 last)
{
	bool durable = true;
	u32 i;

	io->first = first;
	io->last = last;
	io->sample_legs = 0;
	for (i = 0; i < set->geom.nr_legs; i++) {
		if (!sd_leg_get(&set->leg[i]))
			continue;
		io->sample_legs |= BIT(i);
		durable &= get_on_leg(set, io, &set->leg[i]);
	}
	return durable;
}

void sd_samples_wait(struct sd_set *set, struct sd_io *io)
{
	u32 i;

	for_each_set_bit(i, &io->sample_legs, SD_MAX_LEGS)
		sd_leg_wait_sync(&set->leg[i]);
}

void sd_samples_put(struct sd_set *set, struct sd_io *io)
{
	u32 i, s;

	for_each_set_bit(i, &io->sample_legs, SD_MAX_LEGS) {
		for (s = 0; s < SD_NR_SAMPLES; s++)
			if (covers(set, io, s))
				sd_intent_put(&set->leg[i].meta.intent,
					      sd_meta_sample_bit(s));
		sd_leg_put(&set->leg[i]);
	}
	io->sample_legs = 0;
}
