// SPDX-License-Identifier: Apache-2.0
/*
 * A message's way: checked, numbered, encoded, appended; when that is durable
 * its author is answered and everybody hears of it.  Appends to one channel are
 * acknowledged in the order sent, which is the order of their ids.
 */
#include <errno.h>
#include <string.h>

#include "base/blob.h"
#include "base/log.h"
#include "base/mem.h"
#include "guild/attach.h"
#include "guild/mention.h"
#include "guild/message.h"
#include "guild/read_mark.h"
#include "guild/unread.h"
#include "proto/intent.h"
#include "proto/record.h"

/* A message on its way to the store, with all that is said afterwards. */
struct create {
	struct op op;
	uint64_t channel_id;
	uint64_t id;
	uint64_t nonce_key;		/* 0: not to be enforced */
	bool silent;			/* answered without the message */
	struct message *m;		/* what follows is its memory */
	struct blob *record;		/* as it is stored */
	struct blob *body;		/* the author's answer */
	struct blob *payload;
	struct blob *stripped;
};

/* A reply waits here for the message that it answers. */
struct reply {
	struct op op;
	struct rest_msg *call;		/* taken */
};

static void create_drop(struct op *op)
{
	struct create *c = (struct create *)op;

	mem_free(c->m);
	blob_put(c->record);
	blob_put(c->body);
	blob_put(c->payload);
	blob_put(c->stripped);
}

static void reply_drop(struct op *op)
{
	actor_msg_free(&((struct reply *)op)->call->head);
}

/* A session that must not see content has come since it was encoded. */
static void strip_late(struct guild *g, struct create *c,
		       const struct state_channel *ch)
{
	const struct message_view view = { 0 };
	const struct row row = { c->id, c->record->data, c->record->len };
	struct message *m = &g->scratch[1];

	if (!message_of_row(g, c->channel_id, &row, m))
		c->stripped = message_payload(g, "MESSAGE_CREATE", ch, m,
					      &view, true);
}

/* It is not there, and will not be. */
static void forget_files(struct guild *g, const struct create *c)
{
	const struct row row = { c->id, c->record->data, c->record->len };
	struct message *m = &g->scratch[1];

	if (!message_of_row(g, c->channel_id, &row, m))
		attach_forget(g, c->channel_id, m->attachments);
}

static void created(struct guild *g, struct op *op, struct actor_msg *answer)
{
	const struct store_written_msg *w = (struct store_written_msg *)answer;
	struct create *c = (struct create *)op;
	struct state_channel *ch = state_channel(&g->state, c->channel_id);
	struct relay_target to;

	if (c->nonce_key)
		nonces_end(&g->nonces, c->nonce_key, w->status ? 0 : c->id);
	if (w->status) {
		if (w->status != -ETIMEDOUT)
			forget_files(g, c);
		op_fail(g, op, guild_error_of(w->status));
		return;
	}
	if (c->silent)
		guild_reply(g, &op->caller, 204, NULL);
	else
		guild_reply(g, &op->caller, 200, blob_get(c->body));
	if (ch) {
		ch->channel.last_message_id = c->id;
		guild_create_forget_channels(g);
		if (g->no_content && !c->stripped)
			strip_late(g, c, ch);
		to = event_to_channel(ch, INTENT_GUILD_MESSAGES);
		event_publish_message(g, &to, c->m, c->payload, c->stripped);
		read_mark_mentioned(g, ch, c->m);
		unread_mark(g, ch);
		c->payload = c->stripped = NULL;
	}
	op_free(g, op);
}

