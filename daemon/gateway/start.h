/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often a user may start sessions by IDENTIFY: so many at once, and so many
 * a day.  RESUME is free.  Counted in memory: a restart begins anew.
 */
#ifndef GATEWAY_START_H
#define GATEWAY_START_H

#include <stdint.h>

struct limits;

#define START_PER_DAY 1000
#define START_DAY_MS (24u * 3600 * 1000)
#define START_AT_ONCE 16	/* as max_concurrency says, in … */
#define START_AT_ONCE_MS 5000

enum start {
	START_GRANTED,
	START_LATER,		/* too many at once */
	START_EXHAUSTED,	/* those of the day are used up */
};

/* Counts one.  `limits` NULL: none are kept.  Any thread. */
enum start start_take(struct limits *limits, uint64_t user_id,
		      uint64_t wall_ms);

/* How many the day has left, and when it ends. */
struct start_state {
	uint32_t remaining;
	uint32_t reset_after_ms;
};

struct start_state start_left(struct limits *limits, uint64_t user_id,
			      uint64_t wall_ms);

#endif
