// SPDX-License-Identifier: Apache-2.0
/* REST calls that no guild need be asked for. */
#include <errno.h>
#include <string.h>

#include "base/blob.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "guild/catalog_actor.h"
#include "guild/directory_state.h"
#include "proto/body.h"
#include "proto/json.h"
#include "proto/session.h"

typedef enum error_code dir_call(struct directory *d, struct rest_msg *call);

static enum error_code send_json(struct directory *d, const struct rest_msg *c,
				 struct buf *buf)
{
	struct blob *body = blob_from_buf(buf);

	buf_fini(buf);
	if (!body)
		return ERROR_OVERLOADED;
	dir_reply(d, c->head.from, c->head.tag, rest_reply_new(200, body));
	return ERROR_NONE;
}

static enum error_code user_me(struct directory *d, struct rest_msg *call)
{
	struct buf buf = BUF_INIT;
	struct jsonw w;

	jsonw_init(&w, &buf);
	json_self_user(&w, &dir_user(d, call->actor_id)->user);
	return send_json(d, call, &buf);
}

static enum error_code user_get(struct directory *d, struct rest_msg *call)
{
	const struct dir_entry *e = dir_user(d, call->id[REST_ID_USER]);
	struct buf buf = BUF_INIT;
	struct jsonw w;

	if (!e)
		return ERROR_UNKNOWN_USER;
	jsonw_init(&w, &buf);
	json_user(&w, &e->user);
	return send_json(d, call, &buf);
}

static enum error_code application_me(struct directory *d,
				      struct rest_msg *call)
{
	const struct dir_entry *e = dir_user(d, call->actor_id);
	struct buf buf = BUF_INIT;
	struct jsonw w;

	jsonw_init(&w, &buf);
	jsonw_obj(&w);
	jsonw_key_id(&w, "id", e->user.id);
	jsonw_key_str(&w, "name", e->user.name);
	jsonw_key_null(&w, "icon");
	jsonw_key_str(&w, "description", "");
	jsonw_key_bool(&w, "bot_public", false);
	jsonw_key_bool(&w, "bot_require_code_grant", false);
	jsonw_key_u64(&w, "flags", 565248);
	jsonw_key(&w, "bot");
	json_user(&w, &e->user);
	jsonw_end(&w);
	return send_json(d, call, &buf);
}

/* --- PATCH /users/@me --- */

struct edit {
	struct dir_job job;
	struct user user;	/* as it is to be */
};

static void edit_drop(struct dir_job *job)
{
	model_user_fini(&((struct edit *)job)->user);
}

static int edit_run(struct catalog *c, void *arg)
{
	return catalog_set_user(c, arg);
}

static void edit_arg_drop(void *arg)
{
	model_user_fini(arg);
	mem_free(arg);
}

static void tell_user(struct directory *d, actor_ref to, const struct user *u)
{
	struct dir_user_msg *m;

	m = ACTOR_MSG_NEW(struct dir_user_msg, DIR_USER_CHANGED);
	if (m && !model_user_copy(&m->user, u))
		actor_send(d->self, to, &m->head);
	else if (m)
		actor_msg_free(&m->head);
}

static void tell_guilds(struct directory *d, const struct dir_entry *e)
{
	for (uint32_t i = 0; i < e->guild_count; i++)
		tell_user(d, dir_guild_ref(d, e->guild[i]), &e->user);
	for (uint32_t i = 0; i < e->direct_count; i++)
		if (!actor_ref_is_nobody(e->direct[i]->ref))
			tell_user(d, e->direct[i]->ref, &e->user);
}

static struct blob *user_update(const struct user *u)
{
	struct buf buf = BUF_INIT;
	struct blob *payload;
	struct jsonw w;

	buf_puts(&buf, ",\"t\":\"USER_UPDATE\",\"op\":0,\"d\":");
	jsonw_init(&w, &buf);
	json_self_user(&w, u);
	buf_putc(&buf, '}');
	payload = blob_from_buf(&buf);
	buf_fini(&buf);
	return payload;
}

