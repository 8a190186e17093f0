// SPDX-License-Identifier: Apache-2.0
/*
 * Requests that read: from what is in memory at once, else when the blocks
 * that they miss have come.
 */
#include <errno.h>

#include "base/mem.h"
#include "store/engine_impl.h"

static int try_read(struct store_op *op, page_lookup_fn lookup, void *ctx,
		    struct page_missing *missing)
{
	struct page_query query = {
		.id = op->id,
		.dir = op->dir,
		.limit = op->limit,
	};

	if (op->kind == OP_GET)
		return page_get(op->part, op->id, lookup, ctx, &op->rows,
				missing);
	return page_read(op->part, &query, lookup, ctx, &op->rows, missing);
}

void read_release(struct engine *e, struct store_op *op)
{
	if (!op->group)
		return;
	list_del(&op->node);
	fetch_group_fini(op->group);
	mem_free(op->group);
	op->group = NULL;
	op->part->readers--;
	engine_drop_part_if_empty(e, op->part);
}

static void read_ready(struct fetch_group *group)
{
	struct store_op *op = group->ctx;
	struct engine *e = group->e;
	struct page_missing missing;
	int err = group->err;

	if (!err)
		err = try_read(op, fetch_lookup, group, &missing);
	/* What changed in the meantime may need other blocks. */
	if (err == -EAGAIN) {
		read_fetch(e, op, &missing, read_ready);
		return;
	}
	read_release(e, op);
	engine_finish(op, err);
}

int read_fetch(struct engine *e, struct store_op *op,
	       const struct page_missing *missing,
	       void (*ready)(struct fetch_group *group))
{
	if (!op->group) {
		op->group = mem_alloc(sizeof(*op->group));
		if (!op->group)
			return -ENOMEM;
		fetch_group_init(op->group, e, op->part, ready, op);
		op->part->readers++;
		list_push(&e->fetching_ops, &op->node);
	}
	if (!fetch_start(op->group, missing->block, missing->count))
		ready(op->group);
	return 0;
}

void engine_read(struct engine *e, struct store_op *op)
{
	struct page_missing missing;
	int err;

	op->part = engine_part(e, op->channel, op->space);
	if (!op->part) {
		op->rows = op->kind == OP_PAGE ? rows_new(0, 0) : NULL;
		engine_finish(op, op->kind == OP_GET ? -ENOENT :
				  op->rows ? 0 : -ENOMEM);
		return;
	}
	op->part->wanted = true;
	err = try_read(op, fetch_lookup_cache, e, &missing);
	if (err == -EAGAIN)
		err = read_fetch(e, op, &missing, read_ready) ? -ENOMEM : 1;
	if (err <= 0)
		engine_finish(op, err);
}
