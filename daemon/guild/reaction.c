// SPDX-License-Identifier: Apache-2.0
/*
 * Reactions.  The rows of the users are the truth; a message's record only
 * says whether there are any, so that a page of messages without reactions
 * costs nothing.  The rows are written first: after a crash between the two a
 * reaction that nobody was told of is not seen, and adding it again mends it.
 */
#include "guild/reaction.h"

#include <errno.h>
#include <string.h>

#include "base/blob.h"
#include "base/log.h"
#include "base/mem.h"
#include "guild/message.h"
#include "guild/modify.h"
#include "proto/intent.h"

/* --- changes --- */

struct react {
	struct modify mod;
	struct reaction_set *set;	/* as it is to be */
	uint64_t user_id;		/* whose; of add and remove */
	uint64_t *rewrite;		/* users whose rows are to be written */
	uint32_t rewrite_count, at;
	struct reaction_set *before;	/* to know rows that exist */
};

static void react_fini(struct modify *mod)
{
	struct react *r = (struct react *)mod;

	reaction_set_free(r->set);
	reaction_set_free(r->before);
	mem_free(r->rewrite);
}

static void write_next(struct guild *g, struct react *r);

static int write_row(struct guild *g, struct react *r, uint64_t user_id)
{
	uint64_t message_id = r->mod.message_id;
	struct op *op = &r->mod.op;
	struct blob *row;
	int err;

	err = reaction_set_row(r->set, user_id, &row);
	if (err)
		return err;
	if (!row)
		return op_delete(g, op, message_id, STORE_SPACE_REACTION,
				 &user_id, 1);
	if (reaction_set_has_user(r->before, user_id))
		return op_edit(g, op, message_id, STORE_SPACE_REACTION,
			       user_id, row);
	return op_append(g, op, message_id, STORE_SPACE_REACTION, user_id,
			 row);
}

/* All rows are durable: the record says whether there are any. */
static void rows_done(struct guild *g, struct react *r)
{
	struct message *m = modify_message(g, &r->mod);
	bool reacted = r->set->count;
	enum modify_what what = MODIFY_NOTHING;

	if (m->reacted != reacted)
		what = MODIFY_WRITE;
	m->reacted = reacted;
	modify_go_on(g, &r->mod, m, what);
}

static void write_next(struct guild *g, struct react *r)
{
	int err;

	if (r->at == r->rewrite_count) {
		rows_done(g, r);
		return;
	}
	err = write_row(g, r, r->rewrite[r->at++]);
	if (err)
		modify_fail(g, &r->mod, guild_error_of(err));
}

static void row_written(struct guild *g, struct modify *mod,
			struct actor_msg *answer)
{
	int err = ((struct store_written_msg *)answer)->status;

	if (err)
		modify_fail(g, mod, guild_error_of(err));
	else
		write_next(g, (struct react *)mod);
}

