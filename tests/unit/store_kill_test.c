// SPDX-License-Identifier: Apache-2.0
/* SIGKILL in the middle of a stream of appends, again and again, one disk. */
#include <string.h>

#include "base/blob.h"
#include "base/log.h"
#include "kill.h"
#include "os/env.h"
#include "store/engine.h"

#define KILLS 8
#define WINDOW 64u
#define CHANNELS 11u

struct shard {
	struct os_env *env;
	struct os_loop *loop;
	struct engine *e;
	struct engine_report report;
	bool due;
};

struct call {
	struct store_op op;
	bool busy;
	int pipe;
};

static void wake(void *ctx)
{
	((struct shard *)ctx)->due = true;
}

static void step(struct shard *s)
{
	os_loop_run(s->loop, s->due ? 0 : UINT64_MAX);
	s->due = false;
	engine_step(s->e);
}

static int open_shard(struct shard *s, const char *dir)
{
	struct engine_opts opts = {
		.dir = dir,
		.shards = 1,
		.log_bytes = 4u << 20,
		.slot_bytes = 1u << 20,
		.delta_bytes = 256u << 10,
		.compress = true,
		.wake = wake,
		.ctx = s,
	};

	memset(s, 0, sizeof(*s));
	if (os_env_new(&s->env) || os_loop_new(s->env, &s->loop))
		return -1;
	return engine_open(s->loop, &opts, &s->e, &s->report);
}

static void close_shard(struct shard *s)
{
	engine_close(s->e);
	os_loop_free(s->loop);
	os_env_free(s->env);
}

/* Tells the parent: from here on this row must be there. */
static void acknowledged(struct store_op *op)
{
	struct call *call = (struct call *)op;

	if (op->status)
		_exit(1);
	kill_acknowledged(call->pipe, op->id);
	blob_put(op->row);
	call->busy = false;
}

static void child(const char *dir, uint64_t next_id, int pipe)
{
	static struct call calls[WINDOW];
	struct shard s;

	if (open_shard(&s, dir))
		_exit(2);
	for (uint32_t i = 0;; i = (i + 1) % WINDOW) {
		struct call *call = &calls[i];
		char text[200];

		while (call->busy)
			step(&s);
		memset(text, 'a' + (int)(next_id % 26), sizeof(text));
		*call = (struct call){
			.op.kind = OP_APPEND,
			.op.channel = next_id % CHANNELS,
			.op.id = next_id,
			.op.row = blob_new(text, sizeof(text)),
			.op.done = acknowledged,
			.busy = true,
			.pipe = pipe,
		};
		next_id++;
		engine_submit(s.e, &call->op);
	}
}

static void page_done(struct store_op *op)
{
	((struct call *)op)->busy = false;
}

/* Walks a channel; every id it should have up to `last` is there, once. */
static uint64_t check_channel(struct shard *s, uint64_t channel, uint64_t last)
{
	uint64_t next = channel ? channel : CHANNELS, newest = 0;
	struct call call;

	for (;;) {
		call = (struct call){
			.op.kind = OP_PAGE,
			.op.channel = channel,
			.op.dir = STORE_AFTER,
			.op.id = newest,
			.op.limit = 100,
			.op.done = page_done,
			.busy = true,
		};
		engine_submit(s->e, &call.op);
		while (call.busy)
			step(s);
		assert_int_equal(call.op.status, 0);
		if (!call.op.rows->count)
			break;
		for (uint32_t i = call.op.rows->count; i-- > 0;) {
			const struct row *row = &call.op.rows->row[i];

			assert_int_equal(row->id, next);
			assert_int_equal(row->data[7], 'a' + (int)(next % 26));
			next += CHANNELS;
			newest = row->id;
		}
		rows_put(call.op.rows);
	}
	rows_put(call.op.rows);
	assert_true(next > last);
	return newest;
}

static void acknowledged_rows_survive_every_kill(void **state)
{
	char dir[] = ".build/kill_test.XXXXXX", shard_dir[64];
	uint64_t next = 1;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(shard_dir, sizeof(shard_dir), "%s/shard", dir);
	for (unsigned int i = 0; i < kill_lives(KILLS); i++) {
		uint64_t last = kill_live(child, shard_dir, next,
					  KILL_ACKS(i));
		uint64_t newest = 0;
		struct shard s;

		assert_int_equal(open_shard(&s, shard_dir), 0);
		for (uint64_t c = 0; c < CHANNELS; c++) {
			uint64_t id = check_channel(&s, c, last);

			newest = id > newest ? id : newest;
		}
		close_shard(&s);
		next = newest + 1;
	}
	kill_remove_tree(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acknowledged_rows_survive_every_kill),
	};

	log_set_level(LOG_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
