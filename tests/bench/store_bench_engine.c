// SPDX-License-Identifier: Apache-2.0
/*
 * Our engine as a library, on the thread that asks, as the peers are: without
 * the actors, and the second thread, that stand between in chatd.
 *
 * It says how long its steps were, in CPU time, compaction among them: nobody
 * is served meanwhile.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/blob.h"
#include "base/check.h"
#include "os/env.h"
#include "store/engine.h"
#include "store_bench.h"

#define BATCH_MAX 256u
#define TICK_NS 100000000u
#define STEPS_MAX (1u << 20)

struct alone {
	struct os_env *env;
	struct os_loop *loop;
	struct engine *e;
	uint64_t ticked;
	uint32_t out;		/* writes not yet answered */
	bool due;
	uint32_t steps;
	uint32_t step_ns[STEPS_MAX];	/* the last so many */
	struct call {
		struct store_op op;
		struct alone *alone;
	} call[BATCH_MAX];
};

static void wake(void *ctx)
{
	((struct alone *)ctx)->due = true;
}

static void *open_alone(const char *dir)
{
	struct alone *a = calloc(1, sizeof(*a));
	struct engine_opts opts = {
		.dir = dir, .shards = 1, .cache_bytes = BENCH_CACHE,
		.compress = true, .wake = wake, .ctx = a,
	};
	struct engine_report report;
	int err = os_env_new(&a->env);

	if (!err)
		err = os_loop_new(a->env, &a->loop);
	if (!err)
		err = engine_open(a->loop, &opts, &a->e, &report);
	if (err)
		bench_die(dir, err);
	return a;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void say_steps(struct alone *a)
{
	uint32_t n = a->steps < STEPS_MAX ? a->steps : STEPS_MAX;
	struct engine_stats stats;

	if (!n)
		return;
	engine_stats(a->e, &stats);
	qsort(a->step_ns, n, sizeof(a->step_ns[0]), by_size);
	bench_progress("ours-engine: %u steps, CPU us: p50 %.1f, p99 %.1f, "
		       "p99.9 %.1f, max %.1f; %llu rounds of compaction", n,
		       a->step_ns[n / 2] / 1e3,
		       a->step_ns[(uint64_t)n * 99 / 100] / 1e3,
		       a->step_ns[(uint64_t)n * 999 / 1000] / 1e3,
		       a->step_ns[n - 1] / 1e3,
		       (unsigned long long)stats.rounds);
}

static void close_alone(void *store)
{
	struct alone *a = store;

	say_steps(a);
	engine_close(a->e);
	os_loop_free(a->loop);
	os_env_free(a->env);
	free(a);
}

static void written(struct store_op *op)
{
	check(!op->status);
	blob_put(op->row);
	container_of(op, struct call, op)->alone->out--;
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void step(struct alone *a)
{
	uint64_t from = cpu_ns();

	a->due = false;
	engine_step(a->e);
	a->step_ns[a->steps++ % STEPS_MAX] = (uint32_t)(cpu_ns() - from);
}

static void run(struct alone *a)
{
	while (a->out) {
		if (a->due)
			step(a);
		if (a->out)
			os_loop_run(a->loop, a->due ? 0 : UINT64_MAX);
	}
}

/* What falls due between: rounds go on when nobody appends, too. */
static void tick(struct alone *a)
{
	if (bench_now_ns() - a->ticked < TICK_NS)
		return;
	a->ticked = bench_now_ns();
	engine_tick(a->e);
}

static uint64_t append_alone(void *store, const struct bench_row *rows,
			     uint32_t count)
{
	uint64_t from = bench_now_ns();
	struct alone *a = store;

	check(count <= BATCH_MAX);
	for (uint32_t i = 0; i < count; i++) {
		a->call[i] = (struct call){
			.alone = a,
			.op = {
				.kind = OP_APPEND,
				.channel = rows[i].channel,
				.id = rows[i].id,
				.row = blob_new(rows[i].data, BENCH_ROW),
				.done = written,
			},
		};
		a->out++;
		engine_submit(a->e, &a->call[i].op);
	}
	run(a);
	tick(a);
	return bench_now_ns() - from;
}

const struct bench_engine bench_ours_alone = {
	.name = "ours-engine",
	.open = open_alone,
	.close = close_alone,
	.append = append_alone,
};
