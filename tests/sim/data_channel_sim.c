// SPDX-License-Identifier: Apache-2.0
/*
 * What a channel's actor guarantees, on a simulated system (data_channel.h).
 * Each guarantee is also shown to be lost when its mechanism is left out.
 *
 *	data_channel_sim [FIRST [COUNT]]	environment: SEEDS
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "data_channel.h"
#include "seeds.h"

#define DEFAULT_SEEDS 40u
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- guarantees: true when kept ------------------------------------------- */

static bool equal_reads_share_one(const struct data_opts *opts)
{
	struct script a = { .reads = 5000, .limit = 50 };
	struct script b = a;
	struct world w;
	bool ok;

	begin(&w, opts);
	the_model.delay_ns = 100 * MS;
	call(&w, &a, 0);
	call(&w, &b, 1);
	run_for(&w, SECOND);
	ok = the_model.reads == 1 && a.ok == 5000 && b.ok == 5000 &&
	     !a.wrong && !b.wrong;
	end(&w);
	return ok;
}

/* Whether all of it or a part: the bytes are there once. */
static bool the_result_is_shared(const struct data_opts *opts)
{
	struct script s = { .reads = 100, .limit = 1, .vary_limit = 50 };
	struct world w;
	bool ok;

	begin(&w, opts);
	call(&w, &s, 0);
	run_for(&w, SECOND);
	ok = s.ok == 100 && !s.copies && !s.wrong;
	end(&w);
	return ok;
}

/* Who writes as soon as he has his answer, the herd's first, is done before
 * the herd's last has his.  (Errors, for those are counted as they are told.) */
static bool a_herd_is_answered_in_slices(const struct data_opts *opts)
{
	struct script writer = { .reads = 1, .limit = 50, .write_then = true };
	struct script herd = { .reads = 60000, .limit = 50 };
	struct world w;
	bool ok;

	begin(&w, opts);
	the_model.fail_reads = 2;
	call(&w, &writer, 0);
	run_for(&w, 1);
	call(&w, &herd, 0);
	run_for(&w, SECOND);
	ok = herd.failed == 60000 && writer.acked == 1 &&
	     writer.errors_then < 60001;
	end(&w);
	return ok;
}

static bool limits_share_too(const struct data_opts *opts)
{
	struct script s = { .reads = 100, .limit = 1, .vary_limit = 100 };
	struct world w;
	bool ok;

	begin(&w, opts);
	call(&w, &s, 0);
	run_for(&w, SECOND);
	ok = the_model.reads == 2 && s.ok == 100 && !s.wrong;
	end(&w);
	return ok;
}

/* Of a page after an id these are the last rows, of one before it the first; a
 * page around it has no such part. */
static bool a_part_is_the_part_next_to_the_id(const struct data_opts *opts)
{
	struct script before = { .reads = 100, .limit = 1, .vary_limit = 100,
				 .id = 500 };
	struct script after = before, around = before;
	struct world w;
	bool ok;

	after.dir = STORE_AFTER;
	around.dir = STORE_AROUND;
	begin(&w, opts);
	call(&w, &before, 0);
	call(&w, &after, 1);
	call(&w, &around, 0);
	run_for(&w, SECOND);
	ok = the_model.reads == 2 + 2 + 100 &&
	     before.ok == 100 && !before.wrong &&
	     after.ok == 100 && !after.wrong &&
	     around.ok == 100 && !around.wrong;
	end(&w);
	return ok;
}

/* Reads that differ in one thing alone: each is a store read of its own. */
static bool other_reads_share_nothing(const struct data_opts *opts)
{
	struct script scripts[] = {
		{ .id = 500 },
		{ .id = 501 },
		{ .id = 500, .space = STORE_SPACE_PIN },
		{ .id = 500, .space = STORE_SPACE_REACTION },
		{ .id = 500, .dir = STORE_AFTER },
		{ .id = 500, .dir = STORE_AROUND },
		{ .id = 500, .get = true },
		{ .id = 500, .get = true, .space = STORE_SPACE_PIN },
	};
	struct world w;
	bool ok = true;

	begin(&w, opts);
	the_model.delay_ns = 100 * MS;
	for (size_t i = 0; i < COUNT(scripts); i++) {
		scripts[i].reads = 10;
		scripts[i].limit = scripts[i].get ? 1 : 50;
		call(&w, &scripts[i], i % 2);
	}
	run_for(&w, SECOND);
	for (size_t i = 0; i < COUNT(scripts); i++)
		ok = ok && scripts[i].ok == 10 && !scripts[i].wrong;
	ok = ok && the_model.reads == COUNT(scripts);
	end(&w);
	return ok;
}

