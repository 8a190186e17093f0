// SPDX-License-Identifier: Apache-2.0
/*
 * The store against RocksDB, LMDB, SQLite and the raw device, on the same
 * rows, in one run: 10,000 channels, zipf 0.99, 300-byte rows.
 *
 *	store_bench FOLDER ROWS appends|load|measure|rest|all [ENGINE]...
 *
 * Appends are measured in short turns, engine after engine, several times
 * over, and the medians shown: the machine's neighbours disturb all alike.
 * For the rest each engine is loaded in a process of its own, so that memory
 * and bytes written are its own, two at a time (how fast they load says little
 * then); when all have come to rest they are measured one by one.  Both is
 * `rest`; `load` and `measure` are its halves, for only the second one has to
 * be alone on the machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store_bench.h"

static const struct bench_engine *const all[] = {
	&bench_raw, &bench_ours_alone, &bench_ours, &bench_ours_plain,
	&bench_rocksdb,
	&bench_lmdb, &bench_sqlite,
};
#define ENGINES (sizeof(all) / sizeof(all[0]))
/* Engines that load at the same time. */
#define LOADERS 2

static uint64_t started_ns;

uint64_t bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

_Noreturn void bench_die(const char *what, int err)
{
	fprintf(stderr, "store_bench: %s: %s\n", what, strerror(abs(err)));
	exit(1);
}

void bench_progress(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "# %4.0f s  ",
		(double)(bench_now_ns() - started_ns) / 1e9);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void show_appends(const struct bench_engine *const *engines, int count,
			 struct bench_result *const *results)
{
	printf("\ndurable appends/s, median (best) of short turns; CPU us per "
	       "row\n%-11s", "");
	for (int b = 0; b < BENCH_BATCHES; b++)
		printf("   batch %-3u %17s", bench_batch[b], "");
	for (int i = 0; i < count; i++) {
		printf("\n%-11s", engines[i]->name);
		for (int b = 0; b < BENCH_BATCHES; b++)
			printf(" %9.0f (%9.0f) %6.2f", results[i]->appends[b],
			       results[i]->best[b], results[i]->cpu_us[b]);
	}
	printf("\n");
	fflush(stdout);
}

static void show_rest_head(uint64_t rows)
{
	printf("\n%.2f M rows; us unless named; raw: one read of 4, of 16 KiB of "
	       "the store's own file, between the cold ones\n%-11s %9s %5s "
	       "%6s %6s %11s %13s %15s %11s %7s   %-20s   %s\n",
	       (double)rows / 1e6, "", "loading/s", "B/row", "writes",
	       "MB mem", "open ms max", "warm p50  p99", "cold p50   p99",
	       "raw 4 16", "trimmed", "busy append 50 99 .9",
	       "read 50 99 .9");
	fflush(stdout);
}

static void show_rest(const struct bench_engine *engine,
		      const struct bench_result *r)
{
	printf("%-11s %9.0f %5.0f %5.2fx %6.0f %5.0f %5.0f", engine->name,
	       r->load_per_s, r->bytes_per_row, r->amplification, r->memory_mb,
	       r->open_ms, r->open_max_ms);
	printf(" %6.1f %6.1f %7.1f %7.1f %5.0f %5.0f %7.1f", r->warm_p50,
	       r->warm_p99, r->cold_p50, r->cold_p99, r->raw_p50[0],
	       r->raw_p50[1], r->trimmed_p50);
	printf("   %6.0f %6.0f %6.0f  %5.0f %6.0f %6.0f\n", r->busy_append[0],
	       r->busy_append[1], r->busy_append[2], r->busy_read[0],
	       r->busy_read[1], r->busy_read[2]);
	fflush(stdout);
}

/* Starts fn in a process of its own: threads that a peer leaves behind do not
 * survive a fork, and would be waited for. */
static void start_child(void (*fn)(const void *ctx), const void *ctx)
{
	pid_t pid = fork();

	if (!pid) {
		fn(ctx);
		_exit(0);
	}
	if (pid < 0)
		bench_die("fork", errno);
}

