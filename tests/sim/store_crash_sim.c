// SPDX-License-Identifier: Apache-2.0
/*
 * A shard on a disk that loses, tears and reorders whatever was not synced.
 *
 * Each seed is several lives of one shard: random operations, then the power
 * goes at a random moment, or the process alone: then the next life finds what
 * was written and not synced, and may lose it with the power.  A naive model knows for every row what was
 * acknowledged and what was on its way.  After each start every row must be
 * one that the model allows, and every page must equal the model's.
 *
 *	store_crash_sim [SEEDS [FIRST]]		environment: SEEDS
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/log.h"
#include "base/rng.h"
#include "os/env.h"
#include "os/sim.h"
#include "store/engine.h"

#define CHANNELS 5u
#define IDS 600u		/* per channel; id = index + 1 */
#define CALLS 48u
#define LIVES 4u
#define ROW_MAX 9000u
#define DEFAULT_SEEDS 60u

#define ABSENT 0u		/* version of a row that is not there */

/* What may be true of a row: the acknowledged version, or one in flight. */
struct model_row {
	uint32_t version;
	uint32_t maybe[CALLS];
	uint32_t maybe_count;
};

struct world;

struct call {
	struct store_op op;
	struct world *w;
	bool busy;
	uint32_t version;
	uint32_t epoch;			/* of the channel, when it was sent */
	uint64_t ids[STORE_DELETE_MAX];
};

struct world {
	uint64_t seed;
	struct rng rng;
	struct os_env *env;
	struct os_loop *loop;
	struct engine *e;
	bool due;
	unsigned int unsafe;
	bool faults, compress;
	uint32_t holes_max;
	bool flips;			/* of bits, in what reads return */
	bool full;			/* the disk is, now and then */
	bool is_full;
	struct call calls[CALLS];
	struct model_row rows[CHANNELS][IDS + 1];
	uint32_t top[CHANNELS];		/* highest id used */
	uint32_t epoch[CHANNELS];	/* rises when a write begins or ends */
	uint32_t writing[CHANNELS];
	uint32_t version;
	uint64_t checks, acked, refused, unknown, no_space, lives, torn;
	const char *wrong;		/* the first thing that was */
};

static void fail(struct world *w, const char *what, uint32_t channel,
		 uint64_t id)
{
	if (!w->wrong)
		printf("# seed %llu: %s (channel %u, id %llu)\n",
		       (unsigned long long)w->seed, what, channel,
		       (unsigned long long)id);
	w->wrong = w->wrong ? w->wrong : what;
}

/* A row's bytes follow from its version. */
static size_t row_size(uint32_t version)
{
	uint32_t x = version * 2654435761u;

	return x % 50 == 0 ? 8 + x % ROW_MAX : 8 + x % 400;
}

static struct blob *make_row(uint32_t version)
{
	struct blob *row = blob_new(NULL, row_size(version));

	check(row);
	memset(row->data, (int)(version % 251), row->len);
	memcpy(row->data, &version, sizeof(version));
	return row;
}

/* The version a row claims; ABSENT when its bytes are not that version's. */
static uint32_t row_version(const struct row *row)
{
	uint32_t version;

	if (row->size < 8)
		return ABSENT;
	memcpy(&version, row->data, sizeof(version));
	if (row->size != row_size(version))
		return ABSENT;
	for (uint32_t i = 4; i < row->size; i++)
		if (row->data[i] != (uint8_t)(version % 251))
			return ABSENT;
	return version;
}

/* --- the model ----------------------------------------------------------- */

static void maybe_add(struct world *w, uint32_t channel, uint64_t id,
		      uint32_t version)
{
	struct model_row *row = &w->rows[channel][id];

	check(row->maybe_count < CALLS);
	row->maybe[row->maybe_count++] = version;
}

static void maybe_remove(struct world *w, uint32_t channel, uint64_t id,
			 uint32_t version)
{
	struct model_row *row = &w->rows[channel][id];

	for (uint32_t i = 0; i < row->maybe_count; i++) {
		if (row->maybe[i] != version)
			continue;
		row->maybe[i] = row->maybe[--row->maybe_count];
		return;
	}
	check(!"in flight");
}

static bool is_allowed(const struct model_row *row, uint32_t version)
{
	if (row->version == version)
		return true;
	for (uint32_t i = 0; i < row->maybe_count; i++)
		if (row->maybe[i] == version)
			return true;
	return false;
}

