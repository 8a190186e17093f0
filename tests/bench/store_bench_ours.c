// SPDX-License-Identifier: Apache-2.0
/*
 * Our store, by its messages: one shard on one core, a client actor beside it,
 * as a channel's actor would be.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actor/system.h"
#include "base/blob.h"
#include "base/check.h"
#include "os/env.h"
#include "proto/store.h"
#include "store/store.h"
#include "store_bench.h"

#define OPEN_TIMEOUT_MS 60000
#define TRIM_MAX 100u
#define SETTLE_MAX_S 180

enum job_kind { JOB_APPEND, JOB_LATEST, JOB_TRIM };

/* One order to the client; the caller waits for `done`. */
struct job {
	enum job_kind kind;
	const struct bench_row *rows;
	uint32_t count, answered;
	uint64_t channel;
	uint64_t from_ns, took_ns;
	uint32_t found;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done;
};

struct ours {
	struct os_env *env;
	struct actor_system *sys;
	struct store *store;
	actor_ref client;
	struct job job;
};

struct client {
	struct actor *self;
	struct ours *ours;
};

/* An order, by a type that the client would otherwise only answer with. */
#define CLIENT_GO STORE_STEP

static void job_done(struct job *job)
{
	pthread_mutex_lock(&job->lock);
	job->done = true;
	pthread_cond_signal(&job->cond);
	pthread_mutex_unlock(&job->lock);
}

static void send_page(struct client *c, uint64_t channel, uint16_t limit)
{
	struct store_read_msg *msg = ACTOR_MSG_NEW(struct store_read_msg,
						   STORE_PAGE);

	msg->channel = channel;
	msg->limit = limit;
	actor_send(c->self, store_route(actor_system_of(c->self), 0),
		   &msg->head);
}

static void send_rows(struct client *c, struct job *job)
{
	actor_ref shard = store_route(actor_system_of(c->self), 0);

	for (uint32_t i = 0; i < job->count; i++) {
		const struct bench_row *row = &job->rows[i];
		struct store_put_msg *msg =
			ACTOR_MSG_NEW(struct store_put_msg, STORE_APPEND);

		msg->channel = row->channel;
		msg->id = row->id;
		msg->row = blob_new(row->data, BENCH_ROW);
		actor_send(c->self, shard, &msg->head);
	}
}

static void on_go(struct client *c)
{
	struct job *job = &c->ours->job;

	job->from_ns = bench_now_ns();
	if (job->kind == JOB_APPEND)
		send_rows(c, job);
	else
		send_page(c, job->channel,
			  job->kind == JOB_TRIM ? TRIM_MAX : BENCH_PAGE);
}

static void send_delete(struct client *c, struct job *job,
			const struct rows *rows)
{
	struct store_delete_msg *msg = store_delete_new(STORE_DELETE,
							rows->count);

	msg->channel = job->channel;
	for (uint32_t i = 0; i < rows->count; i++)
		msg->id[i] = rows->row[i].id;
	actor_send(c->self, store_route(actor_system_of(c->self), 0),
		   &msg->head);
}

static void on_rows(struct client *c, const struct store_rows_msg *msg)
{
	struct job *job = &c->ours->job;

	check(!msg->status);
	job->found = msg->rows->count;
	job->took_ns = bench_now_ns() - job->from_ns;
	if (job->kind == JOB_TRIM && job->answered < job->count &&
	    msg->rows->count)
		send_delete(c, job, msg->rows);
	else
		job_done(job);
}

static void on_written(struct client *c, const struct store_written_msg *msg)
{
	struct job *job = &c->ours->job;

	if (msg->status)
		bench_die("append", msg->status);
	job->answered += msg->count;
	if (job->kind == JOB_TRIM) {
		send_page(c, job->channel, TRIM_MAX);
	} else if (job->answered == job->count) {
		job->took_ns = bench_now_ns() - job->from_ns;
		job_done(job);
	}
}

static int client_start(struct actor *self, void *state, const void *arg)
{
	struct client *c = state;

	c->self = self;
	c->ours = *(struct ours *const *)arg;
	return 0;
}

static int client_handle(struct actor *self, void *state,
			 struct actor_msg *msg)
{
	(void)self;
	if (msg->type == CLIENT_GO)
		on_go(state);
	else if (msg->type == STORE_ROWS)
		on_rows(state, (struct store_rows_msg *)msg);
	else if (msg->type == STORE_WRITTEN)
		on_written(state, (struct store_written_msg *)msg);
	return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
}

static const struct actor_class client_class = {
	.name = "client",
	.state_size = sizeof(struct client),
	.start = client_start,
	.handle = client_handle,
	.mailbox_limit = 65536,
};

