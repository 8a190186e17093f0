// SPDX-License-Identifier: Apache-2.0
/*
 * Jobs: what runs on the lane, one at a time.  A search goes before the batch
 * that is ready, and waits for one batch at most.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "os/loop.h"
#include "search/cell.h"
#include "search/indexer.h"

/* How old the safe point gets while nothing changes. */
#define SAFE_MAX_MS 3600000ull

/* --- on the worker --- */

static int add_mark(void *ctx, const struct cell_mark *mark)
{
	struct indexer *x = ctx;
	struct kept_mark kept = { .mark = *mark };
	int err = cells_safe(x->cells, mark->generation, &kept.safe_ms);

	return err ? err : buf_append(&x->job.marks, &kept, sizeof(kept));
}

static int load(struct indexer *x)
{
	struct cell *cell;
	int err = cells_get(x->cells, x->job.of->id, &cell);

	return err ? err : cell_marks(cell, add_mark, x);
}

static int query(struct indexer *x)
{
	struct search_query_msg *q = x->job.query;
	struct cell *cell;
	int err = cells_get(x->cells, q->guild_id, &cell);

	if (!err && x->job.partial)
		err = cell_count(cell, &x->job.hits->indexed);
	return err ? err : cell_search(cell, &q->query, q->readable,
				       q->readable_count, x->job.hits);
}

static uint64_t cell_of(const struct indexer *x)
{
	switch (x->job.kind) {
	case JOB_LOAD:
	case JOB_DROP:
		return x->job.of->id;
	case JOB_APPLY:
		return x->batch.of->id;
	case JOB_FORGET:
		return forget_cell(x);
	default:
		return x->job.query->guild_id;
	}
}

static int open_cells(struct indexer *x)
{
	int err = cells_open(x->search->dir, x->search->max_open, &x->cells,
			     &x->generation);

	return err ? err : cells_safe(x->cells, x->generation,
				      &x->job.safe_ms);
}

static int run(void *arg)
{
	struct indexer *x = ((struct actor_io_msg *)arg)->ctx;
	int err = 0;

	switch (x->job.kind) {
	case JOB_OPEN:
		return open_cells(x);
	case JOB_SAFE:
		return cells_set_safe(x->cells, x->generation,
				      x->job.safe_ms);
	case JOB_CLOSE:
		cells_close(x->cells, x->job.complete);
		x->cells = NULL;
		return 0;
	case JOB_LOAD:
		err = load(x);
		break;
	case JOB_DROP:
		cells_drop(x->cells, x->job.of->id);
		x->job.dropped = true;
		break;
	case JOB_APPLY:
		err = batch_apply(x);
		break;
	case JOB_QUERY:
		err = query(x);
		break;
	case JOB_FORGET:
		err = forget_run(x);
		break;
	case JOB_NONE:
		break;
	}
	if (err == -EBADMSG) {
		cells_drop(x->cells, cell_of(x));
		x->job.dropped = true;
	}
	return err;
}

/* --- starting one --- */

static bool start(struct indexer *x, enum job_kind kind)
{
	struct actor_io_msg *io = actor_io_new(x->self, x);

	if (!io)
		return false;
	x->job.kind = kind;
	x->job.dropped = false;
	x->job.start_ns = actor_now_ns(x->self);
	if (!os_work(actor_loop(x->self), SEARCH_LANE, run, actor_io_finish,
		     io))
		return true;
	actor_msg_free(&io->head);
	x->job.kind = JOB_NONE;
	return false;
}

static bool start_query(struct indexer *x)
{
	struct list *node = x->queries.next;
	struct waiting_query *w;
	struct followed *f;

	if (node == &x->queries)
		return false;
	w = list_entry(node, struct waiting_query, node);
	x->job.hits = ACTOR_MSG_NEW(struct search_hits_msg, SEARCH_HITS);
	if (!x->job.hits)
		return false;
	x->job.query = w->msg;
	x->job.query_ns = w->begin_ns;
	f = hmap_get_ptr(&x->followed, w->msg->guild_id);
	x->job.partial = !f || !f->loaded || !follow_is_ready(&f->follow);
	if (!start(x, JOB_QUERY)) {
		actor_msg_free(&x->job.hits->head);
		return false;
	}
	list_del(node);
	x->query_count--;
	mem_free(w);
	return true;
}

static bool start_load(struct indexer *x)
{
	uint64_t now = actor_now_ns(x->self);

	list_for_each(node, &x->work) {
		struct followed *f = list_entry(node, struct followed, node);

		if ((f->loaded && !f->drop) || f->retry_ns > now)
			continue;
		x->job.of = f;
		if (f->drop)
			return start(x, JOB_DROP);
		buf_reset(&x->job.marks);
		return start(x, JOB_LOAD);
	}
	return false;
}

