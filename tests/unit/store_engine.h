/* SPDX-License-Identifier: Apache-2.0 */
/* A shard's engine on a real disk, and what is asked of it. */
#ifndef UNIT_STORE_ENGINE_H
#define UNIT_STORE_ENGINE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/blob.h"
#include "base/mem.h"
#include "os/env.h"
#include "store/engine.h"

/* Small, so that every mechanism gets its turn. */
#define LOG_BYTES (8u << 20)
#define DELTA_BYTES (1u << 20)
#define CACHE_BYTES (1u << 20)
#define CHANNEL 1000

struct fixture {
	struct os_env *env;
	struct os_loop *loop;
	struct engine *e;
	struct engine_report report;
	char dir[64];
	size_t delta_bytes;
	uint32_t holes_max;
	bool due;
	bool compress;
};

static inline void wake(void *ctx)
{
	((struct fixture *)ctx)->due = true;
}

static inline void step(struct fixture *f)
{
	os_loop_run(f->loop, f->due ? 0 : UINT64_MAX);
	f->due = false;
	engine_step(f->e);
}

static inline int try_open(struct fixture *f)
{
	struct engine_opts opts = {
		.dir = f->dir,
		.shards = 1,
		.log_bytes = LOG_BYTES,
		.slot_bytes = 1u << 20,
		.delta_bytes = f->delta_bytes ? f->delta_bytes : DELTA_BYTES,
		.cache_bytes = CACHE_BYTES,
		.holes_max = f->holes_max,
		.compress = f->compress,
		.wake = wake,
		.ctx = f,
	};

	return engine_open(f->loop, &opts, &f->e, &f->report);
}

/* As a SIGKILL does: what the kernel was given ends, and nobody hears of it. */
static inline void cut_off(struct fixture *f)
{
	os_loop_cancel(f->loop);
	engine_abandon(f->e);
	f->e = NULL;
	os_loop_free(f->loop);
	assert_int_equal(os_loop_new(f->env, &f->loop), 0);
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), ".build/store_test.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(os_env_new(&f->env), 0);
	assert_int_equal(os_loop_new(f->env, &f->loop), 0);
	assert_int_equal(try_open(f), 0);
	*state = f;
	return 0;
}

static inline int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->e)
		engine_close(f->e);
	os_loop_free(f->loop);
	os_env_free(f->env);
	nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static inline void reopen(struct fixture *f)
{
	engine_close(f->e);
	f->e = NULL;
	assert_int_equal(try_open(f), 0);
	assert_false(f->report.created);
}

struct call {
	struct store_op op;
	bool done;
};

static inline void call_done(struct store_op *op)
{
	((struct call *)op)->done = true;
}

static inline void finish(struct fixture *f, struct call *call)
{
	while (!call->done)
		step(f);
}

static inline void fill_row(char *text, size_t size, uint64_t channel, uint64_t id,
		     unsigned int version)
{
	int n = snprintf(text, size, "c%llu m%llu v%u ",
			 (unsigned long long)channel, (unsigned long long)id,
			 version);

	memset(text + n, 'a' + (int)(id % 26), size - (size_t)n);
}

/* Sends a put; the row says what it is. */
static inline void send_put(struct fixture *f, struct call *call,
		     enum store_op_kind kind, uint64_t channel, uint64_t id,
		     unsigned int version)
{
	char text[300];

	fill_row(text, sizeof(text), channel, id, version);
	*call = (struct call){
		.op.kind = kind,
		.op.channel = channel,
		.op.id = id,
		.op.row = blob_new(text, sizeof(text)),
		.op.done = call_done,
	};
	engine_submit(f->e, &call->op);
}

static inline int put(struct fixture *f, enum store_op_kind kind, uint64_t channel,
	       uint64_t id, unsigned int version)
{
	struct call call;

	send_put(f, &call, kind, channel, id, version);
	finish(f, &call);
	blob_put(call.op.row);
	return call.op.status;
}

