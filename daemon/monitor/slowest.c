// SPDX-License-Identifier: Apache-2.0
#include "monitor/slowest.h"

#include <stdlib.h>
#include <string.h>

uint64_t slowest_total_ns(const struct block_slow *record)
{
	return record->queue_ns + record->device_ns;
}

void slowest_tick(struct slowest *slowest, uint64_t now_ns)
{
	struct slowest_window *filling = &slowest->window[0];

	if (!filling->start_ns)
		filling->start_ns = now_ns;
	if (now_ns - filling->start_ns < SLOWEST_WINDOW_NS)
		return;
	slowest->window[1] = *filling;
	filling->count = 0;
	filling->start_ns = now_ns;
}

static void swap(struct block_slow *a, struct block_slow *b)
{
	struct block_slow kept = *a;

	*a = *b;
	*b = kept;
}

static void sift_up(struct block_slow *heap, size_t at)
{
	while (at && slowest_total_ns(&heap[at]) <
		     slowest_total_ns(&heap[(at - 1) / 2])) {
		swap(&heap[at], &heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
}

static void sift_down(struct block_slow *heap, size_t count)
{
	size_t at = 0;

	for (;;) {
		size_t least = at;

		for (size_t child = 2 * at + 1;
		     child <= 2 * at + 2 && child < count; child++)
			if (slowest_total_ns(&heap[child]) <
			    slowest_total_ns(&heap[least]))
				least = child;
		if (least == at)
			return;
		swap(&heap[at], &heap[least]);
		at = least;
	}
}

void slowest_add(struct slowest *slowest, const struct block_slow *record)
{
	struct slowest_window *w = &slowest->window[0];

	if (w->count < SLOWEST_MAX) {
		w->record[w->count] = *record;
		sift_up(w->record, w->count++);
	} else if (slowest_total_ns(record) > slowest_total_ns(w->record)) {
		w->record[0] = *record;
		sift_down(w->record, w->count);
	}
}

uint64_t slowest_threshold_ns(const struct slowest *slowest)
{
	const struct slowest_window *w = &slowest->window[0];

	return w->count < SLOWEST_MAX ? 0 : slowest_total_ns(w->record);
}

static int slower(const void *a, const void *b)
{
	uint64_t x = slowest_total_ns(a), y = slowest_total_ns(b);

	return x == y ? 0 : x < y ? 1 : -1;
}

size_t slowest_list(const struct slowest *slowest,
		    struct block_slow ret_list[SLOWEST_MAX])
{
	struct block_slow all[2 * SLOWEST_MAX];
	size_t count = slowest->window[0].count;

	memcpy(all, slowest->window[0].record, count * sizeof(all[0]));
	memcpy(all + count, slowest->window[1].record,
	       slowest->window[1].count * sizeof(all[0]));
	count += slowest->window[1].count;
	qsort(all, count, sizeof(all[0]), slower);
	if (count > SLOWEST_MAX)
		count = SLOWEST_MAX;
	memcpy(ret_list, all, count * sizeof(all[0]));
	return count;
}
