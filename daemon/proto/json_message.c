// SPDX-License-Identifier: Apache-2.0
#include "proto/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/snowflake.h"

void json_emoji(struct jsonw *w, const char *emoji)
{
	const char *colon = strchr(emoji, ':');

	jsonw_obj(w);
	if (colon) {
		jsonw_key_id(w, "id", strtoull(colon + 1, NULL, 10));
		jsonw_key(w, "name");
		jsonw_strn(w, emoji, (size_t)(colon - emoji));
	} else {
		jsonw_key_null(w, "id");
		jsonw_key_str(w, "name", emoji);
	}
	jsonw_end(w);
}

static const char *base_url = "";

void json_set_base_url(const char *url)
{
	base_url = url;
}

/* In JSON a quote within a string has a backslash before it, so this can only
 * be a key of ours and the begin of its value. */
#define URL_OF_OURS "url\":\"/"

static void raw_with_base(struct jsonw *w, const char *json)
{
	size_t key_len = strlen(URL_OF_OURS) - 1;
	struct buf buf = BUF_INIT;
	const char *at = json, *found;

	while ((found = strstr(at, URL_OF_OURS))) {
		buf_append(&buf, at, (size_t)(found - at) + key_len);
		buf_puts(&buf, base_url);
		at = found + key_len;
	}
	buf_puts(&buf, at);
	jsonw_raw(w, buf.data ? buf.data : "", buf.len);
	if (buf.err && !w->buf->err)
		w->buf->err = buf.err;
	buf_fini(&buf);
}

static void key_array(struct jsonw *w, const char *key, const char *json)
{
	jsonw_key(w, key);
	if (!json)
		jsonw_raw(w, "[]", 2);
	else if (strstr(json, URL_OF_OURS))
		raw_with_base(w, json);
	else
		jsonw_raw(w, json, strlen(json));
}

static void mentions(struct jsonw *w, const struct message *m)
{
	jsonw_key_bool(w, "mention_everyone", m->mention_everyone);
	jsonw_key_arr(w, "mentions");
	for (uint32_t i = 0; i < m->mention_count; i++)
		json_user(w, &m->mention[i]);
	jsonw_end(w);
	jsonw_key_arr(w, "mention_roles");
	for (uint32_t i = 0; i < m->mention_role_count; i++)
		jsonw_id(w, m->mention_role[i]);
	jsonw_end(w);
}

static void reference(struct jsonw *w, const struct message *m,
		      const struct message *referenced)
{
	const struct message_view plain = { 0 };

	jsonw_key_obj(w, "message_reference");
	jsonw_key_u64(w, "type", 0);
	jsonw_key_id(w, "message_id", m->ref_message_id);
	jsonw_key_id(w, "channel_id", m->ref_channel_id);
	if (m->ref_guild_id)
		jsonw_key_id(w, "guild_id", m->ref_guild_id);
	jsonw_end(w);
	if (m->type != MESSAGE_REPLY)
		return;
	jsonw_key(w, "referenced_message");
	if (referenced)
		json_message(w, referenced, &plain);
	else
		jsonw_null(w);
}

static void reactions(struct jsonw *w, const struct message_view *view)
{
	jsonw_key_arr(w, "reactions");
	for (uint32_t i = 0; i < view->reaction_count; i++) {
		const struct reaction_view *r = &view->reaction[i];

		jsonw_obj(w);
		jsonw_key(w, "emoji");
		json_emoji(w, r->emoji);
		jsonw_key_u64(w, "count", r->count);
		jsonw_key_obj(w, "count_details");
		jsonw_key_u64(w, "burst", 0);
		jsonw_key_u64(w, "normal", r->count);
		jsonw_end(w);
		jsonw_key_arr(w, "burst_colors");
		jsonw_end(w);
		jsonw_key_bool(w, "me_burst", false);
		jsonw_key_bool(w, "me", r->me);
		jsonw_end(w);
	}
	jsonw_end(w);
}

/* What a message says, as opposed to that it was said. */
static void content(struct jsonw *w, const struct message *m, bool hide)
{
	jsonw_key(w, "content");
	if (hide)
		jsonw_strn(w, "", 0);
	else
		jsonw_strn(w, m->content, m->content_len);
	key_array(w, "attachments", hide ? NULL : m->attachments);
	key_array(w, "embeds", hide ? NULL : m->embeds);
	key_array(w, "components", hide ? NULL : m->components);
}

static void surroundings(struct jsonw *w, const struct message_view *view)
{
	if (view->nonce) {
		jsonw_key(w, "nonce");
		jsonw_raw(w, view->nonce, strlen(view->nonce));
	}
	if (view->reaction_count)
		reactions(w, view);
	if (!view->guild_id)
		return;
	jsonw_key_id(w, "guild_id", view->guild_id);
	jsonw_key_u64(w, "channel_type", view->channel_type);
	if (view->member) {
		jsonw_key(w, "member");
		json_member(w, view->member, false);
	}
}

void json_message(struct jsonw *w, const struct message *m,
		  const struct message_view *view)
{
	jsonw_obj(w);
	jsonw_key_id(w, "id", m->id);
	jsonw_key_id(w, "channel_id", m->channel_id);
	jsonw_key(w, "author");
	json_user(w, &m->author);
	content(w, m, view->hide_content);
	jsonw_key_time_ms(w, "timestamp", snowflake_unix_ms(m->id));
	if (m->edited_ms)
		jsonw_key_time_ms(w, "edited_timestamp", m->edited_ms);
	else
		jsonw_key_null(w, "edited_timestamp");
	jsonw_key_bool(w, "tts", m->tts);
	mentions(w, m);
	jsonw_key_bool(w, "pinned", m->pinned);
	jsonw_key_u64(w, "type", m->type);
	jsonw_key_u64(w, "flags", m->flags);
	if (m->webhook_id)
		jsonw_key_id(w, "webhook_id", m->webhook_id);
	if (m->ref_message_id)
		reference(w, m, view->referenced);
	surroundings(w, view);
	jsonw_end(w);
}
