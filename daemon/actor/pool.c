// SPDX-License-Identifier: Apache-2.0
#include "actor/pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
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

#define CLASS_OF_64 1
#define CHAIN 64u		/* blocks that move to or from the depot */
#define SLAB_BYTES (2u << 20)	/* one huge page where the kernel has one */

struct block {
	struct block *next;
	struct block *next_chain;	/* of a chain's first, in the depot */
	size_t count;			/* likewise: how many there are */
};

struct cache {
	struct block *free;
	unsigned int count;
	struct block *spare;	/* a second, full chain; NULL: none */
};

static const uint16_t sizes[POOL_CLASSES] = { 32,  64,  128,  256,
					      512, 1024, 2048, 4096 };

static _Thread_local struct cache caches[POOL_CLASSES];

static struct {
	pthread_mutex_t lock;
	struct block *chains[POOL_CLASSES];
	char *slab;		/* what is left of the newest */
	size_t slab_left;
} depot = { .lock = PTHREAD_MUTEX_INITIALIZER };

unsigned int pool_class(size_t size)
{
	unsigned int class;

	if (size <= sizes[0])
		return 0;
	if (size > sizes[POOL_CLASSES - 1])
		return POOL_CLASSES;
	class = 64 - (unsigned int)__builtin_clzll(size - 1);
	return class - 5;
}

size_t pool_class_size(unsigned int class)
{
	return sizes[class];
}

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
static struct block *__carve(unsigned int class)
{
	size_t size = sizes[class];
	struct block *chain = NULL;
	char *from;

	if (depot.slab_left < size * CHAIN && !new_slab())
		return NULL;
	from = depot.slab;
	for (unsigned int i = CHAIN; i-- > 0;) {
		struct block *block = (struct block *)(from + i * size);

		block->next = chain;
		chain = block;
	}
	chain->count = CHAIN;
	depot.slab += size * CHAIN;
	depot.slab_left -= size * CHAIN;
	return chain;
}

static struct block *take_chain(unsigned int class)
{
	struct block *chain;

	pthread_mutex_lock(&depot.lock);
	chain = depot.chains[class];
	if (chain)
		depot.chains[class] = chain->next_chain;
	else
		chain = __carve(class);
	pthread_mutex_unlock(&depot.lock);
	return chain;
}

static void give_chain(struct block *chain, size_t count, unsigned int class)
{
	pthread_mutex_lock(&depot.lock);
	chain->count = count;
	chain->next_chain = depot.chains[class];
	depot.chains[class] = chain;
	pthread_mutex_unlock(&depot.lock);
}

static bool refill(struct cache *cache, unsigned int class)
{
	if (cache->spare) {
		cache->free = cache->spare;
		cache->spare = NULL;
		cache->count = CHAIN;
		return true;
	}
	cache->free = take_chain(class);
	cache->count = cache->free ? (unsigned int)cache->free->count : 0;
	return cache->free;
}

void *pool_alloc(unsigned int class, size_t size)
{
	struct cache *cache = &caches[class];
	struct block *block;

	if (POOL_DIRECT || class >= POOL_CLASSES)
		return mem_alloc(size);
	if (!cache->free && !refill(cache, class))
		return NULL;
	block = cache->free;
	cache->free = block->next;
	cache->count--;
	return block;
}

void *pool_zalloc(unsigned int class, size_t size)
{
	void *block = pool_alloc(class, size);

	if (!block)
		return NULL;
	/* The common class as a constant, which needs no call. */
	if (!POOL_DIRECT && class == CLASS_OF_64)
		memset(block, 0, 64);
	else
		memset(block, 0, size);
	return block;
}

void pool_free(void *ptr, unsigned int class)
{
	struct cache *cache = &caches[class];
	struct block *block = ptr;

	if (POOL_DIRECT || class >= POOL_CLASSES) {
		mem_free(ptr);
		return;
	}
	if (cache->count >= CHAIN) {
		if (cache->spare)
			give_chain(cache->spare, CHAIN, class);
		cache->spare = cache->free;
		cache->free = NULL;
		cache->count = 0;
	}
	block->next = cache->free;
	cache->free = block;
	cache->count++;
}

void pool_thread_exit(void)
{
	for (unsigned int class = 0; class < POOL_CLASSES; class++) {
		struct cache *cache = &caches[class];

		if (cache->spare)
			give_chain(cache->spare, CHAIN, class);
		if (cache->free)
			give_chain(cache->free, cache->count, class);
		*cache = (struct cache){ 0 };
	}
}
