// SPDX-License-Identifier: Apache-2.0
/*
 * The supervisor of the shards.  How many there are is decided once, when the
 * store is made, and kept in the name of an empty folder, shards.N, which is
 * durable before the first shard is made.
 */
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "actor/system.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/backup_socket.h"
#include "store/shard.h"

#define MARKER "shards."
#define WAIT_STEP_NS 1000000

struct supervisor_arg {
	struct store *store;
};

const char *store_shard_dir(const char *dir, uint32_t shard, char *buf)
{
	snprintf(buf, STORE_PATH_MAX, "%s/shard-%u", dir, shard);
	return buf;
}

static int read_marker(void *ctx, const char *name)
{
	uint32_t shards;
	char end;

	if (sscanf(name, MARKER "%u%c", &shards, &end) != 1)
		return 0;
	*(uint32_t *)ctx = shards;
	return 1;
}

int store_count_shards(struct os_loop *loop, const char *dir,
		       uint32_t *ret_shards)
{
	uint32_t shards = 0;
	int err = os_dir_list(loop, dir, read_marker, &shards);

	if (err < 0)
		return err;
	if (shards > STORE_SHARDS_MAX)
		return -EBADMSG;
	*ret_shards = shards;
	return 0;
}

int store_make(struct os_loop *loop, const char *dir, uint32_t shards)
{
	char path[STORE_PATH_MAX];
	uint32_t there;
	int err = os_dir_make(loop, dir);

	if (!err)
		err = store_count_shards(loop, dir, &there);
	if (!err && there)
		err = -EEXIST;
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/" MARKER "%u", dir, shards);
	err = os_dir_make(loop, path);
	return err ? err : os_dir_sync(loop, dir);
}

/* Learns, or decides, how many shards there are. */
static int count_shards(struct actor *self, struct store *store,
			uint32_t *ret_shards)
{
	struct os_loop *loop = actor_loop(self);
	const char *dir = store->opts.dir;
	uint32_t shards;
	int err = os_dir_make(loop, dir);

	if (!err)
		err = store_count_shards(loop, dir, &shards);
	if (err)
		return err;
	if (!shards) {
		int cores = actor_system_cores(actor_system_of(self));

		shards = store->opts.shards ? store->opts.shards
					    : (uint32_t)cores;
		if (shards > STORE_SHARDS_MAX)
			shards = STORE_SHARDS_MAX;
		err = store_make(loop, dir, shards);
	}
	*ret_shards = shards;
	return err;
}

static int spawn_shards(struct actor *self, struct store *store)
{
	int cores = actor_system_cores(actor_system_of(self));
	uint32_t shards = atomic_load(&store->shards);
	int err = 0;

	for (uint32_t i = 0; i < shards && !err; i++) {
		struct shard_arg arg = { .store = store, .index = i };
		struct actor_spawn_opts opts = {
			.core = (int)(i % (uint32_t)cores),
			.restart = ACTOR_RESTART_ON_ERROR,
			.arg_size = sizeof(arg),
		};
		actor_ref ref;

		err = actor_spawn(self, &shard_class, &arg, &opts, &ref);
	}
	return err;
}

/* Its failure is its own: it has been logged. */
static void spawn_backup_socket(struct actor *self, struct store *store)
{
	struct actor_spawn_opts opts = { .core = 0, .arg_size = sizeof(store) };
	actor_ref ref;

	(void)actor_spawn(self, &backup_socket_class, &store, &opts, &ref);
}

static int supervisor_start(struct actor *self, void *state, const void *arg)
{
	struct store *store = ((const struct supervisor_arg *)arg)->store;
	uint32_t shards = 0;
	int none = 0, err;

	*(struct store **)state = store;
	err = count_shards(self, store, &shards);
	if (!err) {
		atomic_store(&store->shards, shards);
		err = spawn_shards(self, store);
	}
	if (!err && store->opts.backup_socket)
		spawn_backup_socket(self, store);
	if (err)
		atomic_compare_exchange_strong(&store->error, &none, err);
	return err;
}

/* Without it a part of all channels cannot be read: whoever started us is to
 * know, and may start all anew. */
