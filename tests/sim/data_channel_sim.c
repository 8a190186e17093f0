// SPDX-License-Identifier: Apache-2.0
/*
 * What a channel's actor guarantees, on a simulated system.  The store is a
 * model that answers late, in any order, wrongly or not at all, as told; it
 * counts what it is asked.  Each guarantee is also shown to be lost when its
 * mechanism is left out.
 *
 *	data_channel_sim [SEEDS [FIRST]]	environment: SEEDS
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor/system.h"
#include "base/blob.h"
#include "base/check.h"
#include "base/log.h"
#include "data/data.h"
#include "os/sim.h"
#include "proto/data.h"

#define CHANNEL 4242u
#define MS 1000000ull
#define SECOND (1000 * MS)
#define DEFAULT_SEEDS 40u

/* The model: CHANNEL has rows 1 .. version. */
struct model {
	uint64_t version;
	uint32_t reads, writes;
	uint32_t fail_reads;		/* so many more fail with -EIO */
	bool mute;			/* answers no read */
	uint32_t reads_in_ms;		/* most that came in one ms */
	uint64_t ms;			/* the last one in which any came */
	uint32_t reads_of_ms;
	uint64_t delay_ns;		/* of a read's answer at most */
};

/* An answer on its way. */
struct late {
	actor_ref to;
	struct actor_msg *msg;
};

struct store_state {
	struct actor *self;
	struct model *model;
};

static struct rows *make_rows(const struct model *model, uint16_t limit)
{
	uint32_t n = model->version < limit ? (uint32_t)model->version : limit;
	struct rows *rows = rows_new(n, 1);
	struct blob *owner = blob_from_str("row");

	check(rows && owner);
	for (uint32_t i = 0; i < n; i++)
		rows->row[rows->count++] = (struct row){
			model->version - i, owner->data, owner->len,
		};
	rows_own(rows, owner);
	blob_put(owner);
	return rows;
}

static void answer_late(struct store_state *st, const struct actor_msg *msg,
			struct actor_msg *reply, uint64_t most_ns)
{
	struct late *late = malloc(sizeof(*late));

	late->to = msg->from;
	late->msg = reply;
	reply->tag = msg->tag;
	actor_timer_start(st->self, actor_random(st->self) % (most_ns + 1),
			  (uint64_t)(uintptr_t)late);
}

static void note_time(const struct store_state *st, struct model *model)
{
	uint64_t ms = actor_now_ns(st->self) / MS;

	if (ms != model->ms)
		model->reads_of_ms = 0;
	model->ms = ms;
	if (++model->reads_of_ms > model->reads_in_ms)
		model->reads_in_ms = model->reads_of_ms;
}

static void model_read(struct store_state *st, const struct actor_msg *msg)
{
	const struct store_read_msg *read = (const struct store_read_msg *)msg;
	struct model *model = st->model;
	struct store_rows_msg *reply;

	model->reads++;
	note_time(st, model);
	if (model->mute)
		return;
	reply = ACTOR_MSG_NEW(struct store_rows_msg, STORE_ROWS);
	if (model->fail_reads) {
		model->fail_reads--;
		reply->status = -EIO;
	} else {
		reply->rows = make_rows(model, read->limit);
	}
	answer_late(st, msg, &reply->head, model->delay_ns);
}

static void model_write(struct store_state *st, const struct actor_msg *msg)
{
	struct store_written_msg *reply;

	st->model->writes++;
	reply = ACTOR_MSG_NEW(struct store_written_msg, STORE_WRITTEN);
	reply->count = 1;
	st->model->version++;
	reply->head.tag = msg->tag;
	actor_send(st->self, msg->from, &reply->head);
}

static int store_start_model(struct actor *self, void *state, const void *arg)
{
	struct store_state *st = state;

	st->self = self;
	st->model = *(struct model *const *)arg;
	return actor_register(self, "store.0");
}

static int store_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	struct store_state *st = state;

	if (msg->type == STORE_PAGE || msg->type == STORE_GET) {
		model_read(st, msg);
	} else if (msg->type == STORE_APPEND) {
		model_write(st, msg);
	} else if (msg->type == ACTOR_MSG_TIMER) {
		struct late *late = (struct late *)(uintptr_t)
			((struct actor_timer_msg *)msg)->cookie;

		actor_send(self, late->to, late->msg);
		free(late);
	}
	return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
}

