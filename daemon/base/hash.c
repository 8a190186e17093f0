// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

#define SLOTS_MIN 8

uint64_t hash_u64(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93;
	return x ^ x >> 32;
}

/* 64 x 64 bits multiplied, both halves of the product folded together */
static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load(const uint8_t *at, size_t len)
{
	uint64_t word = 0;

	memcpy(&word, at, len);
	return word;
}

uint64_t hash_bytes(const void *data, size_t len, uint64_t seed)
{
	const uint64_t k0 = 0x9e3779b97f4a7c15, k1 = 0xd1b54a32d192ed03;
	const uint8_t *at = data;
	uint64_t h = seed ^ fold(len ^ k0, k1);

	for (; len > 16; len -= 16, at += 16)
		h = fold(load(at, 8) ^ k0 ^ h, load(at + 8, 8) ^ k1);
	if (len > 8)
		h = fold(load(at, 8) ^ k0 ^ h, load(at + 8, len - 8) ^ k1);
	else if (len)
		h = fold(load(at, len) ^ k0 ^ h, k1);
	return hash_u64(h);
}

void hmap_fini(struct hmap *map)
{
	mem_free(map->slots);
	*map = HMAP_INIT;
}

/* The slot of the key, or the empty one where it belongs. */
static struct hmap_slot *probe(const struct hmap *map, uint64_t key)
{
	size_t at = hash_u64(key) & map->mask;

	while (map->slots[at].used && map->slots[at].key != key)
		at = (at + 1) & map->mask;
	return &map->slots[at];
}

static int grow(struct hmap *map)
{
	size_t size = map->slots ? (map->mask + 1) * 2 : SLOTS_MIN;
	struct hmap bigger = { .mask = size - 1, .count = map->count };

	bigger.slots = mem_zalloc(size * sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; map->slots && i <= map->mask; i++)
		if (map->slots[i].used)
			*probe(&bigger, map->slots[i].key) = map->slots[i];
	mem_free(map->slots);
	*map = bigger;
	return 0;
}

int hmap_set(struct hmap *map, uint64_t key, uint64_t value)
{
	struct hmap_slot *slot;

	if (!map->slots || map->count + 1 > (map->mask + 1) / 8 * 7) {
		if (!hmap_get(map, key, NULL) && grow(map))
			return -ENOMEM;
	}
	slot = probe(map, key);
	map->count += !slot->used;
	*slot = (struct hmap_slot){ key, value, true };
	return 0;
}

bool hmap_get(const struct hmap *map, uint64_t key, uint64_t *ret_value)
{
	const struct hmap_slot *slot;

	if (!map->slots)
		return false;
	slot = probe(map, key);
	if (slot->used && ret_value)
		*ret_value = slot->value;
	return slot->used;
}

void *hmap_get_ptr(const struct hmap *map, uint64_t key)
{
	uint64_t value = 0;

	hmap_get(map, key, &value);
	return (void *)(uintptr_t)value;
}

bool hmap_del(struct hmap *map, uint64_t key)
{
	struct hmap_slot *slot;
	size_t hole, at;

	if (!map->slots)
		return false;
	slot = probe(map, key);
	if (!slot->used)
		return false;
	/*
	 * Close the hole: whatever follows without a gap moves up unless its
	 * home lies cyclically after the hole.
	 */
	hole = at = (size_t)(slot - map->slots);
	for (;;) {
		map->slots[hole].used = false;
		do {
			size_t home;

			at = (at + 1) & map->mask;
			if (!map->slots[at].used) {
				map->count--;
				return true;
			}
			home = hash_u64(map->slots[at].key) & map->mask;
			if (((at - home) & map->mask) >= ((at - hole) & map->mask))
				break;
		} while (true);
		map->slots[hole] = map->slots[at];
		hole = at;
	}
}

bool hmap_next(const struct hmap *map, size_t *iter, uint64_t *ret_key,
	       uint64_t *ret_value)
{
	for (; map->slots && *iter <= map->mask; (*iter)++) {
		const struct hmap_slot *slot = &map->slots[*iter];

		if (!slot->used)
			continue;
		if (ret_key)
			*ret_key = slot->key;
		if (ret_value)
			*ret_value = slot->value;
		(*iter)++;
		return true;
	}
	return false;
}
