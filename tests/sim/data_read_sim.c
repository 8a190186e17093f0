// SPDX-License-Identifier: Apache-2.0
/*
 * Read states over a simulated disk that fails, tears and loses power at any
 * moment, and with processes that end at any, against a naive model: what was acknowledged is there afterwards, and
 * nothing is there that nobody asked for.
 *
 *	data_read_sim [SEED [SEEDS]]	SEEDS= in the environment as well
 *
 * The same with a mechanism of the store left out must be seen to fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/rng.h"
#include "data/read_store.h"
#include "os/disk.h"
#include "os/sim.h"

#include "seeds.h"

#define SEEDS_DEFAULT 24
#define USERS 40u
#define CHANNELS 8u
#define KEYS (USERS * CHANNELS)
#define LIVES 6
#define OPS 256
#define STEPS_MAX 4000
#define HISTORY 4096
#define FULL_BYTES (272u << 10)	/* the log, and not much more */
#define CANARY_SEEDS 40
#define CAUGHT 42		/* a canary's exit status */

/*
 * A key's values in the order submitted.  After a crash it must have one of
 * those not before the last acknowledged.
 */
struct value {
	uint64_t last;
	uint32_t mentions;
};

struct key {
	struct value *history;	/* [0]: what it was when the life began */
	uint32_t count;
	uint32_t acked;		/* index */
};

struct sim;

struct pending {
	struct read_op op;
	struct sim *sim;
	struct key *key;
	uint32_t index;		/* of its value in the history */
	bool used;
};

/* A channel that is being forgotten: nobody changes it meanwhile. */
struct forgetting {
	struct read_op op;
	bool used;
};

struct sim {
	uint64_t seed;
	unsigned int unsafe;
	struct rng rng;
	struct os_env *env;
	struct os_loop *loop;
	struct read_store *store;
	struct key key[KEYS];
	struct pending pending[OPS];
	struct forgetting forgetting;
	uint64_t forgotten;
	uint64_t acked, failed, rounds, cuts, records;
	uint64_t opened, refused;	/* with rotten reads */
	bool due;
	bool sets_only;
};

static void fail(const struct sim *sim, const char *what, uint32_t key)
{
	if (sim->unsafe)
		_exit(CAUGHT);
	printf("# seed %" PRIu64 ": %s, key %u\n", sim->seed, what, key);
	check(!"invariant");
}

static void wake(void *ctx)
{
	((struct sim *)ctx)->due = true;
}

static void done(struct read_op *op)
{
	struct pending *p = container_of(op, struct pending, op);

	p->used = false;
	if (op->status) {
		p->sim->failed++;
		return;
	}
	p->sim->acked++;
	if (p->index > p->key->acked)
		p->key->acked = p->index;
}

/* The model: what the operation makes of the key's latest value. */
static struct value apply(const struct value *now, const struct read_op *op)
{
	struct value next = { op->last, op->mentions };

	if (op->kind == READ_OP_ACK && now->last > op->last)
		return *now;
	if (op->kind == READ_OP_MENTION) {
		next = *now;
		if (now->last < op->last)
			next.mentions += op->mentions;
	}
	return next;
}

static struct pending *free_slot(struct sim *sim)
{
	for (int i = 0; i < OPS; i++)
		if (!sim->pending[i].used)
			return &sim->pending[i];
	return NULL;
}

/* The key's value as it is. */
static struct value value_of(const struct sim *sim, uint32_t k)
{
	const struct read_state *s;

	s = read_table_get(read_store_table(sim->store), 1 + k / CHANNELS,
			   1 + k % CHANNELS);
	return s ? (struct value){ s->last, s->mentions } :
		   (struct value){ 0, 0 };
}

