// SPDX-License-Identifier: Apache-2.0
/* The store behind its messages: real cores, real disk. */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "actor/system.h"
#include "base/blob.h"
#include "base/buf.h"
#include "base/check.h"
#include "os/env.h"
#include "proto/store.h"
#include "store/store.h"

#define ROWS 2000u
#define CHANNELS 7u
#define DEADLINE_S 60

/* Written by the client, read by the test when `done` says so. */
struct outcome {
	atomic_bool done;
	uint32_t written, pages, failed, out_of_order;
	uint64_t newest[CHANNELS];
	uint32_t counts[CHANNELS];
};

struct client_arg {
	struct outcome *outcome;
	uint32_t shards;
	bool write;
};

struct client {
	struct client_arg arg;
	uint64_t last_tag[CHANNELS];
};

static actor_ref shard_of(struct actor *self, struct client *client,
			  uint64_t channel)
{
	return store_route(actor_system_of(self),
			   store_shard_of(channel, client->arg.shards));
}

static void send_row(struct actor *self, struct client *client, uint64_t id)
{
	struct store_put_msg *msg = ACTOR_MSG_NEW(struct store_put_msg,
						  STORE_APPEND);
	char text[64];

	snprintf(text, sizeof(text), "row %llu", (unsigned long long)id);
	msg->channel = id % CHANNELS;
	msg->id = id;
	msg->row = blob_from_str(text);
	msg->head.tag = id;
	actor_send(self, shard_of(self, client, msg->channel), &msg->head);
}

static void send_page(struct actor *self, struct client *client,
		      uint64_t channel)
{
	struct store_read_msg *msg = ACTOR_MSG_NEW(struct store_read_msg,
						   STORE_PAGE);

	msg->channel = channel;
	msg->limit = 100;
	msg->head.tag = channel;
	actor_send(self, shard_of(self, client, channel), &msg->head);
}

static void read_all(struct actor *self, struct client *client)
{
	for (uint64_t channel = 0; channel < CHANNELS; channel++)
		send_page(self, client, channel);
}

static int client_start(struct actor *self, void *state, const void *arg)
{
	struct client *client = state;

	client->arg = *(const struct client_arg *)arg;
	for (uint64_t id = 1; client->arg.write && id <= ROWS; id++)
		send_row(self, client, id);
	if (!client->arg.write)
		read_all(self, client);
	return 0;
}

static void on_written(struct actor *self, struct client *client,
		       const struct store_written_msg *msg)
{
	struct outcome *outcome = client->arg.outcome;
	uint64_t *last = &client->last_tag[msg->head.tag % CHANNELS];

	outcome->failed += msg->status != 0;
	outcome->out_of_order += msg->head.tag < *last;
	*last = msg->head.tag;
	if (++outcome->written == ROWS)
		read_all(self, client);
}

static void on_rows(struct client *client, const struct store_rows_msg *msg)
{
	struct outcome *outcome = client->arg.outcome;
	uint64_t channel = msg->head.tag;

	outcome->failed += msg->status != 0;
	if (!msg->status) {
		outcome->counts[channel] = msg->rows->count;
		outcome->newest[channel] = msg->rows->row[0].id;
	}
	if (++outcome->pages == CHANNELS)
		atomic_store(&outcome->done, true);
}

static int client_handle(struct actor *self, void *state,
			 struct actor_msg *msg)
{
	if (msg->type == STORE_WRITTEN)
		on_written(self, state, container_of(msg,
				struct store_written_msg, head));
	if (msg->type == STORE_ROWS)
		on_rows(state, container_of(msg, struct store_rows_msg, head));
	return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
}

static const struct actor_class client_class = {
	.name = "client",
	.state_size = sizeof(struct client),
	.start = client_start,
	.handle = client_handle,
	.mailbox_limit = 2 * ROWS,
};

struct fixture {
	struct os_env *env;
	struct actor_system *sys;
	struct store *store;
	atomic_int ended;	/* why the store has */
	char dir[64];
};

static void on_ended(void *ctx, const char *class_name, int reason)
{
	struct fixture *f = ctx;

	if (!strcmp(class_name, "store"))
		atomic_store(&f->ended, reason);
}

