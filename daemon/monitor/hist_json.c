// SPDX-License-Identifier: Apache-2.0
#include "monitor/hist_json.h"

#include "monitor/hist.h"

json_t *hist_to_json(const struct hist_slots *hist)
{
	json_t *buckets = json_array();

	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		if (hist->count[i])
			json_array_append_new(buckets,
					      json_pack("[I,I]", (json_int_t)i,
					  (json_int_t)hist->count[i]));
	return json_pack("{sI sI sI sI sI sI so}",
			 "count", (json_int_t)hist_count(hist),
			 "sum_ns", (json_int_t)hist->sum,
			 "p50_ns", (json_int_t)hist_quantile(hist, 0.5),
			 "p99_ns", (json_int_t)hist_quantile(hist, 0.99),
			 "p999_ns", (json_int_t)hist_quantile(hist, 0.999),
			 "max_ns", (json_int_t)hist_highest(hist),
			 "buckets", buckets);
}
