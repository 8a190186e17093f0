// SPDX-License-Identifier: Apache-2.0
/* The measurements of the store benchmark. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "store_bench.h"

#define ENGINES_MAX 8
#define TURNS 11
#define TURN_NS 250000000ull
#define LOAD_BATCH 4096u
#define READS 20000u
#define COLD_READS 2000u
#define BUSY_BATCH 16u
#define BUSY_APPENDS 20000u
#define BUSY_NS 8000000000ull
#define TRIM_ROWS 5000u
#define TRIM_CHANNEL 3u		/* by rank: has more than that many */
#define PROGRESS_NS 5000000000ull
#define KILLS 5
#define KILL_AFTER_NS 1000000000ull
#define KILL_ROWS_MAX 1000000u

#define SECTOR 4096u
#define RAW_READ_MAX (16u << 10)

const uint32_t bench_batch[BENCH_BATCHES] = { 1, 16, 256 };
const uint32_t bench_raw_size[BENCH_RAW_SIZES] = { SECTOR, RAW_READ_MAX };

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Of sorted ones. */
static double percentile_us(const uint64_t *ns, uint32_t count, double p)
{
	return (double)ns[(uint32_t)((count - 1) * p)] / 1000;
}

static double cpu_now_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* --- appends --------------------------------------------------------------- */

struct turn {
	double per_s, cpu_us;
};

/* Durable rows for one turn.  Making them is not counted. */
static struct turn append_turn(const struct bench_engine *engine, void *store,
			       uint32_t batch)
{
	struct bench_row *rows = malloc(batch * sizeof(*rows));
	uint64_t spent = 0, done = 0;
	double cpu = 0, from;

	while (spent < TURN_NS) {
		for (uint32_t i = 0; i < batch; i++)
			bench_row_next(&rows[i]);
		from = cpu_now_us();
		spent += engine->append(store, rows, batch);
		cpu += cpu_now_us() - from;
		done += batch;
	}
	free(rows);
	return (struct turn){ (double)done * 1e9 / (double)spent,
			      cpu / (double)done };
}

static void sum_up(struct turn *turns, size_t batch,
		   struct bench_result *result)
{
	double rate[TURNS], cpu[TURNS];

	for (int i = 0; i < TURNS; i++) {
		rate[i] = turns[i].per_s;
		cpu[i] = turns[i].cpu_us;
	}
	qsort(rate, TURNS, sizeof(double), compare_double);
	qsort(cpu, TURNS, sizeof(double), compare_double);
	result->appends[batch] = rate[TURNS / 2];
	result->best[batch] = rate[TURNS - 1];
	result->cpu_us[batch] = cpu[TURNS / 2];
}

static const char *append_dir(const char *folder, const char *name)
{
	static char dir[4096];

	snprintf(dir, sizeof(dir), "%s/%s-append", folder, name);
	return dir;
}

void bench_appends(const struct bench_engine *const *engines, int count,
		   const char *folder, struct bench_result *const *results)
{
	static struct turn turns[ENGINES_MAX][BENCH_BATCHES][TURNS];
	void *stores[ENGINES_MAX];

	for (int i = 0; i < count; i++) {
		const char *dir = append_dir(folder, engines[i]->name);

		bench_dir_fresh(dir);
		stores[i] = engines[i]->open(dir);
	}
	for (int turn = 0; turn < TURNS; turn++) {
		bench_progress("appends: turn %d of %d", turn + 1, TURNS);
		for (size_t b = 0; b < BENCH_BATCHES; b++)
			for (int i = 0; i < count; i++)
				turns[i][b][turn] = append_turn(
					engines[i], stores[i], bench_batch[b]);
	}
	for (int i = 0; i < count; i++) {
		engines[i]->close(stores[i]);
		for (size_t b = 0; b < BENCH_BATCHES; b++)
			sum_up(turns[i][b], b, results[i]);
		bench_dir_remove(append_dir(folder, engines[i]->name));
	}
}

/* --- one engine, many rows --------------------------------------------------- */

static void note_memory(struct bench_result *result)
{
	double mb = (double)bench_memory() / 1e6;

	if (result->memory_mb < mb)
		result->memory_mb = mb;
}

static void load(const struct bench_engine *engine, void *store, uint64_t count,
		 struct bench_result *result)
{
	struct bench_row *rows = malloc(LOAD_BATCH * sizeof(*rows));
	uint64_t spent = 0, said = bench_now_ns();

