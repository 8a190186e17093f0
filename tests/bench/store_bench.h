/* SPDX-License-Identifier: Apache-2.0 */
/* What the store benchmark asks of each engine; see store_bench.c. */
#ifndef STORE_BENCH_H
#define STORE_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_CHANNELS 10000u
#define BENCH_ROW 300u
#define BENCH_PAGE 50u

struct bench_row {
	uint64_t channel, id;
	uint8_t data[BENCH_ROW];
};

/* The next row: channel by zipf, ids ascending, text-like bytes. */
void bench_row_next(struct bench_row *row);

struct bench_engine {
	const char *name;
	/* Opens or makes the store in this folder. */
	void *(*open)(const char *dir);
	void (*close)(void *store);
	/* `count` rows, durable on return.  Returns how long it took, ns, to
	 * the one who asks: an actor on the shard's core, or a thread. */
	uint64_t (*append)(void *store, const struct bench_row *rows,
			   uint32_t count);
	/* The same, durability not asked for: to load.  NULL: append. */
	void (*load)(void *store, const struct bench_row *rows,
		     uint32_t count);
	/* The latest BENCH_PAGE rows; returns how many, in *ret_ns how long. */
	uint32_t (*latest)(void *store, uint64_t channel, uint64_t *ret_ns);
	/* Deletes the newest `count` rows of a channel, durable. */
	void (*trim)(void *store, uint64_t channel, uint32_t count);
	/* Lets background work come to an end. */
	void (*settle)(void *store);
};

extern const struct bench_engine bench_ours, bench_ours_plain, bench_raw,
	bench_rocksdb, bench_lmdb, bench_sqlite;

uint64_t bench_now_ns(void);
_Noreturn void bench_die(const char *what, int err);

#endif
