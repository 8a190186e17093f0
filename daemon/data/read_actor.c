// SPDX-License-Identifier: Apache-2.0
#include "data/read_actor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "actor/system.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/read_metrics.h"
#include "data/read_store.h"
#include "proto/readstate.h"

#define DIR_MAX 384
#define TICK_NS 100000000u
#define MAILBOX 65536u

struct shard_arg {
	char dir[DIR_MAX];
	uint64_t log_bytes;
	uint32_t index;
	struct read_states *all;
};

struct shard {
	struct actor *self;
	struct read_store *store;
	struct read_states *all;
	uint32_t index;
	bool handling;	/* so that a wake-up need not be a message */
	bool due;	/* read_store_step() is to run after this batch */
	bool told;	/* a READSTATE_STEP is in the mailbox */
};

struct ack {
	struct read_op op;
	struct shard *shard;
	struct actor_msg *msg;		/* taken */
	uint64_t begin_ns;
};

/* From the loop's callbacks and from the store's own calls. */
static void wake(void *ctx)
{
	struct shard *s = ctx;
	struct actor_msg *msg;

	s->due = true;
	if (s->handling || s->told)
		return;
	msg = actor_msg_new(READSTATE_STEP, sizeof(*msg));
	/* What is lost here the next tick makes up for. */
	s->told = msg && !actor_system_send(actor_system_of(s->self),
					    actor_self(s->self), msg);
}

static void ack_done(struct read_op *op)
{
	struct ack *ack = container_of(op, struct ack, op);
	struct readstate_done_msg *reply;
	struct shard *s = ack->shard;

	if (ack->msg->type == READSTATE_ACK)
		timings_add(&s->all->ack_times,
			    actor_now_ns(s->self) - ack->begin_ns);
	reply = ACTOR_MSG_NEW(struct readstate_done_msg, READSTATE_DONE);
	if (reply) {
		reply->status = op->status;
		actor_reply(s->self, ack->msg, &reply->head);
	}
	actor_msg_free(ack->msg);
	mem_free(ack);
}

/* Takes the message.  Out of memory: the caller's own deadline answers. */
static struct ack *ack_new(struct shard *s, struct actor_msg *msg)
{
	struct ack *ack = mem_zalloc(sizeof(*ack));

	if (!ack)
		return NULL;
	actor_msg_take(s->self, msg);
	ack->shard = s;
	ack->msg = msg;
	ack->begin_ns = actor_now_ns(s->self);
	return ack;
}

static int on_forget(struct shard *s, struct actor_msg *msg)
{
	struct ack *ack = ack_new(s, msg);

	if (!ack)
		return 0;
	ack->op = (struct read_op){
		.channel = ((struct readstate_forget_msg *)msg)->channel_id,
		.done = ack_done,
	};
	read_store_forget(s->store, &ack->op);
	return 0;
}

static int on_ack(struct shard *s, struct actor_msg *msg)
{
	struct readstate_ack_msg *m = (struct readstate_ack_msg *)msg;
	struct ack *ack = ack_new(s, msg);

	if (!ack)
		return 0;
	ack->op = (struct read_op){
		.kind = m->manual ? READ_OP_SET : READ_OP_ACK,
		.user = m->user_id, .channel = m->channel_id,
		.last = m->message_id, .mentions = m->mentions,
		.done = ack_done,
	};
	read_store_submit(s->store, &ack->op);
	return 0;
}

/* Nobody waits for it; what is refused is counted by the store. */
static void mention_done(struct read_op *op)
{
	mem_free(op);
}

static int on_mention(struct shard *s, struct actor_msg *msg)
{
	struct readstate_mention_msg *m = (struct readstate_mention_msg *)msg;

	for (uint32_t i = 0; i < m->count; i++) {
		struct read_op *op = mem_alloc(sizeof(*op));

		if (!op)
			return 0;
		*op = (struct read_op){
			.kind = READ_OP_MENTION, .user = m->user_id[i],
			.channel = m->channel_id, .last = m->message_id,
			.mentions = 1, .done = mention_done,
		};
		read_store_submit(s->store, op);
	}
	return 0;
}

static int on_list(struct shard *s, struct actor_msg *msg)
{
	struct readstate_list_msg *m = (struct readstate_list_msg *)msg;
	struct readstate_entries_msg *reply;
	const struct read_state *state;
	uint32_t count;

	state = read_table_user(read_store_table(s->store), m->user_id,
				&count);
	reply = readstate_entries_new(count);
	if (!reply)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		reply->entry[i] = (struct readstate_entry){
			state[i].channel, state[i].last, state[i].mentions,
		};
	actor_reply(s->self, msg, &reply->head);
	return 0;
}

static int on_step(struct shard *s, struct actor_msg *msg)
{
	(void)msg;
	s->told = false;
	s->due = false;
	read_store_step(s->store);
	return 0;
}

static int on_tick(struct shard *s, struct actor_msg *msg)
{
	s->due = false;
	read_store_tick(s->store);
	read_board_set(&s->all->board[s->index], s->store);
	actor_timer_again(s->self, msg, TICK_NS);
	return 0;
}

static int on_stop(struct shard *s, struct actor_msg *msg)
{
	(void)s;
	(void)msg;
	return ACTOR_STOP;
}

