// SPDX-License-Identifier: Apache-2.0
/*
 * A copy of a store that is open: one client edits rows as fast as it can, so
 * that blocks are rewritten and their places filled anew all the time, and
 * the copy must still be what there was when it began.
 */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "actor/system.h"
#include "base/blob.h"
#include "base/unix_socket.h"
#include "os/env.h"
#include "proto/store.h"
#include "store/backup_socket.h"
#include "store/store.h"
#include "store/tool.h"
#include "store/tool_live.h"

#define SHARDS 2u
#define CHANNELS 8u
#define ROWS 1600u
#define ROW_BYTES 1500u
#define OUTSTANDING 64u
#define DEADLINE_S 60
/* Edits that must happen while the copy is read. */
#define EDITS_MEANWHILE (6u * ROWS)
#define PATIENCE_MS 500

/* Row i is edited i, i + ROWS, ...: its version says how often. */
static atomic_uint sent, acked, failed;
static atomic_bool stop_editing;
static uint32_t patience_ms;		/* 0: as chatd has it */

static uint64_t channel_of(uint32_t i)
{
	return 1 + i % CHANNELS;
}

static void send_next(struct actor *self)
{
	uint32_t n = atomic_fetch_add(&sent, 1), i = n % ROWS;
	uint32_t version = n / ROWS;
	struct store_put_msg *msg = ACTOR_MSG_NEW(struct store_put_msg,
						  version ? STORE_EDIT
							  : STORE_APPEND);

	msg->channel = channel_of(i);
	msg->id = i + 1;
	msg->row = blob_new(NULL, ROW_BYTES);
	/* Hardly to be compressed: it has to take space. */
	for (uint32_t at = 0; at < ROW_BYTES; at += 4)
		memcpy(msg->row->data + at, &(uint32_t){ (n + at) *
		       2654435761u }, 4);
	memcpy(msg->row->data, &version, sizeof(version));
	actor_send(self, store_route(actor_system_of(self),
				     store_shard_of(msg->channel, SHARDS)),
		   &msg->head);
}

static int client_start(struct actor *self, void *state, const void *arg)
{
	(void)state;
	(void)arg;
	for (uint32_t i = 0; i < OUTSTANDING; i++)
		send_next(self);
	return 0;
}

static int client_handle(struct actor *self, void *state,
			 struct actor_msg *msg)
{
	(void)state;
	if (msg->type == STORE_WRITTEN) {
		if (container_of(msg, struct store_written_msg, head)->status)
			atomic_fetch_add(&failed, 1);
		atomic_fetch_add(&acked, 1);
		if (!atomic_load(&stop_editing))
			send_next(self);
	}
	return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
}

static const struct actor_class client_class = {
	.name = "client",
	.start = client_start,
	.handle = client_handle,
};

struct fixture {
	struct os_env *env;
	struct os_loop *loop;
	struct actor_system *sys;
	struct store *store;
	char dir[64], path[96], copy[96];
	uint32_t from;			/* acked when the copy began */
	uint32_t met, too_old, too_new;
	uint32_t version[ROWS];
};

