// SPDX-License-Identifier: Apache-2.0
#include "monitor/exporter.h"

#include "monitor/hist.h"
#include "monitor/metrics_hist.h"

static const struct {
	const char *name, *help;
} spans[BLOCK_SPANS] = {
	[BLOCK_QUEUE] = {
		"superdisk_block_queue_seconds",
		"Time from submission to the hand-over to the driver.",
	},
	[BLOCK_DEVICE] = {
		"superdisk_block_device_seconds",
		"Time in driver and device; of a bio-based device, all of it.",
	},
};

static void put_series(struct buf *out, const struct latency_series *s,
		       enum block_span span)
{
	for (int op = 0; op < BLOCK_OPS; op++) {
		const struct metric_label labels[] = {
			{ "device", s->name },
			{ "parent", s->parent_name },
			{ "operation", latency_op_names[op] },
			{ NULL, NULL },
		};

		if (hist_count(&s->hist[op][span]))
			metrics_hist(out, spans[span].name, labels,
				     &s->hist[op][span]);
	}
}

void exporter_lost(struct buf *out, const char *name,
		   const struct exporter_loss *losses)
{
	metrics_family(out, name, METRIC_COUNTER,
		       "Events that the figures lack; too_many_*: that have no "
		       "series of their own.");
	for (; losses->reason; losses++)
		metrics_sample(out, name, (struct metric_label[]) {
				       { "reason", losses->reason },
				       { NULL, NULL },
			       }, losses->count);
}

void exporter_block(struct buf *out, const struct latency *latency)
{
	const struct block_lost *lost = &latency->lost;
	const struct exporter_loss losses[] = {
		{ "bio_table_full", lost->bios },
		{ "request_table_full", lost->requests },
		{ "too_many_devices", lost->series },
		{ "ring_buffer_full", lost->records },
		{ "program_busy", latency->missed },
		{ NULL, 0 },
	};

	for (int span = 0; span < BLOCK_SPANS; span++) {
		metrics_family(out, spans[span].name, METRIC_HISTOGRAM,
			       spans[span].help);
		for (size_t i = 0; i < latency->count; i++)
			put_series(out, &latency->series[i], span);
	}
	exporter_lost(out, "superdisk_block_lost_total", losses);
}
