// SPDX-License-Identifier: Apache-2.0
/*
 * The store against RocksDB, LMDB, SQLite and the raw device, on the same
 * rows, in one run: 10,000 channels, zipf 0.99, 300-byte rows.
 *
 *	store_bench FOLDER ROWS [ENGINE]...
 *
 * Appends are measured in short turns, engine after engine, several times
 * over, and the medians shown: the machine's neighbours disturb all alike.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"
#include "store_bench.h"

#define ENGINES_MAX 6
#define TURNS 5
#define TURN_NS 1000000000ull
#define LOAD_BATCH 4096u
#define READS 20000u
#define COLD_READS 2000u
#define TRIM_ROWS 5000u
#define TRIM_CHANNEL 3u		/* by rank: has more than that many */

static const uint32_t batches[] = { 1, 16, 256 };
#define BATCHES (sizeof(batches) / sizeof(batches[0]))

struct result {
	double appends[BATCHES];
	double warm_p50, warm_p99, cold_p50, cold_p99, trimmed_p50;
	double bytes_per_row, open_ms, load_per_s;
};

static struct rng rng;
static double zipf_cdf[BENCH_CHANNELS];
static uint64_t next_id = 1000000;

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

static void zipf_init(void)
{
	double sum = 0;

	for (uint32_t i = 0; i < BENCH_CHANNELS; i++)
		zipf_cdf[i] = sum += 1 / pow(i + 1, 0.99);
	for (uint32_t i = 0; i < BENCH_CHANNELS; i++)
		zipf_cdf[i] /= sum;
}

static uint64_t zipf_next(void)
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

	row->channel = zipf_next();
	row->id = next_id += 1 + rng_below(&rng, 4096);
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

static double percentile_us(uint64_t *ns, uint32_t count, double p)
{
	qsort(ns, count, sizeof(*ns), compare_u64);
	return (double)ns[(uint32_t)((count - 1) * p)] / 1000;
}

/* --- files ---------------------------------------------------------------- */

typedef void (*file_fn)(const char *path, const struct stat *st, void *ctx);

static void each_file(const char *dir, file_fn fn, void *ctx)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		char path[4096];
		struct stat st;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (lstat(path, &st))
			continue;
		if (S_ISDIR(st.st_mode))
			each_file(path, fn, ctx);
		fn(path, &st, ctx);
	}
	if (d)
		closedir(d);
}

static void add_size(const char *path, const struct stat *st, void *ctx)
{
	(void)path;
	*(uint64_t *)ctx += (uint64_t)st->st_blocks * 512;
}

static void drop_cached(const char *path, const struct stat *st, void *ctx)
{
	int fd = open(path, O_RDONLY);

	(void)st;
	(void)ctx;
	if (fd < 0)
		return;
	fdatasync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
}

static void remove_file(const char *path, const struct stat *st, void *ctx)
{
	(void)st;
	(void)ctx;
	remove(path);
}

static void fresh_dir(const char *dir)
{
	each_file(dir, remove_file, NULL);
	remove(dir);
	if (mkdir(dir, 0700))
		bench_die(dir, errno);
}

/* --- measurements ---------------------------------------------------------- */

/* Durable rows per second for one turn. */
static double append_turn(const struct bench_engine *engine, void *store,
			  uint32_t batch)
{
	struct bench_row *rows = malloc(batch * sizeof(*rows));
	uint64_t spent = 0, done = 0;

	while (spent < TURN_NS) {
		for (uint32_t i = 0; i < batch; i++)
			bench_row_next(&rows[i]);
		spent += engine->append(store, rows, batch);
		done += batch;
	}
	free(rows);
	return (double)done * 1e9 / (double)spent;
}

static void measure_appends(const struct bench_engine **engines, int count,
			    const char *folder, struct result *results)
{
	double rates[ENGINES_MAX][BATCHES][TURNS];
	void *stores[ENGINES_MAX];
	char dir[4096];

	for (int i = 0; i < count; i++) {
		snprintf(dir, sizeof(dir), "%s/%s-append", folder,
			 engines[i]->name);
		fresh_dir(dir);
		stores[i] = engines[i]->open(dir);
	}
	for (int turn = 0; turn < TURNS; turn++)
		for (size_t b = 0; b < BATCHES; b++)
			for (int i = 0; i < count; i++)
				rates[i][b][turn] = append_turn(
					engines[i], stores[i], batches[b]);
	for (int i = 0; i < count; i++) {
		engines[i]->close(stores[i]);
		for (size_t b = 0; b < BATCHES; b++) {
			qsort(rates[i][b], TURNS, sizeof(double),
			      compare_double);
			results[i].appends[b] = rates[i][b][TURNS / 2];
		}
		snprintf(dir, sizeof(dir), "%s/%s-append", folder,
			 engines[i]->name);
		each_file(dir, remove_file, NULL);
		remove(dir);
	}
}

static void load(const struct bench_engine *engine, void *store,
		 uint64_t count, struct result *result)
{
	struct bench_row *rows = malloc(LOAD_BATCH * sizeof(*rows));
	uint64_t spent = 0;

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
	}
	free(rows);
	result->load_per_s = (double)count * 1e9 / (double)spent;
}

