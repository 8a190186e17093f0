/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A snapshot of block latency: what all devices did since the programs were
 * attached, or between two snapshots.  Plain data; any thread.
 */
#ifndef MONITOR_LATENCY_H
#define MONITOR_LATENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "block_api.bpf.h"
#include "monitor/devices.h"

struct latency_series {
	uint32_t dev;
	uint32_t parent;	/* bio-based device that sent the I/O, or 0 */
	char name[DEVICE_NAME_MAX];
	char parent_name[DEVICE_NAME_MAX];
	struct hist_slots hist[BLOCK_OPS][BLOCK_SPANS];
};

struct latency {
	uint64_t at_ns;		/* CLOCK_MONOTONIC */
	uint64_t since_ns;	/* when the programs were attached */
	struct block_lost lost;
	uint64_t missed;	/* runs that the kernel left out; see bpf_load.h */
	size_t count;
	struct latency_series series[BLOCK_SERIES_MAX];
};

/* "read", "write", "flush", "discard"; "queue", "device" */
extern const char *const latency_op_names[BLOCK_OPS];
extern const char *const latency_span_names[BLOCK_SPANS];

/* *returns* an empty one, to be given to free(); NULL without memory. */
struct latency *latency_new(void);

/* Leaves in @now what happened after @then. */
void latency_subtract(struct latency *now, const struct latency *then);

/* One series a device, its parents' shares summed up, busiest first. */
void latency_merge_parents(struct latency *latency);

/* All events that are missing from the figures. */
uint64_t latency_lost(const struct latency *latency);

bool latency_idle(const struct latency_series *series);

/* *returns* a document, or NULL without memory. */
json_t *latency_to_json(const struct latency *latency);

/*
 * Reads a document of latency_to_json() from a peer that is not trusted.
 * -EPROTO when it is not one.
 */
int latency_from_json(const json_t *document, struct latency *ret_latency);

#endif