	for (uint64_t done = 0; done < count; done += LOAD_BATCH) {
		uint64_t from;

		for (uint32_t i = 0; i < LOAD_BATCH; i++)
			bench_row_next(&rows[i]);
		from = bench_now_ns();
		if (engine->load)
			engine->load(store, rows, LOAD_BATCH);
		else
			engine->append(store, rows, LOAD_BATCH);
		spent += bench_now_ns() - from;
		if (from - said < PROGRESS_NS)
			continue;
		said = from;
		note_memory(result);
		bench_progress("%s: %.2f of %.2f M rows, %.0f rows/s",
			       engine->name, (double)(done + LOAD_BATCH) / 1e6,
			       (double)count / 1e6,
			       (double)(done + LOAD_BATCH) * 1e9 /
				       (double)spent);
	}
	note_memory(result);
	free(rows);
	result->load_per_s = (double)count * 1e9 / (double)spent;
}

static void percentiles(uint64_t *ns, uint32_t count, double ret_us[3])
{
	qsort(ns, count, sizeof(*ns), compare_u64);
	ret_us[0] = percentile_us(ns, count, 0.5);
	ret_us[1] = percentile_us(ns, count, 0.99);
	ret_us[2] = percentile_us(ns, count, 0.999);
}

/* Appends and reads by turns, as fast as they go: whatever compaction there
 * is runs beside them. */
static void measure_busy(const struct bench_engine *engine, void *store,
			 struct bench_result *result)
{
	uint64_t *appends = malloc(BUSY_APPENDS * sizeof(*appends));
	uint64_t *reads = malloc(BUSY_APPENDS * sizeof(*reads));
	uint64_t from = bench_now_ns();
	struct bench_row rows[BUSY_BATCH];
	uint32_t n = 0;

	while (n < BUSY_APPENDS && bench_now_ns() - from < BUSY_NS) {
		for (uint32_t i = 0; i < BUSY_BATCH; i++)
			bench_row_next(&rows[i]);
		appends[n] = engine->append(store, rows, BUSY_BATCH);
		engine->latest(store, bench_channel_next() % 1000, &reads[n]);
		n++;
	}
	percentiles(appends, n, result->busy_append);
	percentiles(reads, n, result->busy_read);
	free(appends);
	free(reads);
}

static void measure_warm(const struct bench_engine *engine, void *store,
			 struct bench_result *result)
{
	uint64_t *ns = malloc(READS * sizeof(*ns));
	double us[3];

	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < READS; i++)
			engine->latest(store, bench_channel_next() % 1000,
				       &ns[i]);
	percentiles(ns, READS, us);
	result->warm_p50 = us[0];
	result->warm_p99 = us[1];
	free(ns);
}

/* Raw reads of one file, at places that were written, none of them twice but by
 * chance. */
struct raw_reader {
	int fd;
	uint64_t size;
	uint8_t *buf;
	struct rng rng;
};

static void raw_begin(struct raw_reader *raw, const char *dir)
{
	struct stat st;

	raw->fd = bench_largest_open(dir);
	raw->buf = aligned_alloc(SECTOR, RAW_READ_MAX);
	if (!raw->buf || fstat(raw->fd, &st))
		bench_die(dir, ENOMEM);
	memset(raw->buf, 0, RAW_READ_MAX);
	raw->size = (uint64_t)st.st_size;
	rng_init(&raw->rng, 1);
}

static void raw_end(struct raw_reader *raw)
{
	close(raw->fd);
	free(raw->buf);
}

static uint64_t raw_read(struct raw_reader *raw, uint32_t bytes)
{
	uint64_t from;
	off_t at;

	/* A hole is no read. */
	do {
		at = (off_t)rng_below(&raw->rng, raw->size - RAW_READ_MAX);
		at = lseek(raw->fd, at, SEEK_DATA) & ~((off_t)SECTOR - 1);
	} while (at < 0 || (uint64_t)at > raw->size - RAW_READ_MAX);
	from = bench_now_ns();
	if (pread(raw->fd, raw->buf, bytes, at) < 0)
		bench_die("raw read", errno);
	return bench_now_ns() - from;
}

