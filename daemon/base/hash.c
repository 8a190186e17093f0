// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

#define SLOTS_MIN 2	/* room for one: many maps never hold two */

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

static struct hmap_slot *zero_slot(const struct hmap *map)
{
	return &map->slots[map->mask + 1ull];
}

/* The slot of the key, or the empty one where it belongs. */
static struct hmap_slot *probe(const struct hmap *map, uint64_t key)
{
	size_t at = hash_u64(key) & map->mask;

	if (!key)
		return zero_slot(map);
	while (map->slots[at].key && map->slots[at].key != key)
		at = (at + 1) & map->mask;
	return &map->slots[at];
}

static int grow(struct hmap *map)
{
	size_t size = map->slots ? (map->mask + 1ull) * 2 : SLOTS_MIN;
	struct hmap bigger = { .mask = (uint32_t)(size - 1), .count = map->count };

	bigger.slots = mem_zalloc((size + 1) * sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; map->slots && i <= map->mask; i++)
		if (map->slots[i].key)
			*probe(&bigger, map->slots[i].key) = map->slots[i];
	if (map->slots)
		*zero_slot(&bigger) = *zero_slot(map);
	mem_free(map->slots);
	*map = bigger;
	return 0;
}

/* At most seven in eight, and one stays empty: a search ends there. */
static bool is_full(const struct hmap *map)
{
	return map->count + 1ull > (map->mask + 1ull) * 7 / 8;
}

int hmap_set(struct hmap *map, uint64_t key, uint64_t value)
{
	struct hmap_slot *slot;

	if (!map->slots || is_full(map)) {
		if (!hmap_get(map, key, NULL) && grow(map))
			return -ENOMEM;
	}
	slot = probe(map, key);
	map->count += !slot->key;
	*slot = (struct hmap_slot){ key ? key : 1, value };
	return 0;
}

bool hmap_get(const struct hmap *map, uint64_t key, uint64_t *ret_value)
{
	const struct hmap_slot *slot;

	if (!map->slots)
		return false;
	slot = probe(map, key);
	if (slot->key && ret_value)
		*ret_value = slot->value;
	return slot->key;
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
	if (!slot->key)
		return false;
	if (!key) {
		slot->key = 0;
		map->count--;
		return true;
	}
	/*
	 * Close the hole: whatever follows without a gap moves up unless its
	 * home lies cyclically after the hole.
	 */
	hole = at = (size_t)(slot - map->slots);
	for (;;) {
		map->slots[hole].key = 0;
		do {
			size_t home;

			at = (at + 1) & map->mask;
			if (!map->slots[at].key) {
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
	for (; map->slots && *iter <= map->mask + 1ull; (*iter)++) {
		const struct hmap_slot *slot = &map->slots[*iter];

		if (!slot->key)
			continue;
		if (ret_key)
			*ret_key = *iter > map->mask ? 0 : slot->key;
		if (ret_value)
			*ret_value = slot->value;
		(*iter)++;
		return true;
	}
	return false;
}
