/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to actor/: small blocks, freed by any thread.  Each thread keeps a
 * few per size; what it has too many of it hands, a chain at a time, to a
 * common depot, where threads that run short find it.
 */
#ifndef ACTOR_POOL_H
#define ACTOR_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"

/* Under a sanitizer every block is its own allocation, so that it can see a
 * use after the free. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POOL_DIRECT true
#elif defined(__has_feature)
#define POOL_DIRECT \
	(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define POOL_DIRECT false
#endif

#define POOL_CLASSES 15	/* 32, 48, 64, 96, 128, … 4096 bytes */
#define POOL_CHAIN 64u		/* blocks that move to or from the depot */

struct pool_block {
	struct pool_block *next;
	struct pool_block *next_chain;	/* of a chain's first, in the depot */
	size_t count;			/* likewise: how many there are */
};

/* A thread's, of one class. */
struct pool_cache {
	struct pool_block *free;
	unsigned int count;
	struct pool_block *spare;	/* a second, full chain; NULL: none */
};

extern _Thread_local struct pool_cache pool_caches[POOL_CLASSES];

/* The class whose blocks hold `size` bytes; POOL_CLASSES: none is so big. */
static inline unsigned int pool_class(size_t size)
{
	unsigned int log;

	if (size <= 32)
		return 0;
	if (size > 4096)
		return POOL_CLASSES;
	log = 63 - (unsigned int)__builtin_clzll(size - 1);
	return 2 * (log - 4) - (size <= 3ull << (log - 1));
}

static inline size_t pool_class_size(unsigned int class)
{
	return (class & 1 ? 48u : 32u) << class / 2;
}

/* Makes cache->free not empty; false when memory is out. */
bool pool_refill(struct pool_cache *cache, unsigned int class);
/* Puts a full cache->free away. */
void pool_put_away(struct pool_cache *cache, unsigned int class);

/* Not zeroed, 16-aligned. */
static inline void *pool_alloc(unsigned int class, size_t size)
{
	struct pool_cache *cache = &pool_caches[class % POOL_CLASSES];
	struct pool_block *block;

	if (POOL_DIRECT || class >= POOL_CLASSES)
		return mem_alloc(size);
	if (!cache->free && !pool_refill(cache, class))
		return NULL;
	block = cache->free;
	cache->free = block->next;
	cache->count--;
	return block;
}

/* The first `size` bytes are zero. */
static inline void *pool_zalloc(unsigned int class, size_t size)
{
	void *block = pool_alloc(class, size);

	if (!block)
		return NULL;
	/* The common class as a constant, which needs no call. */
	if (!POOL_DIRECT && class == 2)
		memset(block, 0, 64);
	else
		memset(block, 0, size);
	return block;
}

static inline void pool_free(void *ptr, unsigned int class)
{
	struct pool_cache *cache = &pool_caches[class % POOL_CLASSES];
	struct pool_block *block = ptr;

	if (POOL_DIRECT || class >= POOL_CLASSES) {
		mem_free(ptr);
		return;
	}
	if (cache->count >= POOL_CHAIN)
		pool_put_away(cache, class);
	block->next = cache->free;
	cache->free = block;
	cache->count++;
}

/* Gives the calling thread's blocks to the depot; at its end. */
void pool_thread_exit(void);

#endif
