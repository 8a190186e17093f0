/* SPDX-License-Identifier: Apache-2.0 */
/* Private to store/: the actor around an engine, and what it reports to. */
#ifndef STORE_SHARD_H
#define STORE_SHARD_H

#include <pthread.h>
#include <stdatomic.h>

#include "actor/actor.h"
#include "base/timings.h"
#include "store/store.h"

#define STORE_SHARDS_MAX 256

/* Written by one shard, read by anybody. */
struct shard_board {
	pthread_mutex_t lock;
	struct engine_report report;
	struct engine_stats stats;
};

struct store {
	struct store_opts opts;
	atomic_uint shards;	/* 0 until known */
	atomic_uint up;		/* shards that are open */
	atomic_int error;	/* the first one that kept a shard from it */
	struct timings commits;	/* of all shards */
	struct shard_board board[STORE_SHARDS_MAX];
};

struct shard_arg {
	struct store *store;
	uint32_t index;
};

extern const struct actor_class shard_class;

#endif