static void *open_ours(const char *dir, bool compress)
{
	struct ours *ours = calloc(1, sizeof(*ours));
	struct actor_system_opts sys_opts = { .cores = 1 };
	struct store_opts opts = {
		.dir = dir, .shards = 1, .compress = compress,
		.cache_bytes = BENCH_CACHE,
	};
	struct actor_spawn_opts spawn = { .core = 0, .arg_size = sizeof(ours) };
	static bool registered;
	int err;

	if (!registered && store_types_register())
		bench_die("types", 1);
	registered = true;
	pthread_mutex_init(&ours->job.lock, NULL);
	pthread_cond_init(&ours->job.cond, NULL);
	err = os_env_new(&ours->env);
	sys_opts.env = ours->env;
	if (!err)
		err = actor_system_new(&sys_opts, &ours->sys);
	if (!err)
		err = actor_system_start(ours->sys);
	if (!err)
		err = store_start(ours->sys, &opts, &ours->store);
	if (!err)
		err = store_wait(ours->store, OPEN_TIMEOUT_MS);
	if (!err)
		err = actor_system_spawn(ours->sys, &client_class, &ours,
					 &spawn, &ours->client);
	if (err)
		bench_die(dir, err);
	return ours;
}

static void *open_compressed(const char *dir)
{
	return open_ours(dir, true);
}

static void *open_plain(const char *dir)
{
	return open_ours(dir, false);
}

static void close_ours(void *store)
{
	struct ours *ours = store;

	actor_system_shutdown(ours->sys, OPEN_TIMEOUT_MS);
	actor_system_free(ours->sys);
	store_free(ours->store);
	os_env_free(ours->env);
	free(ours);
}

static void run(struct ours *ours)
{
	struct job *job = &ours->job;

	job->done = false;
	job->answered = 0;
	actor_system_send(ours->sys, ours->client,
			  actor_msg_new(CLIENT_GO, sizeof(struct actor_msg)));
	pthread_mutex_lock(&job->lock);
	while (!job->done)
		pthread_cond_wait(&job->cond, &job->lock);
	pthread_mutex_unlock(&job->lock);
}

static uint64_t append(void *store, const struct bench_row *rows,
		       uint32_t count)
{
	struct ours *ours = store;

	ours->job.kind = JOB_APPEND;
	ours->job.rows = rows;
	ours->job.count = count;
	run(ours);
	return ours->job.took_ns;
}

static uint32_t latest(void *store, uint64_t channel, uint64_t *ret_ns)
{
	struct ours *ours = store;

	ours->job.kind = JOB_LATEST;
	ours->job.channel = channel;
	run(ours);
	*ret_ns = ours->job.took_ns;
	return ours->job.found;
}

static void trim(void *store, uint64_t channel, uint32_t count)
{
	struct ours *ours = store;

	ours->job.kind = JOB_TRIM;
	ours->job.channel = channel;
	ours->job.count = count;
	run(ours);
}

/* As little garbage as an idle shard leaves. */
static bool is_clean(const struct engine_stats *stats)
{
	return stats->data_used - stats->data_live <=
	       stats->data_used / 25 + 3 * ENGINE_SLOT_BYTES;
}

/* Until the disk has been left alone for two seconds, and not because it is so
 * slow that a write takes that long. */
static void settle(void *store)
{
	const struct timespec second = { .tv_sec = 1 };
	struct ours *ours = store;
	struct engine_stats stats;
	uint64_t last = 0;

	for (int calm = 0, s = 0; calm < 3 && s < SETTLE_MAX_S; s++) {
		nanosleep(&second, NULL);
		store_stats(ours->store, &stats);
		calm = stats.data_written == last && is_clean(&stats) ?
		       calm + 1 : 0;
		last = stats.data_written;
	}
}

static void explain(void *store, uint64_t rows)
{
	struct ours *ours = store;
	struct engine_stats s;

	store_stats(ours->store, &s);
	bench_progress("bytes a row: blocks %.1f, garbage %.1f, free slots "
		       "%.1f, log %.1f, index %.1f; memory: index %.0f MB, "
		       "unflushed %.0f MB, cache %.0f MB",
		       (double)s.data_live / (double)rows,
		       (double)(s.data_used - s.data_live) / (double)rows,
		       (double)(s.data_file - s.data_used) / (double)rows,
		       (double)s.log_bytes / (double)rows,
		       (double)s.index_file / (double)rows,
		       (double)s.index_bytes / 1e6, (double)s.delta_bytes / 1e6,
		       (double)s.cache_bytes / 1e6);
}

const struct bench_engine bench_ours = {
	.name = "ours-zstd",
	.open = open_compressed,
	.close = close_ours,
	.append = append,
	.latest = latest,
	.trim = trim,
	.settle = settle,
	.explain = explain,
};

const struct bench_engine bench_ours_plain = {
	.name = "ours-plain",
	.open = open_plain,
	.close = close_ours,
	.append = append,
	.latest = latest,
	.trim = trim,
	.settle = settle,
	.explain = explain,
};
