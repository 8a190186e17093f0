// SPDX-License-Identifier: Apache-2.0
#include "proto/rows.h"

#include "base/blob.h"
#include "base/check.h"
#include "base/mem.h"

struct rows *rows_new(uint32_t max_rows, uint32_t max_owners)
{
	size_t head = sizeof(struct rows) + max_rows * sizeof(struct row);
	struct rows *rows;

	rows = mem_alloc(head + max_owners * sizeof(struct blob *));
	if (!rows)
		return NULL;
	atomic_init(&rows->refs, 1);
	rows->count = 0;
	rows->owner_count = 0;
	rows->owner = (struct blob **)((char *)rows + head);
	return rows;
}

void rows_own(struct rows *rows, struct blob *owner)
{
	uint32_t n = rows->owner_count;

	if (n && rows->owner[n - 1] == owner)
		return;
	rows->owner[n] = blob_get(owner);
	rows->owner_count = n + 1;
}

struct rows *rows_get(struct rows *rows)
{
	/* The caller's own reference keeps it alive: no order is needed. */
	atomic_fetch_add_explicit(&rows->refs, 1, memory_order_relaxed);
	return rows;
}

void rows_put(struct rows *rows)
{
	if (!rows)
		return;
	/* Release: our reads come first.  Acquire, for the last: theirs too. */
	if (atomic_fetch_sub_explicit(&rows->refs, 1,
				      memory_order_acq_rel) != 1)
		return;
	for (uint32_t i = 0; i < rows->owner_count; i++)
		blob_put(rows->owner[i]);
	mem_free(rows);
}
