// SPDX-License-Identifier: Apache-2.0
#include "guild/directory.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/blob.h"
#include "base/log.h"
#include "base/mem.h"
#include "guild/catalog_actor.h"
#include "guild/directory_state.h"
#include "guild/state.h"
#include "proto/data.h"
#include "proto/directory.h"
#include "proto/json.h"
#include "proto/search.h"
#include "proto/session.h"

/* --- jobs --- */

void *dir_job_new(struct directory *d, size_t size,
		  const struct actor_msg *caller,
		  void (*done)(struct directory *d, struct dir_job *job,
			       struct actor_msg *answer),
		  void (*drop)(struct dir_job *job))
{
	struct dir_job *job = mem_zalloc(size);

	if (!job)
		return NULL;
	job->tag = ++d->last_tag;
	job->done = done;
	job->drop = drop;
	if (caller) {
		job->caller = caller->from;
		job->caller_tag = caller->tag;
	}
	if (hmap_set(&d->jobs, job->tag, (uintptr_t)job)) {
		mem_free(job);
		return NULL;
	}
	return job;
}

void dir_job_free(struct directory *d, struct dir_job *job)
{
	hmap_del(&d->jobs, job->tag);
	if (job->drop)
		job->drop(job);
	mem_free(job);
}

enum error_code dir_error_of(int err)
{
	return err == -ENOSPC || err == -ENOMEM || err == -EAGAIN ?
		       ERROR_OVERLOADED : ERROR_INTERNAL;
}

static void job_answer(struct directory *d, struct actor_msg *msg)
{
	struct dir_job *job = hmap_get_ptr(&d->jobs, msg->tag);

	if (job)
		job->done(d, job, msg);
}

/* --- start: everything is read once --- */

static int load_run(struct catalog *c, void *arg)
{
	const struct catalog_visitor v = overview_visitor(arg);

	return catalog_visit(c, &v);
}

static void load_drop(void *arg)
{
	overview_fini(arg);
	mem_free(arg);
}

static void loaded(struct directory *d, struct dir_job *job,
		   struct actor_msg *answer)
{
	struct catalog_job_msg *m = (struct catalog_job_msg *)answer;
	int err = m->error;

	if (!err)
		err = dir_merge(d, m->arg);
	if (!err)
		err = actor_register(d->self, DIRECTORY_NAME);
	if (err)
		log_error("directory", "load_failed", "error=%d", err);
	else
		log_info("directory", "loaded", "users=%u guilds=%u",
			 d->users.count, d->guilds.count);
	dir_job_free(d, job);
	if (d->arg.ready)
		d->arg.ready(d->arg.ctx, err);
}

static int start(struct actor *self, void *state, const void *arg)
{
	struct directory *d = state;
	struct overview *o;
	struct dir_job *job;

	d->self = self;
	d->arg = *(const struct directory_arg *)arg;
	o = mem_zalloc(sizeof(*o));
	if (!o)
		return -ENOMEM;
	job = dir_job_new(d, sizeof(*job), NULL, loaded, NULL);
	if (!job) {
		mem_free(o);
		return -ENOMEM;
	}
	return catalog_submit(self, d->arg.catalog, job->tag, load_run, o,
			      load_drop);
}

/* --- who is it? --- */

static int auth_webhook(const struct directory *d, uint64_t id,
			const char *token)
{
	char wanted[TOKEN_SIZE];
	uint64_t guild_id;

	if (!hmap_get(&d->webhooks, id, &guild_id))
		return -ENOENT;
	token_of_webhook(&d->arg.secret, id, wanted);
	return strlen(token) == strlen(wanted) &&
	       !sodium_memcmp(token, wanted, strlen(wanted)) ? 0 : -EACCES;
}

static int auth_user(struct directory *d, const char *token,
		     struct dir_auth_reply_msg *reply)
{
	const struct dir_entry *e = dir_user_by_token(d, token);

	if (!e)
		return -EACCES;
	reply->user_id = e->user.id;
	reply->is_bot = e->user.bot;
	reply->guild_count = e->guild_count;
	return 0;
}

