// SPDX-License-Identifier: Apache-2.0
#include "data/read_store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/read_impl.h"

/* Acknowledgements of one step: a bounded piece of work. */
#define TELL_MAX 1024u

const char *read_path(const struct read_store *s, const char *name, char *buf)
{
	snprintf(buf, READ_PATH_MAX, "%s/%s", s->dir, name);
	return buf;
}

void read_wake(struct read_store *s)
{
	if (s->opts.wake)
		s->opts.wake(s->opts.ctx);
}

uint64_t read_place(const struct read_store *s, uint32_t blocks)
{
	uint64_t left = s->log_blocks - s->head % s->log_blocks;

	return left < blocks ? s->head + left : s->head;
}

static void group_init(struct read_group *g)
{
	g->records = 0;
	g->op_count = 0;
	list_init(&g->ops);
}

static uint32_t frame_size(const struct read_group *g)
{
	return (uint32_t)(sizeof(struct read_head) +
			  g->records * sizeof(struct read_record));
}

static struct read_group *gathering(struct read_store *s)
{
	return &s->group[s->gathering];
}

static struct read_group *other(struct read_store *s)
{
	return &s->group[!s->gathering];
}

static void finish(struct read_op *op, int status)
{
	op->status = status;
	op->done(op);
}

/* They are told by and by, in this order. */
static void settle(struct read_store *s, struct list *ops, int status)
{
	list_for_each(node, ops)
		list_entry(node, struct read_op, node)->status = status;
	list_splice(&s->settled, ops);
}

/* Up to so many. */
static void tell(struct read_store *s, uint32_t most)
{
	struct list *node;

	while (most-- && (node = list_pop(&s->settled))) {
		struct read_op *op = list_entry(node, struct read_op, node);

		op->done(op);
	}
	if (!list_empty(&s->settled))
		read_wake(s);
}

static void settle_group(struct read_store *s, struct read_group *g, int status)
{
	settle(s, &g->ops, status);
	g->op_count = 0;
}

/* --- from an operation to a record --- */

/* What the state is to be.  False: as it is. */
static bool next_state(const struct read_op *op, const struct read_state *now,
		       struct read_state *ret_next)
{
	uint64_t last = now ? now->last : 0;
	uint32_t mentions = now ? now->mentions : 0;

	ret_next->channel = op->channel;
	ret_next->last = op->last;
	ret_next->mentions = op->mentions;
	switch (op->kind) {
	case READ_OP_ACK:
		if (now && (last > op->last || (last == op->last &&
						mentions == op->mentions)))
			return false;
		return true;
	case READ_OP_SET:
		return !now || last != op->last || mentions != op->mentions;
	case READ_OP_MENTION:
		break;
	}
	if (last >= op->last || mentions == UINT32_MAX)
		return false;
	ret_next->last = last;
	if (__builtin_add_overflow(mentions, op->mentions, &mentions))
		mentions = UINT32_MAX;
	ret_next->mentions = mentions;
	return true;
}

static void add_record(struct read_group *g, uint64_t user,
		       const struct read_state *state)
{
	const struct read_record record = {
		.user = user, .channel = state->channel, .last = state->last,
		.mentions = state->mentions,
	};

	memcpy(g->data + sizeof(struct read_head) +
	       g->records * sizeof(record), &record, sizeof(record));
	g->records++;
}

int read_change(struct read_store *s, uint64_t user,
		const struct read_state *state)
{
	int err = read_table_set(&s->table, user, state);

	if (!err)
		add_record(gathering(s), user, state);
	return err;
}

void read_gather(struct read_store *s, struct read_op *op)
{
	list_push(&gathering(s)->ops, &op->node);
	gathering(s)->op_count++;
}

/*
 * Takes an operation into the gathering group.  One that changes nothing goes
 * along as well: what it finds may not be durable yet.
 */