static bool writers_read_their_writes(const struct data_opts *opts)
{
	struct script scripts[8];
	struct world w;
	bool ok = true;

	begin(&w, opts);
	for (int i = 0; i < 8; i++) {
		scripts[i] = (struct script){ .writes = 50 };
		call(&w, &scripts[i], i % 2);
	}
	run_for(&w, 60 * SECOND);
	for (int i = 0; i < 8; i++)
		ok = ok && scripts[i].acked == 50 && scripts[i].ok == 50 &&
		     !scripts[i].wrong;
	ok = ok && the_model.reads < 8 * 50;
	end(&w);
	return ok;
}

/* Not what a read begun before it finds. */
static bool a_writer_in_doubt_reads_what_became_of_it(
	const struct data_opts *opts)
{
	struct script old = { .reads = 1, .limit = 50 };
	struct script writer = { .writes = 1 };
	struct world w;
	bool ok;

	begin(&w, opts);
	the_model.delay_ns = 100 * MS;
	the_model.doubt_writes = 1;
	call(&w, &old, 0);
	run_for(&w, 1);
	call(&w, &writer, 0);
	run_for(&w, SECOND);
	ok = old.ok == 1 && writer.unknown == 1 && !writer.acked &&
	     writer.ok == 1 && !writer.wrong;
	end(&w);
	return ok;
}

static bool an_error_is_tried_again_by_one(const struct data_opts *opts)
{
	struct script s = { .reads = 1000, .limit = 50 };
	struct world w;
	bool ok;

	begin(&w, opts);
	the_model.fail_reads = 1;
	call(&w, &s, 0);
	run_for(&w, SECOND);
	ok = s.ok == 1000 && the_model.reads == 2;
	end(&w);
	return ok;
}

static bool retries_of_a_sick_store_are_spread(const struct data_opts *opts)
{
	struct script s = { .reads = 400, .limit = 50, .channels = 400 };
	struct world w;
	bool ok;

	begin(&w, opts);
	the_model.delay_ns = 0;
	the_model.fail_reads = 400;
	call(&w, &s, 0);
	run_for(&w, MS);
	the_model.reads_in_ms = the_model.reads_of_ms = 0;
	run_for(&w, SECOND);
	ok = s.ok == 400 && the_model.reads == 800 &&
	     the_model.reads_in_ms < 100;
	end(&w);
	return ok;
}

static bool an_error_reaches_each_once_and_is_not_kept(
	const struct data_opts *opts)
{
	struct script s = { .reads = 1000, .limit = 50 };
	struct script later = { .reads = 1, .limit = 50 };
	struct world w;
	bool ok;

	begin(&w, opts);
	the_model.fail_reads = 2;
	call(&w, &s, 0);
	run_for(&w, SECOND);
	ok = s.failed == 1000 && !s.ok && the_model.reads == 2;
	call(&w, &later, 0);
	run_for(&w, SECOND);
	ok = ok && later.ok == 1 && the_model.reads == 3;
	end(&w);
	return ok;
}

static bool a_silent_store_times_out(const struct data_opts *opts)
{
	struct script s = { .reads = 10, .limit = 50 };
	struct script later = s;
	struct world w;
	bool ok;

	begin(&w, opts);
	the_model.mute = true;
	call(&w, &s, 0);
	run_for(&w, 20 * SECOND);
	ok = s.timed_out == 10 && s.failed == 10;
	the_model.mute = false;
	call(&w, &later, 0);
	run_for(&w, SECOND);
	ok = ok && later.ok == 10 && s.failed == 10;
	end(&w);
	return ok;
}

/*
 * A run ends while its successor, begun after a write, is in flight: those who
 * wait for the successor get its answer, and who comes then joins it.
 */
static bool a_finished_run_leaves_its_successor(const struct data_opts *opts)
{
	struct script old = { .reads = 10, .limit = 50 };
	struct script writer = { .writes = 1 };
	struct script young = { .reads = 10, .limit = 50 };
	struct script later = { .reads = 10, .limit = 50 };
	struct world w;
	uint32_t reads;
	bool ok;

	begin(&w, opts);
	the_model.mute = true;
	call(&w, &old, 0);
	run_for(&w, SECOND);
	call(&w, &writer, 0);	/* reads back what it wrote */
	run_for(&w, SECOND);
	call(&w, &young, 0);
	run_for(&w, SECOND);
	reads = the_model.reads;
	/* The old run's deadline passes, and not yet the other's. */
	run_for(&w, 2 * SECOND + 500 * MS);
	ok = old.timed_out == 10 && reads == 2 && !young.failed;
	call(&w, &later, 0);
	run_for(&w, 10 * MS);
	ok = ok && the_model.reads == 2;
	run_for(&w, 5 * SECOND);
	ok = ok && young.timed_out == 10 && later.timed_out == 10;
	end(&w);
	return ok;
}