static int shard_gave_up(struct store *store, int reason)
{
	int none = 0;

	reason = reason < 0 ? reason : -EIO;
	log_error("store", "shard_gave_up", "error=%d", -reason);
	atomic_compare_exchange_strong(&store->error, &none, reason);
	return reason;
}

static int supervisor_handle(struct actor *self, void *state,
			     struct actor_msg *msg)
{
	const struct actor_down_msg *down =
		container_of(msg, struct actor_down_msg, head);

	(void)self;
	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	if (msg->type != ACTOR_MSG_EXIT ||
	    strcmp(down->class_name, shard_class.name))
		return 0;
	return shard_gave_up(*(struct store **)state, down->reason);
}

static const struct actor_class supervisor_class = {
	.name = "store",
	.state_size = sizeof(struct store *),
	.start = supervisor_start,
	.handle = supervisor_handle,
};

static struct store *store_new(const struct store_opts *opts)
{
	struct store *store = mem_zalloc(sizeof(*store));

	if (!store)
		return NULL;
	store->opts = *opts;
	store->opts.dir = mem_strdup(opts->dir);
	if (!store->opts.dir) {
		mem_free(store);
		return NULL;
	}
	for (int i = 0; i < STORE_SHARDS_MAX; i++)
		pthread_mutex_init(&store->board[i].lock, NULL);
	return store;
}

void store_free(struct store *store)
{
	if (!store)
		return;
	for (int i = 0; i < STORE_SHARDS_MAX; i++)
		pthread_mutex_destroy(&store->board[i].lock);
	mem_free((char *)store->opts.dir);
	mem_free(store);
}

int store_start(struct actor_system *sys, const struct store_opts *opts,
		struct store **ret_store)
{
	struct store *store = store_new(opts);
	struct supervisor_arg arg = { .store = store };
	struct actor_spawn_opts spawn_opts = { .arg_size = sizeof(arg) };
	actor_ref ref;
	int err;

	if (!store)
		return -ENOMEM;
	err = actor_system_spawn(sys, &supervisor_class, &arg, &spawn_opts,
				 &ref);
	if (err) {
		store_free(store);
		return err;
	}
	*ret_store = store;
	return 0;
}

int store_state(const struct store *store)
{
	int err = atomic_load(&store->error);
	uint32_t shards = atomic_load(&store->shards);

	if (err)
		return err;
	return shards && atomic_load(&store->up) == shards ? 0 : -EAGAIN;
}

int store_wait(const struct store *store, uint32_t timeout_ms)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_NS };
	int err = store_state(store);

	for (uint32_t ms = 0; err == -EAGAIN; ms++) {
		if (ms == timeout_ms)
			return -ETIMEDOUT;
		nanosleep(&step, NULL);
		err = store_state(store);
	}
	return err;
}

uint32_t store_shards(const struct store *store)
{
	return atomic_load(&store->shards);
}

/* struct engine_stats is nothing but counters. */
static void add_fields(uint64_t *sum, const uint64_t *add, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sum[i] += add[i];
}

void store_report(const struct store *store, struct engine_report *ret_sum)
{
	struct engine_report sum = { 0 };

	for (uint32_t i = 0; i < store_shards(store); i++) {
		const struct engine_report *one = &store->board[i].report;

		sum.partitions += one->partitions;
		sum.blocks += one->blocks;
		sum.rows += one->rows;
		sum.replayed += one->replayed;
		sum.frames += one->frames;
		sum.created |= one->created;
		sum.torn_tail |= one->torn_tail;
	}
	*ret_sum = sum;
}

void store_stats(struct store *store, struct engine_stats *ret_sum)
{
	struct engine_stats sum = { 0 };

	static_assert(sizeof(sum) % sizeof(uint64_t) == 0, "all counters");
	for (uint32_t i = 0; i < store_shards(store); i++) {
		struct shard_board *board = &store->board[i];

		pthread_mutex_lock(&board->lock);
		add_fields((uint64_t *)&sum, (const uint64_t *)&board->stats,
			   sizeof(sum) / sizeof(uint64_t));
		pthread_mutex_unlock(&board->lock);
	}
	*ret_sum = sum;
}
