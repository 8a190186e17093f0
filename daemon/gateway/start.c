// SPDX-License-Identifier: Apache-2.0
#include "gateway/start.h"

#include <inttypes.h>
#include <stdio.h>

#include "gateway/limit.h"

/* No token looks like it: they are longer. */
#define CALLER_MAX 24

static struct limit_key key_of(char caller[CALLER_MAX], uint64_t user_id,
			       uint32_t kind)
{
	snprintf(caller, CALLER_MAX, "%" PRIu64, user_id);
	return (struct limit_key){ .caller = caller, .kind = kind };
}

enum start start_take(struct limits *limits, uint64_t user_id, uint64_t wall_ms)
{
	char caller[CALLER_MAX];
	struct limit_key day = key_of(caller, user_id, LIMIT_KIND_START_DAY);
	struct limit_key now = key_of(caller, user_id, LIMIT_KIND_START_NOW);

	if (!limits)
		return START_GRANTED;
	/* One that must come later is none of the day's. */
	if (!limit_take(limits, &now, START_AT_ONCE, START_AT_ONCE_MS,
			wall_ms).allowed)
		return START_LATER;
	return limit_take(limits, &day, START_PER_DAY, START_DAY_MS,
			  wall_ms).allowed ? START_GRANTED : START_EXHAUSTED;
}

struct start_state start_left(struct limits *limits, uint64_t user_id,
			      uint64_t wall_ms)
{
	char caller[CALLER_MAX];
	struct limit_key day = key_of(caller, user_id, LIMIT_KIND_START_DAY);
	struct limit_state state;

	if (!limits)
		return (struct start_state){ START_PER_DAY, START_DAY_MS };
	state = limit_look(limits, &day, START_PER_DAY, START_DAY_MS, wall_ms);
	return (struct start_state){
		.remaining = state.remaining,
		.reset_after_ms = (uint32_t)(state.reset_ms - wall_ms),
	};
}