static void auth(struct directory *d, struct actor_msg *msg)
{
	const struct dir_auth_msg *m = (struct dir_auth_msg *)msg;
	struct dir_auth_reply_msg *reply;

	reply = ACTOR_MSG_NEW(struct dir_auth_reply_msg, DIR_AUTH_REPLY);
	if (!reply)
		return;
	reply->webhook_id = m->webhook_id;
	reply->error = m->webhook_id ?
			       auth_webhook(d, m->webhook_id, m->token) :
			       auth_user(d, m->token, reply);
	actor_reply(d->self, msg, &reply->head);
}

static struct blob *self_user(const struct user *u)
{
	struct buf buf = BUF_INIT;
	struct blob *blob;
	struct jsonw w;

	jsonw_init(&w, &buf);
	json_self_user(&w, u);
	blob = blob_from_buf(&buf);
	buf_fini(&buf);
	return blob;
}

static void fill_session_reply(struct directory *d, const struct dir_entry *e,
			       struct dir_session_reply_msg *reply)
{
	reply->is_bot = e->user.bot;
	reply->user_id = e->user.id;
	reply->self_user = self_user(&e->user);
	if (!e->user.bot)
		reply->private_channels = dir_direct_list(d, e);
	reply->guild_count = e->guild_count;
	for (uint32_t i = 0; i < e->guild_count; i++) {
		reply->guild[i].id = e->guild[i];
		reply->guild[i].ref = dir_guild_ref(d, e->guild[i]);
	}
}

/* With the token of this hash, if it is somebody's. */
static void answer_open(struct directory *d,
			const uint8_t hash[TOKEN_HASH_SIZE], actor_ref session,
			uint64_t tag)
{
	struct dir_entry *e = dir_user_by_hash(d, hash);
	struct dir_session_reply_msg *reply;
	size_t size = sizeof(*reply);

	if (e)
		size += e->guild_count * sizeof(reply->guild[0]);
	reply = actor_msg_new(DIR_SESSION_OPEN_REPLY, size);
	if (!reply)
		return;
	dir_session_del(d, session);
	reply->error = -EACCES;
	if (e) {
		reply->error = dir_session_add(d, e, session, hash);
		fill_session_reply(d, e, reply);
		actor_monitor(d->self, session);
	}
	reply->head.tag = tag;
	actor_send(d->self, session, &reply->head);
}

/* A person's session waits for the newest messages of the direct channels. */
struct coming {
	struct dir_newest newest;
	uint8_t hash[TOKEN_HASH_SIZE];
};

static void come_in(struct directory *d, struct dir_newest *n)
{
	struct coming *c = (struct coming *)n;

	answer_open(d, c->hash, n->job.caller, n->job.caller_tag);
	dir_job_free(d, &n->job);
}

static void session_open(struct directory *d, struct actor_msg *msg)
{
	const struct dir_session_open_msg *m = (void *)msg;
	uint8_t hash[TOKEN_HASH_SIZE];
	const struct dir_entry *e;
	struct coming *c;

	token_hash(&d->arg.secret, m->token, hash);
	e = dir_user_by_hash(d, hash);
	if (!e || e->user.bot || !e->direct_count) {
		answer_open(d, hash, msg->from, msg->tag);
		return;
	}
	c = dir_job_new(d, sizeof(*c), msg, NULL, NULL);
	if (!c)
		return;
	c->newest.then = come_in;
	memcpy(c->hash, hash, sizeof(c->hash));
	dir_newest_of(d, &c->newest, e->direct, e->direct_count);
}

static void session_close(struct directory *d, struct actor_msg *msg)
{
	actor_demonitor(d->self, msg->from);
	dir_session_del(d, msg->from);
}

static void session_down(struct directory *d, struct actor_msg *msg)
{
	dir_session_del(d, ((struct actor_down_msg *)msg)->who);
}

/* --- which guild? --- */

static uint64_t guild_of(const struct directory *d, const struct rest_msg *call)
{
	uint64_t guild = 0;

	switch (rest_info(call->kind)->place) {
	case REST_AT_GUILD:
		guild = call->id[REST_ID_GUILD];
		break;
	case REST_AT_CHANNEL:
		hmap_get(&d->channels, call->id[REST_ID_CHANNEL], &guild);
		break;
	case REST_AT_WEBHOOK:
		hmap_get(&d->webhooks, call->id[REST_ID_WEBHOOK], &guild);
		break;
	case REST_AT_INVITE:
		hmap_get(&d->invites, state_code_key(call->text), &guild);
		break;
	}
	return guild;
}

