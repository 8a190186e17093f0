// SPDX-License-Identifier: Apache-2.0
/* Batches: from the store into a cell. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "proto/data.h"
#include "proto/record.h"
#include "search/cell.h"
#include "search/indexer.h"

#define DEADLINE_NS 10000000000ull
/*
 * What comes within this time is one batch: a commit writes a page of each of
 * the five trees that a message is in, be it one message or fifty.
 */
#define GATHER_NS 200000000ull
#define INDEX_BITS 8

_Static_assert(READS_MAX <= 1u << INDEX_BITS, "a tag holds the index");

static void end(struct indexer *x)
{
	struct batch *b = &x->batch;

	for (uint32_t i = 0; i < b->count; i++) {
		rows_put(b->reading[i].rows);
		b->reading[i].rows = NULL;
	}
	b->count = b->waiting = 0;
	b->state = BATCH_NONE;
	b->epoch++;
}

/* What it was for is still to be done. */
static void not_done(const struct batch *b)
{
	if (b->since_ns)
		b->of->since_ns = b->since_ns;
}

/* All of it will be read again. */
static void fail(struct indexer *x)
{
	struct batch *b = &x->batch;

	for (uint32_t i = 0; i < b->count; i++)
		follow_failed(&b->of->follow, &b->reading[i].read);
	search_count(&x->search->stats.failures, 1);
	not_done(b);
	indexer_pause(x, b->of);
	end(x);
}

static int send(struct indexer *x, uint32_t index)
{
	const struct follow_read *read = &x->batch.reading[index].read;
	bool one = read->kind == FOLLOW_ONE;
	struct store_read_msg *m;

	m = ACTOR_MSG_NEW(struct store_read_msg, one ? DATA_GET : DATA_PAGE);
	if (!m)
		return -ENOMEM;
	m->channel = read->channel;
	m->space = read->kind == FOLLOW_NOTES ? STORE_SPACE_NOTE :
						STORE_SPACE_MESSAGE;
	m->dir = STORE_AFTER;
	m->id = one ? read->id : read->from;
	m->limit = (uint16_t)read->limit;
	m->head.tag = x->batch.epoch << INDEX_BITS | index;
	return actor_send(x->self,
			  data_route(actor_system_of(x->self), read->channel),
			  &m->head);
}

static bool is_due(const struct indexer *x, const struct followed *f,
		   uint64_t now)
{
	return f->loaded && f->retry_ns <= now &&
	       now - f->since_ns >= GATHER_NS && f->id != forget_cell(x);
}

static struct followed *pick(struct indexer *x)
{
	uint64_t now = actor_now_ns(x->self);

	list_for_each_safe(node, &x->work) {
		struct followed *f = list_entry(node, struct followed, node);

		if (!is_due(x, f, now))
			continue;
		if (follow_has_work(&f->follow))
			return f;
		f->since_ns = 0;
		list_del(node);
	}
	return NULL;
}

static void begin(struct indexer *x, struct followed *f)
{
	struct follow_read reads[READS_MAX];
	struct batch *b = &x->batch;

	b->of = f;
	b->since_ns = f->since_ns;
	f->since_ns = 0;
	b->failed = false;
	b->deadline_ns = actor_now_ns(x->self) + DEADLINE_NS;
	b->count = follow_next(&f->follow, reads, READS_MAX, DATA_PAGE_MAX);
	b->state = BATCH_READING;
	for (uint32_t i = 0; i < b->count; i++) {
		b->reading[i] = (struct reading){ .read = reads[i] };
		b->waiting++;
	}
	for (uint32_t i = 0; i < b->count && !b->failed; i++)
		b->failed = send(x, i);
	/* To the end of the line. */
	list_del(&f->node);
	list_push(&x->work, &f->node);
	if (b->failed)
		fail(x);
}

void batch_next(struct indexer *x)
{
	struct followed *f;

	if (x->batch.state != BATCH_NONE || x->stopping || !x->open)
		return;
	f = pick(x);
	if (f)
		begin(x, f);
}

/* What they name has changed; should the batch fail, it is read once more. */
static void take_notes(struct indexer *x, const struct reading *r,
		       const struct rows *notes)
{
	for (uint32_t i = 0; i < notes->count; i++) {
		const struct row *row = &notes->row[i];
		uint64_t id;

		for (uint32_t at = 0; at + sizeof(id) <= row->size;
		     at += sizeof(id)) {
			memcpy(&id, row->data + at, sizeof(id));
			if (follow_changed(&x->batch.of->follow,
					   r->read.channel, id))
				x->batch.failed = true;
		}
	}
}