static void measure_warm(const struct bench_engine *engine, void *store,
			 struct result *result)
{
	uint64_t *ns = malloc(READS * sizeof(*ns));

	for (uint32_t i = 0; i < READS; i++)
		engine->latest(store, zipf_next() % 1000, &ns[i]);
	for (uint32_t i = 0; i < READS; i++)
		engine->latest(store, zipf_next() % 1000, &ns[i]);
	result->warm_p50 = percentile_us(ns, READS, 0.5);
	result->warm_p99 = percentile_us(ns, READS, 0.99);
	free(ns);
}

static void measure_cold(const struct bench_engine *engine, void *store,
			 struct result *result)
{
	uint64_t *ns = malloc(COLD_READS * sizeof(*ns));

	for (uint32_t i = 0; i < COLD_READS; i++)
		engine->latest(store, (uint64_t)i * 7919 % BENCH_CHANNELS,
			       &ns[i]);
	result->cold_p50 = percentile_us(ns, COLD_READS, 0.5);
	result->cold_p99 = percentile_us(ns, COLD_READS, 0.99);
	free(ns);
}

static void measure_trimmed(const struct bench_engine *engine, void *store,
			    struct result *result)
{
	uint64_t ns[1000];

	engine->trim(store, TRIM_CHANNEL, TRIM_ROWS);
	for (int i = 0; i < 1000; i++)
		engine->latest(store, TRIM_CHANNEL, &ns[i]);
	result->trimmed_p50 = percentile_us(ns, 1000, 0.5);
}

/* A child appends until it is killed; then the store is opened. */
static void measure_open(const struct bench_engine *engine, const char *dir,
			 struct result *result)
{
	struct bench_row rows[256];
	uint64_t from;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		void *store = engine->open(dir);

		from = bench_now_ns();
		while (bench_now_ns() - from < 3 * TURN_NS) {
			for (int i = 0; i < 256; i++)
				bench_row_next(&rows[i]);
			engine->append(store, rows, 256);
		}
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, &status, 0);
	from = bench_now_ns();
	engine->close(engine->open(dir));
	result->open_ms = (double)(bench_now_ns() - from) / 1e6;
}

static void measure_rest(const struct bench_engine *engine, const char *folder,
			 uint64_t rows, struct result *result)
{
	uint64_t bytes = 0;
	char dir[4096];
	void *store;

	snprintf(dir, sizeof(dir), "%s/%s", folder, engine->name);
	fresh_dir(dir);
	store = engine->open(dir);
	load(engine, store, rows, result);
	if (engine->settle)
		engine->settle(store);
	each_file(dir, add_size, &bytes);
	result->bytes_per_row = (double)bytes / (double)rows;
	measure_warm(engine, store, result);
	engine->close(store);
	each_file(dir, drop_cached, NULL);
	store = engine->open(dir);
	measure_cold(engine, store, result);
	measure_trimmed(engine, store, result);
	engine->close(store);
	measure_open(engine, dir, result);
	each_file(dir, remove_file, NULL);
	remove(dir);
}

static void show(const struct bench_engine *engine, const struct result *r)
{
	printf("%-12s %9.0f %9.0f %9.0f %10.0f", engine->name, r->appends[0],
	       r->appends[1], r->appends[2], r->load_per_s);
	printf(" %6.1f %7.1f %7.1f %7.1f %8.1f %7.0f %8.0f\n", r->warm_p50,
	       r->warm_p99, r->cold_p50, r->cold_p99, r->trimmed_p50,
	       r->bytes_per_row, r->open_ms);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const struct bench_engine *const all[] = {
		&bench_raw, &bench_ours, &bench_ours_plain, &bench_rocksdb,
		&bench_lmdb, &bench_sqlite,
	};
	const struct bench_engine *engines[ENGINES_MAX];
	struct result results[ENGINES_MAX] = { 0 };
	uint64_t rows;
	int count = 0;

	if (argc < 3)
		bench_die("usage: store_bench FOLDER ROWS [ENGINE]...", EINVAL);
	rows = strtoull(argv[2], NULL, 10);
	for (int i = 0; i < ENGINES_MAX; i++) {
		bool wanted = argc == 3;

		for (int a = 3; a < argc; a++)
			wanted |= !strcmp(argv[a], all[i]->name);
		if (wanted)
			engines[count++] = all[i];
	}
	rng_init(&rng, 1);
	zipf_init();
	mkdir(argv[1], 0700);
	measure_appends(engines, count, argv[1], results);
	printf("%-12s %29s %10s %14s %15s %8s %7s %8s\n", "",
	       "durable appends/s at 1/16/256", "loading/s", "warm p50 p99 us",
	       "cold p50 p99 us", "trim p50", "B/row", "open ms");
	for (int i = 0; i < count; i++) {
		measure_rest(engines[i], argv[1], rows, &results[i]);
		show(engines[i], &results[i]);
	}
	return 0;
}