static void fill(struct message *m, const struct rest_msg *call,
		 const struct state_channel *ch, const struct user *author)
{
	const struct body_message *b = call->body;

	m->type = b->ref_message_id ? MESSAGE_REPLY : MESSAGE_DEFAULT;
	m->channel_id = ch->channel.id;
	m->author = *author;
	m->content = b->content ? b->content : "";
	m->content_len = strlen(m->content);
	m->embeds = b->embeds;
	m->components = b->components;
	m->attachments = b->attachments;
	m->tts = b->tts;
	m->flags = b->flags & (MESSAGE_SUPPRESS_EMBEDS |
			       MESSAGE_SUPPRESS_NOTIFICATIONS);
	m->ref_message_id = b->ref_message_id;
	if (b->ref_message_id)
		m->ref_channel_id = m->channel_id;
}

static struct blob *rest_body(const struct message *m,
			      const struct message_view *view)
{
	struct buf buf = BUF_INIT;
	struct blob *body;
	struct jsonw w;

	jsonw_init(&w, &buf);
	json_message(&w, m, view);
	body = blob_from_buf(&buf);
	buf_fini(&buf);
	return body;
}

/* All that is to be said about it, written while its parts are at hand. */
static int encode(struct guild *g, struct create *c,
		  const struct state_channel *ch,
		  const struct message_view *view)
{
	c->record = record_encode(c->m);
	c->body = rest_body(c->m, view);
	c->payload = message_payload(g, "MESSAGE_CREATE", ch, c->m, view,
				     false);
	if (g->no_content)
		c->stripped = message_payload(g, "MESSAGE_CREATE", ch, c->m,
					      view, true);
	if (!c->record || !c->body || !c->payload ||
	    (g->no_content && !c->stripped))
		return -ENOMEM;
	/* From here on only the ids in it count: see event_publish_message. */
	return 0;
}

static int send(struct guild *g, struct create *c)
{
	return op_append(g, &c->op, c->channel_id, STORE_SPACE_MESSAGE, c->id,
			 blob_get(c->record));
}

/* Numbers c->m, writes all that is to be said of it, and sends it off. */
static int launch(struct guild *g, struct create *c,
		  const struct state_channel *ch,
		  const struct message_view *view)
{
	int err;

	c->m->id = c->id;
	c->m->ref_guild_id = c->m->ref_message_id && !g->arg.direct ?
				     g->arg.guild_id : 0;
	err = encode(g, c, ch, view);
	return err ? err : send(g, c);
}

static struct create *create_new(struct guild *g, const struct caller *caller,
				 const struct state_channel *ch)
{
	struct create *c;

	c = op_new(g, sizeof(*c), caller, created, create_drop);
	if (!c)
		return NULL;
	c->channel_id = ch->channel.id;
	c->m = mem_zalloc(sizeof(*c->m));
	if (c->m && !idgen_next(g->arg.ids, guild_now_ms(g), &c->id))
		return c;
	op_free(g, &c->op);
	return NULL;
}

void message_say_system(struct guild *g, const struct state_channel *ch,
			enum message_type type, const struct member *author,
			uint64_t about_id)
{
	static const struct caller nobody;
	const struct message_view view = { 0 };
	struct create *c = create_new(g, &nobody, ch);

	if (!c)
		return;
	c->m->type = (uint8_t)type;
	c->m->channel_id = ch->channel.id;
	c->m->author = author->user;
	c->m->content = "";
	c->m->ref_message_id = about_id;
	c->m->ref_channel_id = about_id ? ch->channel.id : 0;
	if (launch(g, c, ch, &view))
		op_free(g, &c->op);
}

/* Out of memory: a repetition will not be known as one. */
static void remember(struct guild *g, struct create *c, const char *nonce)
{
	uint64_t key = nonce_key(c->m->author.id, c->channel_id, nonce);

	if (!nonces_begin(&g->nonces, key))
		c->nonce_key = key;
}

/* True: the call repeats one with the same nonce, and *ret_err is for it. */
static bool repeats(struct guild *g, const struct rest_msg *call,
		    enum error_code *ret_err)
{
	const struct body_message *b = call->body;
	uint64_t key, id;

