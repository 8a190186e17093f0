// SPDX-License-Identifier: Apache-2.0
#include "store/cache.h"

#include <errno.h>

#include "base/blob.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"

struct entry {
	struct list used;	/* cache.used, the latest last */
	struct rows *rows;
	size_t bytes;
	uint32_t place;
};

struct cache {
	struct hmap places;	/* to struct entry */
	struct list used;
	size_t max_bytes;
	struct cache_stats stats;
};

int cache_new(size_t max_bytes, struct cache **ret_cache)
{
	struct cache *cache = mem_zalloc(sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	list_init(&cache->used);
	cache->max_bytes = max_bytes;
	*ret_cache = cache;
	return 0;
}

static void drop(struct cache *cache, struct entry *entry)
{
	hmap_del(&cache->places, entry->place);
	list_del(&entry->used);
	cache->stats.bytes -= entry->bytes;
	cache->stats.blocks--;
	rows_put(entry->rows);
	mem_free(entry);
}

void cache_free(struct cache *cache)
{
	if (!cache)
		return;
	while (!list_empty(&cache->used))
		drop(cache, list_entry(cache->used.next, struct entry, used));
	hmap_fini(&cache->places);
	mem_free(cache);
}

struct rows *cache_get(struct cache *cache, uint32_t place)
{
	struct entry *entry = hmap_get_ptr(&cache->places, place);

	if (!entry) {
		cache->stats.misses++;
		return NULL;
	}
	cache->stats.hits++;
	list_del(&entry->used);
	list_push(&cache->used, &entry->used);
	return entry->rows;
}

bool cache_has(const struct cache *cache, uint32_t place)
{
	return hmap_get(&cache->places, place, NULL);
}

static size_t rows_bytes(const struct rows *rows)
{
	size_t bytes = sizeof(struct entry) + sizeof(*rows) +
		       rows->count * sizeof(rows->row[0]);

	for (uint32_t i = 0; i < rows->owner_count; i++)
		bytes += sizeof(struct blob) + rows->owner[i]->len;
	return bytes;
}

void cache_put(struct cache *cache, uint32_t place, struct rows *rows)
{
	struct entry *entry;

	cache_drop(cache, place);
	entry = mem_zalloc(sizeof(*entry));
	if (!entry)
		return;
	entry->place = place;
	if (hmap_set(&cache->places, place, (uintptr_t)entry)) {
		mem_free(entry);
		return;
	}
	entry->rows = rows_get(rows);
	entry->bytes = rows_bytes(rows);
	list_push(&cache->used, &entry->used);
	cache->stats.bytes += entry->bytes;
	cache->stats.blocks++;
	while (cache->stats.bytes > cache->max_bytes) {
		cache->stats.evicted++;
		drop(cache, list_entry(cache->used.next, struct entry, used));
	}
}

void cache_drop(struct cache *cache, uint32_t place)
{
	struct entry *entry = hmap_get_ptr(&cache->places, place);

	if (entry)
		drop(cache, entry);
}

void cache_stats(const struct cache *cache, struct cache_stats *ret_stats)
{
	*ret_stats = cache->stats;
}
