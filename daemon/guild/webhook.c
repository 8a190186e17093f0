// SPDX-License-Identifier: Apache-2.0
/* Webhooks: managed by members, or by whoever has the token. */
#include <ctype.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "guild/attach.h"
#include "guild/change.h"
#include "guild/message.h"
#include "proto/body.h"
#include "proto/json.h"

#define PER_CHANNEL_MAX 15

static void json_one(const struct guild *g, struct jsonw *w,
		     const struct webhook *h, bool with_user)
{
	const struct member *by = state_member(&g->state, h->user_id);

	json_webhook(w, h, g->arg.guild_id,
		     with_user && by ? &by->user : NULL);
}

static bool token_fits(const struct webhook *h, const char *token)
{
	size_t n = strlen(token);

	return h->token && n == strlen(h->token) &&
	       !sodium_memcmp(h->token, token, n);
}

/*
 * The webhook of a call, which comes with its token, or from a member who may
 * manage webhooks in its channel.
 */
static enum error_code find(struct guild *g, const struct rest_msg *call,
			    const struct webhook **ret)
{
	const struct webhook *h = state_webhook(&g->state,
						call->id[REST_ID_WEBHOOK]);
	const struct state_channel *c;

	if (!h)
		return ERROR_UNKNOWN_WEBHOOK;
	*ret = h;
	if (call->text[0])
		return token_fits(h, call->text) ? ERROR_NONE :
						   ERROR_WEBHOOK_TOKEN;
	c = state_channel(&g->state, h->channel_id);
	if (!call->actor_id)
		return ERROR_UNAUTHORIZED;
	if (!(state_channel_perms(&g->state, c, call->actor_id,
				  guild_now_ms(g)) & PERM_MANAGE_WEBHOOKS))
		return ERROR_MISSING_PERMISSION;
	return ERROR_NONE;
}

/* Names that would be taken for somebody else's. */
static bool is_good_name(const char *name)
{
	return !strcasestr(name, "clyde") && !strcasestr(name, "discord");
}

static void answer_webhook(struct guild *g, const struct caller *to,
			   const struct change *c)
{
	struct answer a;

	json_one(g, answer_open(&a), state_webhook(&g->state, c->id),
		 !c->by_token);
	guild_reply_buf(g, to, &a.buf);
}

static uint32_t count_in(const struct guild *g, uint64_t channel_id)
{
	uint64_t value;
	uint32_t n = 0;
	size_t iter = 0;

	while (hmap_next(&g->state.webhooks, &iter, NULL, &value))
		n += ((struct webhook *)(uintptr_t)value)->channel_id ==
		     channel_id;
	return n;
}

static enum error_code send_webhook(struct guild *g, struct rest_msg *call,
				    const struct webhook *h)
{
	struct change *c = change_new(g, call);

	if (!c)
		return ERROR_OVERLOADED;
	change_put_webhook(c, h);
	c->id = h->id;
	c->by_token = call->text[0];
	c->answer = answer_webhook;
	return change_send(g, c);
}

enum error_code webhook_rest_create(struct guild *g, struct rest_msg *call)
{
	const struct body_webhook *b = call->body;
	struct webhook h = { .name = b->webhook.name,
			     .avatar = b->webhook.avatar,
			     .user_id = call->actor_id };
	struct state_channel *ch;
	enum error_code err;

	err = guild_call_channel(g, call, PERM_MANAGE_WEBHOOKS, &ch, NULL);
	if (err)
		return err;
	if (!guild_is_text(&ch->channel))
		return ERROR_CHANNEL_TYPE;
	if (!h.name || !is_good_name(h.name))
		return ERROR_FORM;
	if (count_in(g, ch->channel.id) >= PER_CHANNEL_MAX)
		return ERROR_MAX_WEBHOOKS;
	if (idgen_next(g->arg.ids, guild_now_ms(g), &h.id))
		return ERROR_OVERLOADED;
	h.channel_id = ch->channel.id;
	return send_webhook(g, call, &h);
}

