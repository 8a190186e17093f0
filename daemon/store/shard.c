// SPDX-License-Identifier: Apache-2.0
#include "store/shard.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "proto/wire.h"

#define TICK_NS 100000000u
#define TICKS_PER_STATS 10u
#define SHARD_MAILBOX 65536u
/* Requests' memory that is kept for the next ones. */
#define SPARE_CALLS 1024u

struct shard {
	struct actor *self;
	struct store *store;
	struct engine *e;
	uint32_t index;
	uint32_t ticks;
	bool handling;	/* so that a wake-up need not be a message */
	bool due;	/* engine_step() is to run after this batch */
	bool told;	/* a STORE_STEP is in the mailbox */
	struct actor_msg *hold;	/* taken; to be answered when it is so */
	struct list spare;	/* struct call, by op.node */
	uint32_t spare_count;
};

/* A request being worked on. */
struct call {
	struct store_op op;
	struct shard *shard;
	struct actor_msg *msg;	/* taken */
};

static struct call *call_new(struct shard *shard)
{
	struct list *node = list_pop(&shard->spare);
	struct call *call;

	if (!node)
		return mem_zalloc(sizeof(*call));
	shard->spare_count--;
	call = list_entry(node, struct call, op.node);
	memset(call, 0, sizeof(*call));
	return call;
}

static void call_free(struct call *call)
{
	struct shard *shard = call->shard;

	if (shard->spare_count >= SPARE_CALLS) {
		mem_free(call);
		return;
	}
	/* What was used last is still in the processor's cache. */
	list_push_front(&shard->spare, &call->op.node);
	shard->spare_count++;
}

static void free_spare(struct shard *shard)
{
	struct list *node;

	while ((node = list_pop(&shard->spare)))
		mem_free(list_entry(node, struct call, op.node));
}

/* From the loop's callbacks and from the engine's own calls. */
static void wake(void *ctx)
{
	struct shard *shard = ctx;
	struct actor_msg *msg;

	shard->due = true;
	if (shard->handling || shard->told)
		return;
	msg = actor_msg_new(STORE_STEP, sizeof(*msg));
	/* What is lost here the next tick makes up for. */
	shard->told = msg && !actor_system_send(actor_system_of(shard->self),
						actor_self(shard->self), msg);
}

static void answer_written(struct call *call)
{
	struct store_written_msg *reply;

	reply = ACTOR_MSG_NEW(struct store_written_msg, STORE_WRITTEN);
	if (!reply)
		return;
	reply->status = call->op.status;
	reply->count = call->op.changed;
	actor_reply(call->shard->self, call->msg, &reply->head);
}

static void answer_rows(struct call *call)
{
	struct store_rows_msg *reply;

	reply = ACTOR_MSG_NEW(struct store_rows_msg, STORE_ROWS);
	if (!reply) {
		rows_put(call->op.rows);
		return;
	}
	reply->status = call->op.status;
	reply->rows = call->op.rows;
	actor_reply(call->shard->self, call->msg, &reply->head);
}

static void call_done(struct store_op *op)
{
	struct call *call = container_of(op, struct call, op);

	if (op->kind == OP_GET || op->kind == OP_PAGE)
		answer_rows(call);
	else
		answer_written(call);
	actor_msg_free(call->msg);
	call_free(call);
}

static void from_put(struct call *call, enum store_op_kind kind)
{
	struct store_put_msg *msg = container_of(call->msg,
						 struct store_put_msg, head);

	call->op.kind = kind;
	call->op.channel = msg->channel;
	call->op.space = (uint8_t)msg->space;
	call->op.id = msg->id;
	call->op.row = msg->row;
}

static void from_delete(struct call *call)
{
	struct store_delete_msg *msg = container_of(call->msg,
						    struct store_delete_msg,
						    head);

	call->op.kind = OP_DELETE;
	call->op.channel = msg->channel;
	call->op.space = (uint8_t)msg->space;
	call->op.ids = msg->id;
	call->op.id_count = msg->count;
}

static void from_read(struct call *call, enum store_op_kind kind)
{
	struct store_read_msg *msg = container_of(call->msg,
						  struct store_read_msg, head);

	call->op.kind = kind;
	call->op.channel = msg->channel;
	call->op.space = (uint8_t)msg->space;
	call->op.id = msg->id;
	call->op.dir = msg->dir;
	call->op.limit = msg->limit < STORE_PAGE_MAX ? msg->limit
						     : STORE_PAGE_MAX;
}

static int serve(struct shard *shard, struct actor_msg *msg)
{
	struct call *call = call_new(shard);

	if (!call)
		return -ENOMEM;
	actor_msg_take(shard->self, msg);
	call->shard = shard;
	call->msg = msg;
	call->op.done = call_done;
	switch (msg->type) {
	case STORE_APPEND:
		from_put(call, OP_APPEND);
		break;
	case STORE_EDIT:
		from_put(call, OP_EDIT);
		break;
	case STORE_DELETE:
		from_delete(call);
		break;
	case STORE_GET:
		from_read(call, OP_GET);
		break;
	default:
		from_read(call, OP_PAGE);
		break;
	}
	engine_submit(shard->e, &call->op);
	return 0;
}

