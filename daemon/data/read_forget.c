// SPDX-License-Identifier: Apache-2.0
/*
 * Forgetting a channel: each user's state of it becomes one that says nothing,
 * in memory and in the log, part of the table by part.  A crash in between
 * leaves some of them; whoever asked asks again.
 */
#include <errno.h>

#include "data/read_impl.h"

/* What one step looks at, and how many users it changes at once. */
#define PARTS 32u
#define USERS 64u

void read_store_forget(struct read_store *s, struct read_op *op)
{
	if (s->refused) {
		op->status = -EIO;
		op->done(op);
		return;
	}
	if (list_empty(&s->forget.ops))
		s->forget.part = 0;
	list_push(&s->forget.ops, &op->node);
	read_wake(s);
}

/* True: none is left in this part. */
static bool forget_part(struct read_store *s, uint64_t channel)
{
	const struct read_state nothing = { .channel = channel };
	uint64_t user[USERS];
	uint32_t n;

	n = read_table_find(&s->table, s->forget.part, channel, user, USERS);
	for (uint32_t i = 0; i < n; i++) {
		if (read_is_full(s))
			return false;
		/* It takes no memory. */
		(void)read_change(s, user[i], &nothing);
	}
	return n < USERS;
}

void read_forget_step(struct read_store *s)
{
	struct read_forget *f = &s->forget;
	struct read_op *op;

	if (list_empty(&f->ops) || s->refused)
		return;
	op = list_entry(f->ops.next, struct read_op, node);
	for (uint32_t n = 0; n < PARTS && f->part < READ_TABLE_PARTS; n++)
		f->part += forget_part(s, op->channel);
	/* The last of its records is in this group or in an older one. */
	if (f->part == READ_TABLE_PARTS && !read_is_full(s)) {
		list_del(&op->node);
		f->part = 0;
		read_gather(s, op);
	}
	/* A full group's commit wakes. */
	if (!list_empty(&f->ops) && !read_is_full(s))
		read_wake(s);
}

void read_forget_end(struct read_store *s, int status)
{
	list_for_each(node, &s->forget.ops)
		list_entry(node, struct read_op, node)->status = status;
	list_splice(&s->settled, &s->forget.ops);
	s->forget.part = 0;
}