enum error_code webhook_rest_get(struct guild *g, struct rest_msg *call)
{
	const struct webhook *h;
	enum error_code err = find(g, call, &h);
	struct answer a;

	if (err)
		return err;
	json_one(g, answer_open(&a), h, !call->text[0]);
	return answer_send(g, call, &a);
}

static void show(struct guild *g, struct jsonw *w, uint64_t channel_id,
		 const void *entry)
{
	const struct webhook *h = entry;

	if (!channel_id || h->channel_id == channel_id)
		json_one(g, w, h, true);
}

enum error_code webhook_rest_list(struct guild *g, struct rest_msg *call)
{
	return guild_answer_list(g, call, &g->state.webhooks,
				 PERM_MANAGE_WEBHOOKS, PERM_MANAGE_WEBHOOKS,
				 show);
}

enum error_code webhook_rest_edit(struct guild *g, struct rest_msg *call)
{
	const struct body_webhook *b = call->body;
	const struct state_channel *to;
	const struct webhook *old;
	enum error_code err = find(g, call, &old);
	struct webhook h;

	if (err)
		return err;
	h = *old;
	if (b->set & BODY_WEBHOOK_NAME)
		h.name = b->webhook.name;
	if (b->set & BODY_WEBHOOK_AVATAR)
		h.avatar = b->webhook.avatar;
	if (!is_good_name(h.name))
		return ERROR_FORM;
	/* Its token does not move it elsewhere. */
	if ((b->set & BODY_WEBHOOK_CHANNEL) && !call->text[0]) {
		to = state_channel(&g->state, b->webhook.channel_id);
		if (!to || !guild_is_text(&to->channel))
			return ERROR_UNKNOWN_CHANNEL;
		if (!(state_channel_perms(&g->state, to, call->actor_id,
					  guild_now_ms(g)) &
		      PERM_MANAGE_WEBHOOKS))
			return ERROR_MISSING_PERMISSION;
		h.channel_id = to->channel.id;
	}
	return send_webhook(g, call, &h);
}

enum error_code webhook_rest_delete(struct guild *g, struct rest_msg *call)
{
	const struct webhook *h;
	enum error_code err = find(g, call, &h);
	struct change *c;

	if (err)
		return err;
	c = change_new(g, call);
	if (!c)
		return ERROR_OVERLOADED;
	change_id(c, CHANGE_DEL_WEBHOOK, h->id);
	return change_send(g, c);
}

enum error_code webhook_rest_execute(struct guild *g, struct rest_msg *call)
{
	struct body_message *b = call->body;
	const struct state_channel *ch;
	const struct webhook *h;
	enum error_code err;
	struct user author;

	if (!call->text[0])
		return ERROR_WEBHOOK_TOKEN;
	err = find(g, call, &h);
	if (err)
		return err;
	if (!message_body_trim(b))
		return ERROR_EMPTY_MESSAGE;
	ch = state_channel(&g->state, h->channel_id);
	if (b->file_count)
		return attach_store(g, call, ch->channel.id,
				    webhook_rest_execute);
	author = (struct user){ .id = h->id, .bot = true };
	author.name = b->username ? b->username : h->name;
	author.avatar = b->avatar_url ? NULL : h->avatar;
	return message_say_webhook(g, call, ch, &author);
}

/* GET, PATCH and DELETE of what it has said. */
enum error_code webhook_rest_said(struct guild *g, struct rest_msg *call)
{
	const struct body_message *b = call->body;
	const struct webhook *h;
	enum error_code err = find(g, call, &h);

	if (err)
		return err;
	if (b && b->file_count)
		return attach_store(g, call, h->channel_id, webhook_rest_said);
	call->id[REST_ID_CHANNEL] = h->channel_id;
	return message_said_by_webhook(g, call);
}
