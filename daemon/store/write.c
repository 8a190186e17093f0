// SPDX-License-Identifier: Apache-2.0
/*
 * Requests that write.  A write passes these steps:
 *	admit	refused at once, or queued behind earlier writes to its
 *		partition that are not decided yet (part->waiting)
 *	decide	does the row exist?  May have to fetch a block
 *	place	into the log's staged frame, or queued for room (e->waiting)
 *	apply	the frame is durable: into the partition's deltas, answered
 *
 * An append above everything the partition has needs no decision and so may
 * be placed while others are in flight.  Every other write waits until none of
 * its partition is: what it decides must not change before it is applied.  And
 * until the partition has fewer blocks with holes than one round may mend.
 */
#include <errno.h>
#include <string.h>

#include "base/blob.h"
#include "base/mem.h"
#include "store/engine_impl.h"

static bool is_plain_append(const struct store_op *op)
{
	const struct part *part = op->part;

	return op->kind == OP_APPEND && op->id > part->max_id;
}

static size_t op_log_bytes(const struct store_op *op)
{
	if (op->kind == OP_DELETE)
		return op->records * logrec_size(0);
	return logrec_size(op->row->len);
}

void engine_stage(struct engine *e, struct store_op *op)
{
	struct logrec rec = {
		.channel = op->channel,
		.space = op->space,
		.id = op->id,
	};

	op->seq = e->log.seq;
	op->part->inflight++;
	if (op->kind == OP_DELETE) {
		rec.type = RECORD_DELETE;
		for (uint32_t i = 0; i < op->id_count; i++) {
			if (!(op->hits[i / 64] >> (i % 64) & 1))
				continue;
			rec.id = op->ids[i];
			log_stage(&e->log, &rec);
		}
	} else {
		rec.type = op->kind == OP_APPEND ? RECORD_APPEND : RECORD_EDIT;
		rec.data = op->row->data;
		rec.size = op->row->len;
		op->row_at = log_stage(&e->log, &rec);
		e->stats.user_bytes += op->row->len;
	}
	if (list_empty(&e->staged))
		engine_wake(e);
	list_push(&e->staged, &op->node);
}

/* Unflushed rows beyond this keep new ones waiting. */
static bool memory_full(const struct engine *e, const struct store_op *op)
{
	return op->kind == OP_APPEND && e->delta_bytes > e->opts.delta_bytes;
}

/* 0: staged; -EAGAIN: wait; else refused. */
static int try_place(struct engine *e, struct store_op *op)
{
	int err;

	if (e->failed)
		return e->failed;
	err = log_room(&e->log, op_log_bytes(op), op->kind == OP_APPEND);
	if (!err && memory_full(e, op))
		err = -ENOSPC;
	/* Flushing makes room, unless it cannot either. */
	if (err == -ENOSPC)
		err = e->round_error ? e->round_error : -EAGAIN;
	if (err)
		return err;
	e->barren = 0;
	engine_stage(e, op);
	return 0;
}

static void write_settled(struct engine *e, struct store_op *op, int status);

static void place(struct engine *e, struct store_op *op)
{
	int err = list_empty(&e->waiting) ? try_place(e, op) : -EAGAIN;

	if (err == -EAGAIN && e->waiting_count < ENGINE_WAITING_MAX) {
		/* Counts as in flight: it keeps its place in the partition. */
		op->part->inflight++;
		e->waiting_count++;
		list_push(&e->waiting, &op->node);
		engine_wake(e);
		return;
	}
	if (err == -EAGAIN) {
		e->stats.shed++;
		err = -EOVERFLOW;
	}
	if (err)
		write_settled(e, op, err);
}

void write_place_waiting(struct engine *e)
{
	while (!list_empty(&e->waiting)) {
		struct store_op *op = list_entry(e->waiting.next,
						 struct store_op, node);
		int err = -EAGAIN;

		list_del(&op->node);
		op->part->inflight--;
		err = try_place(e, op);
		if (err == -EAGAIN) {
			op->part->inflight++;
			list_push_front(&e->waiting, &op->node);
			return;
		}
		e->waiting_count--;
		if (err)
			write_settled(e, op, err);
	}
}

