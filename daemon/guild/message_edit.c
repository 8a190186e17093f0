// SPDX-License-Identifier: Apache-2.0
/* Editing and deleting messages; typing. */
#include <errno.h>
#include <string.h>

#include "base/blob.h"
#include "base/mem.h"
#include "guild/attach.h"
#include "guild/audit.h"
#include "guild/mention.h"
#include "guild/message.h"
#include "guild/modify.h"
#include "guild/reaction.h"
#include "guild/search_feed.h"
#include "proto/intent.h"

static bool is_webhook_call(const struct rest_msg *call)
{
	return call->kind == REST_WEBHOOK_SAID_GET ||
	       call->kind == REST_WEBHOOK_SAID_EDIT ||
	       call->kind == REST_WEBHOOK_SAID_DELETE;
}

/* What a caller may do in the channel of a change now; 0: not even see it. */
static uint64_t perms_now(struct guild *g, const struct modify *mod)
{
	const struct rest_msg *call = mod->call;
	const struct state_channel *c = state_channel(&g->state,
						      mod->channel_id);

	if (is_webhook_call(call))
		return PERM_MENTION_EVERYONE | PERM_ATTACH_FILES |
		       PERM_EMBED_LINKS;
	return c ? state_channel_perms(&g->state, c, call->actor_id,
				       guild_now_ms(g)) : 0;
}

static bool is_own(const struct rest_msg *call, const struct message *m)
{
	if (is_webhook_call(call))
		return m->webhook_id == call->id[REST_ID_WEBHOOK];
	return m->author.id == call->actor_id && !m->webhook_id;
}

/* --- PATCH --- */

#define EDITABLE_FLAGS MESSAGE_SUPPRESS_EMBEDS

static void edit_flags(struct message *m, const struct body_message *b)
{
	if (b->set & BODY_FLAGS)
		m->flags = (m->flags & ~EDITABLE_FLAGS) |
			   (b->flags & EDITABLE_FLAGS);
}

static bool is_empty(const struct message *m)
{
	return !m->content_len && !m->embeds && !m->components &&
	       !m->attachments;
}

struct edit {
	struct modify mod;
	char *attachments;		/* as they are to be */
	uint32_t dropped;
	uint64_t drop[FILES_MAX];
};

static void edit_fini(struct modify *mod)
{
	mem_free(((struct edit *)mod)->attachments);
}

static int edit_attachments(struct edit *e, struct message *m)
{
	const struct body_message *b = e->mod.call->body;
	int err;

	if (!(b->set & BODY_ATTACHMENTS) && !b->attachments)
		return 0;
	err = attach_edit(m->attachments, b, &e->attachments, e->drop,
			  &e->dropped);
	m->attachments = e->attachments;
	return err;
}

/* Everything but flags is the author's alone. */
static enum error_code edit_content(struct guild *g, struct edit *e,
				    struct message *m, uint64_t perms)
{
	const struct body_message *b = e->mod.call->body;

	if (b->set & BODY_CONTENT) {
		m->content = b->content ? b->content : "";
		m->content_len = strlen(m->content);
		mention_resolve(&g->state, &b->mentions, perms, NULL, m);
	}
	if (b->set & BODY_EMBEDS)
		m->embeds = b->embeds;
	if (b->set & BODY_COMPONENTS)
		m->components = b->components;
	if (edit_attachments(e, m))
		return ERROR_OVERLOADED;
	m->edited_ms = guild_now_ms(g);
	return is_empty(m) ? ERROR_EMPTY_MESSAGE : ERROR_NONE;
}

static enum error_code edit_apply(struct guild *g, struct modify *mod,
				  struct message *m, enum modify_what *what)
{
	const struct body_message *b = mod->call->body;
	bool content = b->attachments ||
		       (b->set & ~BODY_FLAGS & ~BODY_MENTIONS);
	bool own = is_own(mod->call, m);
	uint64_t perms = perms_now(g, mod);

	if (!own && mod->call->kind == REST_WEBHOOK_SAID_EDIT)
		return ERROR_UNKNOWN_MESSAGE;
	if (!own && content)
		return ERROR_NOT_AUTHOR;
	if (m->type != MESSAGE_DEFAULT && m->type != MESSAGE_REPLY)
		return ERROR_SYSTEM_MESSAGE;
	if (!own && !(perms & PERM_MANAGE_MESSAGES))
		return ERROR_MISSING_PERMISSION;
	if ((b->attachments && !(perms & PERM_ATTACH_FILES)) ||
	    (b->embeds && !(perms & PERM_EMBED_LINKS)))
		return ERROR_MISSING_PERMISSION;
	edit_flags(m, b);
	*what = MODIFY_WRITE;
	return own && (content || b->set & BODY_MENTIONS) ?
		       edit_content(g, (struct edit *)mod, m, perms) :
		       ERROR_NONE;
}

static void edit_done(struct guild *g, struct modify *mod, struct message *m)
{
	const struct message_view view = { 0 };
	const struct state_channel *c = state_channel(&g->state,
						      mod->channel_id);
	const struct edit *e = (struct edit *)mod;
	struct answer a;

	json_message(answer_open(&a), m, &view);
	guild_reply_buf(g, &mod->op.caller, &a.buf);
	if (c)
		message_publish(g, "MESSAGE_UPDATE", c, m, &view);
	attach_drop(g, mod->channel_id, e->drop, e->dropped);
}

static void edit_failed(struct guild *g, struct modify *mod)
{
	const struct body_message *b = mod->call->body;

	attach_forget(g, mod->channel_id, b->attachments);
}

static enum error_code begin_edit(struct guild *g, struct rest_msg *call)
{
	struct edit *e;

