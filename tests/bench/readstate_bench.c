// SPDX-License-Identifier: Apache-2.0
/*
 * Read states under a steady load: updates fall due at fixed times, whether the
 * store is ready or not, and each is measured from when it was due.
 *
 *	readstate_bench [RATE [SECONDS [USERS [DIR]]]]
 *
 * Printed are percentiles in milliseconds of these, which take turns of half a
 * second, so that what else the machine does meets all of them:
 *
 *	machine		the same loop does nothing: what the machine takes away
 *	busy		it burns as much CPU time as the updates took so far
 *	disk		it writes and syncs one block of written space at a time
 *	applied		the update can be read
 *	durable		the update is acknowledged
 *
 * and, for the same updates, of CPU time, which no neighbour has a part in:
 *
 *	turn		one turn of the loop: as long as that nobody else is
 *			served, the stall that is ours
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/check.h"
#include "base/rng.h"
#include "data/read_store.h"
#include "os/disk.h"
#include "os/env.h"

#define CHANNELS 50u
#define OPS_MAX (1u << 17)
#define FILL_OUT 8192u
/* Updates of a turn; an actor takes so many messages, about. */
#define TURN_MAX 64u
#define SLICE_NS 500000000ull
/* One shard here takes what four do in chatd. */
#define LOG_BYTES (4 * READ_LOG_BYTES)

struct samples {
	uint32_t *ns;		/* in units of 16 ns */
	uint64_t count, max;
};

struct bench {
	struct os_env *env;
	struct os_loop *loop;
	struct read_store *store;
	struct rng rng;
	uint64_t rate, updates;
	uint32_t users;
	struct timed *free;
	uint32_t out;		/* operations under way */
	struct samples applied, durable, turn;
	bool due;
	uint64_t failed;
	double cpu;
};

struct timed {
	struct read_op op;
	struct bench *bench;
	struct timed *next;
	uint64_t due_ns;
};

static uint64_t now(const struct bench *b)
{
	return os_now_ns(b->env);
}

static void samples_init(struct samples *s, uint64_t max)
{
	s->ns = malloc(max * sizeof(*s->ns));
	check(s->ns);
	/* Page faults are not what is measured. */
	memset(s->ns, 0, max * sizeof(*s->ns));
	s->count = 0;
	s->max = max;
}