static void start(struct fixture *f)
{
	struct actor_system_opts sys_opts = { .env = f->env, .cores = 2 };
	struct store_opts opts = {
		.dir = f->path, .shards = SHARDS, .log_bytes = 1u << 20,
		.slot_bytes = 256u << 10, .backup_socket = true,
		.backup_patience_ms = patience_ms,
	};
	actor_ref ref;

	assert_int_equal(actor_system_new(&sys_opts, &f->sys), 0);
	assert_int_equal(actor_system_start(f->sys), 0);
	assert_int_equal(store_start(f->sys, &opts, &f->store), 0);
	assert_int_equal(store_wait(f->store, 20000), 0);
	assert_int_equal(actor_system_spawn(f->sys, &client_class, NULL,
			&(struct actor_spawn_opts){ .core = 0 }, &ref), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	atomic_store(&sent, 0);
	atomic_store(&acked, 0);
	atomic_store(&failed, 0);
	atomic_store(&stop_editing, false);
	snprintf(f->dir, sizeof(f->dir), ".build/backup_test.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/messages", f->dir);
	snprintf(f->copy, sizeof(f->copy), "%s/copy", f->dir);
	assert_int_equal(os_env_new(&f->env), 0);
	assert_int_equal(os_loop_new(f->env, &f->loop), 0);
	start(f);
	*state = f;
	return 0;
}

static int setup_impatient(void **state)
{
	int ret;

	patience_ms = PATIENCE_MS;
	ret = setup(state);
	patience_ms = 0;
	return ret;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void halt(struct fixture *f)
{
	atomic_store(&stop_editing, true);
	assert_int_equal(actor_system_shutdown(f->sys, 20000), 0);
	actor_system_free(f->sys);
	store_free(f->store);
	f->sys = NULL;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->sys)
		halt(f);
	os_loop_free(f->loop);
	os_env_free(f->env);
	nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static void wait_for_acks(uint32_t count)
{
	time_t until = time(NULL) + DEADLINE_S;

	while (atomic_load(&acked) < count) {
		assert_true(time(NULL) < until);
		usleep(500);
	}
}

/* Meets a row of the copy, slowly: the store is to change a lot meanwhile. */
static int meet(void *ctx, uint64_t channel, uint8_t space,
		const struct row *row)
{
	struct fixture *f = ctx;
	uint32_t version, i = (uint32_t)row->id - 1;
	/* How often the row had been edited, and that was acknowledged, when
	 * the copy began; those on the way are acknowledged in any order. */
	uint32_t least = f->from > OUTSTANDING + i ?
			 (f->from - OUTSTANDING - i) / ROWS : 0;

	assert_int_equal(space, 0);
	assert_true(i < ROWS && channel == channel_of(i));
	assert_int_equal(row->size, ROW_BYTES);
	memcpy(&version, row->data, sizeof(version));
	f->version[i] = version;
	f->too_old += version + 1 < least;
	f->too_new += version > atomic_load(&sent) / ROWS;
	f->met++;
	wait_for_acks(f->from + (uint32_t)((uint64_t)f->met *
					   EDITS_MEANWHILE / ROWS));
	return 0;
}

struct range {
	uint32_t low, high;
};

static void widen(struct range *range, uint32_t version)
{
	range->low = version < range->low ? version : range->low;
	range->high = version > range->high ? version : range->high;
}

/*
 * One client, rows in turn; a channel takes them in that order, so of one moment
 * are versions that differ by one.  One channel may be behind, by as many rows
 * as it takes until it has all that are outstanding: fewer than there are, but
 * the others may have begun a version more.  Each shard has a moment of its own.
 */
static void assert_one_moment(const struct fixture *f)
{
	struct range channels[CHANNELS], shards[SHARDS];

	_Static_assert(OUTSTANDING * CHANNELS < ROWS, "by two at most");
	memset(channels, 0, sizeof(channels));
	memset(shards, 0, sizeof(shards));
	for (uint32_t i = 0; i < CHANNELS; i++)
		channels[i].low = UINT32_MAX;
	for (uint32_t i = 0; i < SHARDS; i++)
		shards[i].low = UINT32_MAX;
	for (uint32_t i = 0; i < ROWS; i++) {
		widen(&channels[i % CHANNELS], f->version[i]);
		widen(&shards[store_shard_of(channel_of(i), SHARDS)],
		      f->version[i]);
	}
	for (uint32_t i = 0; i < CHANNELS; i++)
		assert_true(channels[i].high - channels[i].low <= 1);
	for (uint32_t i = 0; i < SHARDS; i++)
		assert_true(shards[i].high - shards[i].low <= 2);
}

static void an_open_store_is_copied_as_of_one_moment(void **state)
{
	struct fixture *f = *state;
	struct tool_live *live;
	struct tool_sum sum;

	wait_for_acks(3 * ROWS);
	f->from = atomic_load(&acked);
	assert_int_equal(tool_live_open(f->path, SHARDS, f->copy, &live), 0);
	assert_int_equal(tool_walk_at(f->loop, f->copy, tool_live_ends(live),
				      stderr, meet, f, &sum), 0);
	assert_int_equal(tool_live_close(live), 0);
	assert_int_equal(atomic_load(&failed), 0);
	assert_int_equal(sum.damaged_blocks, 0);
	assert_int_equal(f->met, ROWS);
	assert_int_equal(f->too_old, 0);
	assert_int_equal(f->too_new, 0);
	assert_one_moment(f);
	assert_int_equal(access(f->copy, F_OK), -1);
}

/* A connection by hand that has heard "held ..."; -1: it was hung up on. */
static int held_by(const struct fixture *f)
{
	char path[128], c = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", f->path, BACKUP_SOCKET_NAME);
	assert_int_equal(unix_connect(path, 0, &fd), 0);
	while (c != '\n')
		if (read(fd, &c, 1) != 1) {
			close(fd);
			return -1;
		}
	return fd;
}

/* And another one can follow. */
static void a_client_that_dies_lets_go(void **state)
{
	struct fixture *f = *state;
	int fd = held_by(f);
	struct tool_live *live;

	assert_true(fd >= 0);
	close(fd);
	/* With everything held the log would soon be full. */
	wait_for_acks(atomic_load(&acked) + 3 * ROWS);
	assert_int_equal(tool_live_open(f->path, SHARDS, f->copy, &live), 0);
	assert_int_equal(tool_live_close(live), 0);
	assert_int_equal(atomic_load(&failed), 0);
}

static void a_client_that_says_nothing_loses_its_place(void **state)
{
	const struct fixture *f = *state;
	time_t until = time(NULL) + DEADLINE_S;
	int silent = held_by(f), next = -1;
	char c;

	assert_true(silent >= 0);
	for (; next < 0 && time(NULL) < until; usleep(10000))
		next = held_by(f);
	assert_true(next >= 0);
	assert_int_equal(read(silent, &c, 1), 0);
	close(silent);
	close(next);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void a_client_that_is_still_at_it_keeps_its_place(void **state)
{
	const struct fixture *f = *state;
	uint64_t start = now_ms(), last = start, longest = 0;
	int fd = held_by(f);
	char c;

	assert_true(fd >= 0);
	while (now_ms() - start < 3 * PATIENCE_MS) {
		uint64_t now = now_ms();

		longest = now - last > longest ? now - last : longest;
		last = now;
		/* Unless the machine stood still. */
		assert_true(send(fd, "still\n", 6, MSG_NOSIGNAL) == 6 ||
			    longest > PATIENCE_MS / 2);
		usleep(10000);
	}
	assert_true(recv(fd, &c, 1, MSG_DONTWAIT) < 0 ||
		    longest > PATIENCE_MS / 2);
	close(fd);
}

static void without_chatd_there_is_nobody_to_ask(void **state)
{
	struct fixture *f = *state;
	struct tool_live *live;

	halt(f);
	assert_int_equal(tool_live_open(f->path, SHARDS, f->copy, &live),
			 -ECONNREFUSED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define IMPATIENT(name) \
	cmocka_unit_test_setup_teardown(name, setup_impatient, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_open_store_is_copied_as_of_one_moment),
		TEST(a_client_that_dies_lets_go),
		IMPATIENT(a_client_that_says_nothing_loses_its_place),
		IMPATIENT(a_client_that_is_still_at_it_keeps_its_place),
		TEST(without_chatd_there_is_nobody_to_ask),
	};

	if (store_types_register())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