/* Compares a page with the model's, of a channel nobody writes to. */
static void check_page(struct world *w, const struct store_op *op,
		       uint32_t channel)
{
	const struct rows *rows = op->rows;
	uint64_t want[STORE_PAGE_MAX];
	uint32_t n = 0, up = 0, down;
	uint64_t id = op->id;

	w->checks++;
	if (op->dir == STORE_AFTER)
		up = op->limit;
	else if (op->dir == STORE_AROUND)
		up = op->limit / 2u;
	down = op->limit - up;
	if (op->dir == STORE_BEFORE)
		id = id ? id - 1 : IDS;
	for (uint64_t i = id + 1; i <= IDS && up; i++)
		if (w->rows[channel][i].version != ABSENT) {
			want[n++] = i;
			up--;
		}
	for (uint32_t i = 0; i < n / 2; i++) {	/* newest first */
		uint64_t t = want[i];

		want[i] = want[n - 1 - i];
		want[n - 1 - i] = t;
	}
	for (uint64_t i = id < IDS ? id : IDS; i > 0 && down; i--)
		if (w->rows[channel][i].version != ABSENT) {
			want[n++] = i;
			down--;
		}
	if (rows->count != n)
		fail(w, "a page of wrong length", channel, op->id);
	for (uint32_t i = 0; i < n && i < rows->count; i++)
		if (rows->row[i].id != want[i] ||
		    row_version(&rows->row[i]) !=
			    w->rows[channel][want[i]].version)
			fail(w, "a wrong row in a page", channel, want[i]);
}

/* --- calls --------------------------------------------------------------- */

static bool is_write(const struct store_op *op)
{
	return op->kind == OP_APPEND || op->kind == OP_EDIT ||
	       op->kind == OP_DELETE;
}

static void settle_row(struct world *w, uint32_t channel, uint64_t id,
		       uint32_t version, int status, bool was_there)
{
	struct model_row *row = &w->rows[channel][id];

	if (status == -ETIMEDOUT)
		return;		/* stays possible until the next start */
	maybe_remove(w, channel, id, version);
	if (!status && was_there)
		row->version = version;
}

static void settle_write(struct world *w, struct call *call)
{
	uint32_t channel = (uint32_t)call->op.channel;
	int status = call->op.status;

	if (call->op.kind == OP_DELETE) {
		for (uint32_t i = 0; i < call->op.id_count; i++)
			settle_row(w, channel, call->ids[i], ABSENT, status,
				   true);
	} else {
		settle_row(w, channel, call->op.id, call->version, status,
			   true);
		blob_put(call->op.row);
	}
	w->writing[channel]--;
	w->epoch[channel]++;
	if (!status)
		w->acked++;
	else if (status == -ETIMEDOUT)
		w->unknown++;
	else
		w->refused++;
	w->no_space += status == -ENOSPC;
}

static void settle_read(struct world *w, struct call *call)
{
	uint32_t channel = (uint32_t)call->op.channel;
	bool quiet = w->epoch[channel] == call->epoch && !w->writing[channel];
	const struct model_row *row = &w->rows[channel][call->op.id];

	if (call->op.status && call->op.status != -ENOENT) {
		if (!w->faults)
			fail(w, "a read failed", channel, call->op.id);
	} else if (quiet && call->op.kind == OP_PAGE) {
		check_page(w, &call->op, channel);
	} else if (quiet) {
		uint32_t version = call->op.status ? ABSENT :
				   row_version(&call->op.rows->row[0]);

		if (!is_allowed(row, version))
			fail(w, "a wrong row", channel, call->op.id);
	}
	rows_put(call->op.rows);
}

static void call_done(struct store_op *op)
{
	struct call *call = container_of(op, struct call, op);

	call->busy = false;
	if (is_write(op))
		settle_write(call->w, call);
	else
		settle_read(call->w, call);
}

static struct call *free_call(struct world *w)
{
	for (uint32_t i = 0; i < CALLS; i++)
		if (!w->calls[i].busy)
			return &w->calls[i];
	return NULL;
}

