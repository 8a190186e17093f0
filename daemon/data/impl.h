/* SPDX-License-Identifier: Apache-2.0 */
/* Private to data/. */
#ifndef DATA_IMPL_H
#define DATA_IMPL_H

#include "actor/actor.h"
#include "base/timings.h"
#include "data/data.h"
#include "os/latch.h"

struct data {
	struct data_opts opts;
	struct data_stats stats;
	struct timings run_times;	/* from a run's begin to its end */
	struct heat **heat;		/* one for each core */
	int cores;
	struct os_latch up;	/* routers, as they are registered */
};

struct channel_arg {
	struct data *data;
	uint64_t channel;
	actor_ref router;
};

extern const struct actor_class channel_class;

static inline void data_count(atomic_uint_least64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

#endif
