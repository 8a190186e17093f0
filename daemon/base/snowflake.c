// SPDX-License-Identifier: Apache-2.0
#include "base/snowflake.h"

#include <errno.h>

#define SEQUENCE_BITS 12
#define WORKER_BITS 10
#define TIME_SHIFT (SEQUENCE_BITS + WORKER_BITS)
#define TIME_MAX ((1ull << 42) - 1)
#define SEQUENCE_COUNT (1u << SEQUENCE_BITS)

int snowflake_init(struct snowflake *gen, uint32_t worker, uint64_t after)
{
	if (worker > SNOWFLAKE_WORKER_MAX)
		return -EINVAL;
	*gen = (struct snowflake){
		.worker = worker,
		.last_ms = after ? (after >> TIME_SHIFT) + 1 : 0,
	};
	return 0;
}

static uint64_t since_epoch(uint64_t unix_ms)
{
	if (unix_ms <= SNOWFLAKE_EPOCH_MS)
		return 0;
	unix_ms -= SNOWFLAKE_EPOCH_MS;
	return unix_ms < TIME_MAX ? unix_ms : TIME_MAX;
}

int snowflake_next(struct snowflake *gen, uint64_t unix_ms, uint64_t *ret_id)
{
	uint64_t now = since_epoch(unix_ms);

	if (now > gen->last_ms) {
		gen->last_ms = now;
		gen->sequence = 0;
	}
	if (gen->sequence >= SEQUENCE_COUNT)
		return -EAGAIN;
	*ret_id = gen->last_ms << TIME_SHIFT |
		  (uint64_t)gen->worker << SEQUENCE_BITS | gen->sequence++;
	return 0;
}

uint64_t snowflake_unix_ms(uint64_t id)
{
	return (id >> TIME_SHIFT) + SNOWFLAKE_EPOCH_MS;
}

uint64_t snowflake_floor(uint64_t unix_ms)
{
	return since_epoch(unix_ms) << TIME_SHIFT;
}
