// SPDX-License-Identifier: Apache-2.0
/*
 * The indexer against a store that is a plain array: reads fail, come late or
 * never, hints get lost, chatd crashes at any moment and the tail of SQLite's
 * log with it.  When all has settled the index finds, for every word, exactly
 * the messages that have it.
 *
 *	search_index_sim [SEED [SEEDS]]	SEEDS= in the environment as well
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actor/system.h"
#include "base/blob.h"
#include "base/check.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/snowflake.h"
#include "os/sim.h"
#include "proto/data.h"
#include "proto/record.h"
#include "proto/search.h"
#include "proto/wire.h"
#include "search/cell.h"
#include "search/search.h"

#define SEEDS_DEFAULT 14
#define CORES 2
#define GUILDS 3
#define CHANNELS 4		/* of each */
#define MESSAGES 4096
#define WORDS 12
#define LIVES 4
#define OP_NS 3000000ull
#define NOTES 8192
/* What needs a note after so long, and how long a hint may take. */
#define YOUNG_MS 60
#define SLACK_MS 20
#define CANARY_SEEDS 12
#define SETTLE_NS 120000000000ull

struct message_model {
	uint64_t id, channel;
	uint32_t words;		/* bit i: holds "word<i>" */
	bool gone;
};

struct note_model {
	uint64_t id, channel, about;
};

struct model {
	struct rng rng;
	struct note_model note[NOTES];
	uint32_t note_count;
	bool no_notes;		/* the canary */
	uint64_t last_id;
	int64_t elapsed_ms;	/* in the lives before */
	struct message_model message[MESSAGES];
	uint32_t count;
	uint64_t seq[GUILDS];
	actor_ref driver;
	char top[64];
	char dir[160];
	bool busy;		/* the driver still changes things */
	bool faults;
	uint64_t ops, lost, errors, crashes, reindexed;
};

static struct model *model;

static uint64_t guild_of(uint64_t channel)
{
	return 1 + (channel - 100) / CHANNELS;
}

/* --- the store --- */

static struct blob *record_of(const struct message_model *m)
{
	static struct message record;
	char content[WORDS * 10] = "";
	struct blob *blob;

	for (int i = 0; i < WORDS; i++)
		if (m->words & 1u << i)
			sprintf(content + strlen(content), "word%d ", i);
	memset(&record, 0, sizeof(record));
	record.author.id = 7;
	record.author.name = "a";
	record.content = content;
	record.content_len = strlen(content);
	blob = record_encode(&record);
	check(blob);
	return blob;
}

static void add_row(struct rows *rows, const struct message_model *m)
{
	struct blob *blob = record_of(m);

	rows->row[rows->count++] = (struct row){ m->id, blob->data, blob->len };
	rows->owner[rows->owner_count++] = blob;
}

/* Newest first, the oldest `limit` above `from`. */
static struct rows *page(uint64_t channel, uint64_t from, uint32_t limit)
{
	struct rows *rows = rows_new(limit, limit);
	const struct message_model *found[DATA_PAGE_MAX];
	uint32_t n = 0;

	check(rows && limit <= DATA_PAGE_MAX);
	for (uint32_t i = 0; i < model->count && n < limit; i++)
		if (!model->message[i].gone && model->message[i].id > from &&
		    model->message[i].channel == channel)
			found[n++] = &model->message[i];
	while (n)
		add_row(rows, found[--n]);
	return rows;
}

/* The same of notes. */
static struct rows *note_page(uint64_t channel, uint64_t from, uint32_t limit)
{
	struct rows *rows = rows_new(limit, limit);
	const struct note_model *found[DATA_PAGE_MAX];
	uint32_t n = 0;

	check(rows && limit <= DATA_PAGE_MAX);
	for (uint32_t i = 0; i < model->note_count && n < limit; i++)
		if (model->note[i].id > from &&
		    model->note[i].channel == channel)
			found[n++] = &model->note[i];
	while (n--) {
		struct blob *blob = blob_new(&found[n]->about, 8);

		rows->row[rows->count++] = (struct row){
			found[n]->id, blob->data, blob->len };
		rows->owner[rows->owner_count++] = blob;
	}
	return rows;
}

static void answer(struct actor *self, const struct store_read_msg *m)
{
	struct store_rows_msg *reply;

	if (model->faults && !rng_below(&model->rng, 500))
		return;
	reply = ACTOR_MSG_NEW(struct store_rows_msg, DATA_ROWS);
	if (model->faults && !rng_below(&model->rng, 20)) {
		model->errors++;
		reply->status = -EOVERFLOW;
	} else if (m->space == STORE_SPACE_NOTE) {
		reply->rows = note_page(m->channel, m->id, m->limit);
	} else if (m->head.type == DATA_PAGE) {
		reply->rows = page(m->channel, m->id, m->limit);
	} else {
		reply->rows = page(m->channel, m->id - 1, 1);
		if (!reply->rows->count || reply->rows->row[0].id != m->id) {
			rows_put(reply->rows);
			reply->rows = NULL;
			reply->status = -ENOENT;
		}
	}
	actor_reply(self, &m->head, &reply->head);
}