static void gather(struct read_store *s, struct read_op *op)
{
	const struct read_state *now;
	struct read_state next;
	int err = 0;

	now = read_table_get(&s->table, op->user, op->channel);
	if (next_state(op, now, &next))
		err = read_change(s, op->user, &next);
	if (err)
		finish(op, err);
	else
		read_gather(s, op);
}

static bool is_empty(const struct read_group *g)
{
	return !g->records && list_empty(&g->ops);
}

bool read_is_full(const struct read_store *s)
{
	const struct read_group *g = &s->group[s->gathering];

	return g->op_count == READ_GROUP_OPS_MAX ||
	       frame_size(g) + sizeof(struct read_record) > s->frame_max;
}

void read_store_submit(struct read_store *s, struct read_op *op)
{
	if (s->refused) {
		finish(op, -EIO);
	} else if (read_is_full(s)) {
		s->stats.shed++;
		finish(op, -EOVERFLOW);
	} else {
		gather(s, op);
		read_wake(s);
	}
}

/* --- commits --- */

static void on_written(struct os_disk_op *op, int result)
{
	struct read_store *s = op->ctx;

	s->landed = true;
	s->result = result;
	read_wake(s);
}

/* Sends the group that is not gathering.  -ENOSPC: a checkpoint must free the
 * log first. */
static int launch(struct read_store *s)
{
	struct read_group *g = other(s);
	uint32_t blocks = read_blocks(frame_size(g));
	uint64_t place = read_place(s, blocks);
	int (*write)(struct os_file *file, struct os_disk_op *op,
		     const void *buf, size_t len, uint64_t offset);
	int err;

	if (place + blocks > s->tail + s->log_blocks)
		return -ENOSPC;
	read_seal(g->data, READ_KIND_FRAME, s->seq, place, frame_size(g));
	s->op.done = on_written;
	s->op.ctx = s;
	write = s->opts.unsafe & READ_UNSAFE_LOG_SYNC ? os_disk_write :
							os_disk_write_sync;
	err = write(s->log, &s->op, g->data, blocks * READ_BLOCK,
		    place % s->log_blocks * READ_BLOCK);
	if (!err)
		s->flying = true;
	return err;
}

static void committed(struct read_store *s)
{
	struct read_group *g = other(s);
	uint32_t blocks = read_blocks(frame_size(g));

	s->head = read_place(s, blocks) + blocks;
	s->seq++;
	s->stats.frames++;
	s->stats.records += g->records;
	s->stats.log_bytes += blocks * READ_BLOCK;
	g->records = 0;
	settle_group(s, g, 0);
}

static void refuse(struct read_store *s, int err)
{
	if (!s->refused)
		log_error("readstate", "log_failed", "shard=%u error=%d",
			  s->opts.shard, -err);
	s->refused = true;
	s->stats.failures++;
	settle_group(s, other(s), err);
	settle_group(s, gathering(s), err);
	read_forget_end(s, err);
}

static void land(struct read_store *s)
{
	s->flying = false;
	s->landed = false;
	if (s->result < 0) {
		refuse(s, s->result);
		return;
	}
	if (s->refused)
		log_info("readstate", "log_works_again", "shard=%u",
			 s->opts.shard);
	s->refused = false;
	committed(s);
}

/* The gathering group becomes the other one, if that is free. */
static void turn(struct read_store *s)
{
	if (s->flying || other(s)->records || is_empty(gathering(s)))
		return;
	s->gathering = !s->gathering;
	/* Nothing to be written, and nothing older is on its way. */
	if (!other(s)->records)
		settle_group(s, other(s), 0);
}

void read_store_step(struct read_store *s)
{
	if (s->landed)
		land(s);
	read_forget_step(s);
	turn(s);
	if (!s->flying && !s->refused && other(s)->records) {
		int err = launch(s);

		if (err == -EAGAIN)
			read_wake(s);
		else if (err && err != -ENOSPC)
			refuse(s, err);
	}
	read_round_step(s);
	tell(s, TELL_MAX);
}

