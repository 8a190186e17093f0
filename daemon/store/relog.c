// SPDX-License-Identifier: Apache-2.0
/*
 * Changes to rows of a damaged block cannot be merged into it: they are stuck
 * in memory until somebody repairs the shard.  When their partition is written
 * to blocks they are logged again, so that the log before need not be kept for
 * them: first the job takes its snapshot of all others, then they are staged,
 * which makes them newer than it, and the index hears of the job only when
 * they are durable.
 */
#include <errno.h>

#include "base/blob.h"
#include "base/mem.h"
#include "store/engine_impl.h"

struct relog {
	struct store_op op;
	struct engine *e;
	void (*done)(struct engine *e, int err);
};

bool engine_is_bad(const struct engine *e, const struct block_ref *ref)
{
	return e->bad.count && hmap_get(&e->bad, ref->place, NULL);
}

bool engine_is_stuck(const struct engine *e, const struct part *part,
		     const struct delta *delta)
{
	const struct block_ref *ref;

	if (!e->bad.count)
		return false;
	ref = part_block_of(part, delta->id);
	return ref && engine_is_bad(e, ref);
}

static void relog_done(struct store_op *op)
{
	struct relog *relog = container_of(op, struct relog, op);

	relog->done(relog->e, op->status);
	blob_put(op->row);
	mem_free(relog);
}

static int relog_delta(struct engine *e, struct part *part,
		       const struct delta *delta,
		       void (*done)(struct engine *e, int err))
{
	struct relog *relog = mem_zalloc(sizeof(*relog));
	struct store_op *op;

	if (!relog)
		return -ENOMEM;
	relog->e = e;
	relog->done = done;
	op = &relog->op;
	if (delta->owner) {
		struct row row = part_delta_row(delta);

		op->row = blob_new(row.data, row.size);
		if (!op->row) {
			mem_free(relog);
			return -ENOMEM;
		}
	}
	op->kind = !delta->owner ? OP_DELETE : delta->shadows ? OP_EDIT
							    : OP_APPEND;
	op->space = part->space;
	op->channel = part->channel;
	op->id = delta->id;
	op->ids = &op->id;
	op->id_count = 1;
	op->hits[0] = 1;
	op->records = 1;
	op->part = part;
	op->changing = true;
	part->changing++;
	op->done = relog_done;
	list_init(&op->node);
	engine_stage(e, op);
	return 0;
}

static size_t stuck_bytes(const struct engine *e, const struct part *part)
{
	size_t bytes = 0;

	for (uint32_t i = 0; e->bad.count && i < part->delta_count; i++)
		if (engine_is_stuck(e, part, &part->deltas[i]))
			bytes += logrec_size(part->deltas[i].size);
	return bytes;
}

bool relog_fits(const struct engine *e, const struct part *part)
{
	size_t bytes = stuck_bytes(e, part);

	return !bytes || !log_room(&e->log, bytes, false);
}

int relog_part(struct engine *e, struct part *part,
	       void (*done)(struct engine *e, int err), uint32_t *ret_count)
{
	int err = 0;

	*ret_count = 0;
	for (uint32_t i = 0; e->bad.count && i < part->delta_count && !err;
	     i++) {
		if (!engine_is_stuck(e, part, &part->deltas[i]))
			continue;
		err = relog_delta(e, part, &part->deltas[i], done);
		*ret_count += !err;
	}
	return err;
}

void relog_abandon(struct engine *e)
{
	list_for_each_safe(node, &e->staged) {
		struct store_op *op = list_entry(node, struct store_op, node);

		if (op->done != relog_done)
			continue;
		list_del(node);
		blob_put(op->row);
		mem_free(container_of(op, struct relog, op));
	}
}