/* Of its values the last is none; or, when it has failed, whatever is left. */
static void forgot(struct read_op *op)
{
	struct sim *sim = container_of(op, struct sim, forgetting.op);

	sim->forgetting.used = false;
	sim->forgotten += !op->status;
	for (uint32_t k = (uint32_t)op->channel - 1; k < KEYS; k += CHANNELS) {
		struct key *key = &sim->key[k];

		if (!op->status)
			key->acked = key->count - 1;
		else
			key->history[key->count++] = value_of(sim, k);
	}
}

static void forget(struct sim *sim)
{
	uint32_t channel = (uint32_t)rng_below(&sim->rng, CHANNELS);

	if (sim->forgetting.used)
		return;
	for (uint32_t k = channel; k < KEYS; k += CHANNELS)
		if (sim->key[k].count + 2 > HISTORY)
			return;
	for (uint32_t k = channel; k < KEYS; k += CHANNELS)
		sim->key[k].history[sim->key[k].count++] =
			(struct value){ 0, 0 };
	sim->forgetting.used = true;
	sim->forgetting.op = (struct read_op){ .channel = 1 + channel,
					       .done = forgot };
	read_store_forget(sim->store, &sim->forgetting.op);
}

static void submit(struct sim *sim)
{
	uint32_t k = (uint32_t)rng_below(&sim->rng, KEYS);
	struct pending *p = free_slot(sim);
	struct key *key = &sim->key[k];

	if (!p || key->count == HISTORY ||
	    (sim->forgetting.used &&
	     sim->forgetting.op.channel == 1 + k % CHANNELS))
		return;
	*p = (struct pending){ .sim = sim, .key = key, .used = true };
	p->op.kind = sim->sets_only ? READ_OP_SET :
		     (enum read_op_kind)rng_below(&sim->rng, 3);
	p->op.user = 1 + k / CHANNELS;
	p->op.channel = 1 + k % CHANNELS;
	p->op.last = 1 + rng_below(&sim->rng, 1000);
	p->op.mentions = (uint32_t)rng_below(&sim->rng, 3);
	p->op.done = done;
	key->history[key->count] = apply(&key->history[key->count - 1],
					 &p->op);
	p->index = key->count++;
	read_store_submit(sim->store, &p->op);
	/* Refused at once: it has not been tried. */
	if (!p->used && p->op.status)
		key->count--;
}

static bool same(const struct value *v, const struct read_state *s)
{
	return s ? v->last == s->last && v->mentions == s->mentions :
		   !v->last && !v->mentions;
}

/* Did the key have its present value, at `from` of its history or later? */
static bool was_once(const struct sim *sim, uint32_t k, uint32_t from,
		     uint32_t *ret_index)
{
	const struct key *key = &sim->key[k];
	const struct read_state *s;

	s = read_table_get(read_store_table(sim->store), 1 + k / CHANNELS,
			   1 + k % CHANNELS);
	for (uint32_t i = from; i < key->count; i++) {
		if (!same(&key->history[i], s))
			continue;
		if (ret_index)
			*ret_index = i;
		return true;
	}
	return false;
}

/* Each key has a value not older than the last acknowledged; then that is
 * where it begins. */
static void compare(struct sim *sim)
{
	for (uint32_t k = 0; k < KEYS; k++) {
		struct key *key = &sim->key[k];
		uint32_t i = 0;

		if (!was_once(sim, k, key->acked, &i))
			fail(sim, "lost or invented", k);
		key->history[0] = key->history[i];
		key->count = 1;
		key->acked = 0;
	}
}

static void open_store(struct sim *sim)
{
	const struct read_store_opts opts = {
		.dir = "shard", .shard = 1, .shards = 2,
		.log_bytes = 256u << 10, .unsafe = sim->unsafe, .wake = wake,
		.ctx = sim,
	};
	int err = read_store_open(sim->loop, &opts, &sim->store, NULL);

	if (err)
		fail(sim, "does not open", 0);
}

