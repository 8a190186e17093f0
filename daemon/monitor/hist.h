/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic on the log-linear histograms that the eBPF programs fill; their
 * layout and error are stated in bpf/hist_api.bpf.h.  Values are nanoseconds
 * wherever a histogram holds times.  Pure functions, any thread.
 */
#ifndef MONITOR_HIST_H
#define MONITOR_HIST_H

#include <stdbool.h>
#include <stdint.h>

#include "hist_api.bpf.h"

/* The largest value of bucket @index; it holds those above hist_lower(). */
uint64_t hist_upper(uint32_t index);
uint64_t hist_lower(uint32_t index);

uint64_t hist_count(const struct hist_slots *hist);

/* Adds @from, which may be changing under us, to @into. */
void hist_add(struct hist_slots *into, const struct hist_slots *from);

/* Takes the earlier state @then of the same histogram off @now. */
void hist_subtract(struct hist_slots *now, const struct hist_slots *then);

/*
 * The value below which the fraction @q (0 to 1) lies: the middle of its
 * bucket, so wrong by 6.25 % at most.  0 for an empty histogram.
 */
uint64_t hist_quantile(const struct hist_slots *hist, double q);

/* Upper bound of the highest bucket in use, 0 for an empty histogram. */
uint64_t hist_highest(const struct hist_slots *hist);

uint64_t hist_mean(const struct hist_slots *hist);

#endif
