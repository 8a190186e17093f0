/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `superdisk latency`.  One thread (getopt). */
#ifndef MONITOR_LATENCY_OPTIONS_H
#define MONITOR_LATENCY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "block_api.bpf.h"

struct latency_options {
	const char *device;	/* borrowed from argv, or NULL: all */
	const char *cgroup;	/* likewise; asks no superdiskd */
	const char *socket;	/* NULL: do not ask a superdiskd */
	int operation;		/* enum block_op, or -1: all */
	bool queue;		/* show the time before the device too */
	bool parents;		/* split a device by who sent the I/O */
	bool milliseconds;	/* coarse rows below one */
	bool table;		/* a line a device and operation */
	bool timestamp;
	bool json;
	bool live;		/* the caller clears it without a terminal */
	bool help;
	uint32_t interval_ms;	/* 0: once */
	uint32_t count;		/* of intervals, 0: until interrupted */
};

/* -EINVAL with the complaint in @why. */
int latency_options_parse(int argc, char **argv,
			  struct latency_options *ret_options, char *why,
			  size_t why_size);

extern const char latency_options_usage[];

#endif