static void measure_cold(const struct bench_engine *engine, void *store,
			 const char *dir, struct bench_result *result)
{
	uint64_t *ns = malloc(COLD_READS * sizeof(*ns));
	uint64_t *raw_ns[BENCH_RAW_SIZES];
	struct raw_reader raw;
	double us[3];

	raw_begin(&raw, dir);
	for (int s = 0; s < BENCH_RAW_SIZES; s++)
		raw_ns[s] = malloc(COLD_READS * sizeof(*ns));
	for (uint32_t i = 0; i < COLD_READS; i++) {
		engine->latest(store, (uint64_t)i * 7919 % BENCH_CHANNELS,
			       &ns[i]);
		for (int s = 0; s < BENCH_RAW_SIZES; s++)
			raw_ns[s][i] = raw_read(&raw, bench_raw_size[s]);
	}
	for (int s = 0; s < BENCH_RAW_SIZES; s++) {
		percentiles(raw_ns[s], COLD_READS, us);
		result->raw_p50[s] = us[0];
		free(raw_ns[s]);
	}
	percentiles(ns, COLD_READS, us);
	result->cold_p50 = us[0];
	result->cold_p99 = us[1];
	raw_end(&raw);
	free(ns);
}

static void measure_trimmed(const struct bench_engine *engine, void *store,
			    struct bench_result *result)
{
	uint64_t ns[1000];
	double us[3];

	engine->trim(store, TRIM_CHANNEL, TRIM_ROWS);
	for (int i = 0; i < 1000; i++)
		engine->latest(store, TRIM_CHANNEL, &ns[i]);
	percentiles(ns, 1000, us);
	result->trimmed_p50 = us[0];
}

/* A child appends until it is killed; then the store is opened and read. */
static double kill_and_open(const struct bench_engine *engine, const char *dir)
{
	struct bench_row rows[256];
	uint64_t from, took;
	void *store;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		store = engine->open(dir);
		from = bench_now_ns();
		while (bench_now_ns() - from < KILL_AFTER_NS) {
			for (int i = 0; i < 256; i++)
				bench_row_next(&rows[i]);
			engine->append(store, rows, 256);
		}
		kill(getpid(), SIGKILL);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		bench_die("fork", errno);
	if (!WIFSIGNALED(status))
		bench_die("the one to be killed ended by itself", EIO);
	/* The next one's are above these, however many they are. */
	bench_rows_skip(KILL_ROWS_MAX);
	from = bench_now_ns();
	store = engine->open(dir);
	engine->latest(store, 0, &took);
	took = bench_now_ns() - from;
	engine->close(store);
	return (double)took / 1e6;
}

static void measure_open(const struct bench_engine *engine, const char *dir,
			 struct bench_result *result)
{
	double ms[KILLS];

	for (int i = 0; i < KILLS; i++)
		ms[i] = kill_and_open(engine, dir);
	qsort(ms, KILLS, sizeof(double), compare_double);
	result->open_ms = ms[KILLS / 2];
	result->open_max_ms = ms[KILLS - 1];
}

static const char *rest_dir(const char *folder, const char *name)
{
	static char dir[4096];

	snprintf(dir, sizeof(dir), "%s/%s", folder, name);
	return dir;
}

void bench_load(const struct bench_engine *engine, const char *folder,
		uint64_t rows, struct bench_result *result)
{
	const char *dir = rest_dir(folder, engine->name);
	uint64_t written = bench_written();
	void *store;

	bench_dir_fresh(dir);
	store = engine->open(dir);
	if (!engine->trim) {
		engine->close(store);
		return;
	}
	load(engine, store, rows, result);
	bench_progress("%s: settling", engine->name);
	if (engine->settle)
		engine->settle(store);
	note_memory(result);
	if (engine->explain)
		engine->explain(store, rows);
	engine->close(store);
	result->bytes_per_row = (double)bench_dir_bytes(dir) / (double)rows;
	result->amplification = (double)(bench_written() - written) /
				((double)rows * BENCH_ROW);
	bench_dir_uncache(dir);
	bench_progress("%s: loaded", engine->name);
}

/* What a store has to say; the raw device only what one read and one write
 * cost. */
void bench_rest(const struct bench_engine *engine, const char *folder,
		struct bench_result *result)
{
	const char *dir = rest_dir(folder, engine->name);
	void *store;

	bench_progress("%s: measuring", engine->name);
	bench_dir_uncache(dir);
	store = engine->open(dir);
	measure_cold(engine, store, dir, result);
	if (engine->trim) {
		measure_warm(engine, store, result);
		measure_trimmed(engine, store, result);
	}
	measure_busy(engine, store, result);
	engine->close(store);
	if (engine->trim)
		measure_open(engine, dir, result);
	bench_dir_remove(dir);
}
