// SPDX-License-Identifier: Apache-2.0
/*
 * A shard on a disk that loses, tears and reorders whatever was not synced.
 *
 * Each seed is several lives of one shard: random operations, then the power
 * goes at a random moment, or the process alone: then the next life finds what
 * was written and not synced, and may lose it with the power.  A naive model
 * knows for every row what was acknowledged and what was on its way.  After
 * each start every row must be one that the model allows, and every page must
 * equal the model's.
 *
 *	store_crash_sim [FIRST [COUNT]]		environment: SEEDS
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

#include "seeds.h"
#include "store_model.h"

#define LIVES 4u
#define DEFAULT_SEEDS 60u

/* --- calls --------------------------------------------------------------- */

static bool is_write(const struct store_op *op)
{
	return op->kind == OP_APPEND || op->kind == OP_EDIT ||
	       op->kind == OP_DELETE;
}

static void settle_row(struct world *w, uint32_t channel, uint64_t id,
		       uint32_t version, int status)
{
	struct model_row *row = &w->rows[channel][id];

	if (status == -ETIMEDOUT)
		return;		/* stays possible until the next start */
	maybe_remove(w, channel, id, version);
	if (!status)
		row->version = version;
}

/* Of those it deletes, which nobody else writes to meanwhile. */
static uint32_t count_there(const struct world *w, const struct call *call)
{
	const struct model_row *rows = w->rows[op_channel(&call->op)];
	uint32_t n = 0;

	for (uint32_t i = 0; i < call->op.id_count; i++)
		n += rows[call->ids[i]].version != ABSENT;
	return n;
}

static void settle_write(struct world *w, struct call *call)
{
	uint32_t channel = op_channel(&call->op);
	int status = call->op.status;

	if (call->op.kind == OP_DELETE) {
		if (!status && call->op.changed != count_there(w, call))
			fail(w, "a delete of wrong number", channel,
			     call->op.changed);
		for (uint32_t i = 0; i < call->op.id_count; i++)
			settle_row(w, channel, call->ids[i], ABSENT, status);
	} else {
		settle_row(w, channel, call->op.id, call->version, status);
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
	uint32_t channel = op_channel(&call->op);
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
	op_set_channel(&call->op, channel);
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
		.op.id = id,
		.op.done = read_done,
		.busy = true,
	};
	uint32_t version;

	op_set_channel(&call.op, channel);
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

static struct seeds seeds;

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

	for (uint64_t i = 0; i < seeds.count && ok; i++)
		ok = !run_seed(w, seeds.first + i);
	printf("# %llu lives, %llu acknowledged, %llu refused, %llu unknown, "
	       "%llu torn tails, %llu comparisons\n",
	       (unsigned long long)w->lives, (unsigned long long)w->acked,
	       (unsigned long long)w->refused, (unsigned long long)w->unknown,
	       (unsigned long long)w->torn, (unsigned long long)w->checks);
	/* Few seeds need not have met everything; nor does each trouble leave
	 * many commits that could be torn. */
	if (seeds.count >= DEFAULT_SEEDS)
		ok = ok && (w->torn || trouble != NONE) &&
		     (trouble != ERRORS || w->refused) &&
		     (trouble != FULL || w->no_space);
	tap(ok && w->acked, name);
	free(w);
}

/* With a mechanism left out some seed must go wrong. */
static void test_canary(const char *name, enum trouble trouble,
			unsigned int unsafe)
{
	struct world *w = new_world(trouble, unsafe);
	const char *wrong = NULL;

	for (uint64_t i = 0; i < 10 * DEFAULT_SEEDS && !wrong; i++)
		wrong = run_seed(w, seeds.first + i);
	tap(wrong, name);
	free(w);
}

int main(int argc, char **argv)
{
	seeds = seeds_begin(argc, argv, DEFAULT_SEEDS, 9);
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
	return tap_failures != 0;
}
