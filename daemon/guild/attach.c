// SPDX-License-Identifier: Apache-2.0
#include "guild/attach.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/blob.h"
#include "base/mem.h"
#include "guild/idgen.h"
#include "proto/fields.h"

/* --- storing --- */

struct storing {
	struct op op;
	struct rest_msg *call;		/* taken */
	uint64_t channel_id;
	guild_call *again;
	uint64_t id[FILES_MAX];
};

static void storing_drop(struct op *op)
{
	struct storing *s = (struct storing *)op;

	if (s->call)
		actor_msg_free(&s->call->head);
}

static const char *description_of(const struct body_message *b,
				  uint32_t number)
{
	for (uint32_t i = 0; i < b->attachment_count; i++)
		if (b->attachment[i].id == number)
			return b->attachment[i].description;
	return NULL;
}

static void json_file(struct jsonw *w, const struct body_message *b,
		      const struct body_file *f, uint64_t id, const char *path)
{
	const char *description = description_of(b, f->number);

	jsonw_obj(w);
	jsonw_key_id(w, "id", id);
	jsonw_key_str(w, "filename", f->name);
	if (description)
		jsonw_key_str(w, "description", description);
	jsonw_key_str(w, "content_type", files_type_of(f->name));
	jsonw_key_u64(w, "size", f->size);
	jsonw_key_str(w, "url", path);
	jsonw_key_str(w, "proxy_url", path);
	jsonw_end(w);
}

/* Replaces "attachment://NAME" in the JSON of the embeds by its path.  A value
 * in JSON has quotes around it that nothing within one can have. */
static int show_in_embeds(struct body_message *b, const char *name,
			  const char *path)
{
	struct buf buf = BUF_INIT, wanted = BUF_INIT;
	const char *at = b->embeds, *found;
	char *embeds;

	buf_printf(&wanted, "\"attachment://%s\"", name);
	while (at && (found = strstr(at, buf_str(&wanted)))) {
		buf_append(&buf, at, (size_t)(found - at));
		buf_printf(&buf, "\"%s\"", path);
		at = found + wanted.len;
	}
	if (buf.len) {
		buf_puts(&buf, at);
		embeds = buf_steal(&buf, NULL);
		if (embeds) {
			mem_free(b->embeds);
			b->embeds = embeds;
		}
	}
	at = wanted.err || buf.err ? NULL : at;
	buf_fini(&wanted);
	buf_fini(&buf);
	return at || !b->embeds ? 0 : -ENOMEM;
}

/* The body names what is stored, in place of the files. */
static int name_files(struct storing *s, const struct files_written_msg *m)
{
	struct body_message *b = s->call->body;
	struct buf buf = BUF_INIT;
	char path[FILE_PATH_MAX];
	struct jsonw w;
	int err = 0;

	jsonw_init(&w, &buf);
	jsonw_arr(&w);
	for (uint32_t i = 0; i < b->file_count && !err; i++) {
		files_path(path, s->channel_id, s->id[i], b->file[i].name,
			   m->mark[i]);
		json_file(&w, b, &b->file[i], s->id[i], path);
		err = show_in_embeds(b, b->file[i].name, path);
	}
	jsonw_end(&w);
	b->attachments = err ? NULL : buf_steal(&buf, NULL);
	buf_fini(&buf);
	b->file_count = 0;
	return b->attachments ? 0 : -ENOMEM;
}

static void stored(struct guild *g, struct op *op, struct actor_msg *answer)
{
	const struct files_written_msg *m = (struct files_written_msg *)answer;
	struct storing *s = (struct storing *)op;
	struct rest_msg *call = s->call;
	uint32_t count = ((struct body_message *)call->body)->file_count;
	uint64_t id[FILES_MAX], channel_id = s->channel_id;
	guild_call *again = s->again;

	if (m->status) {
		op_fail(g, op, guild_error_of(m->status));
		return;
	}
	memcpy(id, s->id, sizeof(id));
	if (name_files(s, m)) {
		op_fail(g, op, ERROR_OVERLOADED);
		attach_drop(g, channel_id, id, count);
		return;
	}
	s->call = NULL;
	op_free(g, op);
	if (guild_run_again(g, call, again))
		attach_drop(g, channel_id, id, count);
}

