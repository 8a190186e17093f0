// SPDX-License-Identifier: Apache-2.0
#include "base/timings.h"

/* Of bucket i; the last one has none. */
static uint64_t upper(uint32_t i)
{
	return i == TIMINGS_BUCKETS - 1 ? UINT64_MAX :
					  1ull << (TIMINGS_LOWEST_BIT + i);
}

void timings_add(struct timings *t, uint64_t ns)
{
	uint32_t i = 0;

	while (ns > upper(i))
		i++;
	atomic_fetch_add_explicit(&t->count[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&t->sum_ns, ns, memory_order_relaxed);
}

void timings_metrics(struct buf *out, const char *name,
		     const struct metric_label *labels,
		     const struct timings *t)
{
	uint64_t below = 0;

	for (uint32_t i = 0; i < TIMINGS_BUCKETS; i++) {
		below += atomic_load_explicit(&t->count[i],
					      memory_order_relaxed);
		metrics_bucket(out, name, labels, upper(i), below);
	}
	metrics_sum(out, name, labels,
		    atomic_load_explicit(&t->sum_ns, memory_order_relaxed),
		    below);
}
