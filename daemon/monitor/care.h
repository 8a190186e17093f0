/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cares for the SSDs of all Super-Disks: gathers what the caretaker wants to
 * know, carries out what it decides, and follows the module's events.  Does
 * nothing while the module is not loaded.  One thread, on an sd-event loop.
 */
#ifndef MONITOR_CARE_H
#define MONITOR_CARE_H

#include <systemd/sd-event.h>

#include "monitor/history.h"
#include "monitor/latency.h"
#include "monitor/module.h"
#include "monitor/warmer.h"

struct care_options {
	/* .advice is for all decisions: log them, do not carry them out */
	struct warmer_options warmer;
};

struct care;

/* *borrows* all but @options, which it copies. */
int care_new(sd_event *event, const struct care_options *options,
	     struct devices *devices, struct history *history,
	     struct care **ret_care);
/* Saves the heat of all Super-Disks first. */
void care_free(struct care *care);

/*
 * Once a CARETAKER_TICK_NS.  @latency is everything since the start, or NULL
 * without eBPF: then the module's own figures have to do.
 */
void care_tick(struct care *care, const struct latency *latency);

/* How often events of the module were lost, to a queue that was full. */
uint64_t care_overruns(const struct care *care);

/* Why care_module() is NULL; NULL when it is not. */
const char *care_why_no_module(const struct care *care);
/* What the module said in the last tick, NULL while there is nothing of it. */
const struct module_state *care_module(const struct care *care);

#endif