static bool an_answer_too_late_disturbs_nobody(const struct data_opts *opts)
{
	struct script s = { .reads = 10, .limit = 50 };
	struct script second = s;
	struct world w;
	bool ok;

	begin(&w, opts);
	the_model.delay_ns = 40 * SECOND;
	call(&w, &s, 0);
	run_for(&w, 6 * SECOND);
	the_model.delay_ns = MS;
	call(&w, &second, 0);
	run_for(&w, 60 * SECOND);
	ok = s.ok + s.timed_out == 10 && second.ok == 10 && !second.wrong;
	end(&w);
	return ok;
}

static bool too_many_are_shed(const struct data_opts *opts)
{
	struct data_opts capped = *opts;
	struct script s = { .reads = 150, .limit = 50 };
	struct world w;
	bool ok;

	capped.max_waiters = 100;
	begin(&w, &capped);
	the_model.delay_ns = SECOND;
	call(&w, &s, 0);
	run_for(&w, 3 * SECOND);
	ok = s.ok == 100 && s.shed == 50;
	end(&w);
	return ok;
}

static bool too_many_runs_are_shed(const struct data_opts *opts)
{
	struct data_opts capped = *opts;
	struct script s = { .reads = 150, .limit = 50 };
	struct world w;
	bool ok;

	capped.max_runs = 100;
	capped.unsafe |= DATA_UNSAFE_NO_JOIN;
	begin(&w, &capped);
	the_model.delay_ns = SECOND;
	call(&w, &s, 0);
	run_for(&w, 3 * SECOND);
	ok = s.ok == 100 && s.shed == 50;
	end(&w);
	return ok;
}

/* Those that are on their way count, not those that were. */
static bool too_many_writes_are_shed(const struct data_opts *opts)
{
	struct data_opts capped = *opts;
	struct script first = { .more_writes = 150 };
	struct script later = { .more_writes = 100 };
	struct world w;
	bool ok;

	capped.max_writes = 100;
	begin(&w, &capped);
	the_model.write_ns = SECOND;
	call(&w, &first, 0);
	run_for(&w, 3 * SECOND);
	call(&w, &later, 0);
	run_for(&w, 3 * SECOND);
	ok = first.acked == 100 && first.shed == 50 && later.acked == 100 &&
	     !later.shed && the_model.writes == 200;
	end(&w);
	return ok;
}

static bool who_leaves_disturbs_nobody(const struct data_opts *opts)
{
	struct script first = { .reads = 10, .limit = 50, .leave = true };
	struct script second = { .reads = 10, .limit = 50 };
	struct world w;
	bool ok;

	begin(&w, opts);
	the_model.delay_ns = SECOND;
	call(&w, &first, 0);
	call(&w, &second, 0);
	run_for(&w, 3 * SECOND);
	ok = second.ok == 10 && !first.ok && the_model.reads == 1;
	end(&w);
	return ok;
}

static bool a_dead_shard_is_told_of_and_found_again(
	const struct data_opts *opts)
{
	struct script s = { .reads = 5, .limit = 50 };
	struct script later = s;
	struct world w;
	bool ok;

	begin(&w, opts);
	the_model.mute = true;
	call(&w, &s, 0);
	run_for(&w, 10 * MS);
	actor_system_stop(w.sys, w.store);
	run_for(&w, SECOND);
	ok = s.failed == 5;
	the_model.mute = false;
	start_store(&w);
	call(&w, &later, 0);
	run_for(&w, SECOND);
	ok = ok && later.ok == 5;
	end(&w);
	return ok;
}

static bool idle_channels_retire_and_come_back(const struct data_opts *opts)
{
	struct script s = { .reads = 1, .limit = 50 };
	struct script later = { .writes = 3 };
	struct world w;
	bool ok;

	begin(&w, opts);
	call(&w, &s, 0);
	run_for(&w, SECOND);
	ok = s.ok == 1 && atomic_load(&data_stats(w.data)->channels) == 1;
	run_for(&w, 200 * SECOND);
	ok = ok && atomic_load(&data_stats(w.data)->channels) == 0;
	call(&w, &later, 0);
	run_for(&w, SECOND);
	ok = ok && later.ok == 3 && !later.wrong;
	end(&w);
	return ok;
}

/* --- the tests ------------------------------------------------------------- */

