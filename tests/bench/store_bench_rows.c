// SPDX-License-Identifier: Apache-2.0
/* The rows of the store benchmark: zipf channels, text that compresses. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "store_bench.h"

#define STEP_MAX 4096u		/* from an id to the next */

static struct rng rng;
static double zipf_cdf[BENCH_CHANNELS];
static uint64_t next_id = 1000000;

static void zipf_init(void)
{
	double sum = 0;

	for (uint32_t i = 0; i < BENCH_CHANNELS; i++)
		zipf_cdf[i] = sum += 1 / pow(i + 1, 0.99);
	for (uint32_t i = 0; i < BENCH_CHANNELS; i++)
		zipf_cdf[i] /= sum;
}

uint64_t bench_channel_next(void)
{
	double u = (double)(rng_next(&rng) >> 11) / 9007199254740992.0;
	uint32_t low = 0, high = BENCH_CHANNELS - 1;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (zipf_cdf[mid] < u)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Words as people repeat them, with ids and numbers as records have them. */
static size_t add_text(uint8_t *to, size_t size)
{
	static const char syllables[64][4] = {
		"ka", "lo", "mi", "ne", "tu", "ra", "so", "vi", "an", "er",
		"in", "or", "es", "ti", "de", "co", "the", "and", "ing",
		"ion", "you", "not", "for", "was", "but", "all", "can",
		"out", "get", "one", "how", "who", "be", "to", "of", "it",
		"is", "he", "on", "as", "at", "we", "my", "so", "no", "up",
		"if", "go", "me", "am", "us", "by", "do", "an", "ha", "wo",
		"pre", "con", "dis", "per", "sub", "over", "li", "go",
	};
	size_t n = 0;

	while (n < size) {
		uint64_t r = rng_next(&rng);

		for (int i = 0; i < 8 && n < size; i++, r >>= 8) {
			const char *s = syllables[r & 63];

			while (*s && n < size)
				to[n++] = (uint8_t)*s++;
			if ((r & 0xc0) && n < size)
				to[n++] = ' ';
		}
	}
	return n;
}

void bench_row_next(struct bench_row *row)
{
	uint64_t head[8];

	row->channel = bench_channel_next();
	row->id = next_id += 1 + rng_below(&rng, STEP_MAX);
	/* A record's fixed fields: author, flags, nonce, a random token. */
	head[0] = row->id;
	head[1] = row->channel;
	head[2] = 0x1000000 + rng_below(&rng, 5000);
	head[3] = 1;
	for (int i = 4; i < 8; i++)
		head[i] = rng_next(&rng);
	memcpy(row->data, head, sizeof(head));
	add_text(row->data + sizeof(head), BENCH_ROW - sizeof(head));
}

void bench_rows_skip(uint64_t rows)
{
	next_id += rows * STEP_MAX;
}

void bench_rows_init(void)
{
	rng_init(&rng, 1);
	zipf_init();
}
