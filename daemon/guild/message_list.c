// SPDX-License-Identifier: Apache-2.0
/* Reading messages: one, or a page, with what they answer. */
#include <errno.h>

#include "base/blob.h"
#include "base/mem.h"
#include "guild/message.h"
#include "guild/reaction.h"

/*
 * A read under way: first its rows, then one read for each message with
 * reactions, and for each that is answered but not among them.
 */
struct reading {
	struct op op;
	uint64_t channel_id;
	uint64_t reader_id;
	struct guild *guild;
	struct rows *rows;
	bool single;
	bool failed;
	enum error_code late;		/* for tests: refused after the fact */
	uint32_t waiting;		/* reads of the below under way */
	uint32_t reacted_count;
	uint32_t ref_count;
	struct {
		uint64_t id;
		struct rows *rows;	/* NULL: gone, or not come yet */
	} ref[DATA_PAGE_MAX];
	struct reacted {
		struct reading *reading;
		uint64_t id;
		struct reaction_set *set;	/* NULL: not come yet */
	} reacted[DATA_PAGE_MAX];
};

struct ref_read {
	struct op op;
	struct reading *reading;
	uint32_t index;
};

static void reading_drop(struct op *op)
{
	struct reading *r = (struct reading *)op;

	if (!r->single)
		page_body_leave(&r->guild->page);
	rows_put(r->rows);
	for (uint32_t i = 0; i < r->ref_count; i++)
		rows_put(r->ref[i].rows);
	for (uint32_t i = 0; i < r->reacted_count; i++)
		reaction_set_free(r->reacted[i].set);
}

static const struct row *find_row(const struct rows *rows, uint64_t id)
{
	for (uint32_t i = 0; rows && i < rows->count; i++)
		if (rows->row[i].id == id)
			return &rows->row[i];
	return NULL;
}

static const struct row *referenced_row(const struct reading *r, uint64_t id)
{
	const struct row *row = find_row(r->rows, id);

	for (uint32_t i = 0; !row && i < r->ref_count; i++)
		if (r->ref[i].id == id)
			row = find_row(r->ref[i].rows, id);
	return row;
}

static uint32_t view_reactions(const struct reading *r, uint64_t id,
			       struct reaction_view *view)
{
	for (uint32_t i = 0; i < r->reacted_count; i++)
		if (r->reacted[i].id == id && r->reacted[i].set)
			return reaction_set_view(r->reacted[i].set,
						 r->reader_id, view);
	return 0;
}

static void json_row(struct guild *g, const struct reading *r,
		     const struct row *row, struct jsonw *w)
{
	struct message *m = &g->scratch[0], *ref = &g->scratch[1];
	struct reaction_view reaction[REACTION_EMOJI_MAX];
	struct message_view view = { .reaction = reaction };
	const struct row *other;

	/* A row that cannot be read is logged and left out. */
	if (message_of_row(g, r->channel_id, row, m))
		return;
	other = m->ref_message_id ? referenced_row(r, m->ref_message_id) :
				    NULL;
	if (other && !message_of_row(g, r->channel_id, other, ref))
		view.referenced = ref;
	if (m->reacted)
		view.reaction_count = view_reactions(r, m->id, reaction);
	json_message(w, m, &view);
}

static struct blob *encode(struct guild *g, const struct reading *r)
{
	struct answer a;
	struct jsonw *w = answer_open(&a);
	struct blob *body;

	if (!r->single)
		jsonw_arr(w);
	for (uint32_t i = 0; i < r->rows->count; i++)
		json_row(g, r, &r->rows->row[i], w);
	if (!r->single)
		jsonw_end(w);
	body = blob_from_buf(&a.buf);
	buf_fini(&a.buf);
	return body;
}

/* Is its answer what everybody else gets who got these rows? */
static bool is_common(const struct reading *r)
{
	return !r->single && !r->reacted_count && !r->ref_count;
}

static void finish(struct guild *g, struct reading *r)
{
	struct blob *body = NULL;

	if (is_common(r))
		body = page_body_find(&g->page, &g->state, r->rows);
	if (body) {
		blob_get(body);
	} else {
		body = encode(g, r);
		if (body && is_common(r))
			page_body_keep(&g->page, &g->state, r->rows, body);
	}
	if (body)
		guild_reply(g, &r->op.caller, 200, body);
	else
		guild_reply_error(g, &r->op.caller, ERROR_OVERLOADED);
	op_free(g, &r->op);
}

/* One of the reads that it waits for is over. */
static void read_over(struct guild *g, struct reading *r)
{
	if (--r->waiting)
		return;
	if (r->failed)
		op_fail(g, &r->op, ERROR_OVERLOADED);
	else
		finish(g, r);
}

static void ref_done(struct guild *g, struct op *op, struct actor_msg *answer)
{
	struct store_rows_msg *m = (struct store_rows_msg *)answer;
	struct reading *r = ((struct ref_read *)op)->reading;

	if (!m->status)
		r->ref[((struct ref_read *)op)->index].rows =
			rows_get(m->rows);
	else if (m->status != -ENOENT)
		r->failed = true;
	op_free(g, op);
	read_over(g, r);
}

static void reacted_done(struct guild *g, void *ctx, struct reaction_set *set,
			 int err)
{
	struct reacted *e = ctx;

	e->set = set;
	if (err)
		e->reading->failed = true;
	read_over(g, e->reading);
}

