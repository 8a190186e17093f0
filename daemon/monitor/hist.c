// SPDX-License-Identifier: Apache-2.0
#include "monitor/hist.h"

#include <math.h>

uint64_t hist_upper(uint32_t index)
{
	uint32_t octave = index / HIST_SUB, sub = index % HIST_SUB;

	if (!octave)
		return index + 1;
	return (uint64_t)(HIST_SUB + sub + 1) << (octave - 1);
}

uint64_t hist_lower(uint32_t index)
{
	return index ? hist_upper(index - 1) : 0;
}

uint64_t hist_count(const struct hist_slots *hist)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		count += hist->count[i];
	return count;
}

void hist_add(struct hist_slots *into, const struct hist_slots *from)
{
	into->sum += __atomic_load_n(&from->sum, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		into->count[i] += __atomic_load_n(&from->count[i],
						  __ATOMIC_RELAXED);
}

void hist_subtract(struct hist_slots *now, const struct hist_slots *then)
{
	now->sum -= then->sum;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		now->count[i] -= then->count[i];
}

uint64_t hist_quantile(const struct hist_slots *hist, double q)
{
	uint64_t rank = (uint64_t)ceil(q * (double)hist_count(hist));
	uint64_t below = 0;

	if (!rank)
		rank = 1;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		below += hist->count[i];
		if (below >= rank)
			return (hist_lower(i) + hist_upper(i) + 1) / 2;
	}
	return 0;
}

uint64_t hist_highest(const struct hist_slots *hist)
{
	for (uint32_t i = HIST_BUCKETS; i-- > 0;)
		if (hist->count[i])
			return hist_upper(i);
	return 0;
}

uint64_t hist_mean(const struct hist_slots *hist)
{
	uint64_t count = hist_count(hist);

	return count ? hist->sum / count : 0;
}