static const struct guarantee {
	bool (*kept)(const struct data_opts *opts);
	const char *name;
} guarantees[] = {
	{ equal_reads_share_one, "10,000 equal reads are one store read" },
	{ the_result_is_shared, "the result's bytes are there once" },
	{ a_herd_is_answered_in_slices, "a herd is answered in slices" },
	{ limits_share_too, "100 limits are two store reads" },
	{ a_part_is_the_part_next_to_the_id,
	  "a part of a page is the one next to the id" },
	{ other_reads_share_nothing,
	  "reads that differ in one thing share nothing" },
	{ writers_read_their_writes, "a writer reads his own writes" },
	{ a_writer_in_doubt_reads_what_became_of_it,
	  "a writer in doubt reads what became of it" },
	{ an_error_is_tried_again_by_one, "an error is tried again by one" },
	{ retries_of_a_sick_store_are_spread,
	  "retries of a sick store are spread" },
	{ a_finished_run_leaves_its_successor,
	  "a finished run leaves its successor" },
	{ an_error_reaches_each_once_and_is_not_kept,
	  "an error reaches each once and is not kept" },
	{ a_silent_store_times_out, "a silent store times out" },
	{ an_answer_too_late_disturbs_nobody,
	  "an answer too late disturbs nobody" },
	{ too_many_are_shed, "too many are shed" },
	{ too_many_runs_are_shed, "too many runs are shed" },
	{ too_many_writes_are_shed, "too many writes are shed" },
	{ who_leaves_disturbs_nobody, "who leaves disturbs nobody" },
	{ a_dead_shard_is_told_of_and_found_again,
	  "a dead shard is told of and found again" },
	{ idle_channels_retire_and_come_back,
	  "idle channels retire and come back" },
};

static const struct canary {
	bool (*kept)(const struct data_opts *opts);
	struct data_opts opts;
	const char *name;
} canaries[] = {
	{ equal_reads_share_one, { .unsafe = DATA_UNSAFE_NO_JOIN },
	  "without coalescing reads are not shared" },
	{ writers_read_their_writes, { .unsafe = DATA_UNSAFE_NO_EPOCH },
	  "without epochs a writer reads an older answer" },
	{ an_error_is_tried_again_by_one, { .unsafe = DATA_UNSAFE_NO_RETRY },
	  "without a retry the error is told at once" },
	{ an_error_is_tried_again_by_one, { .unsafe = DATA_UNSAFE_RETRY_HERD },
	  "a herd's retries are a herd" },
	{ retries_of_a_sick_store_are_spread,
	  { .unsafe = DATA_UNSAFE_NO_JITTER },
	  "without jitter retries come at once" },
	{ a_finished_run_leaves_its_successor,
	  { .unsafe = DATA_UNSAFE_FINISH_BY_KEY },
	  "runs taken away by key lose who waits for the next" },
	{ an_error_reaches_each_once_and_is_not_kept,
	  { .unsafe = DATA_UNSAFE_KEEP_FAILED },
	  "a failed run that is kept poisons later reads" },
	{ an_error_reaches_each_once_and_is_not_kept,
	  { .unsafe = DATA_UNSAFE_EMPTY },
	  "an error that becomes an empty page is found out" },
	{ too_many_are_shed, { .unsafe = DATA_UNSAFE_NO_CAP },
	  "without a cap any number waits" },
	{ who_leaves_disturbs_nobody, { .unsafe = DATA_UNSAFE_CALLER_OWNS },
	  "a run of the caller's ends with him" },
	{ limits_share_too, { .unsafe = DATA_UNSAFE_LIMITS },
	  "limits that are left as they are share nothing" },
	{ a_silent_store_times_out, { .unsafe = DATA_UNSAFE_NO_DEADLINE },
	  "without a deadline a silent store is waited for" },
	{ the_result_is_shared, { .unsafe = DATA_UNSAFE_COPY },
	  "copies of the result are found out" },
	{ a_herd_is_answered_in_slices, { .unsafe = DATA_UNSAFE_DELIVER_ALL },
	  "answered in one go a herd holds up the writer" },
};

static struct seeds seeds;

static bool kept_for_all_seeds(const struct guarantee *g)
{
	static const struct data_opts plain;

	for (seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
		if (g->kept(&plain))
			continue;
		printf("# seed %llu\n", (unsigned long long)seed);
		return false;
	}
	return true;
}

static bool lost_for_some_seed(const struct canary *c)
{
	for (seed = seeds.first; seed < seeds.first + DEFAULT_SEEDS; seed++)
		if (!c->kept(&c->opts))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	seeds = seeds_begin(argc, argv, DEFAULT_SEEDS,
			    COUNT(guarantees) + COUNT(canaries));
	log_set_fd(-1);
	check(!store_types_register() && !data_types_register());
	for (size_t i = 0; i < COUNT(guarantees); i++)
		tap(kept_for_all_seeds(&guarantees[i]), guarantees[i].name);
	for (size_t i = 0; i < COUNT(canaries); i++)
		tap(lost_for_some_seed(&canaries[i]), canaries[i].name);
	return tap_failures != 0;
}