static enum error_code unknown(const struct rest_msg *call)
{
	switch (rest_info(call->kind)->place) {
	case REST_AT_CHANNEL:
		return ERROR_UNKNOWN_CHANNEL;
	case REST_AT_WEBHOOK:
		return ERROR_UNKNOWN_WEBHOOK;
	case REST_AT_INVITE:
		return ERROR_UNKNOWN_INVITE;
	default:
		return ERROR_UNKNOWN_GUILD;
	}
}

/* Where there is no guild to ask: voice regions are the same everywhere. */
static uint64_t any_guild(const struct rest_msg *call,
			  const struct dir_entry *e)
{
	return call->kind == REST_GUILD_REGIONS && e && e->guild_count ?
		       e->guild[0] : 0;
}

/* A guild does not know who is not its member yet. */
static int attach_user(struct rest_msg *call, const struct dir_entry *e)
{
	struct user *copy = mem_zalloc(sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	if (model_user_copy(copy, &e->user)) {
		mem_free(copy);
		return -ENOMEM;
	}
	call->body = copy;
	return 0;
}

static enum error_code route(struct directory *d, struct rest_msg *call)
{
	const struct rest_info *info = rest_info(call->kind);
	const struct dir_entry *e = dir_user_by_token(d, call->token);
	struct dir_direct *dm;
	uint64_t guild;
	actor_ref ref;

	if (!e && !info->open)
		return ERROR_UNAUTHORIZED;
	call->actor_id = e ? e->user.id : 0;
	call->actor_is_bot = e && e->user.bot;
	if (call->id[REST_ID_USER] == REST_ID_ME)
		call->id[REST_ID_USER] = call->actor_id;
	if (info->place == REST_AT_DIRECTORY)
		return dir_rest(d, call);
	dm = info->place == REST_AT_CHANNEL ?
		     dir_direct(d, call->id[REST_ID_CHANNEL]) : NULL;
	if (dm)
		return dir_direct_call(d, dm, call);
	if (call->kind == REST_INVITE_ACCEPT && attach_user(call, e))
		return ERROR_OVERLOADED;
	guild = guild_of(d, call);
	ref = dir_guild_ref(d, guild ? guild : any_guild(call, e));
	if (actor_ref_is_nobody(ref))
		return unknown(call);
	return actor_forward(d->self, ref, &call->head) ? ERROR_OVERLOADED :
							  ERROR_NONE;
}

void dir_reply(struct directory *d, actor_ref to, uint64_t tag,
	       struct rest_reply_msg *reply)
{
	if (!reply)
		return;
	reply->head.tag = tag;
	actor_send(d->self, to, &reply->head);
}

static void rest(struct directory *d, struct actor_msg *msg)
{
	actor_ref from = msg->from;
	uint64_t tag = msg->tag;
	enum error_code code = route(d, (struct rest_msg *)msg);

	if (code)
		dir_reply(d, from, tag, rest_reply_error(code));
}

/* --- what guilds tell --- */

static void tell_session(struct directory *d, actor_ref session,
			 uint64_t guild_id, bool add)
{
	struct session_guild_msg *m =
		ACTOR_MSG_NEW(struct session_guild_msg,
			      add ? SESSION_GUILD_ADD : SESSION_GUILD_REMOVE);

	if (!m)
		return;
	m->guild_id = guild_id;
	if (add)
		m->guild = dir_guild_ref(d, guild_id);
	actor_send(d->self, session, &m->head);
}

static void index_member(struct directory *d, const struct dir_index_msg *m)
{
	const struct dir_entry *e = dir_user(d, m->key);

	if (!e)
		return;
	for (uint32_t i = 0; i < e->session_count; i++)
		tell_session(d, e->session[i].ref, m->guild_id, m->add);
	if (!m->add)
		dir_member_del(d, m->guild_id, m->key);
	else if (dir_member_add(d, m->guild_id, m->key))
		log_error("directory", "member_lost", "user=%llu",
			  (unsigned long long)m->key);
}

static void index_key(struct hmap *map, const struct dir_index_msg *m)
{
	if (!m->add)
		hmap_del(map, m->key);
	else if (hmap_set(map, m->key, m->guild_id))
		log_error("directory", "index_lost", "key=%llu",
			  (unsigned long long)m->key);
}

static void index_change(struct directory *d, struct actor_msg *msg)
{
	const struct dir_index_msg *m = (struct dir_index_msg *)msg;

	switch (m->kind) {
	case DIR_INDEX_CHANNEL:
		index_key(&d->channels, m);
		break;
	case DIR_INDEX_WEBHOOK:
		index_key(&d->webhooks, m);
		break;
	case DIR_INDEX_INVITE:
		index_key(&d->invites, m);
		break;
	case DIR_INDEX_MEMBER:
		index_member(d, m);
		break;
	}
}

/* Sessions of a guild's members have to join it, or need not wait for it. */
static void tell_members(struct directory *d, uint64_t guild_id, bool there)
{
	actor_ref session;
	uint64_t user_id;
	size_t iter = 0;

	while (hmap_next(&d->sessions, &iter, &session.bits, &user_id)) {
		const struct dir_entry *e = dir_user(d, user_id);

		for (uint32_t i = 0; i < e->guild_count; i++)
			if (e->guild[i] == guild_id)
				tell_session(d, session, guild_id, there);
	}
}

static void guild_started(struct directory *d, struct actor_msg *msg)
{
	tell_members(d, ((struct dir_index_msg *)msg)->guild_id, true);
}

static void guild_exit(struct directory *d, struct actor_msg *msg)
{
	const struct actor_down_msg *m = (struct actor_down_msg *)msg;
	uint64_t id, value;
	size_t iter = 0;

	if (dir_direct_exit(d, m->who, m->reason))
		return;
	while (hmap_next(&d->guilds, &iter, &id, &value)) {
		if (value != m->who.bits)
			continue;
		log_error("directory", "guild_ended", "guild=%llu reason=%d",
			  (unsigned long long)id, m->reason);
		hmap_del(&d->guilds, id);
		tell_members(d, id, false);
		return;
	}
}

static void admin(struct directory *d, struct actor_msg *msg)
{
	dir_admin(d, (struct dir_admin_msg *)msg);
}

static const struct {
	uint32_t type;
	void (*fn)(struct directory *d, struct actor_msg *msg);
} handlers[] = {
	{ REST_CALL, rest },
	{ DIR_AUTH, auth },
	{ DIR_SESSION_OPEN, session_open },
	{ DIR_SESSION_CLOSE, session_close },
	{ DIR_INDEX, index_change },
	{ DIR_STARTED, guild_started },
	{ DIR_ADMIN, admin },
	{ DIR_DIRECT_NEWEST, dir_direct_newest },
	{ DIR_DIRECT_EVENT, dir_direct_event },
	{ DIR_DIRECT_IDLE, dir_direct_idle },
	{ DIR_DIRECT_CHANGED, dir_search_changed },
	{ SEARCH_WHO, dir_search_who },
	{ REST_REPLY, job_answer },
	{ DATA_ROWS, job_answer },
	{ CATALOG_DONE, job_answer },
	{ ACTOR_MSG_IO, job_answer },
	{ ACTOR_MSG_DOWN, session_down },
	{ ACTOR_MSG_EXIT, guild_exit },
};

static int handle(struct actor *self, void *state, struct actor_msg *msg)
{
	struct directory *d = state;

	d->self = self;
	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if (handlers[i].type != msg->type)
			continue;
		handlers[i].fn(d, msg);
		break;
	}
	return 0;
}

static void stop(struct actor *self, void *state, int reason)
{
	struct directory *d = state;
	uint64_t value;
	size_t iter = 0;

	(void)self;
	(void)reason;
	while (hmap_next(&d->jobs, &iter, NULL, &value)) {
		dir_job_free(d, (struct dir_job *)(uintptr_t)value);
		iter = 0;
	}
	hmap_fini(&d->jobs);
	dir_tables_fini(d);
	sodium_memzero(&d->arg.secret, sizeof(d->arg.secret));
}

const struct actor_class directory_actor_class = {
	.name = "directory",
	.state_size = sizeof(struct directory),
	.start = start,
	.handle = handle,
	.stop = stop,
	.mailbox_limit = 65536,
};
