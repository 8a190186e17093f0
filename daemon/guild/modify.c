// SPDX-License-Identifier: Apache-2.0
#include "guild/modify.h"

#include <errno.h>

#include "base/blob.h"
#include "base/check.h"
#include "guild/message.h"
#include "guild/search_note.h"
#include "proto/record.h"

/*
 * Invariant: g->modifying maps a message to the change that is under way;
 * those that wait for it hang behind it by `next`.
 *
 *	begin --busy--> waits ----+
 *	  |                       |
 *	  +--> read <-------------+
 *	         |  rows
 *	         v
 *	       apply --WAIT--> more --go_on--+
 *	         |                           |
 *	         +--> write or remove <------+
 *	                 |  durable
 *	                 v
 *	               done, then the next one begins
 */

static void drop(struct op *op)
{
	struct modify *mod = (struct modify *)op;

	if (mod->fini)
		mod->fini(mod);
	if (mod->call)
		actor_msg_free(&mod->call->head);
	rows_put(mod->rows);
	blob_put(mod->record);
}

static void answered(struct guild *g, struct op *op, struct actor_msg *answer);

void *modify_new(struct guild *g, size_t size, struct rest_msg *call)
{
	const struct caller caller = guild_caller(call);
	struct modify *mod = op_new(g, size, &caller, answered, drop);

	if (!mod)
		return NULL;
	guild_take(g, &call->head);
	mod->call = call;
	mod->channel_id = call->id[REST_ID_CHANNEL];
	mod->message_id = call->id[REST_ID_MESSAGE];
	return mod;
}

static void read_message(struct guild *g, struct modify *mod)
{
	int err;

	err = op_get(g, &mod->op, mod->channel_id, STORE_SPACE_MESSAGE,
		     mod->message_id);
	if (err)
		modify_fail(g, mod, guild_error_of(err));
}

void modify_begin(struct guild *g, struct modify *mod)
{
	struct modify *first = hmap_get_ptr(&g->modifying, mod->message_id);

	if (first) {
		while (first->next)
			first = first->next;
		first->next = mod;
		return;
	}
	if (!hmap_set(&g->modifying, mod->message_id, (uintptr_t)mod)) {
		read_message(g, mod);
		return;
	}
	if (mod->failed)
		mod->failed(g, mod);
	op_fail(g, &mod->op, ERROR_OVERLOADED);
}

void modify_end(struct guild *g, struct modify *mod)
{
	struct modify *next = mod->next;
	uint64_t message_id = mod->message_id;

	op_free(g, &mod->op);
	if (!next) {
		hmap_del(&g->modifying, message_id);
		return;
	}
	/* Replacing a value never fails. */
	hmap_set(&g->modifying, message_id, (uintptr_t)next);
	read_message(g, next);
}

void modify_fail(struct guild *g, struct modify *mod, enum error_code code)
{
	if (mod->failed)
		mod->failed(g, mod);
	guild_reply_error(g, &mod->op.caller, code);
	modify_end(g, mod);
}

static int write_message(struct guild *g, struct modify *mod,
			 const struct message *m)
{
	mod->record = record_encode(m);
	if (!mod->record)
		return -ENOMEM;
	return op_edit(g, &mod->op, mod->channel_id, STORE_SPACE_MESSAGE,
		       mod->message_id, blob_get(mod->record));
}

void modify_go_on(struct guild *g, struct modify *mod, struct message *m,
		  enum modify_what what)
{
	int err = 0;

	check(what != MODIFY_WAIT);
	mod->what = what;
	if (what == MODIFY_WRITE || what == MODIFY_REMOVE)
		search_note(g, mod->channel_id, &mod->message_id, 1);
	if (what == MODIFY_WRITE) {
		err = write_message(g, mod, m);
	} else if (what == MODIFY_REMOVE) {
		err = op_delete(g, &mod->op, mod->channel_id,
				STORE_SPACE_MESSAGE, &mod->message_id, 1);
	} else {
		mod->done(g, mod, m);
		modify_end(g, mod);
		return;
	}
	if (err)
		modify_fail(g, mod, guild_error_of(err));
}

struct message *modify_message(struct guild *g, struct modify *mod)
{
	struct message *m = &g->scratch[0];

	/* It could be decoded before, so it can be now. */
	check(!message_of_row(g, mod->channel_id, &mod->rows->row[0], m));
	return m;
}

static void read_done(struct guild *g, struct modify *mod,
		      const struct store_rows_msg *answer)
{
	struct message *m = &g->scratch[0];
	enum modify_what what = MODIFY_NOTHING;
	enum error_code code;

	if (answer->status || !answer->rows->count) {
		modify_fail(g, mod, answer->status ?
			    guild_error_of(answer->status) :
			    ERROR_UNKNOWN_MESSAGE);
		return;
	}
	mod->rows = rows_get(answer->rows);
	if (message_of_row(g, mod->channel_id, &mod->rows->row[0], m)) {
		modify_fail(g, mod, ERROR_INTERNAL);
		return;
	}
	/* With WAIT it may have ended by the time apply() returns. */
	mod->what = MODIFY_WAIT;
	code = mod->apply(g, mod, m, &what);
	if (code)
		modify_fail(g, mod, code);
	else if (what != MODIFY_WAIT)
		modify_go_on(g, mod, m, what);
}

static void written(struct guild *g, struct modify *mod,
		    const struct store_written_msg *answer)
{
	struct message *m = &g->scratch[0];

	/* Of this one nobody knows whether it was done. */
	if (answer->status == -ETIMEDOUT)
		mod->failed = NULL;
	if (answer->status) {
		modify_fail(g, mod, guild_error_of(answer->status));
		return;
	}
	if (mod->what == MODIFY_WRITE) {
		const struct row row = { .id = mod->message_id,
					 .data = mod->record->data,
					 .size = mod->record->len };

		check(!message_of_row(g, mod->channel_id, &row, m));
	} else {
		modify_message(g, mod);
	}
	mod->done(g, mod, m);
	modify_end(g, mod);
}

static void answered(struct guild *g, struct op *op, struct actor_msg *answer)
{
	struct modify *mod = (struct modify *)op;

	if (!mod->rows)
		read_done(g, mod, (struct store_rows_msg *)answer);
	else if (mod->what == MODIFY_WAIT)
		mod->more(g, mod, answer);
	else
		written(g, mod, (struct store_written_msg *)answer);
}