static const struct actor_class model_class = {
	.name = "model",
	.state_size = sizeof(struct store_state),
	.start = store_start_model,
	.handle = store_handle,
	.mailbox_limit = 65536,
};

/* --- callers -------------------------------------------------------------- */

/* What one caller sends at once, and what comes of it. */
struct script {
	uint32_t reads;
	uint16_t limit;
	uint16_t vary_limit;	/* added to it: 0 .. vary_limit - 1, in turn */
	uint32_t writes;	/* one after the other, each then read back */
	bool leave;		/* stop right after sending */
	bool write_then;	/* when the first read is answered */
	uint64_t channels;	/* the reads go to so many in turn; 0: one */
	/* outcome */
	uint32_t ok, failed, timed_out, shed, wrong;
	uint32_t acked, unknown;
	uint64_t seen;		/* highest version read */
	const void *bytes;	/* of the first row */
	uint32_t copies;	/* answers with other bytes than that */
	uint64_t errors_then;	/* told by when the last write was acked */
};

struct caller {
	struct actor *self;
	struct script *script;
	uint64_t expect;	/* version that was acknowledged to us */
};

static void send_to(struct caller *c, uint64_t channel, struct actor_msg *msg)
{
	actor_send(c->self, data_route(actor_system_of(c->self), channel),
		   msg);
}

static void send_read(struct caller *c, uint64_t channel, uint16_t limit)
{
	struct store_read_msg *msg = ACTOR_MSG_NEW(struct store_read_msg,
						   DATA_PAGE);

	msg->channel = channel;
	msg->limit = limit;
	msg->head.tag = limit;
	send_to(c, channel, &msg->head);
}

static void send_write(struct caller *c)
{
	struct store_put_msg *msg = ACTOR_MSG_NEW(struct store_put_msg,
						  DATA_APPEND);

	msg->channel = CHANNEL;
	msg->id = 1;
	msg->row = blob_from_str("row");
	send_to(c, CHANNEL, &msg->head);
}

static int caller_start(struct actor *self, void *state, const void *arg)
{
	struct caller *c = state;
	struct script *s = *(struct script *const *)arg;

	c->self = self;
	c->script = s;
	for (uint32_t i = 0; i < s->reads; i++)
		send_read(c, CHANNEL + (s->channels ? i % s->channels : 0),
			  (uint16_t)(s->limit + (s->vary_limit ?
						 i % s->vary_limit : 0)));
	if (s->writes)
		send_write(c);
	if (s->leave)
		actor_stop(self, actor_self(self));
	return 0;
}

static const struct data *the_data;

static void on_rows(struct caller *c, const struct store_rows_msg *msg)
{
	struct script *s = c->script;
	uint64_t newest = 0;

	s->timed_out += msg->status == -ETIMEDOUT;
	s->shed += msg->status == -EOVERFLOW;
	s->failed += msg->status != 0;
	if (s->write_then)
		send_write(c);
	s->write_then = false;
	s->ok += !msg->status;
	if (msg->status)
		return;
	if (msg->rows->count)
		newest = msg->rows->row[0].id;
	if (!s->bytes)
		s->bytes = msg->rows->row[0].data;
	s->copies += s->bytes != msg->rows->row[0].data;
	if (msg->rows->count > msg->head.tag || newest < c->expect ||
	    (newest >= msg->head.tag && msg->rows->count < msg->head.tag))
		s->wrong++;
	if (newest > s->seen)
		s->seen = newest;
	if (s->writes && --s->writes)
		send_write(c);
}

static void on_written(struct caller *c, const struct store_written_msg *msg,
		       const struct model *model)
{
	c->script->acked += !msg->status;
	c->script->unknown += msg->status == -ETIMEDOUT;
	if (msg->status)
		return;
	c->script->errors_then = atomic_load(&data_stats(the_data)->errors);
	/* The model's version when it was acknowledged, or later. */
	c->expect = model->version;
	send_read(c, CHANNEL, 50);
}

static struct model the_model;