/* A row that is free, or not, for certain: nothing is in flight for it. */
static uint64_t pick_id(struct world *w, uint32_t channel, bool there)
{
	for (int tries = 0; tries < 20; tries++) {
		uint64_t id = 1 + rng_below(&w->rng, w->top[channel] + 1);
		const struct model_row *row;

		if (id > IDS)
			continue;
		row = &w->rows[channel][id];
		if (!row->maybe_count && (row->version != ABSENT) == there)
			return id;
	}
	return 0;
}

static void begin_write(struct world *w, struct call *call, uint32_t channel)
{
	w->writing[channel]++;
	w->epoch[channel]++;
	call->busy = true;
	engine_submit(w->e, &call->op);
}

static void do_put(struct world *w, struct call *call, uint32_t channel)
{
	bool edit = rng_below(&w->rng, 4) == 0;
	uint64_t id = 0;

	if (edit)
		id = pick_id(w, channel, true);
	else if (rng_below(&w->rng, 12) == 0)
		id = pick_id(w, channel, false);
	if (!id) {
		edit = false;
		id = w->top[channel] + 1 + rng_below(&w->rng, 3);
	}
	if (id > IDS)
		return;
	if (id > w->top[channel])
		w->top[channel] = (uint32_t)id;
	call->version = ++w->version;
	call->op.kind = edit ? OP_EDIT : OP_APPEND;
	call->op.id = id;
	call->op.row = make_row(call->version);
	maybe_add(w, channel, id, call->version);
	begin_write(w, call, channel);
}

static void do_delete(struct world *w, struct call *call, uint32_t channel)
{
	uint32_t n = 1 + (uint32_t)rng_below(&w->rng, 30);
	uint64_t id = pick_id(w, channel, true);
	uint32_t count = 0;

	for (; id && id <= w->top[channel] && count < n; id++)
		if (!w->rows[channel][id].maybe_count)
			call->ids[count++] = id;
	if (!count)
		return;
	for (uint32_t i = 0; i < count; i++)
		maybe_add(w, channel, call->ids[i], ABSENT);
	call->op.kind = OP_DELETE;
	call->op.ids = call->ids;
	call->op.id_count = count;
	begin_write(w, call, channel);
}

static void do_read(struct world *w, struct call *call, uint32_t channel)
{
	call->op.kind = rng_below(&w->rng, 4) ? OP_PAGE : OP_GET;
	call->op.id = rng_below(&w->rng, w->top[channel] + 2);
	if (call->op.kind == OP_GET && (!call->op.id || call->op.id > IDS))
		call->op.id = 1;
	call->op.dir = (uint16_t)rng_below(&w->rng, 3);
	call->op.limit = (uint16_t)(1 + rng_below(&w->rng, 100));
	call->epoch = w->epoch[channel];
	call->busy = true;
	engine_submit(w->e, &call->op);
}

/* The log, which is there already, and some hundred rows. */
#define FULL_BYTES ((1u << 20) + (200u << 10))

static void set_faults(struct world *w, bool on)
{
	struct os_sim_faults faults = { 0 };

	if (on && w->is_full)
		faults.disk_bytes = FULL_BYTES;
	if (on && w->flips)
		faults.bitflip_ppm = 2000;
	else if (on && w->faults) {
		faults.read_error_ppm = 5000;
		faults.write_error_ppm = 20000;
		faults.sync_error_ppm = 20000;
		faults.short_ppm = 20000;
		faults.slow_ppm = 20000;
		faults.slow_ns = 50000000;
	}
	os_sim_set_faults(w->env, &faults);
}

static void do_something(struct world *w)
{
	uint32_t channel = (uint32_t)rng_below(&w->rng, CHANNELS);
	struct call *call = free_call(w);
	uint64_t what = rng_below(&w->rng, 100);

	if (!call)
		return;
	memset(&call->op, 0, sizeof(call->op));
	call->w = w;
	call->op.channel = channel;
	call->op.done = call_done;
	if (w->full && rng_below(&w->rng, 400) == 0) {
		w->is_full = !w->is_full;
		set_faults(w, true);
	}
	if (what < 60)
		do_put(w, call, channel);
	else if (what < 68)
		do_delete(w, call, channel);
	else if (what < 92)
		do_read(w, call, channel);
	else if (what < 98)
		engine_tick(w->e);
	else
		engine_flush(w->e);
}

/* --- lives --------------------------------------------------------------- */

static void wake(void *ctx)
{
	((struct world *)ctx)->due = true;
}