/* Answers a STORE_HOLD when the engine has come to rest, or at once. */
static void try_hold(struct shard *shard)
{
	struct store_held_msg *reply;
	uint64_t frame = 0;
	int err;

	if (!shard->hold)
		return;
	err = engine_hold(shard->e,
			  container_of(shard->hold, struct store_hold_msg,
				       head)->hold, &frame);
	if (err == -EAGAIN)
		return;
	reply = ACTOR_MSG_NEW(struct store_held_msg, STORE_HELD);
	if (reply) {
		reply->status = err;
		reply->frame = frame;
		actor_reply(shard->self, shard->hold, &reply->head);
	}
	actor_msg_free(shard->hold);
	shard->hold = NULL;
}

static int take_hold(struct shard *shard, struct actor_msg *msg)
{
	const struct store_hold_msg *hold =
		container_of(msg, struct store_hold_msg, head);

	if (hold->hold > STORE_HOLD_ALL)
		return 0;
	actor_msg_take(shard->self, msg);
	actor_msg_free(shard->hold);
	shard->hold = msg;
	try_hold(shard);
	return 0;
}

static void step(struct shard *shard)
{
	shard->due = false;
	engine_step(shard->e);
	try_hold(shard);
}

static void publish(struct shard *shard)
{
	struct shard_board *board = &shard->store->board[shard->index];
	struct engine_stats stats;

	engine_stats(shard->e, &stats);
	pthread_mutex_lock(&board->lock);
	board->stats = stats;
	pthread_mutex_unlock(&board->lock);
}

static int tick(struct shard *shard, struct actor_msg *msg)
{
	engine_tick(shard->e);
	step(shard);
	if (++shard->ticks % TICKS_PER_STATS == 0)
		publish(shard);
	actor_timer_again(shard->self, msg, TICK_NS);
	/* What only recovery can put right, a restart does. */
	return engine_error(shard->e);
}

static int dispatch(struct shard *shard, struct actor_msg *msg)
{
	switch (msg->type) {
	case ACTOR_MSG_TIMER:
		return tick(shard, msg);
	case ACTOR_MSG_STOP:
		return ACTOR_STOP;
	case STORE_STEP:
		shard->told = false;
		step(shard);
		return 0;
	case STORE_APPEND:
	case STORE_EDIT:
	case STORE_DELETE:
	case STORE_GET:
	case STORE_PAGE:
		return serve(shard, msg);
	case STORE_HOLD:
		return take_hold(shard, msg);
	default:
		return 0;
	}
}

static int shard_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	struct shard *shard = state;
	int err;

	(void)self;
	shard->handling = true;
	err = dispatch(shard, msg);
	shard->handling = false;
	/* Behind what is in the mailbox: one commit takes all of that. */
	if (shard->due)
		wake(shard);
	return err;
}

static size_t share(size_t bytes, uint32_t shards)
{
	return bytes / shards;
}

/* What a start mended by itself. */
static void say_found(const struct engine_report *report, uint32_t shard)
{
	if (report->torn_tail)
		log_warn("store", "torn_commit_cut", "shard=%u", shard);
	if (report->torn_index)
		log_warn("store", "torn_index_cut", "shard=%u", shard);
	if (!report->super_pair && !report->created)
		log_warn("store", "superblock_renewed", "shard=%u", shard);
}

static int open_engine(struct shard *shard)
{
	struct store *store = shard->store;
	const struct store_opts *opts = &store->opts;
	uint32_t shards = atomic_load(&store->shards);
	char dir[STORE_PATH_MAX];
	struct engine_opts engine_opts = {
		.dir = store_shard_dir(opts->dir, shard->index, dir),
		.shard = shard->index,
		.shards = shards,
		.log_bytes = opts->log_bytes,
		.slot_bytes = opts->slot_bytes,
		.cache_bytes = share(opts->cache_bytes, shards),
		.delta_bytes = share(opts->delta_bytes, shards),
		.compress = opts->compress,
		.commits = &store->commits,
		.wake = wake,
		.ctx = shard,
	};

	struct engine_report *report = &store->board[shard->index].report;
	int err = engine_open(actor_loop(shard->self), &engine_opts, &shard->e,
			      report);

	if (!err)
		say_found(report, shard->index);
	return err;
}

static int shard_start(struct actor *self, void *state, const void *arg)
{
	const struct shard_arg *shard_arg = arg;
	struct shard *shard = state;
	struct store *store = shard_arg->store;
	char name[STORE_NAME_MAX];
	int none = 0, err;

	shard->self = self;
	shard->store = store;
	shard->index = shard_arg->index;
	shard->handling = true;
	list_init(&shard->spare);
	err = open_engine(shard);
	shard->handling = false;
	if (!err) {
		snprintf(name, sizeof(name), STORE_NAME_FORMAT, shard->index);
		err = actor_register(self, name);
		if (!err && !actor_timer_start(self, TICK_NS, 0))
			err = -ENOMEM;
		if (err)
			engine_close(shard->e);
	}
	if (err) {
		atomic_compare_exchange_strong(&store->error, &none, err);
		return err;
	}
	publish(shard);
	atomic_fetch_add(&store->up, 1);
	if (shard->due)
		wake(shard);
	return 0;
}

static void shard_stop(struct actor *self, void *state, int reason)
{
	struct shard *shard = state;

	(void)self;
	(void)reason;
	atomic_fetch_sub(&shard->store->up, 1);
	shard->handling = true;		/* nobody is to be woken any more */
	engine_close(shard->e);
	actor_msg_free(shard->hold);
	free_spare(shard);
}

const struct actor_class shard_class = {
	.name = "store.shard",
	.state_size = sizeof(struct shard),
	.start = shard_start,
	.handle = shard_handle,
	.stop = shard_stop,
	.mailbox_limit = SHARD_MAILBOX,
	.when_full = ACTOR_FULL_MUTE,
};