static void set_faults(struct sim *sim, bool on)
{
	struct os_sim_faults faults = { .short_ppm = 20000 };

	if (on && rng_below(&sim->rng, 2)) {
		faults.write_error_ppm = 20000;
		faults.sync_error_ppm = 20000;
		faults.slow_ppm = 10000;
		faults.slow_ns = 50000000;
	}
	/* The files are made; checkpoints grow no more at some point. */
	if (on && !rng_below(&sim->rng, 4))
		faults.disk_bytes = FULL_BYTES;
	os_sim_set_faults(sim->env, &faults);
}

/*
 * Opens it while reads have bits flipped: that fails, or what it finds was once
 * so; the last frame alone cannot be told from one that a crash has torn.
 */
static void open_rotten(struct sim *sim)
{
	const struct os_sim_faults rot = { .bitflip_ppm = 500000 };
	const struct read_store_opts opts = {
		.dir = "shard", .shard = 1, .shards = 2,
		.log_bytes = 256u << 10, .unsafe = sim->unsafe,
	};

	os_sim_set_faults(sim->env, &rot);
	if (read_store_open(sim->loop, &opts, &sim->store, NULL)) {
		sim->refused++;
	} else {
		for (uint32_t k = 0; k < KEYS; k++)
			if (!was_once(sim, k, 0, NULL))
				fail(sim, "invented", k);
		read_store_abandon(sim->store);
		sim->opened++;
	}
	set_faults(sim, false);
}

static void step(struct sim *sim)
{
	uint64_t next = os_sim_next_ns(sim->env);

	for (uint64_t n = rng_below(&sim->rng, 24); n; n--)
		submit(sim);
	if (!rng_below(&sim->rng, 200))
		forget(sim);
	if (!rng_below(&sim->rng, 8))
		read_store_tick(sim->store);
	if (sim->due || !rng_below(&sim->rng, 4)) {
		sim->due = false;
		read_store_step(sim->store);
	}
	if (next != UINT64_MAX && rng_below(&sim->rng, 2))
		os_loop_run(sim->loop, next);
}

static void note_stats(struct sim *sim)
{
	struct read_stats stats;

	read_store_stats(sim->store, &stats);
	sim->rounds += stats.rounds;
	sim->records += stats.records;
}

/* The disk keeps what it was given, in its cache. */
static void process_ends(struct sim *sim)
{
	os_loop_cancel(sim->loop);
	read_store_abandon(sim->store);
	memset(sim->pending, 0, sizeof(sim->pending));
	sim->forgetting.used = false;
	os_loop_free(sim->loop);
	check(!os_loop_new(sim->env, &sim->loop));
}

static void cut(struct sim *sim)
{
	os_sim_power_cut(sim->env);
	process_ends(sim);
	sim->cuts++;
}

static void live(struct sim *sim)
{
	uint64_t steps = rng_below(&sim->rng, STEPS_MAX);

	set_faults(sim, true);
	while (steps--)
		step(sim);
	set_faults(sim, false);
	note_stats(sim);
	switch (rng_below(&sim->rng, 4)) {
	case 0:
		break;
	case 1:
		process_ends(sim);
		return;
	default:
		cut(sim);
		return;
	}
	read_store_close(sim->store);
	for (int i = 0; i < OPS; i++)
		check(!sim->pending[i].used);
	check(!sim->forgetting.used);
}

static struct sim *sim_new(uint64_t seed, unsigned int unsafe)
{
	struct sim *sim = calloc(1, sizeof(*sim));

	check(sim);
	sim->seed = seed;
	sim->unsafe = unsafe;
	rng_init(&sim->rng, seed);
	for (uint32_t k = 0; k < KEYS; k++) {
		sim->key[k].history = calloc(HISTORY, sizeof(struct value));
		sim->key[k].count = 1;
	}
	check(!os_sim_new(seed, &sim->env));
	check(!os_loop_new(sim->env, &sim->loop));
	return sim;
}