#define HELD_MAX 64

/* Reads that are answered later, and freed if the store ends before. */
struct held {
	struct actor_msg *msg[HELD_MAX];
};

/* False: no room. */
static bool hold(struct actor *self, struct held *held, struct actor_msg *msg)
{
	for (uint32_t i = 0; i < HELD_MAX; i++) {
		if (held->msg[i])
			continue;
		actor_msg_take(self, msg);
		held->msg[i] = msg;
		actor_timer_start(self, rng_below(&model->rng, 5000000), i);
		return true;
	}
	return false;
}

/* Answers at once or, as it stands then, later. */
static int store_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	struct held *held = state;
	uint64_t i;

	switch (msg->type) {
	case DATA_GET:
	case DATA_PAGE:
		if (rng_below(&model->rng, 2) || !hold(self, held, msg))
			answer(self, (struct store_read_msg *)msg);
		break;
	case ACTOR_MSG_TIMER:
		i = ((struct actor_timer_msg *)msg)->cookie;
		answer(self, (struct store_read_msg *)held->msg[i]);
		actor_msg_free(held->msg[i]);
		held->msg[i] = NULL;
		break;
	case ACTOR_MSG_STOP:
		return ACTOR_STOP;
	}
	return 0;
}

static void store_stop(struct actor *self, void *state, int reason)
{
	struct held *held = state;

	(void)self;
	(void)reason;
	for (uint32_t i = 0; i < HELD_MAX; i++)
		if (held->msg[i])
			actor_msg_free(held->msg[i]);
}

static int store_start(struct actor *self, void *state, const void *arg)
{
	char name[DATA_NAME_MAX];

	(void)state;
	snprintf(name, sizeof(name), DATA_NAME_FORMAT, *(const int *)arg);
	return actor_register(self, name);
}

static const struct actor_class store_class = {
	.name = "store", .state_size = sizeof(struct held),
	.start = store_start, .handle = store_handle, .stop = store_stop,
};

/* --- the guilds --- */

static void hello(struct actor *self, uint64_t guild)
{
	struct search_hello_msg *m = search_hello_new(CHANNELS);

	m->guild_id = guild;
	m->seq = model->seq[guild - 1];
	for (uint32_t c = 0; c < CHANNELS; c++) {
		m->channel[c].channel_id = 100 + (guild - 1) * CHANNELS + c;
		for (uint32_t i = 0; i < model->count; i++)
			if (model->message[i].channel ==
			    m->channel[c].channel_id)
				m->channel[c].newest = model->message[i].id;
	}
	actor_send(self, search_route(actor_system_of(self)), &m->head);
}

static void hint(struct actor *self, uint64_t channel, const uint64_t *id,
		 uint32_t count)
{
	uint64_t guild = guild_of(channel);
	struct search_changed_msg *m;

	model->seq[guild - 1]++;
	if (model->faults && !rng_below(&model->rng, 50)) {
		model->lost++;
		return;
	}
	m = search_changed_new(count);
	m->guild_id = guild;
	m->channel_id = channel;
	m->seq = model->seq[guild - 1];
	memcpy(m->id, id, count * sizeof(*id));
	actor_send(self, search_route(actor_system_of(self)), &m->head);
}

static uint32_t some_words(void)
{
	return (uint32_t)(rng_next(&model->rng) & rng_next(&model->rng)) &
	       ((1u << WORDS) - 1);
}

static uint64_t next_id(struct actor *self)
{
	uint64_t floor = snowflake_floor(actor_wall_ms(self));

	model->last_id = floor > model->last_id ? floor : model->last_id + 1;
	return model->last_id;
}

/* As guild/search_note.c does it. */
static void note_old(struct actor *self, const struct message_model *m)
{
	if (snowflake_unix_ms(m->id) + YOUNG_MS > actor_wall_ms(self) ||
	    model->no_notes)
		return;
	check(model->note_count < NOTES);
	model->note[model->note_count++] = (struct note_model){
		next_id(self), m->channel, m->id };
}

static void create(struct actor *self)
{
	struct message_model *m = &model->message[model->count];

	if (model->count == MESSAGES)
		return;
	model->count++;
	m->id = next_id(self);
	m->channel = 100 + rng_below(&model->rng, GUILDS * CHANNELS);
	m->words = some_words();
	hint(self, m->channel, &m->id, 1);
}

static void change(struct actor *self)
{
	struct message_model *m;

	if (!model->count)
		return;
	m = &model->message[rng_below(&model->rng, model->count)];
	if (m->gone)
		return;
	note_old(self, m);
	if (rng_below(&model->rng, 3))
		m->words = some_words();
	else
		m->gone = true;
	hint(self, m->channel, &m->id, 1);
}

static void bulk_delete(struct actor *self)
{
	uint64_t id[100], channel = 100 + rng_below(&model->rng,
						    GUILDS * CHANNELS);
	uint32_t n = 0;

	for (uint32_t i = model->count; i-- && n < 100;) {
		struct message_model *m = &model->message[i];

		if (m->channel != channel || m->gone)
			continue;
		note_old(self, m);
		m->gone = true;
		id[n++] = m->id;
		if (!rng_below(&model->rng, 30))
			break;
	}
	if (n)
		hint(self, channel, id, n);
}

