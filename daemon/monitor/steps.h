/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts together what path.bpf.c tells in pieces: a request to a Super-Disk and
 * the bios that it was sent as, its steps.  A step belongs to the request of
 * the same device and sector in whose time it was sent; of two requests to one
 * sector at the same time the steps may change places.
 *
 * A request is given back when the steps that its path calls for are there, or
 * after STEPS_WAIT_NS without them: an SSD that hangs holds nothing up.  Pure,
 * the caller says what time it is; one thread.
 */
#ifndef MONITOR_STEPS_H
#define MONITOR_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "path_api.bpf.h"

#define STEPS_WAIT_NS 1000000000ULL
/* Steps of one request that are kept: a repair of a block, read back. */
#define STEPS_MAX 66
/* Requests and steps that wait for each other, beyond that the rest is lost. */
#define STEPS_WAITING_MAX 65536

struct steps_request {
	struct path_record of;
	size_t count;
	bool complete;		/* no step is missing */
	struct path_step step[STEPS_MAX];	/* in the order of their start */
};

/* *borrows* @request for the call. */
typedef void steps_fn(const struct steps_request *request, void *ctx);

struct steps;

/* *returns* one that knows nothing yet, NULL without memory. */
struct steps *steps_new(steps_fn *fn, void *ctx);
void steps_free(struct steps *steps);

void steps_add_request(struct steps *steps, const struct path_record *record,
		       uint64_t now_ns);
void steps_add_step(struct steps *steps, const struct path_step *step,
		    uint64_t now_ns);

/* Lets go of all that has waited too long. */
void steps_tick(struct steps *steps, uint64_t now_ns);
/* Lets go of all. */
void steps_flush(struct steps *steps);

/* Pieces that found no room. */
uint64_t steps_lost(const struct steps *steps);

#endif
