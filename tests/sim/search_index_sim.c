// SPDX-License-Identifier: Apache-2.0
/*
 * The indexer against a store that is a plain array: reads fail, come late or
 * never, hints get lost, chatd crashes at any moment and the tail of SQLite's
 * log with it.  When all has settled the index finds, for every word, exactly
 * the messages that have it.
 *
 *	search_index_sim [SEED [SEEDS]]	SEEDS= in the environment as well
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "os/sim.h"
#include "search/cell.h"
#include "search/search.h"
#include "search_model.h"
#include "seeds.h"

#define SEEDS_DEFAULT 14
#define CANARY_SEEDS 12
#define SETTLE_NS 120000000000ull
#define LIVES 4

/* --- lives --- */

struct life {
	struct os_env *env;
	struct actor_system *sys;
	struct search *search;
	uint64_t begin_ns;
};

static void begin(struct life *life, uint64_t seed)
{
	struct actor_system_opts opts = { .cores = CORES };
	const struct search_opts search = { .dir = model->dir, .max_open = 2,
					    .young_ms = YOUNG_MS,
					    .slack_ms = SLACK_MS };
	actor_ref ref;

	check(!os_sim_new(seed, &life->env));
	life->begin_ns = os_now_ns(life->env);
	os_sim_step_wall(life->env, model->elapsed_ms);
	opts.env = life->env;
	check(!actor_system_new(&opts, &life->sys));
	check(!actor_system_start(life->sys));
	for (int i = 0; i < CORES; i++) {
		const struct actor_spawn_opts spawn = {
			.core = i, .arg_size = sizeof(i),
		};

		check(!actor_system_spawn(life->sys, &store_class, &i, &spawn,
					  &ref));
	}
	check(!search_start(life->sys, &search, &life->search));
	check(!actor_system_spawn(life->sys, &driver_class, NULL, NULL,
				  &model->driver));
}

static void finish(struct life *life)
{
	check(!actor_system_shutdown(life->sys, 60000));
	model->elapsed_ms += (int64_t)(os_now_ns(life->env) -
				       life->begin_ns) / 1000000 + 1;
	search_free(life->search);
	actor_system_free(life->sys);
	os_env_free(life->env);
}

static void run(struct life *life, uint64_t ns)
{
	uint64_t until = os_now_ns(life->env) + ns;

	actor_system_run(life->sys, until, UINT64_MAX);
}

/* Or until a channel has been forgotten: a crash may come just then. */
static void run_on(struct life *life, uint64_t ns)
{
	uint64_t end = os_now_ns(life->env) + ns, had = model->forgotten;

	while (os_now_ns(life->env) < end && model->forgotten == had)
		run(life, 20000000);
}

static void shell(const char *verb, const char *from, const char *to)
{
	char command[512];

	snprintf(command, sizeof(command), "%s %s %s", verb, from, to);
	check(!system(command));
}

/* Of a log that was not synced some of the end is not there. */
static void cut_logs(void)
{
	struct stat st;
	char path[192];

	for (int g = 1; g <= GUILDS; g++) {
		snprintf(path, sizeof(path), "%s/%d.db-wal", model->dir, g);
		if (stat(path, &st) || rng_below(&model->rng, 2))
			continue;
		check(!truncate(path, (off_t)rng_below(&model->rng,
						       (uint64_t)st.st_size +
						       1)));
	}
}

/* What is on the disk goes on; the life that wrote it ends unseen. */
static void crash_to(struct life *life, uint64_t n)
{
	char next[160];

	snprintf(next, sizeof(next), "%s/life.%" PRIu64, model->top, n);
	shell("cp -r", model->dir, next);
	finish(life);
	strcpy(model->dir, next);
	cut_logs();
	model->crashes++;
}

/* --- the proof --- */

static uint32_t expected(uint64_t guild, uint32_t word, uint64_t *ids)
{
	uint32_t n = 0;

	for (uint32_t i = model->count; i--;) {
		const struct message_model *m = &model->message[i];

		if (!m->gone && guild_of(m->channel) == guild &&
		    m->words & 1u << word)
			ids[n++] = m->id;
	}
	return n;
}

static uint32_t found(struct cell *cell, uint64_t guild, uint32_t word,
		      uint64_t *ids)
{
	static struct search_query q;
	uint64_t readable[CHANNELS];
	struct search_hits_msg hits;
	uint32_t n = 0;

	for (uint32_t c = 0; c < CHANNELS; c++)
		readable[c] = 100 + (guild - 1) * CHANNELS + c;
	sprintf(q.content, "word%u", word);
	q.limit = SEARCH_LIMIT_MAX;
	q.offset = 0;
	do {
		check(!cell_search(cell, &q, readable, CHANNELS, &hits));
		for (uint32_t i = 0; i < hits.count; i++)
			ids[n++] = hits.hit[i].id;
		q.offset = (uint16_t)n;
	} while (hits.count);
	check(hits.total == n);
	return n;
}

static uint64_t living(uint64_t guild)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < model->count; i++)
		n += !model->message[i].gone &&
		     guild_of(model->message[i].channel) == guild;
	return n;
}

