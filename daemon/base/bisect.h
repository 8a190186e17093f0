/* SPDX-License-Identifier: Apache-2.0 */
/* Binary search in arrays of anything that is sorted by a u64. */
#ifndef BASE_BISECT_H
#define BASE_BISECT_H

#include <stddef.h>
#include <stdint.h>

/*
 * The first of `count` elements, `stride` bytes each, whose key, a u64 at
 * `offset` in it, is not below `key`; may be count.  What is above all is
 * found at once: new things come at the end.
 */
static inline uint32_t bisect_u64(const void *array, uint32_t count,
				  size_t stride, size_t offset, uint64_t key)
{
	const char *keys = array;
	uint32_t low = 0, high = count;

	if (!count)
		return 0;
	keys += offset;
	if (*(const uint64_t *)(keys + (count - 1) * stride) < key)
		return count;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (*(const uint64_t *)(keys + mid * stride) < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

#endif
