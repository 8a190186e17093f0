// SPDX-License-Identifier: Apache-2.0
#include "actor/pool.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>

#define SLAB_BYTES (2u << 20)	/* one huge page where the kernel has one */

_Thread_local struct pool_cache pool_caches[POOL_CLASSES];

static struct {
	pthread_mutex_t lock;
	struct pool_block *chains[POOL_CLASSES];
	char *slab;		/* what is left of the newest */
	size_t slab_left;
} depot = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool new_slab(void)
{
	char *mem = mmap(NULL, 2 * SLAB_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t skip;

	if (mem == MAP_FAILED)
		return false;
	skip = -(uintptr_t)mem & (SLAB_BYTES - 1);
	if (skip)
		munmap(mem, skip);
	munmap(mem + skip + SLAB_BYTES, SLAB_BYTES - skip);
	madvise(mem + skip, SLAB_BYTES, MADV_HUGEPAGE);
	depot.slab = mem + skip;
	depot.slab_left = SLAB_BYTES;
	return true;
}

/* A chain of fresh blocks.  Called with the depot locked. */
static struct pool_block *__carve(unsigned int class)
{
	size_t size = pool_class_size(class);
	struct pool_block *chain = NULL;
	char *from;

	if (depot.slab_left < size * POOL_CHAIN && !new_slab())
		return NULL;
	from = depot.slab;
	for (unsigned int i = POOL_CHAIN; i-- > 0;) {
		struct pool_block *block = (struct pool_block *)(from + i * size);

		block->next = chain;
		chain = block;
	}
	chain->count = POOL_CHAIN;
	depot.slab += size * POOL_CHAIN;
	depot.slab_left -= size * POOL_CHAIN;
	return chain;
}

static struct pool_block *take_chain(unsigned int class)
{
	struct pool_block *chain;

	pthread_mutex_lock(&depot.lock);
	chain = depot.chains[class];
	if (chain)
		depot.chains[class] = chain->next_chain;
	else
		chain = __carve(class);
	pthread_mutex_unlock(&depot.lock);
	return chain;
}

static void give_chain(struct pool_block *chain, size_t count,
		       unsigned int class)
{
	pthread_mutex_lock(&depot.lock);
	chain->count = count;
	chain->next_chain = depot.chains[class];
	depot.chains[class] = chain;
	pthread_mutex_unlock(&depot.lock);
}

bool pool_refill(struct pool_cache *cache, unsigned int class)
{
	if (cache->spare) {
		cache->free = cache->spare;
		cache->spare = NULL;
		cache->count = POOL_CHAIN;
		return true;
	}
	if (mem_is_out())
		return false;
	cache->free = take_chain(class);
	cache->count = cache->free ? (unsigned int)cache->free->count : 0;
	return cache->free;
}

void pool_put_away(struct pool_cache *cache, unsigned int class)
{
	if (cache->spare)
		give_chain(cache->spare, POOL_CHAIN, class);
	cache->spare = cache->free;
	cache->free = NULL;
	cache->count = 0;
}

void pool_thread_exit(void)
{
	for (unsigned int class = 0; class < POOL_CLASSES; class++) {
		struct pool_cache *cache = &pool_caches[class];

		if (cache->spare)
			give_chain(cache->spare, POOL_CHAIN, class);
		if (cache->free)
			give_chain(cache->free, cache->count, class);
		*cache = (struct pool_cache){ 0 };
	}
}