	message_body_trim(call->body);
	e = modify_new(g, sizeof(*e), call);
	if (!e)
		return ERROR_OVERLOADED;
	e->mod.apply = edit_apply;
	e->mod.done = edit_done;
	e->mod.failed = edit_failed;
	e->mod.fini = edit_fini;
	modify_begin(g, &e->mod);
	return ERROR_NONE;
}

enum error_code message_rest_edit(struct guild *g, struct rest_msg *call)
{
	const struct body_message *b = call->body;
	struct state_channel *c;
	enum error_code err;

	err = guild_call_channel(g, call, b->file_count ? PERM_ATTACH_FILES : 0,
				 &c, NULL);
	if (err)
		return err;
	if (b->file_count)
		return attach_store(g, call, c->channel.id, message_rest_edit);
	return begin_edit(g, call);
}

/* --- DELETE --- */

static enum error_code delete_apply(struct guild *g, struct modify *mod,
				    struct message *m, enum modify_what *what)
{
	uint64_t perms = perms_now(g, mod);

	if (is_webhook_call(mod->call) && !is_own(mod->call, m))
		return ERROR_UNKNOWN_MESSAGE;
	if (!is_webhook_call(mod->call) &&
	    m->author.id != mod->call->actor_id &&
	    !(perms & PERM_MANAGE_MESSAGES))
		return ERROR_MISSING_PERMISSION;
	*what = MODIFY_REMOVE;
	return ERROR_NONE;
}

static void publish_delete(struct guild *g, const struct state_channel *c,
			   uint64_t id)
{
	const struct relay_target to =
		event_to_channel(c, INTENT_GUILD_MESSAGES);
	struct event e;

	event_open(&e, "MESSAGE_DELETE");
	jsonw_obj(&e.w);
	jsonw_key_id(&e.w, "id", id);
	jsonw_key_id(&e.w, "channel_id", c->channel.id);
	event_key_guild(&e.w, g);
	jsonw_end(&e.w);
	event_publish(g, &to, event_close(&e));
	search_feed_changed(g, c->channel.id, &id, 1);
}

static void delete_done(struct guild *g, struct modify *mod, struct message *m)
{
	const struct state_channel *c = state_channel(&g->state,
						      mod->channel_id);

	guild_reply(g, &mod->op.caller, 204, NULL);
	if (c)
		publish_delete(g, c, mod->message_id);
	if (!is_webhook_call(mod->call) &&
	    m->author.id != mod->call->actor_id)
		audit_message(g, mod->call, AUDIT_MESSAGE_DELETE, m->author.id,
			      mod->channel_id, 0, 1);
	message_gone(g, mod->channel_id, m);
}

static enum error_code begin(struct guild *g, struct rest_msg *call,
			     enum error_code (*apply)(struct guild *g,
						      struct modify *mod,
						      struct message *m,
						      enum modify_what *what),
			     void (*done)(struct guild *g, struct modify *mod,
					  struct message *m))
{
	struct modify *mod = modify_new(g, sizeof(*mod), call);

	if (!mod)
		return ERROR_OVERLOADED;
	mod->apply = apply;
	mod->done = done;
	modify_begin(g, mod);
	return ERROR_NONE;
}

enum error_code message_rest_delete(struct guild *g, struct rest_msg *call)
{
	struct state_channel *c;
	enum error_code err;

	err = guild_call_channel(g, call, 0, &c, NULL);
	return err ? err : begin(g, call, delete_apply, delete_done);
}

/* --- a webhook's own --- */

static enum error_code get_apply(struct guild *g, struct modify *mod,
				 struct message *m, enum modify_what *what)
{
	(void)g;
	*what = MODIFY_NOTHING;
	return is_own(mod->call, m) ? ERROR_NONE : ERROR_UNKNOWN_MESSAGE;
}

static void get_done(struct guild *g, struct modify *mod, struct message *m)
{
	const struct message_view view = { 0 };
	struct answer a;

	json_message(answer_open(&a), m, &view);
	guild_reply_buf(g, &mod->op.caller, &a.buf);
}

enum error_code message_said_by_webhook(struct guild *g,
					struct rest_msg *call)
{
	switch (call->kind) {
	case REST_WEBHOOK_SAID_EDIT:
		return begin_edit(g, call);
	case REST_WEBHOOK_SAID_DELETE:
		return begin(g, call, delete_apply, delete_done);
	default:
		return begin(g, call, get_apply, get_done);
	}
}

/* --- typing --- */

enum error_code message_rest_typing(struct guild *g, struct rest_msg *call)
{
	const struct caller caller = guild_caller(call);
	struct relay_target to;
	struct state_channel *c;
	enum error_code err;
	struct event e;

	err = guild_call_channel(g, call, PERM_SEND_MESSAGES, &c, NULL);
	if (err)
		return err;
	if (!guild_is_text(&c->channel))
		return ERROR_NOT_TEXT;
	guild_reply(g, &caller, 204, NULL);
	to = event_to_channel(c, INTENT_GUILD_TYPING);
	event_open(&e, "TYPING_START");
	jsonw_obj(&e.w);
	jsonw_key_id(&e.w, "channel_id", c->channel.id);
	event_key_guild(&e.w, g);
	jsonw_key_id(&e.w, "user_id", call->actor_id);
	jsonw_key_u64(&e.w, "timestamp", guild_now_ms(g) / 1000);
	if (!g->arg.direct) {
		jsonw_key(&e.w, "member");
		json_member(&e.w, state_member(&g->state, call->actor_id),
			    true);
	}
	jsonw_end(&e.w);
	event_publish(g, &to, event_close(&e));
	return ERROR_NONE;
}
