// SPDX-License-Identifier: Apache-2.0
#include "monitor/metrics_hist.h"

#include "monitor/hist.h"

#define LOWEST_BIT 10
#define HIGHEST_BIT 36

_Static_assert(HIGHEST_BIT < HIST_MAX_BITS, "the last bucket has no bound");

void metrics_hist(struct buf *out, const char *name,
		  const struct metric_label *labels,
		  const struct hist_slots *hist)
{
	uint64_t below = 0;
	uint32_t next = 0;

	for (int bit = LOWEST_BIT; bit <= HIGHEST_BIT; bit++) {
		for (; hist_upper(next) <= 1ULL << bit; next++)
			below += hist->count[next];
		metrics_bucket(out, name, labels, 1ULL << bit, below);
	}
	for (; next < HIST_BUCKETS; next++)
		below += hist->count[next];
	metrics_bucket(out, name, labels, UINT64_MAX, below);
	metrics_sum(out, name, labels, hist->sum, below);
}
