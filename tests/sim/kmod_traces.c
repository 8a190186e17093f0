// SPDX-License-Identifier: GPL-2.0-only
/* Synthetic traces. */
#include "kmod_traces.h"

#include <math.h>
#include <stdlib.h>

#define SLOTS		8192u
#define HOT		(8 * SLOTS)	/* blocks of a working set */
#define SCAN		2048u		/* blocks of one */
#define CHANNELS	4096u
#define CHANNEL_BLOCKS	64u
#define RECENCY		0.5		/* of being one block further back */

static uint64_t state;

static uint64_t rnd(uint64_t n)
{
	state += 0x9e3779b97f4a7c15u;
	uint64_t z = state;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % n;
}

/* Popularity falls with the rank; who has which rank is mixed up. */
struct zipf {
	uint32_t n;
	double *sum;
	uint32_t *who;
};

static struct zipf zipf_make(uint32_t n, double exponent)
{
	struct zipf z = { n, malloc(n * sizeof(double)),
			  malloc(n * sizeof(uint32_t)) };
	double sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		sum += 1 / pow(i + 1, exponent);
		z.sum[i] = sum;
		z.who[i] = i;
	}
	for (uint32_t i = n - 1; i; i--) {
		uint32_t j = (uint32_t)rnd(i + 1), t = z.who[i];

		z.who[i] = z.who[j];
		z.who[j] = t;
	}
	return z;
}

static uint32_t zipf_pick(const struct zipf *z)
{
	double at = (double)rnd(1ull << 53) / (double)(1ull << 53) *
		    z->sum[z->n - 1];
	uint32_t low = 0, high = z->n - 1, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (z->sum[mid] < at)
			low = mid + 1;
		else
			high = mid;
	}
	return z->who[low];
}

static void zipf_free(struct zipf *z)
{
	free(z->sum);
	free(z->who);
}

static void make_zipf(struct trace *t)
{
	struct zipf z = zipf_make(HOT, 0.99);

	for (uint32_t i = 0; i < t->len; i++)
		t->block[i] = zipf_pick(&z);
	zipf_free(&z);
}

/* Half of the time is spent in scans of what nobody reads otherwise. */
static void make_scans(struct trace *t)
{
	struct zipf z = zipf_make(HOT, 0.99);
	uint32_t i = 0, n, at;

	while (i < t->len) {
		for (n = 0; n < SCAN && i < t->len; n++)
			t->block[i++] = zipf_pick(&z);
		at = HOT + (uint32_t)rnd(t->nr_blocks - HOT - SCAN);
		for (n = 0; n < SCAN && i < t->len; n++)
			t->block[i++] = at + n;
	}
	zipf_free(&z);
}

/* Every other read is of a block that is not read again, anywhere. */
static void make_wonders(struct trace *t)
{
	struct zipf z = zipf_make(HOT, 0.99);

	for (uint32_t i = 0; i < t->len; i++)
		t->block[i] = rnd(2) ? zipf_pick(&z) :
			      HOT + (uint32_t)rnd(t->nr_blocks - HOT);
	zipf_free(&z);
}

/* The same blocks again and again in scattered order, a few too many. */
static void make_loop(struct trace *t)
{
	uint32_t n = SLOTS + SLOTS / 4;

	for (uint32_t i = 0; i < t->len; i++)
		t->block[i] = (uint32_t)((i % n) * 2654435761ull % t->nr_blocks);
}

/* Another set of blocks is hot every tenth of the time. */
static void make_shift(struct trace *t)
{
	struct zipf z = zipf_make(HOT, 0.99);

	for (uint32_t i = 0; i < t->len; i++) {
		uint32_t era = i / (t->len / 10 + 1);

		t->block[i] = (zipf_pick(&z) + era * HOT / 2) % t->nr_blocks;
	}
	zipf_free(&z);
}

static uint32_t steps_back(void)
{
	uint32_t back = 0;

	while (back < CHANNEL_BLOCKS - 1 && (double)rnd(1000) < RECENCY * 1000)
		back++;
	return back;
}

/*
 * Channels grow: a block is written.  Some are popular, and the newest of each
 * is read most: each step back is half as likely.
 */
static void make_chat(struct trace *t)
{
	struct zipf z = zipf_make(CHANNELS, 0.8);
	uint32_t *newest = calloc(CHANNELS, sizeof(*newest));

	for (uint32_t i = 0; i < t->len; i++) {
		uint32_t channel = zipf_pick(&z), grows = !rnd(16), at;

		newest[channel] += grows;
		at = newest[channel] - (grows ? 0 : steps_back());
		t->block[i] = channel * CHANNEL_BLOCKS + at % CHANNEL_BLOCKS;
		if (grows)
			t->block[i] |= TRACE_WRITE;
	}
	free(newest);
	zipf_free(&z);
}

static const struct {
	const char *name, *what;
	void (*make)(struct trace *t);
	uint32_t nr_blocks;
} kinds[NR_TRACES] = {
	{ "zipf", "zipf 0.99", make_zipf, HOT },
	{ "scans", "zipf, half of the time scans", make_scans, 64 * HOT },
	{ "wonders", "zipf, half of the reads never again", make_wonders,
	  64 * HOT },
	{ "loop", "a loop a quarter too long", make_loop, HOT },
	{ "shift", "zipf that moves on ten times", make_shift, 8 * HOT },
	{ "chat", "channels, the newest first", make_chat,
	  CHANNELS * CHANNEL_BLOCKS },
};

struct trace trace_make(uint32_t i, uint64_t seed, uint32_t len)
{
	struct trace t = {
		.name = kinds[i].name,
		.what = kinds[i].what,
		.nr_blocks = kinds[i].nr_blocks,
		.nr_slots = SLOTS,
		.len = len,
		.block = malloc(len * sizeof(uint32_t)),
	};

	state = seed * NR_TRACES + i;
	kinds[i].make(&t);
	for (uint32_t n = 0; n < len; n++)
		t.reads += !(t.block[n] & TRACE_WRITE);
	return t;
}

void trace_free(struct trace *t)
{
	free(t->block);
	t->block = NULL;
}
