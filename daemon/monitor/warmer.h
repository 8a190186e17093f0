/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives blank SSDs what was hot before.  The heat of each Super-Disk is kept
 * in a file NAME.heat of a folder that outlives this machine's SSDs; a device
 * that appears is given it, and when an SSD comes up blank, warming is asked
 * for, the hottest blocks first.  Files are read and written on errands.  One
 * thread.
 */
#ifndef MONITOR_WARMER_H
#define MONITOR_WARMER_H

#include <stdbool.h>
#include <stdint.h>

#include "monitor/history.h"
#include "monitor/module.h"

/* An SSD with fewer valid pages than one in so many is blank. */
#define WARMER_BLANK_SHARE 20
#define WARMER_SAVE_NS (300 * 1000000000ULL)

struct warmer_options {
	const char *folder;	/* of the files; NULL: heat is not kept */
	uint32_t rate_kib_s;	/* 0: never warm */
	bool advice;		/* say what would be done, do nothing */
};

struct warmer;

/* *borrows* @history, and what @options points to. */
int warmer_new(const struct warmer_options *options, struct history *history,
	       struct warmer **ret_warmer);
void warmer_free(struct warmer *warmer);

/* Once a second, with what there is.  *borrows* for the call. */
void warmer_tick(struct warmer *warmer, struct module *module,
		 const struct module_state *state, uint64_t now_ns);
/* The content of an SSD of @dev was not believed. */
void warmer_cold(struct warmer *warmer, uint32_t dev);

/* At the end: saves the heat of all, which takes as long as it takes. */
void warmer_save(struct warmer *warmer, struct module *module);

#endif