static const struct {
	uint32_t type;
	int (*fn)(struct shard *s, struct actor_msg *msg);
} handlers[] = {
	{ READSTATE_ACK, on_ack },
	{ READSTATE_MENTION, on_mention },
	{ READSTATE_LIST, on_list },
	{ READSTATE_STEP, on_step },
	{ READSTATE_FORGET, on_forget },
	{ ACTOR_MSG_TIMER, on_tick },
	{ ACTOR_MSG_STOP, on_stop },
};

static int handle(struct actor *self, void *state, struct actor_msg *msg)
{
	struct shard *s = state;
	int err = 0;

	s->self = self;
	s->handling = true;
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == msg->type)
			err = handlers[i].fn(s, msg);
	s->handling = false;
	/* Behind what is in the mailbox: one commit takes all of that. */
	if (s->due && !err)
		wake(s);
	return err;
}

static int open_store(struct shard *s, const struct shard_arg *arg)
{
	const struct read_store_opts opts = {
		.dir = arg->dir, .shard = arg->index,
		.shards = READSTATE_SHARDS, .log_bytes = arg->log_bytes,
		.wake = wake, .ctx = s,
	};
	struct read_report report;
	int err;

	err = read_store_open(actor_loop(s->self), &opts, &s->store, &report);
	if (err)
		log_error("readstate", "open_failed", "shard=%u error=%d",
			  arg->index, -err);
	else
		log_debug("readstate", "open",
			 "shard=%u users=%llu states=%llu frames=%llu",
			 arg->index,
			 (unsigned long long)read_store_table(s->store)->users,
			 (unsigned long long)read_store_table(s->store)->states,
			 (unsigned long long)report.frames);
	return err;
}

static int start(struct actor *self, void *state, const void *arg)
{
	const struct shard_arg *shard_arg = arg;
	struct shard *s = state;
	char name[READSTATE_NAME_MAX];
	int err;

	s->self = self;
	s->all = shard_arg->all;
	s->index = shard_arg->index;
	s->handling = true;
	err = open_store(s, shard_arg);
	s->handling = false;
	if (err)
		return err;
	snprintf(name, sizeof(name), READSTATE_NAME_FORMAT, shard_arg->index);
	err = actor_register(self, name);
	if (!err && !actor_timer_start(self, TICK_NS, 0))
		err = -ENOMEM;
	if (err)
		read_store_close(s->store);
	return err;
}

static void stop(struct actor *self, void *state, int reason)
{
	struct shard *s = state;

	(void)reason;
	s->self = self;
	s->handling = true;		/* nobody is to be woken any more */
	read_store_close(s->store);
}

static const struct actor_class shard_class = {
	.name = "readstate",
	.state_size = sizeof(struct shard),
	.start = start,
	.handle = handle,
	.stop = stop,
	.mailbox_limit = MAILBOX,
	.when_full = ACTOR_FULL_DROP,
};

/* --- the parent of the shards; its arg is a shard's with the dir of all --- */

static int spawn(struct actor *self, const struct shard_arg *all,
		 uint32_t index)
{
	int cores = actor_system_cores(actor_system_of(self));
	const struct actor_spawn_opts opts = {
		.core = (int)(index % (uint32_t)cores),
		.restart = ACTOR_RESTART_ON_ERROR,
		.arg_size = sizeof(struct shard_arg),
	};
	struct shard_arg arg = *all;
	size_t len = strlen(arg.dir);
	actor_ref ref;

	arg.index = index;
	snprintf(arg.dir + len, sizeof(arg.dir) - len, "/shard-%u", index);
	return actor_spawn(self, &shard_class, &arg, &opts, &ref);
}

static int parent_start(struct actor *self, void *state, const void *arg)
{
	const struct shard_arg *all = arg;
	int err = os_dir_make(actor_loop(self), all->dir);

	(void)state;
	for (uint32_t i = 0; !err && i < READSTATE_SHARDS; i++)
		err = spawn(self, all, i);
	return err;
}

static int parent_handle(struct actor *self, void *state,
			 struct actor_msg *msg)
{
	(void)self;
	(void)state;
	if (msg->type == ACTOR_MSG_EXIT)
		log_error("readstate", "shard_gave_up", "error=%d",
			  -((struct actor_down_msg *)msg)->reason);
	return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
}

static const struct actor_class parent_class = {
	.name = "readstates",
	.state_size = 1,
	.start = parent_start,
	.handle = parent_handle,
};

int read_states_start(struct actor_system *sys,
		      const struct read_states_opts *opts,
		      struct read_states **ret_states)
{
	struct shard_arg arg = { .log_bytes = opts->log_bytes };
	const struct actor_spawn_opts spawn_opts = { .arg_size = sizeof(arg) };
	actor_ref ref;
	int err;

	if (strlen(opts->dir) > DIR_MAX - 32)
		return -ENAMETOOLONG;
	strcpy(arg.dir, opts->dir);
	arg.all = mem_zalloc(sizeof(*arg.all));
	if (!arg.all)
		return -ENOMEM;
	err = actor_system_spawn(sys, &parent_class, &arg, &spawn_opts, &ref);
	if (err)
		mem_free(arg.all);
	else
		*ret_states = arg.all;
	return err;
}

void read_states_free(struct read_states *states)
{
	mem_free(states);
}
