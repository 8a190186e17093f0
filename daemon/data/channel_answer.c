// SPDX-License-Identifier: Apache-2.0
/*
 * The answers to reads: one result, of which each gets a reference to all or
 * to a part; so many in one go that a herd does not hold up the core, nor the
 * channel's writers.
 */
#include <errno.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/mem.h"
#include "data/channel_impl.h"

/* A turn is at most 64 of these. */
#define DELIVER_SLICE 32u

void channel_tell_rows(struct channel *ch, const struct waiter *waiter,
		       int status, struct rows *rows)
{
	struct store_rows_msg *reply =
		ACTOR_MSG_NEW(struct store_rows_msg, DATA_ROWS);

	if (!reply) {
		rows_put(rows);
		return;
	}
	if (status)
		data_count(&ch->data->stats.errors, 1);
	reply->status = status;
	reply->rows = rows;
	reply->head.tag = waiter->tag;
	actor_send(ch->self, waiter->from, &reply->head);
}

/* The part of a run's rows that a smaller page is; NULL: out of memory. */
static struct rows *slice(struct rows *all, const struct run_key *key,
			  uint16_t limit)
{
	uint32_t first = 0;
	struct rows *rows;

	if (key->is_get || limit >= all->count)
		return rows_get(all);
	/* The page after an id has the oldest rows, which are the last. */
	if (key->dir == STORE_AFTER)
		first = all->count - limit;
	rows = rows_new(limit, all->owner_count);
	if (!rows)
		return NULL;
	for (uint32_t i = 0; i < all->owner_count; i++)
		rows_own(rows, all->owner[i]);
	for (uint32_t i = 0; i < limit; i++)
		rows->row[rows->count++] = all->row[first + i];
	return rows;
}

/* For tests: what each would get without references to the one result. */
static struct rows *copy(const struct rows *all)
{
	struct rows *rows = rows_new(all->count, all->count);

	for (uint32_t i = 0; rows && i < all->count; i++) {
		const struct row *row = &all->row[i];
		struct blob *own = blob_new(row->data, row->size);

		check(own);
		rows->row[rows->count++] = (struct row){ row->id, own->data,
							 row->size };
		rows_own(rows, own);
		blob_put(own);
	}
	return rows;
}

static struct rows *part_for(struct channel *ch, struct run *run,
			     uint16_t limit)
{
	struct rows *rows = slice(run->rows, &run->key, limit), *own;

	if (!rows || !is_unsafe(ch, DATA_UNSAFE_COPY))
		return rows;
	own = copy(rows);
	rows_put(rows);
	return own;
}

static void answer(struct channel *ch, struct run *run, struct waiter *waiter)
{
	bool is_empty = run->status && is_unsafe(ch, DATA_UNSAFE_EMPTY);
	int status = is_empty ? 0 : run->status;
	struct rows *rows = NULL;

	if (is_empty)
		rows = rows_new(0, 0);
	else if (!status)
		rows = part_for(ch, run, waiter->limit);
	if (!status && !rows)
		status = -ENOMEM;
	channel_tell_rows(ch, waiter, status, rows);
}

void run_free(struct channel *ch, struct run *run)
{
	struct list *node;

	while ((node = list_pop(&run->waiters)))
		mem_free(list_entry(node, struct waiter, node));
	list_del(&run->node);
	rows_put(run->rows);
	mem_free(run);
	ch->run_count--;
}

/* All its waiters have their answer. */
static void run_end(struct channel *ch, struct run *run)
{
	if (run->status && is_unsafe(ch, DATA_UNSAFE_KEEP_FAILED)) {
		list_del(&run->node);
		list_push(&ch->retrying, &run->node);
		return;
	}
	run_free(ch, run);
}

static void resume_later(struct channel *ch)
{
	struct actor_msg *more = actor_msg_new(DATA_RESUME, sizeof(*more));

	/* Out of memory: the idle timer makes up for it. */
	ch->resuming = more && !actor_send(ch->self, actor_self(ch->self),
					   more);
}

void channel_deliver(struct channel *ch)
{
	uint32_t n = 0, most = is_unsafe(ch, DATA_UNSAFE_DELIVER_ALL) ?
			       UINT32_MAX : DELIVER_SLICE;

	ch->resuming = false;
	while (!list_empty(&ch->finished) && n < most) {
		struct run *run = list_entry(ch->finished.next, struct run,
					     node);
		struct list *node = list_pop(&run->waiters);

		if (!node) {
			run_end(ch, run);
			continue;
		}
		answer(ch, run, list_entry(node, struct waiter, node));
		mem_free(list_entry(node, struct waiter, node));
		n++;
	}
	if (!list_empty(&ch->finished))
		resume_later(ch);
}

/* For tests: what a table of runs by key would do. */
static void drop_successor(struct channel *ch, struct run *run)
{
	struct run *other = run_find(ch, &run->key);

	if (other && other != run)
		run_free(ch, other);
}

void run_finish(struct channel *ch, struct run *run, int status,
		struct rows *rows)
{
	timings_add(&ch->data->run_times,
		    actor_now_ns(ch->self) - run->begin_ns);
	run->status = status;
	run->rows = rows;
	/* It takes away itself alone: another run of its key may have begun. */
	if (is_unsafe(ch, DATA_UNSAFE_FINISH_BY_KEY))
		drop_successor(ch, run);
	list_del(&run->node);
	list_push(&ch->finished, &run->node);
	if (!ch->resuming)
		channel_deliver(ch);
}
