// SPDX-License-Identifier: Apache-2.0
/*
 * Channels that are gone: their messages are taken out of the cell, some in
 * each job, so that a search waits for no more than it does for a batch.  Of a
 * cell that is to forget one nothing is read meanwhile: a page on its way could
 * put back what was taken out.
 */
#include <errno.h>

#include "base/log.h"
#include "base/mem.h"
#include "search/cell.h"
#include "search/indexer.h"

/* Calls of cell_forget() in a transaction. */
#define ROUNDS_MAX 8u

static struct waiting_forget *first(const struct indexer *x)
{
	return list_entry(x->forgets.next, struct waiting_forget, node);
}

static void answer(struct indexer *x, const struct actor_msg *msg, int status)
{
	struct search_forgotten_msg *a;

	a = ACTOR_MSG_NEW(struct search_forgotten_msg, SEARCH_FORGOTTEN);
	if (!a)
		return;
	a->status = status;
	actor_reply(x->self, msg, &a->head);
}

void forget_ask(struct indexer *x, struct actor_msg *msg)
{
	struct waiting_forget *w = NULL;

	if (x->forget_count < FORGETS_MAX && x->open)
		w = mem_alloc(sizeof(*w));
	if (!w) {
		answer(x, msg, -EOVERFLOW);
		return;
	}
	actor_msg_take(x->self, msg);
	w->msg = (struct search_forget_msg *)msg;
	list_push(&x->forgets, &w->node);
	x->forget_count++;
}

uint64_t forget_cell(const struct indexer *x)
{
	return list_empty(&x->forgets) ? 0 : first(x)->msg->guild_id;
}

int forget_run(struct indexer *x)
{
	const struct search_forget_msg *m = first(x)->msg;
	struct cell *cell;
	int err = cells_get(x->cells, m->guild_id, &cell);

	x->job.more = true;
	if (!err)
		err = cell_begin(cell);
	if (err)
		return err;
	for (uint32_t i = 0; !err && i < ROUNDS_MAX && x->job.more; i++)
		err = cell_forget(cell, m->channel_id, &x->job.more);
	if (!err)
		err = cell_commit(cell);
	if (err)
		cell_rollback(cell);
	/* Whoever asked will not ask again. */
	return err || x->job.more ? err : cell_sync(cell);
}

static void pop(struct indexer *x)
{
	struct waiting_forget *w = first(x);

	list_del(&w->node);
	x->forget_count--;
	actor_msg_free(&w->msg->head);
	mem_free(w);
}

void forget_done(struct indexer *x, int result)
{
	const struct search_forget_msg *m = first(x)->msg;
	struct followed *f = hmap_get_ptr(&x->followed, m->guild_id);

	if (!result && x->job.more)
		return;
	/* What was damaged is read anew, and nothing of it is found. */
	if (result == -EBADMSG)
		result = 0;
	if (result)
		log_error("search", "forget_failed", "channel=%llu error=%d",
			  (unsigned long long)m->channel_id, -result);
	else if (f)
		follow_drop(&f->follow, m->channel_id);
	answer(x, &m->head, result);
	pop(x);
}

void forget_fini(struct indexer *x)
{
	while (!list_empty(&x->forgets))
		pop(x);
}
