/* SPDX-License-Identifier: Apache-2.0 */
/* The document form of a histogram of times.  Any thread. */
#ifndef MONITOR_HIST_JSON_H
#define MONITOR_HIST_JSON_H

#include <jansson.h>

#include "hist_api.bpf.h"

/* *returns* count, sum, percentiles and the buckets in use. */
json_t *hist_to_json(const struct hist_slots *hist);

#endif
