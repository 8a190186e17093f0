/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds SSDs that have become slow and says when to use them again.  Pure: it
 * is given a sample of each SSD once per CARETAKER_TICK_NS and answers with
 * decisions, which the caller carries out or only logs.
 *
 * An SSD is suspect in a tick when its reads are far slower than those of its
 * peers and than its own past, both where they are known.  It is bypassed when
 * it was suspect in CARETAKER_BAD of the last CARETAKER_WINDOW ticks with
 * reads.  Once bypassed, the caller probes it; it is restored after
 * CARETAKER_GOOD good probes in a row, and not before its time: that doubles
 * with every relapse, so that an SSD that comes and goes stays out.
 *
 * Rules above all: never more than half of a device's SSDs (but one, if it is
 * the only one), never one still twice as fast as the disk, and nothing while the
 * SSDs are all slow alike, for then it is not them.
 */
#ifndef MONITOR_CARETAKER_H
#define MONITOR_CARETAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "superdisk.h"

#define CARETAKER_TICK_NS 1000000000ULL
#define CARETAKER_WINDOW 5u
#define CARETAKER_BAD 3
#define CARETAKER_GOOD 5
/* Times slower than the reference: to be suspect, and still to be well. */
#define CARETAKER_SLOW_FACTOR 5
#define CARETAKER_WELL_FACTOR 2
/* Reads in a tick from which a percentile is believed. */
#define CARETAKER_READS_MIN 8
/* Nobody is called slow below this. */
#define CARETAKER_FLOOR_NS 300000
#define CARETAKER_PENALTY_MIN_NS (10 * CARETAKER_TICK_NS)
#define CARETAKER_PENALTY_MAX_NS (1280 * CARETAKER_TICK_NS)
/* A relapse after so long counts as the first. */
#define CARETAKER_FORGIVE_NS (3600 * CARETAKER_TICK_NS)
#define CARETAKER_LEGS_MAX 64

/* One SSD in the tick that has passed. */
struct caretaker_sample {
	uint32_t dev, leg;
	uint32_t state;		/* enum superdisk_state */
	uint64_t reads;		/* by users */
	uint64_t p50_ns;	/* of these reads */
	uint64_t disk_p50_ns;	/* of the disk's reads in the tick, 0: none */
	bool probed;		/* by the caller, as caretaker_wants() */
	uint64_t probe_ns;	/* median; 0: the probe failed */
};

enum caretaker_action {
	CARETAKER_BYPASS,
	CARETAKER_RESTORE,
	/* A failed SSD answers again: take it in anew. */
	CARETAKER_READD,
};

#define CARETAKER_EVIDENCE_SIZE 160

struct caretaker_decision {
	enum caretaker_action action;
	uint32_t dev, leg;
	/* "p50_us=1650 peers_us=81 past_us=80 suspect=3/5" */
	char evidence[CARETAKER_EVIDENCE_SIZE];
};

struct caretaker;

/* *returns* one that knows nothing yet, NULL without memory. */
struct caretaker *caretaker_new(void);
void caretaker_free(struct caretaker *caretaker);

/*
 * Takes in @count samples of the tick that ended at @now_ns; writes at most
 * one decision per SSD into @ret_decisions, which has room for @count.
 * Returns how many.  A decision that was not carried out (advice only, or the
 * module refused) shows in the next sample's state and is made again, no more
 * often than once a penalty.
 */
size_t caretaker_tick(struct caretaker *caretaker, uint64_t now_ns,
		      const struct caretaker_sample *samples, size_t count,
		      struct caretaker_decision *ret_decisions);

/* Whether the SSD wants to be probed before the next tick. */
bool caretaker_wants_probe(const struct caretaker *caretaker, uint32_t dev,
			   uint32_t leg);

const char *caretaker_action_name(enum caretaker_action action);

#endif
