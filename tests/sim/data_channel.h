/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world of data_channel_sim.c: a store that is a model, which answers late,
 * in any order, wrongly or not at all, as told, and counts what it is asked;
 * and callers, each with a script.
 */
#ifndef TESTS_DATA_CHANNEL_H
#define TESTS_DATA_CHANNEL_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor/system.h"
#include "base/blob.h"
#include "base/check.h"
#include "data/data.h"
#include "os/sim.h"
#include "proto/data.h"

#include "late.h"

#define CHANNEL 4242u
#define MS 1000000ull
#define SECOND (1000 * MS)

/* The model: CHANNEL has rows 1 .. version. */
struct model {
	uint64_t version;
	uint32_t reads, writes;
	uint32_t fail_reads;		/* so many more fail with -EIO */
	uint32_t doubt_writes;		/* so many more are done: -ETIMEDOUT */
	bool mute;			/* answers no read */
	uint32_t reads_in_ms;		/* most that came in one ms */
	uint64_t ms;			/* the last one in which any came */
	uint32_t reads_of_ms;
	uint64_t delay_ns;		/* of a read's answer at most */
	uint64_t write_ns;		/* what a write takes */
};

struct store_state {
	struct actor *self;
	struct model *model;
};

#define ROW_TEXT_MAX 64

/* A row's bytes: what was asked for, but the limit. */
static void row_text(char *to, bool is_get, uint32_t space, uint16_t dir,
		     uint64_t id)
{
	snprintf(to, ROW_TEXT_MAX, "get=%d space=%u dir=%u id=%llu", is_get,
		 space, dir, (unsigned long long)id);
}

/* The newest row of a page, of which there are all that are asked for. */
static uint64_t first_row(const struct model *model, uint16_t dir, uint64_t id,
			  uint16_t limit)
{
	if (dir == STORE_AFTER)
		return id + limit;
	if (dir == STORE_AROUND)
		return id + limit / 2;
	return id ? id - 1 : model->version;
}

static struct rows *make_rows(const struct model *model,
			      const struct store_read_msg *read)
{
	bool is_get = read->head.type == STORE_GET;
	uint16_t limit = is_get ? 1 : read->limit;
	uint64_t first = is_get ? read->id : first_row(model, read->dir,
						       read->id, limit);
	uint32_t n = first < limit ? (uint32_t)first : limit;
	struct rows *rows = rows_new(n, 1);
	char text[ROW_TEXT_MAX];
	struct blob *owner;

	row_text(text, is_get, read->space, read->dir, read->id);
	owner = blob_from_str(text);
	check(rows && owner);
	for (uint32_t i = 0; i < n; i++)
		rows->row[rows->count++] = (struct row){
			first - i, owner->data, owner->len,
		};
	rows_own(rows, owner);
	blob_put(owner);
	return rows;
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
		reply->rows = make_rows(model, read);
	}
	late_answer(st->self, msg, &reply->head,
		    actor_random(st->self) % (model->delay_ns + 1));
}

static void model_write(struct store_state *st, const struct actor_msg *msg)
{
	struct store_written_msg *reply;

	st->model->writes++;
	reply = ACTOR_MSG_NEW(struct store_written_msg, STORE_WRITTEN);
	reply->count = 1;
	st->model->version++;
	if (st->model->doubt_writes) {
		st->model->doubt_writes--;
		reply->status = -ETIMEDOUT;
	}
	if (st->model->write_ns) {
		late_answer(st->self, msg, &reply->head, st->model->write_ns);
		return;
	}
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
		late_send(self, msg);
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
	uint32_t more_writes;	/* all at once */
	bool leave;		/* stop right after sending */
	bool write_then;	/* when the first read is answered */
	bool get;		/* the reads are of one row, not of a page */
	uint32_t space;		/* of the reads, as are these */
	uint16_t dir;
	uint64_t id;
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
						   c->script->get ? DATA_GET :
								    DATA_PAGE);

	msg->channel = channel;
	msg->space = c->script->space;
	msg->dir = c->script->dir;
	msg->id = c->script->id;
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
	for (uint32_t i = 0; i < s->more_writes; i++)
		send_write(c);
	if (s->leave)
		actor_stop(self, actor_self(self));
	return 0;
}

static const struct data *the_data;

/* The rows are neighbours, and it is those next to where it begins. */
static bool is_page_of(const struct script *s, uint16_t limit,
		       const struct rows *rows)
{
	uint64_t first = s->get ? s->id :
				  first_row(NULL, s->dir, s->id, limit);

	for (uint32_t i = 0; i < rows->count; i++)
		if (rows->row[i].id != first - i)
			return false;
	return rows->count == limit;
}

static bool is_what_was_asked(const struct script *s, const struct rows *rows)
{
	char text[ROW_TEXT_MAX];

	row_text(text, s->get, s->space, s->dir, s->id);
	for (uint32_t i = 0; i < rows->count; i++)
		if (rows->row[i].size != strlen(text) ||
		    memcmp(rows->row[i].data, text, strlen(text)))
			return false;
	return true;
}

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
	if (msg->rows->count) {
		newest = msg->rows->row[0].id;
		if (!s->bytes)
			s->bytes = msg->rows->row[0].data;
		s->copies += s->bytes != msg->rows->row[0].data;
	}
	if (!is_what_was_asked(s, msg->rows) ||
	    (s->id && !is_page_of(s, (uint16_t)msg->head.tag, msg->rows)) ||
	    msg->rows->count > msg->head.tag || newest < c->expect ||
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
	c->script->shed += msg->status == -EOVERFLOW;
	if (msg->status && msg->status != -ETIMEDOUT)
		return;
	c->script->errors_then = atomic_load(&data_stats(the_data)->errors);
	/* The model's version when it was acknowledged, or later.  Who does
	 * not know what became of it finds out. */
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

#endif