/* Appends ids first, first + step, ... as one burst. */
static inline void append_many(struct fixture *f, uint64_t channel, uint64_t first,
			uint32_t count, uint64_t by)
{
	struct call *calls = calloc(count, sizeof(*calls));

	for (uint32_t i = 0; i < count; i++)
		send_put(f, &calls[i], OP_APPEND, channel, first + i * by, 0);
	for (uint32_t i = 0; i < count; i++) {
		finish(f, &calls[i]);
		assert_int_equal(calls[i].op.status, 0);
		blob_put(calls[i].op.row);
	}
	free(calls);
}

/* Appends a row to each of so many channels, as one burst. */
static inline void append_to_each(struct fixture *f, uint32_t channels,
				  uint64_t id)
{
	struct call *calls = calloc(channels, sizeof(*calls));

	assert_non_null(calls);
	for (uint32_t i = 0; i < channels; i++)
		send_put(f, &calls[i], OP_APPEND, CHANNEL + i, id, 0);
	for (uint32_t i = 0; i < channels; i++) {
		finish(f, &calls[i]);
		assert_int_equal(calls[i].op.status, 0);
		blob_put(calls[i].op.row);
	}
	free(calls);
}

static inline uint32_t delete_ids(struct fixture *f, uint64_t channel,
			   const uint64_t *ids, uint32_t count)
{
	struct call call = {
		.op.kind = OP_DELETE,
		.op.channel = channel,
		.op.ids = ids,
		.op.id_count = count,
		.op.done = call_done,
	};

	engine_submit(f->e, &call.op);
	finish(f, &call);
	assert_int_equal(call.op.status, 0);
	return call.op.changed;
}

static inline struct rows *page(struct fixture *f, uint64_t channel,
			 enum store_dir dir, uint64_t id, uint16_t limit)
{
	struct call call = {
		.op.kind = OP_PAGE,
		.op.channel = channel,
		.op.dir = (uint16_t)dir,
		.op.id = id,
		.op.limit = limit,
		.op.done = call_done,
	};

	engine_submit(f->e, &call.op);
	finish(f, &call);
	assert_int_equal(call.op.status, 0);
	return call.op.rows;
}

/* A page's ids go from `newest` down in steps of `by`; its rows are whole. */
static inline void assert_page(struct fixture *f, enum store_dir dir, uint64_t id,
			uint16_t limit, uint64_t newest, uint32_t count,
			uint64_t by)
{
	struct rows *rows = page(f, CHANNEL, dir, id, limit);
	char text[300];

	assert_int_equal(rows->count, count);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(rows->row[i].id, newest - i * by);
		assert_int_equal(rows->row[i].size, sizeof(text));
		fill_row(text, sizeof(text), CHANNEL, rows->row[i].id, 0);
		assert_memory_equal(rows->row[i].data, text, sizeof(text));
	}
	rows_put(rows);
}

static inline int get(struct fixture *f, uint64_t id, unsigned int version)
{
	struct call call = {
		.op.kind = OP_GET,
		.op.channel = CHANNEL,
		.op.id = id,
		.op.done = call_done,
	};
	char text[300];

	engine_submit(f->e, &call.op);
	finish(f, &call);
	if (call.op.status)
		return call.op.status;
	fill_row(text, sizeof(text), CHANNEL, id, version);
	assert_memory_equal(call.op.rows->row[0].data, text, sizeof(text));
	rows_put(call.op.rows);
	return 0;
}

static inline void flush(struct fixture *f)
{
	engine_flush(f->e);
	while (!engine_quiet(f->e))
		step(f);
}

/* Nobody writes for two ticks, and what is to do then is done. */
static inline void idle(struct fixture *f)
{
	for (int i = 0; i < 2; i++) {
		engine_tick(f->e);
		do
			step(f);
		while (f->due || !engine_quiet(f->e));
	}
}

#endif
