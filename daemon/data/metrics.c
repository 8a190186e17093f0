// SPDX-License-Identifier: Apache-2.0
/* What /metrics says of the data service. */
#include "base/metrics.h"

#include <stddef.h>
#include <stdio.h>

#include "data/heat.h"
#include "data/impl.h"

static const struct {
	const char *name, *help;
	enum metric_type type;
	size_t offset;
} counters[] = {
	{ "chatd_data_reads_total", "Reads that were asked for.",
	  METRIC_COUNTER, offsetof(struct data_stats, reads) },
	{ "chatd_data_runs_total", "Store reads that they became.",
	  METRIC_COUNTER, offsetof(struct data_stats, runs) },
	{ "chatd_data_writes_total", "Writes that were asked for.",
	  METRIC_COUNTER, offsetof(struct data_stats, writes) },
	{ "chatd_data_retries_total", "Store reads that were tried again.",
	  METRIC_COUNTER, offsetof(struct data_stats, retries) },
	{ "chatd_data_timeouts_total", "Store reads that were given up.",
	  METRIC_COUNTER, offsetof(struct data_stats, timeouts) },
	{ "chatd_data_errors_total", "Reads that were answered by an error.",
	  METRIC_COUNTER, offsetof(struct data_stats, errors) },
	{ "chatd_data_shed_total", "Requests refused, for too many wait.",
	  METRIC_COUNTER, offsetof(struct data_stats, shed) },
	{ "chatd_data_channels", "Channels in use.",
	  METRIC_GAUGE, offsetof(struct data_stats, channels) },
};

static uint64_t load(const atomic_uint_least64_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

static void put_hottest(const struct heat_entry *top, uint32_t count,
			const char *name, const char *help,
			enum heat_kind kind, struct buf *out)
{
	metrics_family(out, name, METRIC_COUNTER, help);
	for (uint32_t i = 0; i < count; i++) {
		char id[24];
		const struct metric_label labels[] = {
			{ "channel", id }, { NULL, NULL },
		};

		snprintf(id, sizeof(id), "%llu",
			 (unsigned long long)top[i].channel);
		metrics_sample(out, name, labels, top[i].count[kind]);
	}
}

void data_metrics(const struct data *data, struct buf *out)
{
	const struct data_stats *stats = &data->stats;
	struct heat_entry top[DATA_HOTTEST];
	uint32_t count = 0;

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		metrics_family(out, counters[i].name, counters[i].type,
			       counters[i].help);
		metrics_sample(out, counters[i].name, NULL,
			       load((const atomic_uint_least64_t *)
				    ((const char *)stats +
				     counters[i].offset)));
	}
	metrics_family(out, "chatd_data_coalescing_ratio", METRIC_GAUGE,
		       "Reads for each store read, since the start.");
	metrics_sample_ratio(out, "chatd_data_coalescing_ratio", NULL,
			     load(&stats->reads), load(&stats->runs));
	metrics_family(out, "chatd_data_run_seconds", METRIC_HISTOGRAM,
		       "From a store read's begin to its answer, with retries.");
	timings_metrics(out, "chatd_data_run_seconds", NULL, &data->run_times);
	for (int core = 0; core < data->cores; core++)
		count = heat_top(data->heat[core], top, count, DATA_HOTTEST);
	put_hottest(top, count, "chatd_data_channel_reads_total",
		    "Reads of the hottest channels, since they are.",
		    HEAT_READ, out);
	put_hottest(top, count, "chatd_data_channel_runs_total",
		    "Store reads of these.", HEAT_RUN, out);
}
