/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rate limits of REST: so many calls in a window, per caller, route and major
 * parameter, and so many a second over all routes.  Shared by all cores.
 */
#ifndef GATEWAY_LIMIT_H
#define GATEWAY_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMIT_GLOBAL_PER_SECOND 50

struct limits;

/* Who calls what. */
struct limit_key {
	const char *caller;	/* token, or address where none is needed */
	uint32_t kind;		/* route; LIMIT_KIND_GLOBAL */
	uint64_t major;
};

/* Kinds that are no route. */
#define LIMIT_KIND_GLOBAL UINT32_MAX
#define LIMIT_KIND_START_DAY (UINT32_MAX - 1)
#define LIMIT_KIND_START_NOW (UINT32_MAX - 2)

struct limit_state {
	bool allowed;
	uint32_t limit;
	uint32_t remaining;
	uint64_t reset_ms;	/* since 1970 */
};

/* NULL when memory is out. */
struct limits *limits_new(uint64_t seed);
void limits_free(struct limits *limits);

/*
 * Counts one call against `limit` per window_ms and says where that leaves the
 * caller.  When memory is out it allows.  Any thread.
 */
struct limit_state limit_take(struct limits *limits,
			      const struct limit_key *key, uint32_t limit,
			      uint32_t window_ms, uint64_t wall_ms);

/* The same without counting: `allowed` says whether the next one would be. */
struct limit_state limit_look(struct limits *limits,
			      const struct limit_key *key, uint32_t limit,
			      uint32_t window_ms, uint64_t wall_ms);

#endif