void read_store_tick(struct read_store *s)
{
	if (s->refused && !s->flying) {
		int err = launch(s);

		if (err && err != -EAGAIN && err != -ENOSPC)
			s->stats.failures++;
	}
	read_store_step(s);
}

/* --- life --- */

static void free_all(struct read_store *s)
{
	os_file_close(s->checkpoints[0]);
	os_file_close(s->checkpoints[1]);
	os_file_close(s->log);
	buf_fini(&s->round.image);
	mem_free(s->round.data);
	mem_free(s->group[0].data);
	mem_free(s->group[1].data);
	read_table_fini(&s->table);
	mem_free(s);
}

/* Of the ring, as it is, an eighth: a few frames never fill it. */
static int make_groups(struct read_store *s)
{
	uint64_t most = s->log_blocks / 8 * READ_BLOCK;

	s->frame_max = most < READ_FRAME_MAX ? (uint32_t)most :
					       READ_FRAME_MAX;
	for (int i = 0; i < 2; i++) {
		s->group[i].data = mem_aligned(OS_DISK_ALIGN, s->frame_max);
		if (!s->group[i].data)
			return -ENOMEM;
	}
	return 0;
}

static struct read_store *store_new(struct os_loop *loop,
				    const struct read_store_opts *opts)
{
	struct read_store *s = mem_zalloc(sizeof(*s));

	if (!s)
		return NULL;
	s->loop = loop;
	s->opts = *opts;
	if (!s->opts.log_bytes)
		s->opts.log_bytes = READ_LOG_BYTES;
	snprintf(s->dir, sizeof(s->dir), "%s", opts->dir);
	s->opts.dir = s->dir;
	list_init(&s->settled);
	list_init(&s->forget.ops);
	read_table_init(&s->table);
	group_init(&s->group[0]);
	group_init(&s->group[1]);
	return s;
}

int read_store_open(struct os_loop *loop, const struct read_store_opts *opts,
		    struct read_store **ret_store,
		    struct read_report *ret_report)
{
	struct read_report report = { 0 };
	struct read_store *s;
	int err;

	if (strlen(opts->dir) > READ_PATH_MAX - 128)
		return -ENAMETOOLONG;
	s = store_new(loop, opts);
	if (!s)
		return -ENOMEM;
	err = read_recover(s, &report);
	if (!err)
		err = make_groups(s);
	if (err) {
		free_all(s);
		return err;
	}
	*ret_store = s;
	if (ret_report)
		*ret_report = report;
	return 0;
}

bool read_is_busy(const struct read_store *s)
{
	bool is_idle = is_empty(&s->group[0]) && is_empty(&s->group[1]);

	return s->flying || !list_empty(&s->settled) ||
	       (!s->refused && !is_idle);
}

/* Steps of a close that may bring nothing before it gives up. */
#define IDLE_STEPS_MAX 64

void read_store_close(struct read_store *s)
{
	int idle = 0;

	s->opts.wake = NULL;
	s->closing = true;
	while (idle < IDLE_STEPS_MAX && (read_is_busy(s) || s->round.flying)) {
		read_store_step(s);
		idle++;
		if (!s->flying && !s->round.flying)
			continue;
		os_loop_run(s->loop, UINT64_MAX);
		idle = 0;
	}
	settle_group(s, other(s), -ECANCELED);
	settle_group(s, gathering(s), -ECANCELED);
	read_forget_end(s, -ECANCELED);
	tell(s, UINT32_MAX);
	free_all(s);
}

void read_store_abandon(struct read_store *s)
{
	free_all(s);
}

const struct read_table *read_store_table(const struct read_store *s)
{
	return &s->table;
}

void read_store_stats(const struct read_store *s, struct read_stats *ret_stats)
{
	*ret_stats = s->stats;
	ret_stats->log_used = s->head - s->tail;
	ret_stats->log_room = s->log_blocks;
}
