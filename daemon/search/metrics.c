// SPDX-License-Identifier: Apache-2.0
/* What /metrics says of the search. */
#include <stddef.h>

#include "search/indexer.h"

static const struct {
	const char *name, *help;
	enum metric_type type;
	size_t offset;
} figures[] = {
	{ "chatd_search_hints_total", "Messages said to be new or changed.",
	  METRIC_COUNTER, offsetof(struct search_stats, hints) },
	{ "chatd_search_gaps_total", "Times that some of these were lost.",
	  METRIC_COUNTER, offsetof(struct search_stats, gaps) },
	{ "chatd_search_rows_total", "Messages read from the store.",
	  METRIC_COUNTER, offsetof(struct search_stats, rows) },
	{ "chatd_search_batches_total", "Batches they were indexed in.",
	  METRIC_COUNTER, offsetof(struct search_stats, batches) },
	{ "chatd_search_failures_total", "Batches that will be tried again.",
	  METRIC_COUNTER, offsetof(struct search_stats, failures) },
	{ "chatd_search_queries_total", "Searches.",
	  METRIC_COUNTER, offsetof(struct search_stats, queries) },
	{ "chatd_search_shed_total", "Searches refused, for too many wait.",
	  METRIC_COUNTER, offsetof(struct search_stats, shed) },
	{ "chatd_search_behind_cells", "Cells with something to be read.",
	  METRIC_GAUGE, offsetof(struct search_stats, cells_behind) },
	{ "chatd_search_behind_channels", "Channels of these that have.",
	  METRIC_GAUGE, offsetof(struct search_stats, channels_behind) },
};

static const struct {
	const char *name, *help;
	size_t offset;
} times[] = {
	{ "chatd_search_query_seconds", "From a search to its answer.",
	  offsetof(struct search_stats, query_times) },
	{ "chatd_search_index_seconds",
	  "From a message's coming or changing to its being found.",
	  offsetof(struct search_stats, index_times) },
	{ "chatd_search_batch_seconds", "Writing a batch to its cell.",
	  offsetof(struct search_stats, batch_times) },
};

static uint64_t load(const void *stats, size_t offset)
{
	return atomic_load_explicit((const atomic_uint_least64_t *)
				    ((const char *)stats + offset),
				    memory_order_relaxed);
}

void search_metrics(const struct search *search, struct buf *out)
{
	const struct search_stats *stats;

	if (!search)
		return;
	stats = &search->stats;
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		metrics_family(out, figures[i].name, figures[i].type,
			       figures[i].help);
		metrics_sample(out, figures[i].name, NULL,
			       load(stats, figures[i].offset));
	}
	metrics_family(out, "chatd_search_lag_seconds", METRIC_GAUGE,
		       "Age of the oldest change that is not indexed.");
	metrics_sample_seconds(out, "chatd_search_lag_seconds", NULL,
			       load(&stats->lag_ns, 0));
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		metrics_family(out, times[i].name, METRIC_HISTOGRAM,
			       times[i].help);
		timings_metrics(out, times[i].name, NULL,
				(const struct timings *)
				((const char *)stats + times[i].offset));
	}
}