static void sim_free(struct sim *sim)
{
	os_loop_free(sim->loop);
	os_env_free(sim->env);
	for (uint32_t k = 0; k < KEYS; k++)
		free(sim->key[k].history);
	free(sim);
}

struct sums {
	uint64_t acked, failed, rounds, cuts, opened, refused, forgotten;
};

static void run_seed(uint64_t seed, unsigned int unsafe, struct sums *sums)
{
	struct sim *sim = sim_new(seed, unsafe);

	for (int i = 0; i < LIVES; i++) {
		open_store(sim);
		compare(sim);
		live(sim);
		open_rotten(sim);
	}
	open_store(sim);
	compare(sim);
	read_store_close(sim->store);
	sums->acked += sim->acked;
	sums->failed += sim->failed;
	sums->rounds += sim->rounds;
	sums->cuts += sim->cuts;
	sums->opened += sim->opened;
	sums->refused += sim->refused;
	sums->forgotten += sim->forgotten;
	sim_free(sim);
}

/* --- the n-th operation of the disk fails, for each n ---------------------- */

/* A life of its own: makes a shard, changes it, closes it.  What it says was
 * done is there when it is opened again without a fault. */
static void survives_fault(uint64_t nth, int error, uint64_t *ret_ops)
{
	struct sim *sim = sim_new(1, 0);
	const struct read_store_opts opts = {
		.dir = "shard", .shard = 1, .shards = 2,
		.log_bytes = 256u << 10, .wake = wake, .ctx = sim,
	};

	os_sim_fail_nth(sim->env, nth, error);
	if (!read_store_open(sim->loop, &opts, &sim->store, NULL)) {
		for (int i = 0; i < 300; i++) {
			step(sim);
			read_store_tick(sim->store);
		}
		read_store_close(sim->store);
	}
	*ret_ops = os_sim_ops(sim->env);
	os_sim_fail_nth(sim->env, 0, 0);
	open_store(sim);
	compare(sim);
	read_store_close(sim->store);
	sim_free(sim);
}

static uint64_t fault_loop(int error)
{
	uint64_t n = 0, ops;

	do
		survives_fault(++n, error, &ops);
	while (n <= ops);
	return n;
}

/* --- the process ends, and later the power --------------------------------- */

/* So many operations of the disk take a shard into its first round, and then
 * into its second. */
#define ENDS_FROM 30u
#define ENDS_TO 60u

static void live_for(struct sim *sim, uint64_t ops)
{
	uint64_t until = os_sim_ops(sim->env) + ops;

	while (os_sim_ops(sim->env) < until)
		step(sim);
}

/* What the second life found in a cache it must not build upon. */
static void survives_both(uint64_t first, uint64_t second, unsigned int unsafe)
{
	struct sim *sim = sim_new(first * ENDS_TO + second, unsafe);

	open_store(sim);
	live_for(sim, first);
	process_ends(sim);
	open_store(sim);
	compare(sim);
	live_for(sim, second);
	cut(sim);
	open_store(sim);
	compare(sim);
	read_store_close(sim->store);
	sim_free(sim);
}

static void all_ends(unsigned int unsafe)
{
	for (uint64_t first = ENDS_FROM; first < ENDS_TO; first++)
		for (uint64_t second = ENDS_FROM; second < ENDS_TO; second++)
			survives_both(first, second, unsafe);
}

/* --- damage ---------------------------------------------------------------- */

static void written(struct os_disk_op *op, int result)
{
	check(result == OS_DISK_ALIGN);
	*(bool *)op->ctx = true;
}

/* Of a file of the shard the first block is garbage from now on. */
static void spoil(struct sim *sim, const char *path)
{
	static uint8_t garbage[OS_DISK_ALIGN]
		__attribute__((aligned(OS_DISK_ALIGN)));
	bool is_written = false;
	struct os_disk_op op = { .done = written, .ctx = &is_written };
	struct os_file *file;

	memset(garbage, 0xa5, sizeof(garbage));
	check(!os_file_open(sim->loop, path, 0, &file));
	check(!os_disk_write(file, &op, garbage, sizeof(garbage), 0));
	while (!is_written)
		os_loop_run(sim->loop, UINT64_MAX);
	os_file_close(file);
}