	if (!b->enforce_nonce || !b->nonce)
		return false;
	key = nonce_key(call->actor_id, call->id[REST_ID_CHANNEL], b->nonce);
	if (!nonces_find(&g->nonces, key, guild_now_ms(g), &id))
		return false;
	*ret_err = id ? message_answer_one(g, call, id) : ERROR_OVERLOADED;
	if (!*ret_err)
		attach_forget(g, call->id[REST_ID_CHANNEL], b->attachments);
	return true;
}

/* `referenced` is the message answered; NULL: none, or it is gone. */
static enum error_code create(struct guild *g, const struct rest_msg *call,
			      struct state_channel *ch, uint64_t perms,
			      const struct message *referenced)
{
	const struct body_message *b = call->body;
	const struct message_view view = { .nonce = b->nonce,
					   .referenced = referenced };
	const struct caller caller = guild_caller(call);
	const struct member *author;
	struct create *c;
	int err;

	author = state_member(&g->state, call->actor_id);
	c = create_new(g, &caller, ch);
	if (!c)
		return ERROR_OVERLOADED;
	fill(c->m, call, ch, &author->user);
	mention_resolve(&g->state, &b->mentions, perms,
			referenced ? &referenced->author : NULL, c->m);
	err = launch(g, c, ch, &view);
	if (!err && b->enforce_nonce && b->nonce)
		remember(g, c, b->nonce);
	if (err)
		op_free(g, &c->op);
	return err ? guild_error_of(err) : ERROR_NONE;
}

enum error_code message_say_webhook(struct guild *g,
				    const struct rest_msg *call,
				    const struct state_channel *ch,
				    const struct user *author)
{
	const struct caller caller = guild_caller(call);
	const struct message_view view = { 0 };
	const struct body_message *b = call->body;
	struct create *c = create_new(g, &caller, ch);
	int err;

	if (!c)
		return ERROR_OVERLOADED;
	c->silent = !call->query.wait;
	fill(c->m, call, ch, author);
	c->m->type = MESSAGE_DEFAULT;
	c->m->ref_message_id = 0;
	c->m->webhook_id = author->id;
	mention_resolve(&g->state, &b->mentions, PERM_MENTION_EVERYONE, NULL,
			c->m);
	err = launch(g, c, ch, &view);
	if (err)
		op_free(g, &c->op);
	return err ? guild_error_of(err) : ERROR_NONE;
}

/* Rights to say this here. */
static enum error_code check_say(struct guild *g, const struct rest_msg *call,
				 struct state_channel **ret_channel,
				 uint64_t *ret_perms)
{
	const struct body_message *b = call->body;
	enum error_code err;

	err = guild_call_channel(g, call, 0, ret_channel, ret_perms);
	if (err)
		return err;
	if (!guild_is_text(&(*ret_channel)->channel))
		return ERROR_NOT_TEXT;
	if (!(*ret_perms & PERM_SEND_MESSAGES))
		return ERROR_MISSING_PERMISSION;
	if (b->tts && !(*ret_perms & PERM_SEND_TTS))
		return ERROR_MISSING_PERMISSION;
	if ((b->file_count || b->attachments) &&
	    !(*ret_perms & PERM_ATTACH_FILES))
		return ERROR_MISSING_PERMISSION;
	if (b->embeds && !(*ret_perms & PERM_EMBED_LINKS))
		return ERROR_MISSING_PERMISSION;
	if (b->ref_message_id && !(*ret_perms & PERM_READ_HISTORY))
		return ERROR_REPLY_NO_HISTORY;
	return ERROR_NONE;
}

#define SLOW_FREE (PERM_MANAGE_MESSAGES | PERM_MANAGE_CHANNELS | \
		   PERM_BYPASS_SLOWMODE)

static bool is_slow(const struct state_channel *c, uint64_t perms)
{
	return c->channel.rate_limit_s && !(perms & SLOW_FREE);
}