/* Nothing is being read for its cell. */
static bool start_forget(struct indexer *x)
{
	uint64_t id = forget_cell(x);

	if (!id || x->stopping ||
	    (x->batch.state != BATCH_NONE && x->batch.of->id == id))
		return false;
	return start(x, JOB_FORGET);
}

/* When something has changed since, or hours have passed. */
static void start_safe(struct indexer *x)
{
	uint64_t now = actor_now_ns(x->self);
	uint64_t hints = atomic_load(&x->search->stats.hints);
	uint64_t wall_ms = actor_wall_ms(x->self) - x->search->slack_ms;

	if (now < x->safe_due_ns ||
	    (hints == x->safe_hints && wall_ms < x->safe_ms + SAFE_MAX_MS))
		return;
	/* It looks at every channel of every cell. */
	if (!indexer_all_saved(x)) {
		x->safe_due_ns = now + x->search->slack_ms * 1000000 / 64;
		return;
	}
	x->safe_due_ns = now + x->search->slack_ms * 1000000 / 4;
	x->safe_hints = hints;
	x->job.safe_ms = wall_ms;
	start(x, JOB_SAFE);
}

void job_next(struct indexer *x)
{
	if (x->job.kind != JOB_NONE)
		return;
	if (!x->open) {
		if (!x->stopping)
			start(x, JOB_OPEN);
		return;
	}
	if (start_query(x))
		return;
	if (x->batch.state == BATCH_READY) {
		if (start(x, JOB_APPLY))
			x->batch.state = BATCH_APPLYING;
	} else if (x->stopping) {
		/* What was being read is not. */
		x->job.complete = indexer_all_saved(x);
		start(x, JOB_CLOSE);
	} else if (!start_forget(x) && !start_load(x)) {
		start_safe(x);
	}
}

/* --- its end --- */

static int restore(struct indexer *x, struct followed *f)
{
	struct follow_since since;
	struct kept_mark kept;
	int err = 0;

	for (size_t at = 0; !err && at < x->job.marks.len;
	     at += sizeof(kept)) {
		memcpy(&kept, x->job.marks.data + at, sizeof(kept));
		since = indexer_since(x, kept.safe_ms);
		err = follow_restore(&f->follow, &kept.mark, &since);
	}
	return err;
}

static void loaded(struct indexer *x, int result)
{
	struct followed *f = x->job.of;

	if (!result)
		result = restore(x, f);
	if (result) {
		log_error("search", "load_failed", "guild=%llu error=%d",
			  (unsigned long long)f->id, -result);
		indexer_pause(x, f);
	} else {
		f->loaded = true;
	}
}

static void queried(struct indexer *x, int result)
{
	timings_add(&x->search->stats.query_times,
		    actor_now_ns(x->self) - x->job.query_ns);
	indexer_answer(x, x->job.query, x->job.hits, result);
	x->job.query = NULL;
	x->job.hits = NULL;
}

/* What was heard of before the generation was known. */
static void opened(struct indexer *x, int result)
{
	uint64_t value;
	size_t iter = 0;

	if (result)
		log_error("search", "open_failed", "error=%d", -result);
	x->open = !result;
	x->safe_ms = x->job.safe_ms;
	while (hmap_next(&x->followed, &iter, NULL, &value))
		((struct followed *)(uintptr_t)value)->follow.generation =
			x->generation;
}

/* The cell is empty: everything is to be read. */
static void forget(struct indexer *x, uint64_t id)
{
	struct followed *f = hmap_get_ptr(&x->followed, id);

	if (!f)
		return;
	batch_void(x, f);
	follow_forget(&f->follow);
	indexer_has_work(x, f);
}

void job_done(struct indexer *x, int result)
{
	enum job_kind kind = x->job.kind;

	if (x->job.dropped)
		forget(x, cell_of(x));
	x->job.kind = JOB_NONE;
	switch (kind) {
	case JOB_OPEN:
		opened(x, result);
		break;
	case JOB_LOAD:
		loaded(x, result);
		break;
	case JOB_APPLY:
		timings_add(&x->search->stats.batch_times,
			    actor_now_ns(x->self) - x->job.start_ns);
		batch_applied(x, result);
		break;
	case JOB_QUERY:
		queried(x, result);
		break;
	case JOB_DROP:
		x->job.of->drop = false;
		break;
	case JOB_FORGET:
		forget_done(x, result);
		break;
	case JOB_SAFE:
		if (!result)
			x->safe_ms = x->job.safe_ms;
		break;
	case JOB_CLOSE:
		x->open = false;
		break;
	case JOB_NONE:
		break;
	}
}