/* No checkpoint counts, nor does the first frame: a shard that was used is not
 * taken for one that never was, and made anew. */
static bool is_damage_refused(void)
{
	const struct read_store_opts opts = {
		.dir = "shard", .shard = 1, .shards = 2,
		.log_bytes = 256u << 10,
	};
	struct sim *sim = sim_new(1, 0);
	int err;

	open_store(sim);
	for (int i = 0; i < 300; i++)
		step(sim);
	read_store_close(sim->store);
	spoil(sim, "shard/log");
	spoil(sim, "shard/checkpoint.0");
	spoil(sim, "shard/checkpoint.1");
	err = read_store_open(sim->loop, &opts, &sim->store, NULL);
	if (!err)
		read_store_abandon(sim->store);
	sim_free(sim);
	return err == -EBADMSG;
}

/* A frame in the midst of the log is rotten: those behind it were acknowledged
 * on top of it, so the log does not end there. */
static bool is_rot_in_the_log_refused(void)
{
	const struct read_store_opts opts = {
		.dir = "shard", .shard = 1, .shards = 2,
		.log_bytes = 256u << 10,
	};
	struct sim *sim = sim_new(1, 0);
	struct read_stats stats = { 0 };
	int err;

	open_store(sim);
	while (stats.frames < 5) {
		step(sim);
		read_store_stats(sim->store, &stats);
	}
	check(!stats.rounds);
	process_ends(sim);
	spoil(sim, "shard/log");
	err = read_store_open(sim->loop, &opts, &sim->store, NULL);
	if (!err)
		read_store_abandon(sim->store);
	sim_free(sim);
	return err == -EBADMSG;
}

/* --- frames ---------------------------------------------------------------- */

static bool is_pending(const struct sim *sim)
{
	for (int i = 0; i < OPS; i++)
		if (sim->pending[i].used)
			return true;
	return false;
}

static void settle(struct sim *sim)
{
	while (is_pending(sim)) {
		uint64_t next = os_sim_next_ns(sim->env);

		read_store_step(sim->store);
		if (next != UINT64_MAX)
			os_loop_run(sim->loop, next);
	}
}

/* One frame, of a block or two; was it put at the ring's begin since it had no
 * room before the end? */
static bool write_frame(struct sim *sim)
{
	struct read_stats before, after;

	read_store_stats(sim->store, &before);
	for (uint64_t n = 100 + rng_below(&sim->rng, OPS - 100); n; n--)
		submit(sim);
	settle(sim);
	read_store_stats(sim->store, &after);
	check(after.frames == before.frames + 1);
	return after.rounds == before.rounds &&
	       after.log_used - before.log_used >
	       (after.log_bytes - before.log_bytes) / OS_DISK_ALIGN;
}

/* The process ends after each frame: what is found is what the log says. */
static uint64_t replay_each_frame(void)
{
	struct sim *sim = sim_new(1, 0);
	uint64_t jumps = 0;

	sim->sets_only = true;
	for (int i = 0; i < 600; i++) {
		open_store(sim);
		compare(sim);
		jumps += write_frame(sim);
		process_ends(sim);
	}
	sim_free(sim);
	return jumps;
}

/* An operation that finds what it asks for is told so, though there is nothing
 * to be written. */