static int send_files(struct guild *g, struct storing *s)
{
	struct body_message *b = s->call->body;
	struct files_put_msg *m = ACTOR_MSG_NEW(struct files_put_msg,
						FILES_PUT);
	int err = m ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < b->file_count && !err; i++) {
		err = idgen_next(g->arg.ids, guild_now_ms(g), &s->id[i]);
		m->file[i] = (struct files_file){ s->id[i], b->file[i].data,
						  b->file[i].size };
	}
	if (err) {
		if (m)
			actor_msg_free(&m->head);
		return err;
	}
	m->head.tag = s->op.tag;
	m->channel_id = s->channel_id;
	m->count = b->file_count;
	m->upload = b->upload;
	b->upload = NULL;
	return actor_send(g->self, files_route(actor_system_of(g->self)),
			  &m->head);
}

enum error_code attach_store(struct guild *g, struct rest_msg *call,
			     uint64_t channel_id, guild_call *again)
{
	const struct caller caller = guild_caller(call);
	struct storing *s;

	s = op_new(g, sizeof(*s), &caller, stored, storing_drop);
	if (!s)
		return ERROR_OVERLOADED;
	guild_take(g, &call->head);
	s->call = call;
	s->channel_id = channel_id;
	s->again = again;
	if (send_files(g, s))
		op_fail(g, &s->op, ERROR_OVERLOADED);
	return ERROR_NONE;
}

/* --- editing and forgetting --- */

static uint64_t id_of(const json_t *attachment)
{
	uint64_t id = 0;

	fields_id(json_object_get(attachment, "id"), &id);
	return id;
}

static bool is_kept(const struct body_message *b, uint64_t id)
{
	if (!(b->set & BODY_ATTACHMENTS))
		return true;
	for (uint32_t i = 0; i < b->attachment_count; i++)
		if (b->attachment[i].id == id)
			return true;
	return false;
}

static int dump(const json_t *list, char **ret_json)
{
	char *text;

	*ret_json = NULL;
	if (!json_array_size(list))
		return 0;
	text = json_dumps(list, JSON_COMPACT);
	*ret_json = text ? mem_strdup(text) : NULL;
	free(text);
	return *ret_json ? 0 : -ENOMEM;
}

int attach_edit(const char *old, const struct body_message *b, char **ret_json,
		uint64_t drop[FILES_MAX], uint32_t *ret_dropped)
{
	json_t *all = old ? json_loads(old, 0, NULL) : NULL;
	json_t *added = b->attachments ? json_loads(b->attachments, 0, NULL) :
					 NULL;
	json_t *list = json_array(), *item;
	size_t i;
	int err;

	*ret_dropped = 0;
	json_array_foreach(all, i, item) {
		if (is_kept(b, id_of(item)))
			json_array_append(list, item);
		else if (*ret_dropped < FILES_MAX)
			drop[(*ret_dropped)++] = id_of(item);
	}
	json_array_extend(list, added);
	err = list ? dump(list, ret_json) : -ENOMEM;
	json_decref(all);
	json_decref(added);
	json_decref(list);
	return err;
}

uint32_t attach_ids(const char *attachments, uint64_t id[FILES_MAX])
{
	json_t *list = attachments ? json_loads(attachments, 0, NULL) : NULL;
	uint32_t n = 0;
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (n < FILES_MAX)
			id[n++] = id_of(item);
	json_decref(list);
	return n;
}

void attach_drop(struct guild *g, uint64_t channel_id, const uint64_t *id,
		 uint32_t count)
{
	struct files_drop_msg *m = count ? files_drop_new(count) : NULL;

	if (!m)
		return;
	m->channel_id = channel_id;
	memcpy(m->id, id, count * sizeof(*id));
	actor_send(g->self, files_route(actor_system_of(g->self)), &m->head);
}

void attach_forget(struct guild *g, uint64_t channel_id,
		   const char *attachments)
{
	uint64_t id[FILES_MAX];
	uint32_t count = attach_ids(attachments, id);

	attach_drop(g, channel_id, id, count);
}