static void sample(struct samples *s, uint64_t ns)
{
	if (s->count == s->max)
		return;
	s->ns[s->count++] = ns >> 4 < UINT32_MAX ? (uint32_t)(ns >> 4) :
						   UINT32_MAX;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void print(const char *what, struct samples *s)
{
	static const double at[] = { 0.5, 0.99, 0.999, 0.9999 };

	qsort(s->ns, s->count, sizeof(*s->ns), by_size);
	printf("%-10s", what);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		printf(" %9.3f", s->ns[(uint64_t)((double)s->count * at[i])] *
		       16 / 1e6);
	printf(" %9.3f\n", s->ns[s->count - 1] * 16 / 1e6);
	free(s->ns);
}

static void wake(void *ctx)
{
	((struct bench *)ctx)->due = true;
}

static void done(struct read_op *op)
{
	struct timed *t = container_of(op, struct timed, op);
	struct bench *b = t->bench;

	b->failed += !!op->status;
	if (b->durable.ns)
		sample(&b->durable, now(b) - t->due_ns);
	t->next = b->free;
	b->free = t;
	b->out--;
}

static struct timed *take(struct bench *b)
{
	struct timed *t = b->free;

	check(t);
	b->free = t->next;
	b->out++;
	return t;
}

static void update(struct bench *b, uint64_t due_ns)
{
	struct timed *t = take(b);

	t->due_ns = due_ns;
	t->op = (struct read_op){
		.kind = rng_below(&b->rng, 4) ? READ_OP_SET : READ_OP_MENTION,
		.user = 1 + rng_below(&b->rng, b->users),
		.channel = 1 + rng_below(&b->rng, CHANNELS),
		.last = rng_next(&b->rng) >> 1, .mentions = 1, .done = done,
	};
	read_store_submit(b->store, &t->op);
	if (b->applied.ns)
		sample(&b->applied, now(b) - due_ns);
}

static void turn(struct bench *b)
{
	if (b->due) {
		b->due = false;
		read_store_step(b->store);
	}
	os_loop_run(b->loop, 0);
}

static void settle(struct bench *b)
{
	while (b->out || b->due) {
		turn(b);
		if (!b->due && b->out)
			os_loop_run(b->loop, UINT64_MAX);
	}
}

/* A state for every user and channel, as fast as it goes. */
static void fill(struct bench *b)
{
	uint64_t states = (uint64_t)b->users * CHANNELS, next = 0;
	uint64_t start = now(b);

	while (next < states) {
		for (int n = 0; n < 512 && next < states && b->out < FILL_OUT; n++) {
			struct timed *t = take(b);

			t->op = (struct read_op){
				.kind = READ_OP_ACK,
				.user = 1 + next / CHANNELS,
				.channel = 1 + next % CHANNELS,
				.last = 1 + next, .done = done,
			};
			next++;
			read_store_submit(b->store, &t->op);
		}
		turn(b);
	}
	settle(b);
	printf("# %llu states made in %.1f s; %.1f bytes of memory each\n",
	       (unsigned long long)states, (double)(now(b) - start) / 1e9,
	       (double)read_store_table(b->store)->bytes /
	       (double)read_store_table(b->store)->states);
}

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Updates that fall due within a slice. */
static uint64_t slice(const struct bench *b)
{
	return b->rate * SLICE_NS / 1000000000;
}

static void load(struct bench *b)
{
	uint64_t start = now(b), next = 0, cpu;
	double before = cpu_s();

	while (next < slice(b)) {
		uint64_t due = start + next * 1000000000ull / b->rate;
		uint64_t first = next;

		cpu = cpu_ns();
		while (due <= now(b) && next < slice(b) && b->free &&
		       next < first + TURN_MAX) {
			update(b, due);
			due = start + ++next * 1000000000ull / b->rate;
		}
		turn(b);
		if (next > first)
			sample(&b->turn, cpu_ns() - cpu);
	}
	settle(b);
	b->cpu += cpu_s() - before;
}

/* With so much CPU time for each that would be an update. */
static void machine(struct bench *b, struct samples *s, uint64_t cost_ns)
{
	uint64_t start = now(b), next = 0, cpu = cpu_ns();

	while (next < slice(b)) {
		uint64_t due = start + next * 1000000000ull / b->rate;
		uint64_t first = next;

		while (due <= now(b) && next < slice(b) &&
		       next < first + TURN_MAX) {
			sample(s, now(b) - due);
			due = start + ++next * 1000000000ull / b->rate;
		}
		cpu += (next - first) * cost_ns;
		while (cost_ns && cpu_ns() < cpu)
			;
		cpu = cpu_ns();
		os_loop_run(b->loop, 0);
	}
}

struct raw {
	struct os_disk_op op;
	bool done;
};

static void raw_done(struct os_disk_op *op, int result)
{
	check(result == (int)OS_DISK_ALIGN);
	container_of(op, struct raw, op)->done = true;
}

static void disk(struct bench *b, struct os_file *file, struct samples *s)
{
	static _Alignas(OS_DISK_ALIGN) uint8_t block[OS_DISK_ALIGN];
	struct raw raw = { .op.done = raw_done };
	uint64_t end = now(b) + SLICE_NS, start;

	while (now(b) < end) {
		start = now(b);
		raw.done = false;
		check(!os_disk_write_sync(file, &raw.op, block, OS_DISK_ALIGN,
					  s->count % 256 * OS_DISK_ALIGN));
		while (!raw.done)
			os_loop_run(b->loop, UINT64_MAX);
		sample(s, now(b) - start);
	}
}

static void open_store(struct bench *b, const char *dir)
{
	const struct read_store_opts opts = {
		.dir = dir, .shards = 1, .log_bytes = LOG_BYTES, .wake = wake,
		.ctx = b,
	};
	struct timed *all = calloc(OPS_MAX, sizeof(*all));

	check(all && !read_store_open(b->loop, &opts, &b->store, NULL));
	for (uint32_t i = 0; i < OPS_MAX; i++) {
		all[i].bench = b;
		all[i].next = b->free;
		b->free = &all[i];
	}
}

static void reopen(struct bench *b, const char *dir)
{
	const struct read_store_opts opts = { .dir = dir, .shards = 1 };
	struct read_report report;
	uint64_t start;

	/* As after a kill: nothing is written any more. */
	os_loop_cancel(b->loop);
	read_store_abandon(b->store);
	os_loop_free(b->loop);
	check(!os_loop_new(b->env, &b->loop));
	start = now(b);
	check(!read_store_open(b->loop, &opts, &b->store, &report));
	printf("# opened again in %.0f ms: checkpoint %llu, %llu frames, "
	       "%llu records\n", (double)(now(b) - start) / 1e6,
	       (unsigned long long)report.checkpoint,
	       (unsigned long long)report.frames,
	       (unsigned long long)report.records);
	read_store_close(b->store);
}

static void measure(struct bench *b, const char *dir, uint64_t seconds)
{
	struct samples control = { 0 }, busy = { 0 }, raw = { 0 };
	uint64_t slices = seconds * 1000000000 / SLICE_NS;
	struct read_stats stats, before;
	struct os_file *file;
	char path[256];

	snprintf(path, sizeof(path), "%s/raw", dir);
	check(!os_file_open(b->loop, path, OS_FILE_CREATE | OS_FILE_DIRECT,
			    &file));
	samples_init(&control, slices * slice(b));
	samples_init(&busy, slices * slice(b));
	samples_init(&raw, slices * slice(b));
	samples_init(&b->applied, slices * slice(b));
	samples_init(&b->durable, slices * slice(b));
	samples_init(&b->turn, slices * slice(b));
	read_store_stats(b->store, &before);
	for (uint64_t i = 0; i < slices; i++) {
		machine(b, &control, 0);
		disk(b, file, &raw);
		load(b);
		machine(b, &busy, (uint64_t)(b->cpu * 1e9) /
				  ((i + 1) * slice(b)));
	}
	read_store_stats(b->store, &stats);
	os_file_close(file);
	os_file_remove(b->loop, path);
	printf("# %llu updates/s for %llu s: %llu commits, %.1f MB of log, "
	       "%llu checkpoints of %.1f MB, %llu failed, %.1f s of CPU\n",
	       (unsigned long long)b->rate, (unsigned long long)seconds,
	       (unsigned long long)(stats.frames - before.frames),
	       (double)(stats.log_bytes - before.log_bytes) / 1e6,
	       (unsigned long long)(stats.rounds - before.rounds),
	       stats.rounds > before.rounds ?
	       (double)(stats.round_bytes - before.round_bytes) / 1e6 /
	       (double)(stats.rounds - before.rounds) : 0,
	       (unsigned long long)b->failed, b->cpu);
	printf("%-10s %9s %9s %9s %9s %9s\n", "ms", "p50", "p99", "p99.9",
	       "p99.99", "max");
	print("machine", &control);
	print("busy", &busy);
	print("disk", &raw);
	print("applied", &b->applied);
	print("durable", &b->durable);
	print("turn", &b->turn);
}

int main(int argc, char **argv)
{
	uint64_t seconds = argc > 2 ? strtoull(argv[2], NULL, 0) : 15;
	char dir[] = ".build/readstate_bench.XXXXXX", command[64];
	const char *where = argc > 4 ? argv[4] : dir;
	struct bench b = {
		.rate = argc > 1 ? strtoull(argv[1], NULL, 0) : 100000,
		.users = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 0) : 40000,
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	check(argc > 4 || mkdtemp(dir));
	check(!os_env_new(&b.env) && !os_loop_new(b.env, &b.loop));
	rng_init(&b.rng, 1);
	open_store(&b, where);
	fill(&b);
	measure(&b, where, seconds);
	reopen(&b, where);
	os_loop_free(b.loop);
	os_env_free(b.env);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return argc > 4 ? 0 : !!system(command);
}