static void read_reactions(struct guild *g, struct reading *r, uint64_t id)
{
	struct reacted *e = &r->reacted[r->reacted_count++];

	e->reading = r;
	e->id = id;
	r->waiting++;
	reaction_read(g, id, reacted_done, e);
}

static void read_ref(struct guild *g, struct reading *r, uint64_t id)
{
	struct ref_read *op;

	if (referenced_row(r, id) || r->ref_count == DATA_PAGE_MAX)
		return;
	for (uint32_t i = 0; i < r->ref_count; i++)
		if (r->ref[i].id == id)
			return;
	op = op_new(g, sizeof(*op), NULL, ref_done, NULL);
	if (!op) {
		r->failed = true;
		return;
	}
	op->reading = r;
	op->index = r->ref_count;
	if (op_get(g, &op->op, r->channel_id, STORE_SPACE_MESSAGE, id)) {
		r->failed = true;
		op_free(g, &op->op);
		return;
	}
	r->ref[r->ref_count++].id = id;
	r->waiting++;
}

static void read_more(struct guild *g, struct reading *r)
{
	struct message *m = &g->scratch[0];

	for (uint32_t i = 0; i < r->rows->count; i++) {
		if (message_of_row(g, r->channel_id, &r->rows->row[i], m))
			continue;
		if (m->type == MESSAGE_REPLY)
			read_ref(g, r, m->ref_message_id);
		if (m->reacted)
			read_reactions(g, r, m->id);
	}
}

static void rows_read(struct guild *g, struct op *op, struct actor_msg *answer)
{
	struct store_rows_msg *m = (struct store_rows_msg *)answer;
	struct reading *r = (struct reading *)op;

	if (m->status || r->late) {
		op_fail(g, op, r->late ? r->late : guild_error_of(m->status));
		return;
	}
	if (r->single && !m->rows->count) {
		op_fail(g, op, ERROR_UNKNOWN_MESSAGE);
		return;
	}
	r->rows = rows_get(m->rows);
	/* Somebody has looked what else these need: nothing. */
	if (!r->single && page_body_find(&g->page, &g->state, r->rows)) {
		finish(g, r);
		return;
	}
	/* Held until all are asked for: some may answer at once. */
	r->waiting = 1;
	read_more(g, r);
	read_over(g, r);
}

static struct reading *reading_new(struct guild *g,
				   const struct rest_msg *call, bool single)
{
	const struct caller caller = guild_caller(call);
	struct reading *r;

	r = op_new(g, sizeof(*r), &caller, rows_read, reading_drop);
	if (!r)
		return NULL;
	r->channel_id = call->id[REST_ID_CHANNEL];
	r->reader_id = call->actor_id;
	r->guild = g;
	r->single = single;
	if (!single)
		page_body_enter(&g->page);
	return r;
}

static int ask_page(struct guild *g, struct reading *r,
		    const struct rest_query *q)
{
	enum store_dir dir = STORE_BEFORE;
	uint64_t id = q->before;

	if (q->has_after) {
		dir = STORE_AFTER;
		id = q->after;
	} else if (q->has_around) {
		dir = STORE_AROUND;
		id = q->around;
	}
	return op_page(g, &r->op, r->channel_id, STORE_SPACE_MESSAGE, dir, id,
		       q->limit);
}

static enum error_code nothing(struct guild *g, const struct rest_msg *call)
{
	struct answer a;

	jsonw_arr(answer_open(&a));
	jsonw_end(&a.w);
	return answer_send(g, call, &a);
}

static enum error_code list(struct guild *g, struct rest_msg *call,
			    enum error_code late)
{
	struct reading *r = reading_new(g, call, false);

	if (!r)
		return ERROR_OVERLOADED;
	r->late = late;
	if (ask_page(g, r, &call->query))
		op_fail(g, &r->op, ERROR_OVERLOADED);
	return ERROR_NONE;
}

/* Who may not see the channel asks nothing of the data service: he neither
 * joins a read of others, nor takes a place among those who wait for it. */
enum error_code message_rest_list(struct guild *g, struct rest_msg *call)
{
	struct state_channel *c;
	enum error_code err;
	uint64_t perms;

	err = guild_call_channel(g, call, 0, &c, &perms);
	if (err && g->arg.unsafe & GUILD_UNSAFE_CHECK_LATE)
		return list(g, call, err);
	if (err)
		return err;
	if (!guild_is_text(&c->channel))
		return ERROR_NOT_TEXT;
	/* To the store a page before 0 is the newest. */
	if (!(perms & PERM_READ_HISTORY) ||
	    (call->query.has_before && !call->query.before))
		return nothing(g, call);
	return list(g, call, ERROR_NONE);
}

enum error_code message_answer_one(struct guild *g,
				   const struct rest_msg *call,
				   uint64_t message_id)
{
	struct reading *r = reading_new(g, call, true);

	if (!r)
		return ERROR_OVERLOADED;
	if (op_get(g, &r->op, r->channel_id, STORE_SPACE_MESSAGE, message_id))
		op_fail(g, &r->op, ERROR_OVERLOADED);
	return ERROR_NONE;
}

enum error_code message_rest_get(struct guild *g, struct rest_msg *call)
{
	struct state_channel *c;
	enum error_code err;

	err = guild_call_channel(g, call, PERM_READ_HISTORY, &c, NULL);
	return err ? err : message_answer_one(g, call,
					      call->id[REST_ID_MESSAGE]);
}
