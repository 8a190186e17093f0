// SPDX-License-Identifier: Apache-2.0
/* Editing and deleting messages; typing. */
#include <errno.h>
#include <string.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/snowflake.h"
#include "guild/mention.h"
#include "guild/message.h"
#include "guild/modify.h"
#include "guild/reaction.h"
#include "guild/search_feed.h"
#include "guild/search_note.h"
#include "proto/intent.h"

#define BULK_MIN 2
#define BULK_MAX 100
#define BULK_AGE_MS (14ull * 24 * 3600 * 1000)

/* What a caller may do in the channel of a change now; 0: not even see it. */
static uint64_t perms_now(struct guild *g, const struct modify *mod)
{
	const struct state_channel *c = state_channel(&g->state,
						      mod->channel_id);

	return c ? state_channel_perms(&g->state, c, mod->call->actor_id,
				       guild_now_ms(g)) : 0;
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

/* Everything but flags is the author's alone. */
static enum error_code edit_content(struct guild *g, struct modify *mod,
				    struct message *m, uint64_t perms)
{
	const struct body_message *b = mod->call->body;

	if (b->set & BODY_CONTENT) {
		m->content = b->content ? b->content : "";
		m->content_len = strlen(m->content);
		mention_resolve(&g->state, &b->mentions, perms, NULL, m);
	}
	if (b->set & BODY_EMBEDS)
		m->embeds = b->embeds;
	if (b->set & BODY_COMPONENTS)
		m->components = b->components;
	m->edited_ms = guild_now_ms(g);
	return is_empty(m) ? ERROR_EMPTY_MESSAGE : ERROR_NONE;
}

static enum error_code edit_apply(struct guild *g, struct modify *mod,
				  struct message *m, enum modify_what *what)
{
	const struct body_message *b = mod->call->body;
	uint64_t perms = perms_now(g, mod);
	bool own = m->author.id == mod->call->actor_id && !m->webhook_id;

	if (!own && (b->set & ~BODY_FLAGS & ~BODY_MENTIONS))
		return ERROR_NOT_AUTHOR;
	if (!own && !(perms & PERM_MANAGE_MESSAGES))
		return ERROR_MISSING_PERMISSION;
	edit_flags(m, b);
	*what = MODIFY_WRITE;
	return own && (b->set & ~BODY_FLAGS) ?
		       edit_content(g, mod, m, perms) : ERROR_NONE;
}

static void edit_done(struct guild *g, struct modify *mod, struct message *m)
{
	const struct message_view view = { 0 };
	const struct state_channel *c = state_channel(&g->state,
						      mod->channel_id);
	struct answer a;

	json_message(answer_open(&a), m, &view);
	guild_reply_buf(g, &mod->op.caller, &a.buf);
	if (c)
		message_publish(g, "MESSAGE_UPDATE", c, m, &view);
}

enum error_code message_rest_edit(struct guild *g, struct rest_msg *call)
{
	struct body_message *b = call->body;
	struct state_channel *c;
	enum error_code err;
	struct modify *mod;

	err = guild_call_channel(g, call, 0, &c, NULL);
	if (err)
		return err;
	message_body_trim(b);
	mod = modify_new(g, sizeof(*mod), call);
	if (!mod)
		return ERROR_OVERLOADED;
	mod->apply = edit_apply;
	mod->done = edit_done;
	modify_begin(g, mod);
	return ERROR_NONE;
}

/* --- DELETE --- */

static enum error_code delete_apply(struct guild *g, struct modify *mod,
				    struct message *m, enum modify_what *what)
{
	uint64_t perms = perms_now(g, mod);

	if (m->author.id != mod->call->actor_id &&
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
	message_gone(g, mod->channel_id, m);
}

enum error_code message_rest_delete(struct guild *g, struct rest_msg *call)
{
	struct state_channel *c;
	enum error_code err;
	struct modify *mod;

	err = guild_call_channel(g, call, 0, &c, NULL);
	if (err)
		return err;
	mod = modify_new(g, sizeof(*mod), call);
	if (!mod)
		return ERROR_OVERLOADED;
	mod->apply = delete_apply;
	mod->done = delete_done;
	modify_begin(g, mod);
	return ERROR_NONE;
}

/* --- bulk delete --- */

struct bulk {
	struct op op;
	uint64_t channel_id;
	uint32_t count;
	uint64_t id[BULK_MAX];
};

static void bulk_done(struct guild *g, struct op *op, struct actor_msg *answer)
{
	const struct store_written_msg *w = (struct store_written_msg *)answer;
	const struct bulk *bulk = (struct bulk *)op;
	const struct state_channel *c = state_channel(&g->state,
						      bulk->channel_id);
	struct relay_target to;
	struct event e;

	if (w->status) {
		op_fail(g, op, guild_error_of(w->status));
		return;
	}
	guild_reply(g, &op->caller, 204, NULL);
	if (c) {
		to = event_to_channel(c, INTENT_GUILD_MESSAGES);
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
		search_feed_changed(g, bulk->channel_id, bulk->id,
				    bulk->count);
	}
	op_free(g, op);
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

static int remove_many(struct guild *g, const struct caller *caller,
		       uint64_t channel_id, const uint64_t *id, uint32_t count)
{
	struct bulk *bulk = op_new(g, sizeof(*bulk), caller, bulk_done, NULL);
	int err;

	if (!bulk)
		return -ENOMEM;
	check(count <= BULK_MAX);
	bulk->channel_id = channel_id;
	bulk->count = count;
	memcpy(bulk->id, id, count * sizeof(*id));
	search_note(g, bulk->channel_id, bulk->id, bulk->count);
	err = op_delete(g, &bulk->op, channel_id, STORE_SPACE_MESSAGE,
			bulk->id, count);
	if (err)
		op_free(g, &bulk->op);
	return err;
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
	if (remove_many(g, &caller, c->channel.id, b->id, b->count))
		return ERROR_OVERLOADED;
	return ERROR_NONE;
}

int message_remove(struct guild *g, uint64_t channel_id, const uint64_t *id,
		   uint32_t count)
{
	static const struct caller nobody;

	return remove_many(g, &nobody, channel_id, id, count);
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
