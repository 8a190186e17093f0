/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids: 42 bits of milliseconds since 2015, 10 of worker, 12 of sequence.
 * Unique per worker and growing, whatever the clock does.
 */
#ifndef BASE_SNOWFLAKE_H
#define BASE_SNOWFLAKE_H

#include <stdint.h>

#define SNOWFLAKE_EPOCH_MS 1420070400000ull	/* 2015-01-01T00:00:00Z */
#define SNOWFLAKE_WORKER_MAX 1023u

/* One thread's.  Invariant: (last_ms, sequence) exceeds every id given out. */
struct snowflake {
	uint64_t last_ms;	/* since the epoch above */
	uint32_t sequence;	/* the next one within last_ms */
	uint32_t worker;
};

/* `after`: an id that all of this worker's older ones do not exceed; 0: none
 * is known.  -EINVAL for a worker out of range. */
int snowflake_init(struct snowflake *gen, uint32_t worker, uint64_t after);

/*
 * Makes the next id at wall clock `unix_ms`.  A clock that has stepped back,
 * or stands still for longer than its sequence lasts, is not believed: ids go
 * on within the last millisecond seen, then -EAGAIN until the clock has caught
 * up.
 */
int snowflake_next(struct snowflake *gen, uint64_t unix_ms, uint64_t *ret_id);

uint64_t snowflake_unix_ms(uint64_t id);
/* The lowest id a message of that time can have; for searches by time. */
uint64_t snowflake_floor(uint64_t unix_ms);

#endif
