/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slowest requests of the last one to two minutes.  Two windows of
 * SLOWEST_WINDOW_NS each: one fills while the other is still shown.  One
 * thread.
 */
#ifndef MONITOR_SLOWEST_H
#define MONITOR_SLOWEST_H

#include <stddef.h>
#include <stdint.h>

#include "block_api.bpf.h"

#define SLOWEST_MAX 32
#define SLOWEST_WINDOW_NS 60000000000ULL

struct slowest_window {
	uint64_t start_ns;	/* CLOCK_MONOTONIC */
	size_t count;
	struct block_slow record[SLOWEST_MAX];	/* a heap, the fastest first */
};

struct slowest {
	struct slowest_window window[2];	/* filling, filled before */
};

/* Submission to completion. */
uint64_t slowest_total_ns(const struct block_slow *record);

/* Turns the windows when @now_ns calls for it. */
void slowest_tick(struct slowest *slowest, uint64_t now_ns);
void slowest_add(struct slowest *slowest, const struct block_slow *record);

/* A request faster than this would not be kept: what the filter may drop. */
uint64_t slowest_threshold_ns(const struct slowest *slowest);

/* Copies the slowest of both windows, slowest first; returns how many. */
size_t slowest_list(const struct slowest *slowest,
		    struct block_slow ret_list[SLOWEST_MAX]);

#endif