static void end_child(void)
{
	int status;

	if (wait(&status) < 0)
		bench_die("wait", errno);
	if (status)
		bench_die("a measurement failed", EIO);
}

static void in_child(void (*fn)(const void *ctx), const void *ctx)
{
	start_child(fn, ctx);
	end_child();
}

struct run {
	const struct bench_engine *const *engines;
	int count;
	const char *folder;
	uint64_t rows;
	struct bench_result *const *results;	/* shared with the parent */
};

static void run_appends(const void *ctx)
{
	const struct run *r = ctx;

	bench_appends(r->engines, r->count, r->folder, r->results);
}

/* The first of them. */
static void run_load(const void *ctx)
{
	const struct run *r = ctx;

	bench_load(r->engines[0], r->folder, r->rows, r->results[0]);
}

static void run_rest(const void *ctx)
{
	const struct run *r = ctx;

	bench_rows_skip(r->rows);
	bench_rest(r->engines[0], r->folder, r->results[0]);
}

/* The slowest are the last of the list: they begin. */
static void load_all(const struct run *all_of_them)
{
	struct run one = *all_of_them;
	int running = 0;

	for (int i = one.count - 1; i >= 0; i--) {
		one.engines = all_of_them->engines + i;
		one.results = all_of_them->results + i;
		if (!one.engines[0]->latest)
			continue;
		if (running++ >= LOADERS)
			end_child();
		start_child(run_load, &one);
	}
	for (running = running < LOADERS ? running : LOADERS; running > 0;
	     running--)
		end_child();
}

/* In the folder, so that what one half finds the other one knows. */
static struct bench_result *open_results(const char *folder)
{
	const size_t size = ENGINES * sizeof(struct bench_result);
	char path[4096];
	void *results;
	int fd;

	snprintf(path, sizeof(path), "%s/results", folder);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)size))
		bench_die(path, errno);
	results = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (results == MAP_FAILED)
		bench_die(path, errno);
	close(fd);
	return results;
}

static int choose(int argc, char **argv, struct bench_result *results,
		  const struct bench_engine **ret_engines,
		  struct bench_result **ret_results)
{
	int count = 0;

	for (size_t i = 0; i < ENGINES; i++) {
		bool wanted = argc == 4;

		for (int a = 4; a < argc; a++)
			wanted |= !strcmp(argv[a], all[i]->name);
		if (!wanted)
			continue;
		ret_results[count] = &results[i];
		ret_engines[count++] = all[i];
	}
	return count;
}

static void measure_all(struct run run)
{
	show_rest_head(run.rows);
	for (; run.count > 0; run.count--, run.engines++, run.results++) {
		if (!run.engines[0]->latest)
			continue;
		in_child(run_rest, &run);
		show_rest(run.engines[0], run.results[0]);
	}
}

static bool is_part(const char *part, const char *one, const char *other)
{
	return !strcmp(part, one) || !strcmp(part, other) ||
	       !strcmp(part, "all");
}

int main(int argc, char **argv)
{
	const struct bench_engine *engines[ENGINES];
	struct bench_result *results[ENGINES];
	struct run run = { .engines = engines, .results = results };

	if (argc < 4) {
		fputs("usage: store_bench FOLDER ROWS "
		      "appends|load|measure|rest|all [ENGINE]...\n", stderr);
		return 2;
	}
	run.folder = argv[1];
	run.rows = strtoull(argv[2], NULL, 10);
	started_ns = bench_now_ns();
	bench_rows_init();
	mkdir(run.folder, 0700);
	run.count = choose(argc, argv, open_results(run.folder), engines,
			   results);
	if (is_part(argv[3], "appends", "appends")) {
		in_child(run_appends, &run);
		show_appends(engines, run.count, results);
	}
	if (is_part(argv[3], "load", "rest"))
		load_all(&run);
	if (is_part(argv[3], "measure", "rest"))
		measure_all(run);
	return 0;
}