static void start(struct fixture *f)
{
	struct actor_system_opts sys_opts = {
		.env = f->env, .cores = 2, .ended = on_ended, .ended_ctx = f,
	};
	struct store_opts opts = {
		.dir = f->dir, .shards = 3, .log_bytes = 8u << 20,
		.backup_socket = true,
	};

	assert_int_equal(actor_system_new(&sys_opts, &f->sys), 0);
	assert_int_equal(actor_system_start(f->sys), 0);
	assert_int_equal(store_start(f->sys, &opts, &f->store), 0);
}

static void stop(struct fixture *f)
{
	assert_int_equal(actor_system_shutdown(f->sys, 20000), 0);
	actor_system_free(f->sys);
	store_free(f->store);
	f->sys = NULL;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), ".build/shard_test.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(os_env_new(&f->env), 0);
	start(f);
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->sys)
		stop(f);
	os_env_free(f->env);
	nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static void run_client(struct fixture *f, struct outcome *outcome, bool write)
{
	struct client_arg arg = {
		.outcome = outcome,
		.shards = store_shards(f->store),
		.write = write,
	};
	struct actor_spawn_opts opts = { .core = 0, .arg_size = sizeof(arg) };
	time_t until = time(NULL) + DEADLINE_S;
	actor_ref ref;

	memset(outcome, 0, sizeof(*outcome));
	assert_int_equal(actor_system_spawn(f->sys, &client_class, &arg, &opts,
					    &ref), 0);
	while (!atomic_load(&outcome->done)) {
		assert_true(time(NULL) < until);
		usleep(1000);
	}
	assert_int_equal(outcome->failed, 0);
	for (uint64_t c = 0; c < CHANNELS; c++) {
		uint64_t last = ROWS - (ROWS - c) % CHANNELS;

		assert_int_equal(outcome->counts[c], 100);
		assert_int_equal(outcome->newest[c], last);
	}
}

static void rows_are_acknowledged_in_order_and_read_back(void **state)
{
	struct fixture *f = *state;
	struct outcome outcome;

	assert_int_equal(store_wait(f->store, 20000), 0);
	assert_int_equal(store_shards(f->store), 3);
	run_client(f, &outcome, true);
	assert_int_equal(outcome.written, ROWS);
	assert_int_equal(outcome.out_of_order, 0);
}

static void metrics_say_what_was_written(void **state)
{
	struct fixture *f = *state;
	time_t until = time(NULL) + DEADLINE_S;
	struct outcome outcome;
	struct buf out = BUF_INIT;

	assert_int_equal(store_wait(f->store, 20000), 0);
	run_client(f, &outcome, true);
	/* They are a second old. */
	do {
		assert_true(time(NULL) < until);
		usleep(1000);
		buf_reset(&out);
		store_metrics(f->store, &out);
	} while (!strstr(buf_str(&out), "\nchatd_store_appended_total 2000\n"));
	assert_non_null(strstr(buf_str(&out), "\nchatd_store_shards_up 3\n"));
	assert_null(strstr(buf_str(&out),
			   "\nchatd_store_commit_seconds_count 0\n"));
	buf_fini(&out);
}

static void a_restart_finds_every_shard_again(void **state)
{
	struct fixture *f = *state;
	struct engine_report report;
	struct outcome outcome;

	assert_int_equal(store_wait(f->store, 20000), 0);
	run_client(f, &outcome, true);
	stop(f);
	start(f);
	assert_int_equal(store_wait(f->store, 20000), 0);
	store_report(f->store, &report);
	assert_int_equal(report.rows, ROWS);
	assert_false(report.created);
	run_client(f, &outcome, false);
}

static void a_shard_that_is_gone_ends_the_store(void **state)
{
	struct fixture *f = *state;
	time_t until = time(NULL) + DEADLINE_S;

	assert_int_equal(store_wait(f->store, 20000), 0);
	assert_int_equal(actor_system_stop(f->sys, store_route(f->sys, 1)), 0);
	while (!atomic_load(&f->ended)) {
		assert_true(time(NULL) < until);
		usleep(1000);
	}
	assert_int_equal(atomic_load(&f->ended), -EIO);
	assert_int_equal(store_state(f->store), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			rows_are_acknowledged_in_order_and_read_back, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			metrics_say_what_was_written, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_restart_finds_every_shard_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_shard_that_is_gone_ends_the_store, setup, teardown),
	};

	if (store_types_register())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
