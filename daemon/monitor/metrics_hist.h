/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms of the eBPF programs in the text of base/metrics.h. */
#ifndef MONITOR_METRICS_HIST_H
#define MONITOR_METRICS_HIST_H

#include "base/metrics.h"
#include "hist_api.bpf.h"

/*
 * A histogram of nanoseconds, with one bucket per power of two from 1 us to
 * 69 s: bounds of the finer buckets, so that nothing is estimated.
 */
void metrics_hist(struct buf *out, const char *name,
		  const struct metric_label *labels,
		  const struct hist_slots *hist);

#endif
