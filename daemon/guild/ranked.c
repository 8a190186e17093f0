// SPDX-License-Identifier: Apache-2.0
#include "guild/ranked.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

#define BUCKET 512

struct ranked_bucket {
	struct ranked_entry entry[BUCKET];
};

void ranked_fini(struct ranked *r)
{
	for (uint32_t i = 0; i < r->buckets; i++)
		mem_free(r->bucket[i]);
	mem_free(r->bucket);
	mem_free(r->size);
	*r = (struct ranked){ 0 };
}

static int compare(const struct ranked_entry *a, const struct ranked_entry *b)
{
	int names;

	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	names = memcmp(a->name, b->name, sizeof(a->name));
	if (names)
		return names;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* The bucket that holds e, or should: the last that begins at or before it. */
static uint32_t bucket_of(const struct ranked *r, const struct ranked_entry *e)
{
	uint32_t low = 0, high = r->buckets;

	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (compare(&r->bucket[mid]->entry[0], e) <= 0)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* The first in a bucket that is not before e. */
static uint32_t place_in(const struct ranked *r, uint32_t b,
			 const struct ranked_entry *e)
{
	uint32_t low = 0, high = r->size[b];

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (compare(&r->bucket[b]->entry[mid], e) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static uint32_t before(const struct ranked *r, uint32_t b)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < b; i++)
		sum += r->size[i];
	return sum;
}

static int reserve(struct ranked *r)
{
	uint32_t room = r->room ? 2 * r->room : 4;
	struct ranked_bucket **bucket;
	uint32_t *size;

	if (r->buckets < r->room)
		return 0;
	bucket = mem_realloc(r->bucket, room * sizeof(*bucket));
	if (!bucket)
		return -ENOMEM;
	r->bucket = bucket;
	size = mem_realloc(r->size, room * sizeof(*size));
	if (!size)
		return -ENOMEM;
	r->size = size;
	r->room = room;
	return 0;
}

/* An empty one, at b: to be filled at once. */
static int add_bucket(struct ranked *r, uint32_t b)
{
	struct ranked_bucket *fresh;
	uint32_t rest = r->buckets - b;

	if (reserve(r))
		return -ENOMEM;
	fresh = mem_alloc(sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	memmove(r->bucket + b + 1, r->bucket + b, rest * sizeof(*r->bucket));
	memmove(r->size + b + 1, r->size + b, rest * sizeof(*r->size));
	r->bucket[b] = fresh;
	r->size[b] = 0;
	r->buckets++;
	return 0;
}

static void drop_bucket(struct ranked *r, uint32_t b)
{
	uint32_t rest = --r->buckets - b;

	mem_free(r->bucket[b]);
	memmove(r->bucket + b, r->bucket + b + 1, rest * sizeof(*r->bucket));
	memmove(r->size + b, r->size + b + 1, rest * sizeof(*r->size));
}

/* Halves a full bucket. */
static int split(struct ranked *r, uint32_t b)
{
	const uint32_t half = BUCKET / 2;

	if (add_bucket(r, b + 1))
		return -ENOMEM;
	memcpy(r->bucket[b + 1]->entry, r->bucket[b]->entry + half,
	       (BUCKET - half) * sizeof(struct ranked_entry));
	r->size[b] = half;
	r->size[b + 1] = BUCKET - half;
	return 0;
}

static bool is_at(const struct ranked *r, uint32_t b, uint32_t i,
		  const struct ranked_entry *e)
{
	return i < r->size[b] && !compare(&r->bucket[b]->entry[i], e);
}

int ranked_insert(struct ranked *r, const struct ranked_entry *e,
		  uint32_t *ret_position)
{
	struct ranked_entry *entry;
	uint32_t b, i;

	if (!r->buckets && add_bucket(r, 0))
		return -ENOMEM;
	b = bucket_of(r, e);
	if (r->size[b] == BUCKET) {
		if (split(r, b))
			return -ENOMEM;
		b = bucket_of(r, e);
	}
	i = place_in(r, b, e);
	if (is_at(r, b, i, e))
		return -EEXIST;
	entry = r->bucket[b]->entry;
	memmove(entry + i + 1, entry + i, (r->size[b] - i) * sizeof(*entry));
	entry[i] = *e;
	r->size[b]++;
	r->count++;
	*ret_position = before(r, b) + i;
	return 0;
}

bool ranked_find(const struct ranked *r, const struct ranked_entry *e,
		 uint32_t *ret_position)
{
	uint32_t b, i;

	if (!r->buckets)
		return false;
	b = bucket_of(r, e);
	i = place_in(r, b, e);
	if (!is_at(r, b, i, e))
		return false;
	*ret_position = before(r, b) + i;
	return true;
}

bool ranked_remove(struct ranked *r, const struct ranked_entry *e,
		   uint32_t *ret_position)
{
	struct ranked_entry *entry;
	uint32_t b, i;

	if (!ranked_find(r, e, ret_position))
		return false;
	b = bucket_of(r, e);
	i = place_in(r, b, e);
	entry = r->bucket[b]->entry;
	memmove(entry + i, entry + i + 1,
		(--r->size[b] - i) * sizeof(*entry));
	r->count--;
	if (!r->size[b])
		drop_bucket(r, b);
	return true;
}

const struct ranked_entry *ranked_at(const struct ranked *r, uint32_t position)
{
	uint32_t b = 0;

	if (position >= r->count)
		return NULL;
	while (position >= r->size[b])
		position -= r->size[b++];
	return &r->bucket[b]->entry[position];
}
