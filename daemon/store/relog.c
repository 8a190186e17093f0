// SPDX-License-Identifier: Apache-2.0
/*
 * Changes to rows of a damaged block cannot be merged into it.  They stay in
 * memory, and are written to the log again when its tail comes near, until
 * somebody repairs the shard.
 */
#include <errno.h>

#include "base/blob.h"
#include "base/mem.h"
#include "store/engine_impl.h"

static void relog_done(struct store_op *op)
{
	blob_put(op->row);
	mem_free(op);
}

static int relog_delta(struct engine *e, struct part *part,
		       const struct delta *delta)
{
	size_t bytes = logrec_size(delta->size);
	int err = log_room(&e->log, bytes, false);
	struct store_op *op;

	if (err)
		return err;
	op = mem_zalloc(sizeof(*op));
	if (!op)
		return -ENOMEM;
	if (delta->owner) {
		struct row row = part_delta_row(delta);

		op->row = blob_new(row.data, row.size);
		if (!op->row) {
			mem_free(op);
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
	op->done = relog_done;
	list_init(&op->node);
	engine_stage(e, op);
	return 0;
}

int relog_part(struct engine *e, struct part *part)
{
	int err = 0;

	/* What is on its way may be about the same rows: next time. */
	if (part->inflight || part->deciding)
		return 0;
	for (uint32_t i = 0; i < part->delta_count && !err; i++)
		err = relog_delta(e, part, &part->deltas[i]);
	/* The rest when this frame is away. */
	return err == -EAGAIN ? 0 : err;
}