/* Is the id one of those before it? */
static bool named_before(const struct store_op *op, uint32_t i)
{
	for (uint32_t j = 0; j < i; j++)
		if (op->ids[j] == op->ids[i])
			return true;
	return false;
}

static int decide_delete(struct store_op *op, page_lookup_fn lookup, void *ctx,
			 struct page_missing *missing)
{
	struct page_missing one;
	uint32_t last = UINT32_MAX;

	memset(op->hits, 0, sizeof(op->hits));
	op->records = 0;
	missing->count = 0;
	for (uint32_t i = 0; i < op->id_count; i++) {
		int has = named_before(op, i) ? 0 :
			  page_has(op->part, op->ids[i], lookup, ctx, &one);

		if (has == -EAGAIN) {
			if (one.block[0] != last &&
			    missing->count < PAGE_MISSING_MAX)
				missing->block[missing->count++] = one.block[0];
			last = one.block[0];
		} else if (has) {
			op->hits[i / 64] |= 1ull << (i % 64);
			op->records++;
		}
	}
	return missing->count ? -EAGAIN : 0;
}

/* 0: to be done; -EAGAIN: blocks are missing; else the answer. */
static int decide(struct store_op *op, page_lookup_fn lookup, void *ctx,
		  struct page_missing *missing)
{
	int has;

	if (op->kind == OP_DELETE)
		return decide_delete(op, lookup, ctx, missing);
	op->records = 1;
	has = page_has(op->part, op->id, lookup, ctx, missing);
	if (has < 0)
		return has;
	if (op->kind == OP_APPEND)
		return has ? -EEXIST : 0;
	return has ? 0 : -ENOENT;
}

static void decided(struct engine *e, struct store_op *op, int err)
{
	op->part->deciding = false;
	if (!err && op->records) {
		op->changing = true;
		op->part->changing++;
		place(e, op);
		return;
	}
	write_settled(e, op, err);
}

static void write_ready(struct fetch_group *group)
{
	struct store_op *op = group->ctx;
	struct engine *e = group->e;
	struct page_missing missing;
	int err = group->err;

	if (!err)
		err = decide(op, fetch_lookup, group, &missing);
	if (err == -EAGAIN) {
		read_fetch(e, op, &missing, write_ready);
		return;
	}
	read_release(e, op);
	decided(e, op, err);
}

static void start_write(struct engine *e, struct store_op *op)
{
	struct page_missing missing;
	int err;

	if (is_plain_append(op)) {
		op->part->max_id = op->id;
		op->records = 1;
		place(e, op);
		return;
	}
	op->part->deciding = true;
	err = decide(op, fetch_lookup_cache, e, &missing);
	if (err == -EAGAIN)
		err = read_fetch(e, op, &missing, write_ready) ? -ENOMEM : 1;
	if (err <= 0)
		decided(e, op, err);
}

/* Unless nothing mends them. */
static bool has_too_many_holes(const struct engine *e, const struct part *part)
{
	return part->holed >= e->opts.holes_max && !e->round_error &&
	       !e->bad.count && !e->failed;
}

static bool may_start(const struct engine *e, const struct store_op *op)
{
	const struct part *part = op->part;

	if (part->deciding)
		return false;
	return is_plain_append(op) ||
	       (!part->inflight && !has_too_many_holes(e, part));
}

/* Lets those go that waited for what has just been settled. */
static void start_waiting(struct engine *e, struct part *part)
{
	while (!list_empty(&part->waiting)) {
		struct store_op *op = list_entry(part->waiting.next,
						 struct store_op, node);

		if (!may_start(e, op))
			return;
		list_del(&op->node);
		start_write(e, op);
	}
}

void write_go_on(struct engine *e, struct part *part)
{
	if (part->settling)
		return;
	part->settling = true;
	start_waiting(e, part);
	part->settling = false;
}

/* The write is over, one way or the other. */
static void write_settled(struct engine *e, struct store_op *op, int status)
{
	struct part *part = op->part;
	bool settling = part->settling;

	op->changed = status ? 0 : op->records;
	part->changing -= op->changing;
	engine_finish(op, status);
	write_go_on(e, part);
	if (!settling)
		engine_drop_part_if_empty(e, part);
}