static void reindex(struct actor *self)
{
	struct search_reindex_msg *m;

	m = ACTOR_MSG_NEW(struct search_reindex_msg, SEARCH_REINDEX);
	m->guild_id = 1 + rng_below(&model->rng, GUILDS);
	actor_send(self, search_route(actor_system_of(self)), &m->head);
	model->reindexed++;
}

static void act(struct actor *self)
{
	uint64_t dice = rng_below(&model->rng, 200);

	model->ops++;
	/* At the end no lost hint heals what a reindex in the midst of reading
	 * new messages might lose. */
	if (dice == 1 && (!model->faults || !rng_below(&model->rng, 20)))
		reindex(self);
	else if (dice < 120 || !model->faults)
		create(self);
	else if (dice == 199)
		bulk_delete(self);
	else
		change(self);
}

static int driver_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	(void)state;
	switch (msg->type) {
	case ACTOR_MSG_TIMER:
		for (uint64_t n = rng_below(&model->rng, 20); model->busy && n;
		     n--)
			act(self);
		actor_timer_start(self, OP_NS, 0);
		break;
	case SEARCH_WHO:
		for (uint64_t g = 1; g <= GUILDS; g++)
			hello(self, g);
		break;
	case ACTOR_MSG_STOP:
		return ACTOR_STOP;
	}
	return 0;
}

static int driver_start(struct actor *self, void *state, const void *arg)
{
	(void)state;
	(void)arg;
	for (uint64_t g = 1; g <= GUILDS; g++)
		hello(self, g);
	actor_timer_start(self, OP_NS, 0);
	return 0;
}

static const struct actor_class driver_class = {
	.name = "driver", .state_size = 1, .start = driver_start,
	.handle = driver_handle,
};

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

static void compare_guild(uint64_t seed, uint64_t guild)
{
	static uint64_t want[MESSAGES], have[MESSAGES];
	struct cell *cell;
	char path[192];

	snprintf(path, sizeof(path), "%s/%" PRIu64 ".db", model->dir, guild);
	check(!cell_open(path, &cell));
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

static void run_seed(uint64_t seed, bool no_notes, uint64_t *sum)
{
	struct life life;

	model = calloc(1, sizeof(*model));
	model->no_notes = no_notes;
	rng_init(&model->rng, seed);
	strcpy(model->top, ".build/search_sim.XXXXXX");
	check(mkdtemp(model->top));
	snprintf(model->dir, sizeof(model->dir), "%s/life.0", model->top);
	model->faults = true;
	model->busy = true;
	for (uint64_t i = 1; i <= LIVES; i++) {
		begin(&life, seed * LIVES + i);
		run(&life, rng_below(&model->rng, 1500000000));
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
	finish(&life);
	for (uint64_t g = 1; g <= GUILDS; g++)
		compare_guild(seed, g);
	shell("rm -rf", model->top, "");
	sum[0] += model->ops;
	sum[1] += model->lost;
	sum[2] += model->errors;
	sum[3] += model->crashes;
	sum[4] += model->reindexed;
	free(model);
}

/* Without notes a change is lost, and seen to be: in a process of its own. */
static bool is_caught(void)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		uint64_t sum[5] = { 0 };
		struct rlimit none = { 0 };

		setrlimit(RLIMIT_CORE, &none);
		check(freopen("/dev/null", "w", stdout) &&
		      freopen("/dev/null", "w", stderr));
		for (uint64_t seed = 1; seed <= CANARY_SEEDS; seed++)
			run_seed(seed, true, sum);
		_exit(0);
	}
	check(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status);
}

int main(int argc, char **argv)
{
	const char *env = getenv("SEEDS");
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	uint64_t seeds = argc > 2 ? strtoull(argv[2], NULL, 0) :
			 argc > 1 ? 1 : env ? strtoull(env, NULL, 0) :
			 SEEDS_DEFAULT;
	uint64_t sum[5] = { 0 };
	bool caught;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!getenv("VERBOSE"))
		log_set_fd(open("/dev/null", O_WRONLY));
	check(!data_types_register() && !search_types_register());
	printf("# seeds %" PRIu64 " .. %" PRIu64 "; rerun: %s SEED\n1..2\n",
	       seed, seed + seeds - 1, argv[0]);
	for (uint64_t i = 0; i < seeds; i++)
		run_seed(seed + i, false, sum);
	printf("# %" PRIu64 " changes, %" PRIu64 " hints lost, %" PRIu64
	       " reads failed, %" PRIu64 " crashes, %" PRIu64 " times reindexed\n",
	       sum[0], sum[1], sum[2], sum[3], sum[4]);
	printf("ok 1 - the_index_becomes_what_the_store_has\n");
	caught = is_caught();
	printf("%sok 2 - without_notes_it_does_not\n", caught ? "" : "not ");
	return !caught;
}
