/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoded blocks kept in memory, least recently used out first.  Pure.
 * One per shard; what is borrowed stays valid until the next cache_put().
 */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/rows.h"

struct cache;

struct cache_stats {
	uint64_t hits, misses, evicted;
	size_t bytes;		/* rows, their tables and heads */
	uint32_t blocks;
};

int cache_new(size_t max_bytes, struct cache **ret_cache);
void cache_free(struct cache *cache);

/* Borrowed; NULL when absent. */
struct rows *cache_get(struct cache *cache, uint32_t place);
/* Counts as no use. */
bool cache_has(const struct cache *cache, uint32_t place);
/* Takes a reference; without memory it keeps nothing. */
void cache_put(struct cache *cache, uint32_t place, struct rows *rows);
/* The block of this place is gone; there will be another one. */
void cache_drop(struct cache *cache, uint32_t place);

void cache_stats(const struct cache *cache, struct cache_stats *ret_stats);

#endif