static int add_rewrite(struct react *r, uint64_t user_id)
{
	uint64_t *more;

	for (uint32_t i = 0; i < r->rewrite_count; i++)
		if (r->rewrite[i] == user_id)
			return 0;
	more = mem_realloc(r->rewrite,
			   (r->rewrite_count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	more[r->rewrite_count++] = user_id;
	r->rewrite = more;
	return 0;
}

static int rewrite_all_of(struct react *r, const struct reaction_emoji *e)
{
	int err = 0;

	for (uint32_t i = 0; e && i < e->count && !err; i++)
		err = add_rewrite(r, e->by[i].user_id);
	return err;
}

static uint64_t perms_now(struct guild *g, const struct modify *mod)
{
	const struct state_channel *c = state_channel(&g->state,
						      mod->channel_id);

	return c ? state_channel_perms(&g->state, c, mod->call->actor_id,
				       guild_now_ms(g)) : 0;
}

static enum error_code change_add(struct guild *g, struct react *r)
{
	const char *emoji = r->mod.call->text;
	int err;

	if (!reaction_set_find(r->set, emoji) &&
	    !(perms_now(g, &r->mod) & PERM_ADD_REACTIONS))
		return ERROR_MISSING_PERMISSION;
	if (reaction_set_has(r->set, emoji, r->user_id))
		return ERROR_NONE;
	err = reaction_set_add(r->set, emoji, r->user_id, guild_now_ms(g));
	if (err == -ENOSPC)
		return ERROR_MAX_REACTIONS;
	return err || add_rewrite(r, r->user_id) ? ERROR_OVERLOADED :
						   ERROR_NONE;
}

static enum error_code change_remove(struct guild *g, struct react *r)
{
	const char *emoji = r->mod.call->text;

	(void)g;
	if (!reaction_set_has(r->set, emoji, r->user_id))
		return ERROR_UNKNOWN_EMOJI;
	reaction_set_del(r->set, emoji, r->user_id);
	return add_rewrite(r, r->user_id) ? ERROR_OVERLOADED : ERROR_NONE;
}

static enum error_code change_clear(struct guild *g, struct react *r)
{
	int err = 0;

	(void)g;
	for (uint32_t i = 0; i < r->set->count && !err; i++)
		err = rewrite_all_of(r, &r->set->emoji[i]);
	reaction_set_fini(r->set);
	return err ? ERROR_OVERLOADED : ERROR_NONE;
}

static enum error_code change_clear_emoji(struct guild *g, struct react *r)
{
	const char *emoji = r->mod.call->text;
	int err;

	(void)g;
	err = rewrite_all_of(r, reaction_set_find(r->set, emoji));
	reaction_set_del_emoji(r->set, emoji);
	return err ? ERROR_OVERLOADED : ERROR_NONE;
}

static enum error_code change(struct guild *g, struct react *r)
{
	switch (r->mod.call->kind) {
	case REST_REACTION_ADD:
		return change_add(g, r);
	case REST_REACTION_REMOVE:
		return change_remove(g, r);
	case REST_REACTION_CLEAR:
		return change_clear(g, r);
	default:
		return change_clear_emoji(g, r);
	}
}

static int copy_set(struct reaction_set *to, const struct reaction_set *from)
{
	int err = 0;

	for (uint32_t i = 0; i < from->count; i++)
		for (uint32_t j = 0; j < from->emoji[i].count && !err; j++)
			err = reaction_set_add(to, from->emoji[i].name,
					       from->emoji[i].by[j].user_id,
					       from->emoji[i].by[j].ms);
	return err;
}

static void rows_read(struct guild *g, void *ctx, struct reaction_set *set,
		      int err)
{
	struct react *r = ctx;
	enum error_code code;

	r->before = set;
	r->set = mem_zalloc(sizeof(*r->set));
	if (!err)
		err = r->set ? copy_set(r->set, set) : -ENOMEM;
	code = err ? guild_error_of(err) : change(g, r);
	if (code)
		modify_fail(g, &r->mod, code);
	else
		write_next(g, r);
}

static enum error_code react_apply(struct guild *g, struct modify *mod,
				   struct message *m, enum modify_what *what)
{
	(void)m;
	*what = MODIFY_WAIT;
	reaction_read(g, mod->message_id, rows_read, mod);
	return ERROR_NONE;
}

/* --- telling --- */

static const char *const event_names[REST_KINDS] = {
	[REST_REACTION_ADD] = "MESSAGE_REACTION_ADD",
	[REST_REACTION_REMOVE] = "MESSAGE_REACTION_REMOVE",
	[REST_REACTION_CLEAR] = "MESSAGE_REACTION_REMOVE_ALL",
	[REST_REACTION_CLEAR_EMOJI] = "MESSAGE_REACTION_REMOVE_EMOJI",
};

static void json_who(struct jsonw *w, const struct guild *g,
		     const struct react *r, const struct message *m, bool add)
{
	const struct member *member = state_member(&g->state, r->user_id);

	jsonw_key_id(w, "user_id", r->user_id);
	jsonw_key_bool(w, "burst", false);
	jsonw_key_u64(w, "type", 0);
	if (!add)
		return;
	jsonw_key_id(w, "message_author_id", m->author.id);
	if (member && !g->arg.direct) {
		jsonw_key(w, "member");
		json_member(w, member, true);
	}
}

static void tell(struct guild *g, const struct state_channel *c,
		 const struct react *r, const struct message *m)
{
	const struct relay_target to =
		event_to_channel(c, INTENT_GUILD_REACTIONS);
	enum rest_kind kind = r->mod.call->kind;
	struct event e;

	event_open(&e, event_names[kind]);
	jsonw_obj(&e.w);
	jsonw_key_id(&e.w, "channel_id", r->mod.channel_id);
	jsonw_key_id(&e.w, "message_id", r->mod.message_id);
	event_key_guild(&e.w, g);
	if (kind == REST_REACTION_ADD || kind == REST_REACTION_REMOVE)
		json_who(&e.w, g, r, m, kind == REST_REACTION_ADD);
	if (kind != REST_REACTION_CLEAR) {
		jsonw_key(&e.w, "emoji");
		json_emoji(&e.w, r->mod.call->text);
	}
	jsonw_end(&e.w);
	event_publish(g, &to, event_close(&e));
}

static void react_done(struct guild *g, struct modify *mod, struct message *m)
{
	const struct state_channel *c = state_channel(&g->state,
						      mod->channel_id);
	struct react *r = (struct react *)mod;

	guild_reply(g, &mod->op.caller, 204, NULL);
	if (c && r->rewrite_count)
		tell(g, c, r, m);
}

/* --- calls --- */

static uint64_t needed(const struct rest_msg *call)
{
	switch (call->kind) {
	case REST_REACTION_ADD:
		return PERM_READ_HISTORY;
	case REST_REACTION_REMOVE:
		return call->id[REST_ID_USER] == call->actor_id ?
			       0 : PERM_MANAGE_MESSAGES;
	default:
		return PERM_MANAGE_MESSAGES;
	}
}

enum error_code reaction_rest_change(struct guild *g, struct rest_msg *call)
{
	uint64_t user_id = call->id[REST_ID_USER];
	struct state_channel *c;
	enum error_code err;
	struct react *r;

	err = guild_call_channel(g, call, needed(call), &c, NULL);
	if (err)
		return err;
	if (call->kind != REST_REACTION_CLEAR &&
	    (!call->text[0] || strlen(call->text) > REACTION_NAME_MAX))
		return ERROR_UNKNOWN_EMOJI;
	r = modify_new(g, sizeof(*r), call);
	if (!r)
		return ERROR_OVERLOADED;
	r->user_id = user_id && call->kind == REST_REACTION_REMOVE ?
			     user_id : call->actor_id;
	r->mod.apply = react_apply;
	r->mod.more = row_written;
	r->mod.done = react_done;
	r->mod.fini = react_fini;
	modify_begin(g, &r->mod);
	return ERROR_NONE;
}

/* GET .../reactions/{emoji}: reads rows, not the record. */
struct reactors {
	struct op op;
	struct rest_msg *call;
};

static void reactors_drop(struct op *op)
{
	actor_msg_free(&((struct reactors *)op)->call->head);
}

static void json_reactors(struct guild *g, struct jsonw *w,
			  const struct reaction_emoji *e,
			  const struct rest_query *q)
{
	uint32_t left = q->limit;

	for (uint32_t i = 0; e && i < e->count && left; i++) {
		const struct member *m;

		if (e->by[i].user_id <= q->after)
			continue;
		m = state_member(&g->state, e->by[i].user_id);
		if (!m)
			continue;
		json_user(w, &m->user);
		left--;
	}
}

static void reactors_read(struct guild *g, void *ctx,
			  struct reaction_set *set, int err)
{
	struct reactors *r = ctx;
	struct answer a;
	struct jsonw *w;

	if (err) {
		op_fail(g, &r->op, guild_error_of(err));
		return;
	}
	w = answer_open(&a);
	jsonw_arr(w);
	json_reactors(g, w, reaction_set_find(set, r->call->text),
		      &r->call->query);
	jsonw_end(w);
	reaction_set_free(set);
	guild_reply_buf(g, &r->op.caller, &a.buf);
	op_free(g, &r->op);
}

/* Rows know only of what message they are: this channel must have it. */
static void reacted_read(struct guild *g, struct op *op,
			 struct actor_msg *answer)
{
	const struct store_rows_msg *m = (struct store_rows_msg *)answer;
	struct reactors *r = (struct reactors *)op;

	if (m->status || !m->rows->count)
		op_fail(g, op, m->status ? guild_error_of(m->status) :
					   ERROR_UNKNOWN_MESSAGE);
	else
		reaction_read(g, r->call->id[REST_ID_MESSAGE], reactors_read,
			      r);
}

enum error_code reaction_rest_list(struct guild *g, struct rest_msg *call)
{
	const struct caller caller = guild_caller(call);
	struct state_channel *c;
	enum error_code err;
	struct reactors *r;

	err = guild_call_channel(g, call, PERM_READ_HISTORY, &c, NULL);
	if (err)
		return err;
	r = op_new(g, sizeof(*r), &caller, reacted_read, reactors_drop);
	if (!r)
		return ERROR_OVERLOADED;
	guild_take(g, &call->head);
	r->call = call;
	if (op_get(g, &r->op, c->channel.id, STORE_SPACE_MESSAGE,
		   call->id[REST_ID_MESSAGE]))
		op_fail(g, &r->op, ERROR_OVERLOADED);
	return ERROR_NONE;
}
