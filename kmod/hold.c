// SPDX-License-Identifier: GPL-2.0-only
/*
 * Intents that a single write needs on every SSD: those of the samples that
 * make up the disk's fingerprint.  Rare, so they may wait in process context.
 */
#include "sd.h"

#include <linux/sort.h>

static int compare_blocks(const void *a, const void *b)
{
	u64 x = ((const struct sd_sample *)a)->block;
	u64 y = ((const struct sd_sample *)b)->block;

	return x < y ? -1 : x > y;
}

void sd_samples_init(struct sd_set *set)
{
	u32 i;

	for (i = 0; i < SD_NR_SAMPLES; i++) {
		set->sample[i].block = sd_sample_block(set->geom.nr_blocks, i);
		set->sample[i].nr = i;
	}
	sort(set->sample, SD_NR_SAMPLES, sizeof(*set->sample), compare_blocks,
	     NULL);
}

/* The first in the order of the disk that is not below this block. */
static u32 lowest_sample(const struct sd_set *set, u64 block)
{
	u32 low = 0, high = SD_NR_SAMPLES, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (set->sample[mid].block < block)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool sd_is_sample(const struct sd_set *set, u64 first, u64 last)
{
	u32 low = lowest_sample(set, first);

	return low < SD_NR_SAMPLES && set->sample[low].block <= last;
}

/* Numbers of the samples among these blocks. */
static u64 samples_among(const struct sd_set *set, u64 first, u64 last)
{
	u64 samples = 0;
	u32 i;

	static_assert(SD_NR_SAMPLES <= 64);
	for (i = lowest_sample(set, first);
	     i < SD_NR_SAMPLES && set->sample[i].block <= last; i++)
		samples |= BIT_ULL(set->sample[i].nr);
	return samples;
}

static bool get_on_leg(struct sd_leg *leg, u64 samples)
{
	bool durable = true;

	for (; samples; samples &= samples - 1)
		durable &= sd_intent_get(&leg->meta.intent,
					 sd_meta_sample_bit(__ffs64(samples)));
	return durable;
}

static void put_on_leg(struct sd_leg *leg, u64 samples)
{
	for (; samples; samples &= samples - 1)
		sd_intent_put(&leg->meta.intent,
			      sd_meta_sample_bit(__ffs64(samples)));
}

bool sd_samples_get(struct sd_set *set, struct sd_io *io, u64 first, u64 last)
{
	bool durable = true;
	u32 i;

	io->samples = samples_among(set, first, last);
	io->sample_legs = 0;
	for (i = 0; i < set->geom.nr_legs; i++) {
		if (!sd_leg_get(&set->leg[i]))
			continue;
		io->sample_legs |= BIT(i);
		durable &= get_on_leg(&set->leg[i], io->samples);
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
	u32 i;

	for_each_set_bit(i, &io->sample_legs, SD_MAX_LEGS) {
		put_on_leg(&set->leg[i], io->samples);
		sd_leg_put(&set->leg[i]);
	}
	io->sample_legs = 0;
}