static void compare_guild(uint64_t seed, uint64_t guild)
{
	static uint64_t want[MESSAGES], have[MESSAGES];
	struct cell *cell;
	char path[192];
	uint64_t count;

	snprintf(path, sizeof(path), "%s/%" PRIu64 ".db", model->dir, guild);
	check(!cell_open(path, &cell));
	check(!cell_count(cell, &count));
	if (count != living(guild)) {
		printf("# seed %" PRIu64 ": guild %" PRIu64 " has %" PRIu64
		       " messages, not %" PRIu64 "\n", seed, guild, count,
		       living(guild));
		check(!"nothing is left of what is gone");
	}
	for (uint32_t w = 0; w < WORDS; w++) {
		uint32_t n = expected(guild, w, want);
		uint32_t m = found(cell, guild, w, have);

		if (n == m && !memcmp(want, have, n * sizeof(*want)))
			continue;
		printf("# seed %" PRIu64 ": guild %" PRIu64
		       " word%u: %u, not %u\n", seed, guild, w, m, n);
		check(!"the index is the store's");
	}
	cell_close(cell);
}

/* What an operator sees of a reindexing: that it is not done, and when it is. */
static void check_progress(struct life *life)
{
	const struct search_stats *stats = search_stats(life->search);
	uint64_t most = 0, lag;

	check(!atomic_load(&stats->channels_behind));
	check(!actor_system_send(life->sys, search_route(life->sys),
				 &new_reindex(1)->head));
	for (int i = 0; i < 100; i++) {
		uint64_t behind;

		run(life, 10000000);
		behind = atomic_load(&stats->channels_behind);
		most = behind > most ? behind : most;
	}
	check(most || !living(1));
	run(life, SETTLE_NS);
	lag = atomic_load(&stats->lag_ns);
	check(!atomic_load(&stats->channels_behind) && !lag);
}

static void run_seed(uint64_t seed, bool no_notes, uint64_t *sum)
{
	struct life life;

	model = calloc(1, sizeof(*model));
	model->no_notes = no_notes;
	rng_init(&model->rng, seed);
	/* What a canary leaves behind its parent finds by its own number. */
	snprintf(model->top, sizeof(model->top), ".build/search_sim.%d.XXXXXX",
		 no_notes ? getppid() : getpid());
	check(mkdtemp(model->top));
	snprintf(model->dir, sizeof(model->dir), "%s/life.0", model->top);
	model->faults = true;
	model->busy = true;
	for (uint64_t i = 1; i <= LIVES; i++) {
		begin(&life, seed * LIVES + i);
		run_on(&life, rng_below(&model->rng, 1500000000));
		if (rng_below(&model->rng, 3))
			crash_to(&life, i);
		else
			finish(&life);
	}
	begin(&life, seed);
	run(&life, 200000000);
	/* The last hint is seen, so that what was lost before it is missed. */
	model->faults = false;
	run(&life, 200000000);
	model->busy = false;
	run(&life, SETTLE_NS);
	if (!no_notes)
		check_progress(&life);
	finish(&life);
	check(!model->forget);
	for (uint64_t g = 1; g <= GUILDS; g++)
		compare_guild(seed, g);
	shell("rm -rf", model->top, "");
	sum[0] += model->ops;
	sum[1] += model->lost;
	sum[2] += model->errors;
	sum[3] += model->crashes;
	sum[4] += model->reindexed;
	sum[5] += model->forgotten;
	free(model);
}

/* Without notes a change is lost, and seen to be: in a process of its own. */
static bool is_caught(void)
{
	pid_t pid = fork();
	char left[64];
	int status = 0;

	if (!pid) {
		uint64_t sum[6] = { 0 };
		struct rlimit none = { 0 };

		setrlimit(RLIMIT_CORE, &none);
		check(freopen("/dev/null", "w", stdout) &&
		      freopen("/dev/null", "w", stderr));
		for (uint64_t seed = 1; seed <= CANARY_SEEDS; seed++)
			run_seed(seed, true, sum);
		_exit(0);
	}
	check(pid > 0 && waitpid(pid, &status, 0) == pid);
	snprintf(left, sizeof(left), ".build/search_sim.%d.*", getpid());
	shell("rm -rf", left, "");
	return WIFSIGNALED(status);
}

int main(int argc, char **argv)
{
	struct seeds seeds = seeds_begin(argc, argv, SEEDS_DEFAULT, 3);
	uint64_t sum[6] = { 0 };

	if (!getenv("VERBOSE"))
		log_set_fd(open("/dev/null", O_WRONLY));
	check(!data_types_register() && !search_types_register());
	for (uint64_t i = 0; i < seeds.count; i++)
		run_seed(seeds.first + i, false, sum);
	printf("# %" PRIu64 " changes, %" PRIu64 " hints lost, %" PRIu64
	       " reads failed, %" PRIu64 " crashes, %" PRIu64 " times reindexed, %" PRIu64
	       " channels gone\n",
	       sum[0], sum[1], sum[2], sum[3], sum[4], sum[5]);
	tap(true, "the_index_becomes_what_the_store_has");
	tap(true, "a_reindexing_shows_how_far_it_is");
	tap(is_caught(), "without_notes_it_does_not");
	return tap_failures != 0;
}