static void take_rows(struct indexer *x, struct reading *r,
		      struct store_rows_msg *m)
{
	uint32_t count = 0;
	uint64_t last = 0;

	if (m->status == -ENOENT && r->read.kind == FOLLOW_ONE) {
		follow_read_done(&x->batch.of->follow, &r->read, 0, 0);
		return;
	}
	if (m->status) {
		log_warn("search", "read_failed", "channel=%llu error=%d",
			 (unsigned long long)r->read.channel, -m->status);
		x->batch.failed = true;
		return;
	}
	count = m->rows->count;
	if (count)
		last = m->rows->row[0].id;
	if (r->read.kind == FOLLOW_NOTES) {
		take_notes(x, r, m->rows);
		follow_read_done(&x->batch.of->follow, &r->read, count, last);
		return;
	}
	r->rows = rows_get(m->rows);
	search_count(&x->search->stats.rows, count);
	follow_read_done(&x->batch.of->follow, &r->read, count, last);
}

void batch_rows(struct indexer *x, struct actor_msg *msg)
{
	struct batch *b = &x->batch;
	uint64_t index = msg->tag & ((1u << INDEX_BITS) - 1);

	if (b->state != BATCH_READING || msg->tag >> INDEX_BITS != b->epoch ||
	    index >= b->count || b->reading[index].answered)
		return;
	b->reading[index].answered = true;
	take_rows(x, &b->reading[index], (struct store_rows_msg *)msg);
	if (--b->waiting)
		return;
	if (b->failed)
		fail(x);
	else
		b->state = BATCH_READY;
}

void batch_void(struct indexer *x, const struct followed *f)
{
	struct batch *b = &x->batch;

	if (b->of != f)
		return;
	if (b->state == BATCH_READING)
		b->failed = true;
	else if (b->state == BATCH_READY)
		fail(x);
}

void batch_tick(struct indexer *x)
{
	if (x->batch.state == BATCH_READING &&
	    actor_now_ns(x->self) >= x->batch.deadline_ns) {
		log_warn("search", "reads_overdue", "guild=%llu",
			 (unsigned long long)x->batch.of->id);
		fail(x);
	}
}

static int apply_one(struct cell *cell, const struct reading *r)
{
	const struct follow_read *read = &r->read;

	if (read->kind == FOLLOW_NOTES)
		return 0;
	if (read->kind != FOLLOW_ONE)
		return cell_reconcile(cell, read->channel, read->from,
				      read->upto, r->rows);
	if (!r->rows)
		return cell_delete(cell, read->id);
	return cell_reconcile(cell, read->channel, read->id - 1, read->id,
			      r->rows);
}

/* On the worker. */
int batch_apply(struct indexer *x)
{
	struct batch *b = &x->batch;
	struct cell *cell;
	int err = cells_get(x->cells, b->of->id, &cell);

	if (!err)
		err = cell_begin(cell);
	if (err)
		return err;
	for (uint32_t i = 0; !err && i < b->count; i++)
		err = apply_one(cell, &b->reading[i]);
	for (uint32_t i = 0; !err && i < b->count; i++)
		if (b->reading[i].read.kind == FOLLOW_TAIL ||
		    b->reading[i].read.kind == FOLLOW_SCRUB)
			err = cell_set_mark(cell, &b->reading[i].read.mark);
	if (!err)
		err = cell_commit(cell);
	if (err)
		cell_rollback(cell);
	return err;
}

void batch_applied(struct indexer *x, int result)
{
	struct batch *b = &x->batch;

	search_count(&x->search->stats.batches, 1);
	if (result) {
		log_error("search", "batch_failed", "guild=%llu error=%d",
			  (unsigned long long)b->of->id, -result);
		fail(x);
		return;
	}
	for (uint32_t i = 0; i < b->count; i++)
		follow_applied(&b->of->follow, &b->reading[i].read);
	if (follow_has_work(&b->of->follow))
		not_done(b);
	else if (b->since_ns)
		timings_add(&x->search->stats.index_times,
			    actor_now_ns(x->self) - b->since_ns);
	end(x);
}
