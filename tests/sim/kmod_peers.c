// SPDX-License-Identifier: GPL-2.0-only
/* FIFO, LRU and the optimum, plainly. */
#include "kmod_peers.h"

#include <stdlib.h>
#include <string.h>

#define NONE 0xffffffffu

/* A list of blocks in order; `head` is its own block, beyond all others. */
struct list {
	uint32_t head;
	uint32_t *next, *prev;
};

static void list_del(struct list *l, uint32_t b)
{
	l->next[l->prev[b]] = l->next[b];
	l->prev[l->next[b]] = l->prev[b];
	l->next[b] = NONE;
}

static void list_add(struct list *l, uint32_t b)
{
	l->next[b] = l->head;
	l->prev[b] = l->prev[l->head];
	l->next[l->prev[b]] = b;
	l->prev[l->head] = b;
}

static uint32_t run_list(const struct trace *t, bool move)
{
	size_t bytes = (t->nr_blocks + 1) * sizeof(uint32_t);
	struct list l = { t->nr_blocks, malloc(bytes), malloc(bytes) };
	uint32_t hits = 0, used = 0;

	memset(l.next, 0xff, bytes);
	l.next[l.head] = l.prev[l.head] = l.head;
	for (uint32_t i = 0; i < t->len; i++) {
		uint32_t b = t->block[i];
		bool hit;

		if (b & TRACE_WRITE)
			continue;
		hit = l.next[b] != NONE;
		hits += hit;
		if (hit && !move)
			continue;
		if (hit)
			list_del(&l, b);
		else if (used == t->nr_slots)
			list_del(&l, l.next[l.head]);
		else
			used++;
		list_add(&l, b);
	}
	free(l.next);
	free(l.prev);
	return hits;
}

uint32_t peer_fifo(const struct trace *t)
{
	return run_list(t, false);
}

uint32_t peer_lru(const struct trace *t)
{
	return run_list(t, true);
}

/* When each read's block is read again; t->len: never. */
static uint32_t *next_uses(const struct trace *t)
{
	uint32_t *next = malloc(t->len * sizeof(*next));
	uint32_t *last = malloc(t->nr_blocks * sizeof(*last));

	for (uint32_t b = 0; b < t->nr_blocks; b++)
		last[b] = t->len;
	for (uint32_t i = t->len; i--;) {
		if (t->block[i] & TRACE_WRITE)
			continue;
		next[i] = last[t->block[i]];
		last[t->block[i]] = i;
	}
	free(last);
	return next;
}

/* A heap of (next use, block), the latest on top; old entries stay in it. */
struct heap {
	uint64_t *at;
	uint32_t nr;
};

static void heap_push(struct heap *h, uint64_t v)
{
	uint32_t i = h->nr++;

	for (; i && h->at[(i - 1) / 2] < v; i = (i - 1) / 2)
		h->at[i] = h->at[(i - 1) / 2];
	h->at[i] = v;
}

static uint64_t heap_pop(struct heap *h)
{
	uint64_t top = h->at[0], v = h->at[--h->nr];
	uint32_t i = 0, child;

	for (; (child = 2 * i + 1) < h->nr; i = child) {
		child += child + 1 < h->nr && h->at[child + 1] > h->at[child];
		if (h->at[child] <= v)
			break;
		h->at[i] = h->at[child];
	}
	h->at[i] = v;
	return top;
}

/* Throw out the block that is needed last; true if it is not `but`. */
static bool evict_latest(struct heap *h, uint32_t *due, uint32_t but)
{
	uint32_t b;
	uint64_t v;

	do {
		v = heap_pop(h);
		b = (uint32_t)v;
	} while (due[b] != v >> 32);
	due[b] = NONE;
	return b != but;
}

uint32_t peer_optimum(const struct trace *t, uint32_t *ret_fills)
{
	uint32_t *next = next_uses(t);
	uint32_t *due = malloc(t->nr_blocks * sizeof(*due));
	struct heap h = { malloc((t->len + 1) * sizeof(uint64_t)), 0 };
	uint32_t hits = 0, used = 0;

	*ret_fills = 0;
	memset(due, 0xff, t->nr_blocks * sizeof(*due));
	for (uint32_t i = 0; i < t->len; i++) {
		uint32_t b = t->block[i];
		bool hit, kept = true;

		if (b & TRACE_WRITE)
			continue;
		hit = due[b] != NONE;
		due[b] = next[i];
		heap_push(&h, (uint64_t)next[i] << 32 | b);
		if (!hit && used == t->nr_slots)
			kept = evict_latest(&h, due, b);
		else
			used += !hit;
		hits += hit;
		*ret_fills += !hit && kept;
	}
	free(h.at);
	free(due);
	free(next);
	return hits;
}