static void tell_own_sessions(struct directory *d, const struct dir_entry *e)
{
	struct blob *payload = user_update(&e->user);

	for (uint32_t i = 0; payload && i < e->session_count; i++) {
		struct session_events_msg *m = session_events_new(1);

		if (!m)
			continue;
		m->payload[0] = blob_get(payload);
		actor_send(d->self, e->session[i].ref, &m->head);
	}
	blob_put(payload);
}

static struct rest_reply_msg *me_reply(const struct user *u)
{
	struct buf buf = BUF_INIT;
	struct rest_reply_msg *reply;
	struct jsonw w;

	jsonw_init(&w, &buf);
	json_self_user(&w, u);
	reply = rest_reply_new(200, blob_from_buf(&buf));
	buf_fini(&buf);
	return reply;
}

static struct rest_reply_msg *name_taken(void)
{
	struct form *form = form_new();
	struct rest_reply_msg *reply;

	form_error(form, "username", "USERNAME_ALREADY_TAKEN",
		   "This username is taken.");
	reply = form ? rest_reply_new(400, form_body(form)) :
		       rest_reply_error(ERROR_OVERLOADED);
	form_free(form);
	return reply;
}

static void edited(struct directory *d, struct dir_job *job,
		   struct actor_msg *answer)
{
	struct edit *edit = (struct edit *)job;
	struct dir_entry *e = dir_user(d, edit->user.id);
	int err = ((struct catalog_job_msg *)answer)->error;
	struct rest_reply_msg *reply;

	if (!err)
		err = dir_user_rename(d, e, &edit->user);
	if (!err) {
		edit->user = (struct user){ 0 };
		tell_guilds(d, e);
		tell_own_sessions(d, e);
		reply = me_reply(&e->user);
	} else if (err == -EEXIST) {
		reply = name_taken();
	} else {
		reply = rest_reply_error(dir_error_of(err));
	}
	dir_reply(d, job->caller, job->caller_tag, reply);
	dir_job_free(d, job);
}

static int change_user(struct user *u, const struct body_user *b)
{
	int err = 0;

	if (b->set & BODY_USER_NAME)
		err = model_string_set(&u->name, b->username);
	if (!err && (b->set & BODY_USER_GLOBAL))
		err = model_string_set(&u->global_name, b->global_name);
	if (!err && (b->set & BODY_USER_AVATAR))
		err = model_string_set(&u->avatar, b->avatar);
	return err;
}

static enum error_code user_edit(struct directory *d, struct rest_msg *call)
{
	const struct dir_entry *e = dir_user(d, call->actor_id);
	struct edit *edit;
	struct user *arg;
	int err;

	edit = dir_job_new(d, sizeof(*edit), &call->head, edited, edit_drop);
	arg = edit ? mem_zalloc(sizeof(*arg)) : NULL;
	if (!arg) {
		if (edit)
			dir_job_free(d, &edit->job);
		return ERROR_OVERLOADED;
	}
	err = model_user_copy(&edit->user, &e->user);
	if (!err)
		err = change_user(&edit->user, call->body);
	if (!err)
		err = model_user_copy(arg, &edit->user);
	if (err)
		mem_free(arg);
	else
		err = catalog_submit(d->self, d->arg.catalog, edit->job.tag,
				     edit_run, arg, edit_arg_drop);
	if (err)
		dir_job_free(d, &edit->job);
	return err ? ERROR_OVERLOADED : ERROR_NONE;
}

static dir_call *const calls[REST_KINDS] = {
	[REST_LOGIN] = dir_rest_login,
	[REST_LOGOUT] = dir_rest_logout,
	[REST_USER_ME] = user_me,
	[REST_USER_EDIT] = user_edit,
	[REST_USER_GET] = user_get,
	[REST_USER_GUILDS] = dir_rest_guilds,
	[REST_DIRECT_LIST] = dir_rest_direct_list,
	[REST_DIRECT_OPEN] = dir_rest_direct_open,
	[REST_APPLICATION_ME] = application_me,
};

enum error_code dir_rest(struct directory *d, struct rest_msg *call)
{
	dir_call *fn = calls[call->kind];

	return fn ? fn(d, call) : ERROR_NO_ROUTE;
}