/* Slow mode: for how long not again; 0: now. */
static uint64_t slow_ms(const struct guild *g, const struct state_channel *c,
			uint64_t user_id, uint64_t perms)
{
	uint64_t due, now = guild_now_ms(g);

	if (!is_slow(c, perms) || !hmap_get(&c->spoke_ms, user_id, &due))
		return 0;
	due += 1000ull * c->channel.rate_limit_s;
	return now < due ? due - now : 0;
}

/* When this one spoke. */
static enum error_code note_slow(const struct guild *g, struct state_channel *c,
				 uint64_t user_id, uint64_t perms)
{
	return is_slow(c, perms) &&
	       hmap_set(&c->spoke_ms, user_id, guild_now_ms(g)) ?
		       ERROR_OVERLOADED : ERROR_NONE;
}

static enum error_code with_reference(struct guild *g, struct rest_msg *call,
				      const struct store_rows_msg *rows)
{
	const struct body_message *b = call->body;
	struct message *referenced = NULL;
	struct state_channel *c;
	enum error_code err;
	uint64_t perms;

	/* Much may have changed while the store was asked. */
	err = check_say(g, call, &c, &perms);
	if (err)
		return err;
	if (!rows->status && rows->rows->count &&
	    !message_of_row(g, c->channel.id, &rows->rows->row[0],
			    &g->scratch[0]))
		referenced = &g->scratch[0];
	else if (rows->status && rows->status != -ENOENT)
		return guild_error_of(rows->status);
	if (!referenced && !b->ref_may_be_missing)
		return ERROR_UNKNOWN_MESSAGE;
	if (repeats(g, call, &err))
		return err;
	return create(g, call, c, perms, referenced);
}

static void reference_read(struct guild *g, struct op *op,
			   struct actor_msg *answer)
{
	struct reply *r = (struct reply *)op;
	const struct body_message *b = r->call->body;
	enum error_code err;

	err = with_reference(g, r->call, (struct store_rows_msg *)answer);
	if (err) {
		attach_forget(g, r->call->id[REST_ID_CHANNEL], b->attachments);
		op_fail(g, op, err);
	} else {
		op_free(g, op);
	}
}

static enum error_code read_reference(struct guild *g, struct rest_msg *call)
{
	const struct body_message *b = call->body;
	const struct caller caller = guild_caller(call);
	struct reply *r;
	int err;

	if (b->ref_channel_id && b->ref_channel_id != call->id[REST_ID_CHANNEL])
		return ERROR_UNKNOWN_MESSAGE;
	r = op_new(g, sizeof(*r), &caller, reference_read, reply_drop);
	if (!r)
		return ERROR_OVERLOADED;
	guild_take(g, &call->head);
	r->call = call;
	err = op_get(g, &r->op, call->id[REST_ID_CHANNEL],
		     STORE_SPACE_MESSAGE, b->ref_message_id);
	if (err) {
		attach_forget(g, call->id[REST_ID_CHANNEL], b->attachments);
		op_fail(g, &r->op, guild_error_of(err));
	}
	return ERROR_NONE;
}

enum error_code message_rest_create(struct guild *g, struct rest_msg *call)
{
	const struct caller caller = guild_caller(call);
	struct body_message *b = call->body;
	uint64_t perms, wait_ms;
	struct state_channel *c;
	enum error_code err;

	err = check_say(g, call, &c, &perms);
	if (err)
		return err;
	if (!message_body_trim(b))
		return ERROR_EMPTY_MESSAGE;
	if (repeats(g, call, &err))
		return err;
	wait_ms = slow_ms(g, c, call->actor_id, perms);
	if (wait_ms) {
		attach_forget(g, c->channel.id, b->attachments);
		guild_reply_later(g, &caller, ERROR_SLOWMODE, wait_ms);
		return ERROR_NONE;
	}
	if (b->file_count)
		return attach_store(g, call, c->channel.id,
				    message_rest_create);
	err = note_slow(g, c, call->actor_id, perms);
	if (err)
		return err;
	if (b->ref_message_id)
		return read_reference(g, call);
	return create(g, call, c, perms, NULL);
}
