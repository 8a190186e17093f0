// SPDX-License-Identifier: Apache-2.0
/*
 * Deleting many messages of a channel at once.  They are read first: only they
 * know of their files, and whether there are reactions and pins to sweep.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/snowflake.h"
#include "guild/audit.h"
#include "guild/message.h"
#include "guild/reaction.h"
#include "guild/search_feed.h"
#include "guild/search_note.h"
#include "proto/intent.h"

#define BULK_MIN 2
#define BULK_MAX 100
#define BULK_AGE_MS (14ull * 24 * 3600 * 1000)

struct bulk {
	struct op op;
	struct rest_msg *call;		/* taken; NULL: our own doing */
	uint64_t channel_id;
	uint32_t waiting;		/* reads under way */
	uint32_t count;
	uint64_t id[BULK_MAX];
	struct rows *rows[BULK_MAX];	/* NULL: gone already */
};

struct bulk_read {
	struct op op;
	struct bulk *bulk;
	uint32_t index;
};

static void bulk_drop(struct op *op)
{
	struct bulk *bulk = (struct bulk *)op;

	for (uint32_t i = 0; i < bulk->count; i++)
		rows_put(bulk->rows[i]);
	if (bulk->call)
		actor_msg_free(&bulk->call->head);
}

static void tell(struct guild *g, const struct bulk *bulk,
		 const struct state_channel *c)
{
	struct relay_target to = event_to_channel(c, INTENT_GUILD_MESSAGES);
	struct event e;

	event_open(&e, "MESSAGE_DELETE_BULK");
	jsonw_obj(&e.w);
	jsonw_key_arr(&e.w, "ids");
	for (uint32_t i = 0; i < bulk->count; i++)
		jsonw_id(&e.w, bulk->id[i]);
	jsonw_end(&e.w);
	jsonw_key_id(&e.w, "channel_id", bulk->channel_id);
	event_key_guild(&e.w, g);
	jsonw_end(&e.w);
	event_publish(g, &to, event_close(&e));
	search_feed_changed(g, bulk->channel_id, bulk->id, bulk->count);
}

static void sweep(struct guild *g, const struct bulk *bulk)
{
	struct message *m = &g->scratch[0];

	for (uint32_t i = 0; i < bulk->count; i++)
		if (bulk->rows[i] && bulk->rows[i]->count &&
		    !message_of_row(g, bulk->channel_id,
				    &bulk->rows[i]->row[0], m))
			message_gone(g, bulk->channel_id, m);
}

static void deleted(struct guild *g, struct op *op, struct actor_msg *answer)
{
	const struct store_written_msg *w = (struct store_written_msg *)answer;
	const struct bulk *bulk = (struct bulk *)op;
	const struct state_channel *c = state_channel(&g->state,
						      bulk->channel_id);

	if (w->status) {
		op_fail(g, op, guild_error_of(w->status));
		return;
	}
	guild_reply(g, &op->caller, 204, NULL);
	if (c)
		tell(g, bulk, c);
	if (bulk->call)
		audit_message(g, bulk->call, AUDIT_MESSAGE_BULK_DELETE,
			      bulk->channel_id, bulk->channel_id, 0,
			      bulk->count);
	sweep(g, bulk);
	op_free(g, op);
}

static void one_less(struct guild *g, struct bulk *bulk)
{
	if (--bulk->waiting)
		return;
	search_note(g, bulk->channel_id, bulk->id, bulk->count);
	if (op_delete(g, &bulk->op, bulk->channel_id, STORE_SPACE_MESSAGE,
		      bulk->id, bulk->count))
		op_fail(g, &bulk->op, ERROR_OVERLOADED);
}

/* One that cannot be read is deleted all the same. */
static void message_read(struct guild *g, struct op *op,
			 struct actor_msg *answer)
{
	const struct store_rows_msg *m = (struct store_rows_msg *)answer;
	struct bulk_read *r = (struct bulk_read *)op;
	struct bulk *bulk = r->bulk;

	if (!m->status)
		bulk->rows[r->index] = rows_get(m->rows);
	op_free(g, op);
	one_less(g, bulk);
}

static void read_one(struct guild *g, struct bulk *bulk, uint32_t i)
{
	struct bulk_read *r = op_new(g, sizeof(*r), NULL, message_read, NULL);

	if (!r)
		return;
	r->bulk = bulk;
	r->index = i;
	if (op_get(g, &r->op, bulk->channel_id, STORE_SPACE_MESSAGE,
		   bulk->id[i]))
		op_free(g, &r->op);
	else
		bulk->waiting++;
}

/* `call`: NULL: our own doing. */
static int remove_many(struct guild *g, const struct caller *caller,
		       struct rest_msg *call, uint64_t channel_id, const uint64_t *id, uint32_t count)
{
	struct bulk *bulk = op_new(g, sizeof(*bulk), caller, deleted,
				   bulk_drop);

	if (!bulk)
		return -ENOMEM;
	check(count <= BULK_MAX);
	if (call)
		guild_take(g, &call->head);
	bulk->call = call;
	bulk->channel_id = channel_id;
	bulk->count = count;
	memcpy(bulk->id, id, count * sizeof(*id));
	/* Held until all are asked for. */
	bulk->waiting = 1;
	for (uint32_t i = 0; i < count; i++)
		read_one(g, bulk, i);
	one_less(g, bulk);
	return 0;
}

static enum error_code check_bulk(struct guild *g, const struct body_ids *b)
{
	uint64_t now = guild_now_ms(g);

	if (b->count < BULK_MIN || b->count > BULK_MAX)
		return ERROR_BULK_COUNT;
	for (uint32_t i = 0; i < b->count; i++) {
		if (snowflake_unix_ms(b->id[i]) + BULK_AGE_MS < now)
			return ERROR_BULK_TOO_OLD;
		for (uint32_t j = 0; j < i; j++)
			if (b->id[i] == b->id[j])
				return ERROR_BULK_COUNT;
	}
	return ERROR_NONE;
}

enum error_code message_rest_bulk_delete(struct guild *g,
					 struct rest_msg *call)
{
	const struct caller caller = guild_caller(call);
	const struct body_ids *b = call->body;
	struct state_channel *c;
	enum error_code err;

	err = guild_call_channel(g, call, PERM_MANAGE_MESSAGES, &c, NULL);
	if (!err)
		err = check_bulk(g, b);
	if (err)
		return err;
	if (remove_many(g, &caller, call, c->channel.id, b->id, b->count))
		return ERROR_OVERLOADED;
	return ERROR_NONE;
}

int message_remove(struct guild *g, uint64_t channel_id, const uint64_t *id,
		   uint32_t count)
{
	static const struct caller nobody;

	return remove_many(g, &nobody, NULL, channel_id, id, count);
}