static int caller_handle(struct actor *self, void *state,
			 struct actor_msg *msg)
{
	(void)self;
	if (msg->type == DATA_ROWS)
		on_rows(state, (struct store_rows_msg *)msg);
	if (msg->type == DATA_WRITTEN)
		on_written(state, (struct store_written_msg *)msg, &the_model);
	return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
}

static const struct actor_class caller_class = {
	.name = "caller",
	.state_size = sizeof(struct caller),
	.start = caller_start,
	.handle = caller_handle,
	.mailbox_limit = 65536,
};

/* --- a system -------------------------------------------------------------- */

struct world {
	struct os_env *env;
	struct actor_system *sys;
	struct data *data;
	actor_ref store;
	uint64_t now_ns;
};

static uint64_t seed;

static void run_for(struct world *w, uint64_t ns)
{
	w->now_ns += ns;
	actor_system_run(w->sys, w->now_ns, UINT64_MAX);
	/* Also where nothing happened. */
	os_sim_advance(w->env, w->now_ns);
}

static void start_store(struct world *w)
{
	struct model *model = &the_model;
	struct actor_spawn_opts opts = { .core = 1, .arg_size = sizeof(model) };

	check(!actor_system_spawn(w->sys, &model_class, &model, &opts,
				  &w->store));
	run_for(w, MS);
}

static void begin(struct world *w, const struct data_opts *data_opts)
{
	struct actor_system_opts opts = { .cores = 2 };
	struct data_opts with_shards = *data_opts;

	memset(w, 0, sizeof(*w));
	memset(&the_model, 0, sizeof(the_model));
	the_model.version = 1000;
	the_model.delay_ns = 10 * MS;
	check(!os_sim_new(seed, &w->env));
	opts.env = w->env;
	check(!actor_system_new(&opts, &w->sys));
	check(!actor_system_start(w->sys));
	w->now_ns = os_now_ns(w->env);
	start_store(w);
	with_shards.shards = 1;
	check(!data_start(w->sys, &with_shards, &w->data));
	the_data = w->data;
	run_for(w, MS);
}

static void end(struct world *w)
{
	actor_system_shutdown(w->sys, 60000);
	actor_system_free(w->sys);
	data_free(w->data);
	os_env_free(w->env);
}

static void call(struct world *w, struct script *script, int core)
{
	struct actor_spawn_opts opts = {
		.core = core, .arg_size = sizeof(script),
	};
	actor_ref ref;

	check(!actor_system_spawn(w->sys, &caller_class, &script, &opts,
				  &ref));
}

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
	{ writers_read_their_writes, "a writer reads his own writes" },
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
	{ too_many_are_shed, { .unsafe = DATA_UNSAFE_NO_CAP },
	  "without a cap any number waits" },
	{ who_leaves_disturbs_nobody, { .unsafe = DATA_UNSAFE_CALLER_OWNS },
	  "a run of the caller's ends with him" },
	{ a_herd_is_answered_in_slices, { .unsafe = DATA_UNSAFE_DELIVER_ALL },
	  "answered in one go a herd holds up the writer" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t seeds = DEFAULT_SEEDS, first_seed = 1;
static int test_number, failures;

static void report(bool ok, const char *name)
{
	failures += !ok;
	printf("%sok %d - %s\n", ok ? "" : "not ", ++test_number, name);
	fflush(stdout);
}

static bool kept_for_all_seeds(const struct guarantee *g)
{
	static const struct data_opts plain;

	for (seed = first_seed; seed < first_seed + seeds; seed++) {
		if (g->kept(&plain))
			continue;
		printf("# seed %llu\n", (unsigned long long)seed);
		return false;
	}
	return true;
}

static bool lost_for_some_seed(const struct canary *c)
{
	for (seed = first_seed; seed < first_seed + DEFAULT_SEEDS; seed++)
		if (!c->kept(&c->opts))
			return true;
	return false;
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
	printf("1..%zu\n", COUNT(guarantees) + COUNT(canaries));
	log_set_fd(-1);
	check(!store_types_register() && !data_types_register());
	for (size_t i = 0; i < COUNT(guarantees); i++)
		report(kept_for_all_seeds(&guarantees[i]), guarantees[i].name);
	for (size_t i = 0; i < COUNT(canaries); i++)
		report(lost_for_some_seed(&canaries[i]), canaries[i].name);
	return failures != 0;
}
