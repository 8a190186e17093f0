/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes of integers and bytes, and a table from u64 to u64. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Mixes all bits; a bijection. */
uint64_t hash_u64(uint64_t x);
/* Stable across builds and machines: may be stored, may place on a ring.  Not
 * keyed against an adversary: give a random seed where keys are a user's. */
uint64_t hash_bytes(const void *data, size_t len, uint64_t seed);

/*
 * Open addressing with linear probing.  Any key, any value; at most 7/8 full.
 * No thread safety.  A pointer is stored as a uintptr_t.
 */
struct hmap {
	struct hmap_slot *slots;	/* NULL while empty; one for key 0 behind
					 * the others, used if its key is not 0 */
	uint32_t mask;
	uint32_t count;
};

struct hmap_slot {
	uint64_t key;			/* 0: unused */
	uint64_t value;
};

#define HMAP_INIT ((struct hmap){ 0 })

void hmap_fini(struct hmap *map);
/* Adds or replaces.  -ENOMEM. */
int hmap_set(struct hmap *map, uint64_t key, uint64_t value);
/* False when absent; ret_value may be NULL. */
bool hmap_get(const struct hmap *map, uint64_t key, uint64_t *ret_value);
bool hmap_del(struct hmap *map, uint64_t key);
void *hmap_get_ptr(const struct hmap *map, uint64_t key);

/* Walks in no order: start with *iter = 0, until false.  No changes between,
 * but for replacing values.  ret_key and ret_value may be NULL. */
bool hmap_next(const struct hmap *map, size_t *iter, uint64_t *ret_key,
	       uint64_t *ret_value);

#endif
