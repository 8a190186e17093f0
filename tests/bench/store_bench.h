/* SPDX-License-Identifier: Apache-2.0 */
/* What the store benchmark asks of each engine, and its parts. */
#ifndef STORE_BENCH_H
#define STORE_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_CHANNELS 10000u
#define BENCH_ROW 300u
#define BENCH_PAGE 50u
/* Of blocks or pages in the store's own memory, where it has such a thing. */
#define BENCH_CACHE (64u << 20)

struct bench_row {
	uint64_t channel, id;
	uint8_t data[BENCH_ROW];
};

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
	/* The latest BENCH_PAGE rows; returns how many, in *ret_ns how long.
	 * NULL: it only appends. */
	uint32_t (*latest)(void *store, uint64_t channel, uint64_t *ret_ns);
	/* Deletes the newest `count` rows of a channel, durable.  NULL: holds
	 * no rows, only the first measurement is of interest. */
	void (*trim)(void *store, uint64_t channel, uint32_t count);
	/* Lets background work come to an end. */
	void (*settle)(void *store);
	/* Says, for so many rows, what the bytes on the disk are.  May be
	 * NULL. */
	void (*explain)(void *store, uint64_t rows);
};

extern const struct bench_engine bench_ours, bench_ours_plain,
	bench_ours_alone, bench_raw, bench_rocksdb, bench_lmdb, bench_sqlite;

#define BENCH_RAW_SIZES 2
extern const uint32_t bench_raw_size[BENCH_RAW_SIZES];	/* 4 KiB, 16 KiB */

#define BENCH_BATCHES 3
extern const uint32_t bench_batch[BENCH_BATCHES];	/* 1, 16, 256 */

struct bench_result {
	/* Medians over the turns; the best turn; CPU time of the process. */
	double appends[BENCH_BATCHES], best[BENCH_BATCHES];
	double cpu_us[BENCH_BATCHES];
	double load_per_s, amplification, bytes_per_row, memory_mb;
	/* us: appends of 16 while everything is flushed and compacted, and
	 * reads between them. */
	double busy_append[3], busy_read[3];	/* p50, p99, p99.9 */
	double warm_p50, warm_p99, cold_p50, cold_p99, trimmed_p50;
	/* One raw read each, between the cold ones, of the store's own largest
	 * file: what is below us has seen both as often. */
	double raw_p50[BENCH_RAW_SIZES];
	double open_ms, open_max_ms;	/* of several */
};

/* In short turns, engine after engine, several times over. */
void bench_appends(const struct bench_engine *const *engines, int count,
		   const char *folder, struct bench_result *const *results);
/* One engine with so many rows: makes it, and lets it come to rest. */
void bench_load(const struct bench_engine *engine, const char *folder,
		uint64_t rows, struct bench_result *result);
/* Everything else about it; nothing else may run. */
void bench_rest(const struct bench_engine *engine, const char *folder,
		struct bench_result *result);

/* The next row: channel by zipf, ids ascending, text-like bytes. */
/* Ids go on above those of so many rows, which another process has made. */
void bench_rows_skip(uint64_t rows);
void bench_rows_init(void);
void bench_row_next(struct bench_row *row);
uint64_t bench_channel_next(void);

void bench_dir_fresh(const char *dir);
void bench_dir_remove(const char *dir);
void bench_dir_uncache(const char *dir);
uint64_t bench_dir_bytes(const char *dir);
/* A descriptor of the largest file there is, for raw reads past all caches of
 * this machine. */
int bench_largest_open(const char *dir);
/* By this process: bytes to disks; private memory now. */
uint64_t bench_written(void);
uint64_t bench_memory(void);

uint64_t bench_now_ns(void);
_Noreturn void bench_die(const char *what, int err);
/* A line about how far it is, on standard error. */
__attribute__((format(printf, 1, 2)))
void bench_progress(const char *format, ...);

#endif
