// SPDX-License-Identifier: Apache-2.0
#include "base/blob.h"
#include "base/buf.h"
#include "base/jsonw.h"
#include "gateway/session_impl.h"
#include "proto/readstate.h"

#define API_VERSION 10
/* The application may have members, presences and message contents. */
#define APPLICATION_FLAGS (1u << 13 | 1u << 15 | 1u << 19)

static void put_guilds(struct jsonw *w, const struct session *s)
{
	uint32_t i;

	jsonw_key_arr(w, "guilds");
	for (i = 0; i < s->guild_count; i++) {
		jsonw_obj(w);
		jsonw_key_id(w, "id", s->guild[i].id);
		jsonw_key_bool(w, "unavailable", true);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void put_shard(struct jsonw *w, const struct session *s)
{
	if (!s->has_shard)
		return;
	jsonw_key_arr(w, "shard");
	jsonw_u64(w, s->shard_id);
	jsonw_u64(w, s->shard_count);
	jsonw_end(w);
}

static void put_application(struct jsonw *w, const struct session *s)
{
	jsonw_key_obj(w, "application");
	jsonw_key_id(w, "id", s->user_id);
	jsonw_key_u64(w, "flags", APPLICATION_FLAGS);
	jsonw_end(w);
}

static void put_session_id(struct jsonw *w, struct actor *self,
			   const struct session *s)
{
	struct buf id = BUF_INIT;

	session_put_id(self, s, &id);
	jsonw_key_str(w, "session_id", buf_str(&id));
	if (id.err && !w->buf->err)
		w->buf->err = id.err;
	buf_fini(&id);
}

static void put_empty(struct jsonw *w, const char *key)
{
	jsonw_key_arr(w, key);
	jsonw_end(w);
}

/* Where eris finds none, it throws. */
static void put_private_channels(struct jsonw *w, const struct blob *channels)
{
	if (!channels) {
		put_empty(w, "private_channels");
		return;
	}
	jsonw_key(w, "private_channels");
	jsonw_raw(w, channels->data, channels->len);
}

struct blob *ready_payload(struct actor *self, const struct session *s,
			   const struct dir_session_reply_msg *reply,
			   const struct readstate_entries_msg *read_states)
{
	struct buf buf = BUF_INIT;
	struct blob *blob;
	struct jsonw w;

	if (!reply->self_user)
		return NULL;
	buf_puts(&buf, ",\"t\":\"READY\",\"op\":0,\"d\":");
	jsonw_init(&w, &buf);
	jsonw_obj(&w);
	jsonw_key_u64(&w, "v", API_VERSION);
	jsonw_key(&w, "user");
	jsonw_raw(&w, reply->self_user->data, reply->self_user->len);
	put_guilds(&w, s);
	put_session_id(&w, self, s);
	jsonw_key_str(&w, "resume_gateway_url", s->config->url);
	put_shard(&w, s);
	put_application(&w, s);
	put_private_channels(&w, reply->private_channels);
	if (read_states) {
		jsonw_key(&w, "read_state");
		readstate_json(&w, read_states);
	}
	jsonw_key_str(&w, "session_type", "normal");
	put_empty(&w, "_trace");
	jsonw_end(&w);
	buf_putc(&buf, '}');
	blob = blob_from_buf(&buf);
	buf_fini(&buf);
	return blob;
}