static void step(struct world *w)
{
	if (w->due || rng_below(&w->rng, 2)) {
		w->due = false;
		engine_step(w->e);
	}
	if (os_sim_next_ns(w->env) != UINT64_MAX)
		os_loop_run(w->loop, os_sim_next_ns(w->env));
}

static bool open_shard(struct world *w)
{
	struct engine_opts opts = {
		.dir = "shard",
		.shards = 1,
		.log_bytes = 1u << 20,
		.slot_bytes = 256u << 10,
		.cache_bytes = 64u << 10,
		.delta_bytes = 96u << 10,
		.holes_max = w->holes_max,
		.compress = w->compress,
		.unsafe = w->unsafe,
		.wake = wake,
		.ctx = w,
	};
	struct engine_report report;
	int err;

	set_faults(w, false);
	check(!os_loop_new(w->env, &w->loop));
	err = engine_open(w->loop, &opts, &w->e, &report);
	if (err) {
		fail(w, strerror(-err), 0, 0);
		w->e = NULL;
		os_loop_free(w->loop);
		return false;
	}
	w->torn += report.torn_tail;
	set_faults(w, true);
	return true;
}

static void read_done(struct store_op *op)
{
	container_of(op, struct call, op)->busy = false;
}

/* What is there now; ABSENT too when it is not readable. */
static uint32_t read_row(struct world *w, uint32_t channel, uint64_t id)
{
	struct call call = {
		.op.kind = OP_GET,
		.op.channel = channel,
		.op.id = id,
		.op.done = read_done,
		.busy = true,
	};
	uint32_t version;

	engine_submit(w->e, &call.op);
	while (call.busy)
		step(w);
	if (call.op.status == -ENOENT)
		return ABSENT;
	if (call.op.status) {
		fail(w, "a row cannot be read after a start", channel, id);
		return ABSENT;
	}
	version = row_version(&call.op.rows->row[0]);
	if (version == ABSENT)
		fail(w, "a row of foreign bytes", channel, id);
	rows_put(call.op.rows);
	return version;
}

/* Every row is one that is allowed; from now on it is the one that is. */
static void check_all(struct world *w)
{
	set_faults(w, false);
	for (uint32_t channel = 0; channel < CHANNELS; channel++) {
		for (uint64_t id = 1; id <= w->top[channel]; id++) {
			struct model_row *row = &w->rows[channel][id];
			uint32_t version = read_row(w, channel, id);

			w->checks++;
			if (!is_allowed(row, version))
				fail(w, version ? "an old row came back"
						: "an acknowledged row is lost",
				     channel, id);
			row->version = version;
			row->maybe_count = 0;
		}
		w->writing[channel] = 0;
		w->epoch[channel]++;
	}
	set_faults(w, true);
}

/* The disk keeps what it was given, in its cache. */
static void process_ends(struct world *w)
{
	os_loop_cancel(w->loop);
	engine_abandon(w->e);
	os_loop_free(w->loop);
	w->e = NULL;
	for (uint32_t i = 0; i < CALLS; i++) {
		struct call *call = &w->calls[i];

		if (call->busy && call->op.kind <= OP_EDIT)
			blob_put(call->op.row);
		call->busy = false;
	}
}

static void power_cut(struct world *w)
{
	os_sim_power_cut(w->env);
	process_ends(w);
}

/* With a disk that works again, everything asked must be answered. */
static void drain(struct world *w)
{
	uint32_t busy = 1;

	set_faults(w, false);
	for (uint32_t i = 0; i < 20000 && busy; i++) {
		if (i % 50 == 0)
			engine_tick(w->e);
		step(w);
		busy = 0;
		for (uint32_t c = 0; c < CALLS; c++)
			busy += w->calls[c].busy;
	}
	if (busy)
		fail(w, "a request is never answered", 0, busy);
}

static void live(struct world *w)
{
	uint64_t steps = 20 + rng_below(&w->rng, 1500);

	check_all(w);
	for (uint64_t i = 0; i < steps && !w->wrong; i++) {
		for (uint64_t n = rng_below(&w->rng, 4); n > 0; n--)
			do_something(w);
		step(w);
	}
	if (rng_below(&w->rng, 2))
		drain(w);
	if (rng_below(&w->rng, 3))
		power_cut(w);
	else
		process_ends(w);
	w->lives++;
}