static int admit(struct engine *e, struct store_op *op)
{
	bool puts = op->kind == OP_APPEND || op->kind == OP_EDIT;

	if (e->opts.read_only)
		return -EROFS;
	if (e->failed)
		return e->failed;
	if (puts && op->row->len > STORE_ROW_MAX)
		return -EMSGSIZE;
	if (op->kind == OP_DELETE && op->id_count > STORE_DELETE_MAX)
		return -EINVAL;
	op->part = engine_part_make(e, op->channel, op->space);
	return op->part ? 0 : -ENOMEM;
}

void engine_write(struct engine *e, struct store_op *op)
{
	int err = admit(e, op);

	if (err) {
		engine_finish(op, err);
		return;
	}
	if (list_empty(&op->part->waiting) && may_start(e, op))
		start_write(e, op);
	else
		list_push(&op->part->waiting, &op->node);
}

static int apply_deletions(struct store_op *op)
{
	uint64_t seq = op->seq;
	int err = 0;

	for (uint32_t i = 0; i < op->id_count && !err; i++)
		if (op->hits[i / 64] >> (i % 64) & 1)
			err = part_apply(op->part, RECORD_DELETE, op->ids[i],
					 seq++, NULL);
	return err;
}

/* `rows`: the records of its commit.  0 or -ENOMEM. */
static int apply(struct engine *e, struct store_op *op, struct blob *rows)
{
	struct part *part = op->part;
	size_t before = part->delta_bytes;
	int err;

	e->applied_seq = op->seq + op->records - 1;
	if (op->kind == OP_DELETE) {
		err = apply_deletions(op);
		e->stats.deleted += op->records;
	} else {
		struct part_row row = { rows, op->row_at, op->row->len };
		bool append = op->kind == OP_APPEND;

		err = part_apply(part, append ? RECORD_APPEND : RECORD_EDIT,
				 op->id, op->seq, &row);
		*(append ? &e->stats.appended : &e->stats.edited) += 1;
		e->idle_bytes += (uint64_t)ENGINE_IDLE_PRICE * op->row->len;
	}
	engine_part_changed(e, part, before);
	return err;
}

/* Takes those staged up to the record before `end` out. */
static void take_staged(struct engine *e, uint64_t end, struct list *batch)
{
	while (!list_empty(&e->staged)) {
		struct store_op *op = list_entry(e->staged.next,
						 struct store_op, node);

		if (op->seq >= end)
			break;
		list_del(&op->node);
		list_push(batch, &op->node);
	}
}

void engine_log_done(void *ctx, const struct frame *frame, int err)
{
	struct engine *e = ctx;
	struct blob *rows = err ? NULL : blob_new(frame->data, frame->bytes);
	struct list batch, *node;

	if (err)
		e->stats.io_errors++;
	list_init(&batch);
	take_staged(e, frame->first_seq + frame->records, &batch);
	while ((node = list_pop(&batch))) {
		struct store_op *op = list_entry(node, struct store_op, node);
		int status = err;

		op->part->inflight--;
		if (!err && (!rows || apply(e, op, rows))) {
			/* Durable, but not to be shown: only recovery can. */
			e->failed = -ENOMEM;
			status = -ETIMEDOUT;
		}
		write_settled(e, op, status);
	}
	blob_put(rows);
}

static void cancel_list(struct engine *e, struct list *ops)
{
	while (!list_empty(ops)) {
		struct store_op *op = list_entry(list_pop(ops),
						 struct store_op, node);

		op->part->inflight--;
		write_settled(e, op, -ECANCELED);
	}
}

/* Of those that wait for fewer holes nothing was begun. */
static void cancel_holed(struct engine *e)
{
	struct list *node;

	list_for_each(part, &e->holed)
		while ((node = list_pop(&list_entry(part, struct part,
						    holes)->waiting)))
			engine_finish(list_entry(node, struct store_op, node),
				      -ECANCELED);
}

void engine_cancel_writes(struct engine *e)
{
	cancel_list(e, &e->staged);
	cancel_list(e, &e->waiting);
	cancel_holed(e);
}
