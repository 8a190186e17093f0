// SPDX-License-Identifier: Apache-2.0
/* SIGKILL in the middle of a stream of acks, again and again, one disk. */
#include <string.h>

#include "base/log.h"
#include "data/read_store.h"
#include "kill.h"
#include "os/env.h"

#define KILLS 6
#define WINDOW 64u
#define KEYS 97u

struct shard {
	struct os_env *env;
	struct os_loop *loop;
	struct read_store *store;
	struct read_report report;
	bool due;
};

struct call {
	struct read_op op;
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
	read_store_step(s->store);
}

/* The ring is small, so that checkpoints are under way at most kills. */
static int open_shard(struct shard *s, const char *dir)
{
	const struct read_store_opts opts = {
		.dir = dir, .shards = 1, .log_bytes = 256u << 10,
		.wake = wake, .ctx = s,
	};

	memset(s, 0, sizeof(*s));
	if (os_env_new(&s->env) || os_loop_new(s->env, &s->loop))
		return -1;
	return read_store_open(s->loop, &opts, &s->store, &s->report);
}

static void close_shard(struct shard *s)
{
	read_store_close(s->store);
	os_loop_free(s->loop);
	os_env_free(s->env);
}

/* Tells the parent: from here on this must be there. */
static void acknowledged(struct read_op *op)
{
	struct call *call = (struct call *)op;

	if (op->status)
		_exit(1);
	kill_acknowledged(call->pipe, op->last);
	call->busy = false;
}

/* The n-th ack is that of key n % KEYS, up to message n. */
static void child(const char *dir, uint64_t next, int pipe)
{
	static struct call calls[WINDOW];
	struct shard s;

	if (open_shard(&s, dir))
		_exit(2);
	for (uint32_t i = 0;; i = (i + 1) % WINDOW) {
		struct call *call = &calls[i];

		while (call->busy)
			step(&s);
		*call = (struct call){
			.op.kind = READ_OP_ACK, .op.user = 1 + next % KEYS,
			.op.channel = 1, .op.last = next,
			.op.done = acknowledged, .busy = true, .pipe = pipe,
		};
		next++;
		read_store_submit(s.store, &call->op);
	}
}

/* Returns the newest ack that is there. */
static uint64_t check_all(const struct shard *s, uint64_t last)
{
	uint64_t newest = 0;

	for (uint64_t key = 0; key < KEYS; key++) {
		const struct read_state *state = read_table_get(
			read_store_table(s->store), 1 + key, 1);
		/* The last one of this key up to `last`. */
		uint64_t least = last - (last + KEYS - key) % KEYS;

		assert_non_null(state);
		assert_int_equal(state->last % KEYS, key);
		assert_true(state->last >= least);
		assert_true(state->last <= last + WINDOW);
		if (state->last > newest)
			newest = state->last;
	}
	return newest;
}

static void acknowledged_states_survive_every_kill(void **state)
{
	char dir[] = ".build/read_kill_test.XXXXXX", shard_dir[64];
	uint64_t next = 1, checkpoints = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(shard_dir, sizeof(shard_dir), "%s/shard", dir);
	for (unsigned int i = 0; i < kill_lives(KILLS); i++) {
		uint64_t last = kill_live(child, shard_dir, next,
					  KILL_ACKS(i));
		struct shard s;

		assert_int_equal(open_shard(&s, shard_dir), 0);
		next = check_all(&s, last) + 1;
		checkpoints = s.report.checkpoint;
		close_shard(&s);
	}
	assert_true(checkpoints > 1);
	kill_remove_tree(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acknowledged_states_survive_every_kill),
	};

	log_set_level(LOG_WARN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