static const char *run_seed(struct world *w, uint64_t seed)
{
	w->seed = seed;
	w->wrong = NULL;
	memset(w->rows, 0, sizeof(w->rows));
	memset(w->top, 0, sizeof(w->top));
	memset(w->writing, 0, sizeof(w->writing));
	memset(w->calls, 0, sizeof(w->calls));
	memset(w->epoch, 0, sizeof(w->epoch));
	w->version = 0;
	w->due = false;
	rng_init(&w->rng, seed);
	w->compress = seed % 2;
	w->holes_max = seed % 4 < 2 ? 0 : 4;
	w->is_full = w->full && seed % 3 == 0;
	check(!os_sim_new(seed, &w->env));
	for (uint32_t life = 0; life < LIVES && !w->wrong; life++)
		if (open_shard(w))
			live(w);
	if (!w->wrong && open_shard(w)) {
		check_all(w);
		power_cut(w);
	}
	os_env_free(w->env);
	return w->wrong;
}

/* --- the tests ----------------------------------------------------------- */

static uint64_t seeds = DEFAULT_SEEDS, first_seed = 1;
static int test_number;
static int failures;

static void report(bool ok, const char *name)
{
	failures += !ok;
	printf("%sok %d - %s\n", ok ? "" : "not ", ++test_number, name);
	fflush(stdout);
}

enum trouble { NONE, ERRORS, FULL, FLIPS };

static struct world *new_world(enum trouble trouble, unsigned int unsafe)
{
	struct world *w = calloc(1, sizeof(*w));

	check(w);
	w->faults = trouble == ERRORS || trouble == FLIPS;
	w->flips = trouble == FLIPS;
	w->full = trouble == FULL;
	w->unsafe = unsafe;
	return w;
}

static void test_seeds(const char *name, enum trouble trouble)
{
	struct world *w = new_world(trouble, 0);
	bool ok = true;

	for (uint64_t i = 0; i < seeds && ok; i++)
		ok = !run_seed(w, first_seed + i);
	printf("# %llu lives, %llu acknowledged, %llu refused, %llu unknown, "
	       "%llu torn tails, %llu comparisons\n",
	       (unsigned long long)w->lives, (unsigned long long)w->acked,
	       (unsigned long long)w->refused, (unsigned long long)w->unknown,
	       (unsigned long long)w->torn, (unsigned long long)w->checks);
	/* Few seeds need not have met everything. */
	if (seeds >= DEFAULT_SEEDS)
		ok = ok && w->torn && (trouble != ERRORS || w->refused) &&
		     (trouble != FULL || w->no_space);
	report(ok && w->acked, name);
	free(w);
}

/* With a mechanism left out some seed must go wrong. */
static void test_canary(const char *name, enum trouble trouble,
			unsigned int unsafe)
{
	struct world *w = new_world(trouble, unsafe);
	const char *wrong = NULL;

	for (uint64_t i = 0; i < 10 * DEFAULT_SEEDS && !wrong; i++)
		wrong = run_seed(w, first_seed + i);
	report(wrong, name);
	free(w);
}

int main(int argc, char **argv)
{
	const char *env = getenv("SEEDS");

	if (env)
		seeds = strtoull(env, NULL, 10);
	if (argc > 1)
		seeds = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		first_seed = strtoull(argv[2], NULL, 10);
	printf("# again: %s %llu %llu\n", argv[0], (unsigned long long)seeds,
	       (unsigned long long)first_seed);
	printf("1..9\n");
	log_set_level(LOG_ERROR);
	log_set_fd(-1);
	test_seeds("nothing acknowledged is lost by power cuts", NONE);
	test_seeds("nor with errors of the disk on top", ERRORS);
	test_seeds("nor when the disk is full now and then", FULL);
	test_seeds("nor is a flipped bit taken for a row", FLIPS);
	test_canary("a log without sync is found out", NONE,
		    ENGINE_UNSAFE_LOG_SYNC);
	test_canary("blocks without sync are found out", NONE,
		    ENGINE_UNSAFE_DATA_SYNC);
	test_canary("log given up too early is found out", NONE,
		    ENGINE_UNSAFE_LOG_TAIL);
	test_canary("refused writes that come back are found out", ERRORS,
		    ENGINE_UNSAFE_LOG_HEAL);
	test_canary("a start that believes a cache is found out", NONE,
		    ENGINE_UNSAFE_START_SYNC);
	return failures != 0;
}
