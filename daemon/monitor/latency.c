// SPDX-License-Identifier: Apache-2.0
#include "monitor/latency.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "monitor/hist.h"

const char *const latency_op_names[BLOCK_OPS] = {
	[BLOCK_READ] = "read",
	[BLOCK_WRITE] = "write",
	[BLOCK_FLUSH] = "flush",
	[BLOCK_DISCARD] = "discard",
};

const char *const latency_span_names[BLOCK_SPANS] = {
	[BLOCK_QUEUE] = "queue",
	[BLOCK_DEVICE] = "device",
};

struct latency *latency_new(void)
{
	return mem_zalloc(sizeof(struct latency));
}

static void series_add(struct latency_series *into,
		       const struct latency_series *from)
{
	for (int op = 0; op < BLOCK_OPS; op++)
		for (int span = 0; span < BLOCK_SPANS; span++)
			hist_add(&into->hist[op][span], &from->hist[op][span]);
}

static void series_subtract(struct latency_series *now,
			    const struct latency_series *then)
{
	for (int op = 0; op < BLOCK_OPS; op++)
		for (int span = 0; span < BLOCK_SPANS; span++)
			hist_subtract(&now->hist[op][span],
				      &then->hist[op][span]);
}

static const struct latency_series *
series_find(const struct latency *latency, uint32_t dev, uint32_t parent)
{
	for (size_t i = 0; i < latency->count; i++)
		if (latency->series[i].dev == dev &&
		    latency->series[i].parent == parent)
			return &latency->series[i];
	return NULL;
}

void latency_subtract(struct latency *now, const struct latency *then)
{
	for (size_t i = 0; i < now->count; i++) {
		struct latency_series *s = &now->series[i];
		const struct latency_series *before =
			series_find(then, s->dev, s->parent);

		if (before)
			series_subtract(s, before);
	}
	now->missed -= then->missed;
	now->lost.bios -= then->lost.bios;
	now->lost.requests -= then->lost.requests;
	now->lost.series -= then->lost.series;
	now->lost.records -= then->lost.records;
}

uint64_t latency_lost(const struct latency *latency)
{
	return latency->missed + latency->lost.bios + latency->lost.requests +
	       latency->lost.series;
}

static uint64_t series_ios(const struct latency_series *s)
{
	uint64_t ios = 0;

	for (int op = 0; op < BLOCK_OPS; op++)
		ios += hist_count(&s->hist[op][BLOCK_DEVICE]);
	return ios;
}

bool latency_idle(const struct latency_series *series)
{
	return series_ios(series) == 0;
}

static int busier(const void *a, const void *b)
{
	const struct latency_series *x = a, *y = b;
	uint64_t of_x = series_ios(x), of_y = series_ios(y);

	if (of_x != of_y)
		return of_x < of_y ? 1 : -1;
	return strcmp(x->name, y->name);
}

void latency_merge_parents(struct latency *latency)
{
	size_t kept = 0;

	for (size_t i = 0; i < latency->count; i++) {
		struct latency_series *s = &latency->series[i];
		size_t at = 0;

		while (at < kept && latency->series[at].dev != s->dev)
			at++;
		if (at < kept) {
			series_add(&latency->series[at], s);
			continue;
		}
		if (at != i)
			latency->series[at] = *s;
		latency->series[at].parent = 0;
		latency->series[at].parent_name[0] = 0;
		kept++;
	}
	latency->count = kept;
	qsort(latency->series, kept, sizeof(latency->series[0]), busier);
}
