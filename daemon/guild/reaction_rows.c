// SPDX-License-Identifier: Apache-2.0
/* Rows of reactions: read all of a message's, sweep those of one that goes. */
#include <errno.h>

#include "base/mem.h"
#include "guild/attach.h"
#include "guild/reaction.h"

/* --- reading all rows of a message --- */

struct read_all {
	struct op op;
	uint64_t message_id;
	struct reaction_set *set;
	void (*then)(struct guild *g, void *ctx, struct reaction_set *set,
		     int err);
	void *ctx;
};

static void read_drop(struct op *op)
{
	reaction_set_free(((struct read_all *)op)->set);
}

static void read_end(struct guild *g, struct read_all *r, int err)
{
	struct reaction_set *set = err ? NULL : r->set;
	void (*then)(struct guild *, void *, struct reaction_set *, int) =
		r->then;
	void *ctx = r->ctx;

	if (!err)
		r->set = NULL;
	op_free(g, &r->op);
	then(g, ctx, set, err);
}

static int ask(struct guild *g, struct read_all *r, uint64_t after)
{
	return op_page(g, &r->op, r->message_id, STORE_SPACE_REACTION,
		       STORE_AFTER, after, DATA_PAGE_MAX);
}

static void read_some(struct guild *g, struct op *op, struct actor_msg *answer)
{
	const struct store_rows_msg *m = (struct store_rows_msg *)answer;
	struct read_all *r = (struct read_all *)op;
	int err = m->status;

	for (uint32_t i = 0; !err && i < m->rows->count; i++)
		err = reaction_set_load(r->set, m->rows->row[i].id,
					m->rows->row[i].data,
					m->rows->row[i].size);
	if (!err && m->rows->count == DATA_PAGE_MAX) {
		/* Newest first: row 0 has the highest id. */
		err = ask(g, r, m->rows->row[0].id);
		if (!err)
			return;
	}
	read_end(g, r, err);
}

void reaction_read(struct guild *g, uint64_t message_id,
		   void (*then)(struct guild *g, void *ctx,
				struct reaction_set *set, int err), void *ctx)
{
	struct read_all *r = op_new(g, sizeof(*r), NULL, read_some, read_drop);
	int err = -ENOMEM;

	if (!r) {
		then(g, ctx, NULL, err);
		return;
	}
	r->message_id = message_id;
	r->then = then;
	r->ctx = ctx;
	r->set = mem_zalloc(sizeof(*r->set));
	if (r->set)
		err = ask(g, r, 0);
	if (err)
		read_end(g, r, err);
}

/* --- when a message goes --- */

struct sweep {
	struct op op;
	uint64_t message_id;
};

static void swept(struct guild *g, struct op *op, struct actor_msg *answer)
{
	(void)answer;
	op_free(g, op);
}

static void sweep(struct guild *g, uint64_t channel_id, enum store_space space,
		  const uint64_t *id, uint32_t count)
{
	struct op *op = op_new(g, sizeof(*op), NULL, swept, NULL);

	if (op && op_delete(g, op, channel_id, space, id, count))
		op_free(g, op);
}

static void sweep_reactions(struct guild *g, struct op *op,
			    struct actor_msg *answer)
{
	const struct store_rows_msg *m = (struct store_rows_msg *)answer;
	uint64_t message_id = ((struct sweep *)op)->message_id;
	uint64_t id[DATA_PAGE_MAX];

	for (uint32_t i = 0; !m->status && i < m->rows->count; i++)
		id[i] = m->rows->row[i].id;
	if (m->status || !m->rows->count) {
		op_free(g, op);
		return;
	}
	sweep(g, message_id, STORE_SPACE_REACTION, id, m->rows->count);
	/* A read sent after a write sees it: the next page is another one. */
	if (op_page(g, op, message_id, STORE_SPACE_REACTION, STORE_AFTER,
		    id[0], DATA_PAGE_MAX))
		op_free(g, op);
}

void message_gone(struct guild *g, uint64_t channel_id,
		  const struct message *m)
{
	uint64_t file[FILES_MAX], id = m->id;
	struct sweep *s;

	attach_drop(g, channel_id, file, attach_ids(m->attachments, file));
	if (m->pinned)
		sweep(g, channel_id, STORE_SPACE_PIN, &id, 1);
	if (!m->reacted)
		return;
	s = op_new(g, sizeof(*s), NULL, sweep_reactions, NULL);
	if (!s)
		return;
	s->message_id = id;
	if (op_page(g, &s->op, id, STORE_SPACE_REACTION, STORE_AFTER, 0,
		    DATA_PAGE_MAX))
		op_free(g, &s->op);
}