static bool is_no_change_acknowledged(void)
{
	struct sim *sim = sim_new(1, 0);
	struct pending *p = &sim->pending[0];
	struct read_stats stats;
	bool is_told;

	open_store(sim);
	for (int i = 0; i < 2; i++) {
		*p = (struct pending){ .sim = sim, .key = &sim->key[0],
				       .used = true };
		p->op = (struct read_op){ .kind = READ_OP_SET, .user = 1,
					  .channel = 1, .last = 7,
					  .done = done };
		read_store_submit(sim->store, &p->op);
		if (!i)
			settle(sim);
	}
	read_store_step(sim->store);
	read_store_stats(sim->store, &stats);
	is_told = !p->used && !p->op.status && stats.frames == 1;
	read_store_close(sim->store);
	sim_free(sim);
	return is_told;
}

/* --- canaries -------------------------------------------------------------- */

static const struct {
	unsigned int unsafe;
	const char *name;
} canaries[] = {
	{ READ_UNSAFE_LOG_SYNC, "without_the_log's_sync_states_are_lost" },
	{ READ_UNSAFE_ROUND_SYNC, "without_the_checkpoint's_sync_they_are" },
	{ READ_UNSAFE_LOG_TAIL, "a_log_that_is_freed_early_loses_them" },
};

static void all_seeds(unsigned int unsafe)
{
	struct sums sums = { 0 };

	for (uint64_t seed = 1; seed <= CANARY_SEEDS; seed++)
		run_seed(seed, unsafe, &sums);
}

/* In a process of its own, which ends at the first failure. */
static bool is_caught(void (*run)(unsigned int unsafe), unsigned int unsafe)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		run(unsafe);
		_exit(0);
	}
	check(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == CAUGHT;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int main(int argc, char **argv)
{
	struct seeds seeds = seeds_begin(argc, argv, SEEDS_DEFAULT,
					 10 + COUNT(canaries));
	struct sums sums = { 0 };
	uint64_t faults, jumps;

	/* Refusals are what it is about. */
	if (!getenv("VERBOSE"))
		log_set_fd(open("/dev/null", O_WRONLY));
	for (uint64_t i = 0; i < seeds.count; i++)
		run_seed(seeds.first + i, 0, &sums);
	printf("# %" PRIu64 " acknowledged, %" PRIu64 " refused, %" PRIu64
	       " checkpoints, %" PRIu64 " power cuts, %" PRIu64
	       " channels forgotten\n", sums.acked, sums.failed, sums.rounds,
	       sums.cuts, sums.forgotten);
	tap(true, "acknowledged_states_survive_any_power_cut");
	tap(seeds.count < 20 || (sums.failed && sums.rounds && sums.forgotten),
	       "checkpoints_and_refusals_were_exercised");
	printf("# with rotten reads: opened %" PRIu64 " times, refused %" PRIu64
	       "\n", sums.opened, sums.refused);
	tap(seeds.count < 20 || (sums.opened && sums.refused),
	       "rotten_reads_invent_nothing");
	tap(is_damage_refused(), "a_damaged_shard_is_not_made_anew");
	tap(is_rot_in_the_log_refused(), "a_rotten_frame_in_the_log_is_refused");
	jumps = replay_each_frame();
	printf("# %" PRIu64 " frames at the ring's begin\n", jumps);
	tap(jumps != 0, "a_frame_at_the_ring's_begin_is_replayed");
	tap(is_no_change_acknowledged(),
	    "what_changes_nothing_is_acknowledged_without_a_frame");
	faults = fault_loop(EIO) + fault_loop(ENOSPC);
	printf("# %" PRIu64 " single faults\n", faults);
	tap(true, "any_single_fault_of_the_disk_is_survived");
	all_ends(0);
	tap(true, "an_end_of_the_process_and_then_of_the_power_is_survived");
	for (size_t i = 0; i < COUNT(canaries); i++)
		tap(is_caught(all_seeds, canaries[i].unsafe),
		       canaries[i].name);
	tap(is_caught(all_ends, READ_UNSAFE_START_SYNC),
	       "a_start_that_believes_a_cache_loses_them");
	return tap_failures != 0;
}
