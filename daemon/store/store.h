/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store of a node: one actor per shard, each on a core of its own choice,
 * under one supervisor.  Talk to it through proto/data.h.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/engine.h"

struct actor_system;
struct buf;
struct store;

struct store_opts {
	const char *dir;	/* made if absent, but not its parents */
	uint32_t shards;	/* of a new store; 0: one per core */
	uint64_t log_bytes;	/* per shard, of a new store; 0: default */
	uint32_t slot_bytes;	/* likewise */
	size_t cache_bytes;	/* of all shards together; 0: default */
	size_t delta_bytes;	/* of all shards together; 0: default */
	bool compress;
	bool backup_socket;	/* chatd-store may copy it while it is open */
	uint32_t backup_patience_ms;	/* with one that says nothing; 0: default */
};

/*
 * Starts the supervisor, which opens or makes the store and recovers it.  The
 * data service may be started when store_state() is 0.
 */
int store_start(struct actor_system *sys, const struct store_opts *opts,
		struct store **ret_store);

/* 0: every shard is up; -EAGAIN: not yet; else why it cannot.  Any thread. */
int store_state(const struct store *store);
/* Waits for the end of -EAGAIN; -ETIMEDOUT.  Not in a simulation. */
int store_wait(const struct store *store, uint32_t timeout_ms);

/* Valid once store_state() is 0.  Any thread. */
uint32_t store_shards(const struct store *store);
void store_report(const struct store *store, struct engine_report *ret_sum);
/* As of at most a second ago. */
void store_stats(struct store *store, struct engine_stats *ret_sum);

/* Adds the store's families in Prometheus' format.  Any thread. */
void store_metrics(struct store *store, struct buf *out);

/* After the actor system's shutdown. */
void store_free(struct store *store);

/* How many shards the store in this folder has; 0: there is none. */
int store_count_shards(struct os_loop *loop, const char *dir,
		       uint32_t *ret_shards);
/* Makes the folder of an empty store.  -EEXIST: there is one. */
int store_make(struct os_loop *loop, const char *dir, uint32_t shards);
/* The folder of a shard, in a buffer of STORE_PATH_MAX. */
#define STORE_PATH_MAX 4096
const char *store_shard_dir(const char *dir, uint32_t shard, char *buf);

#endif
