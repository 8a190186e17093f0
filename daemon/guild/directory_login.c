// SPDX-License-Identifier: Apache-2.0
/*
 * Logging in: the password is checked on a thread that may block, then a new
 * token is made and must be durable before anyone sees it.
 */
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/blob.h"
#include "base/mem.h"
#include "guild/catalog_actor.h"
#include "guild/directory_state.h"
#include "os/loop.h"
#include "proto/body.h"
#include "base/jsonw.h"

/* Not CATALOG_LANE, which must not wait for argon2. */
#define PASSWORD_LANE 1
#define LOGINS_MAX 64		/* under way; each takes 64 MiB for a moment */

struct login {
	struct dir_job job;
	uint64_t user_id;
	char *password;
	char *hash;
	char token[TOKEN_SIZE];
	uint8_t token_hash[TOKEN_HASH_SIZE];
};

struct token_arg {
	uint8_t hash[TOKEN_HASH_SIZE];
	uint64_t user_id;
	uint64_t now_ms;
};

static void login_drop(struct dir_job *job)
{
	struct login *l = (struct login *)job;

	if (l->password)
		sodium_memzero(l->password, strlen(l->password));
	mem_free(l->password);
	mem_free(l->hash);
	sodium_memzero(l->token, sizeof(l->token));
}

static void refuse(struct directory *d, struct dir_job *job,
		   enum error_code code)
{
	dir_reply(d, job->caller, job->caller_tag, rest_reply_error(code));
	dir_job_free(d, job);
}

/* On the worker's thread. */
static int verify(void *arg)
{
	const struct login *l = ((struct actor_io_msg *)arg)->ctx;

	return password_verify(l->password, l->hash);
}

static int add_token(struct catalog *c, void *arg)
{
	const struct token_arg *t = arg;

	return catalog_add_token(c, t->hash, t->user_id, t->now_ms);
}

static struct rest_reply_msg *token_reply(const struct login *l)
{
	struct buf buf = BUF_INIT;
	struct rest_reply_msg *reply;
	struct jsonw w;

	jsonw_init(&w, &buf);
	jsonw_obj(&w);
	jsonw_key_str(&w, "token", l->token);
	jsonw_key_id(&w, "user_id", l->user_id);
	jsonw_end(&w);
	reply = rest_reply_new(200, blob_from_buf(&buf));
	buf_fini(&buf);
	return reply;
}

static bool is_current(const struct directory *d, const struct login *l)
{
	const struct dir_entry *e = dir_user(d, l->user_id);

	return e && e->password && !strcmp(e->password, l->hash);
}

static void token_stored(struct directory *d, struct dir_job *job,
			 struct actor_msg *answer)
{
	struct login *l = (struct login *)job;
	int err = ((struct catalog_job_msg *)answer)->error;

	/* The password has been reset meanwhile: this token is nobody's, for
	 * nobody is told it. */
	if (!err && !is_current(d, l)) {
		refuse(d, job, ERROR_LOGIN_FAILED);
		return;
	}
	if (!err)
		err = dir_token_add(d, l->token_hash, l->user_id);
	if (err) {
		refuse(d, job, dir_error_of(err));
		return;
	}
	dir_reply(d, job->caller, job->caller_tag, token_reply(l));
	dir_job_free(d, job);
}

static int store_token(struct directory *d, struct login *l)
{
	struct token_arg *t = mem_zalloc(sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->user_id = l->user_id;
	t->now_ms = actor_wall_ms(d->self);
	token_make(l->user_id, t->now_ms, l->token);
	token_hash(&d->arg.secret, l->token, l->token_hash);
	memcpy(t->hash, l->token_hash, sizeof(t->hash));
	l->job.done = token_stored;
	return catalog_submit(d->self, d->arg.catalog, l->job.tag, add_token,
			      t, mem_free);
}

static void verified(struct directory *d, struct dir_job *job,
		     struct actor_msg *answer)
{
	struct login *l = (struct login *)job;

	if (((struct actor_io_msg *)answer)->result)
		refuse(d, job, ERROR_LOGIN_FAILED);
	else if (store_token(d, l))
		refuse(d, job, ERROR_OVERLOADED);
}

/* A name that does not exist takes as long as a wrong password. */
static const char no_password[] =
	"$argon2id$v=19$m=65536,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static int launch(struct directory *d, struct login *l,
		  const struct dir_entry *e, const char *password)
{
	struct actor_io_msg *io;

	l->user_id = e ? e->user.id : 0;
	l->password = mem_strdup(password);
	l->hash = mem_strdup(e && e->password ? e->password : no_password);
	if (!l->password || !l->hash)
		return -ENOMEM;
	io = actor_io_new(d->self, l);
	if (!io)
		return -ENOMEM;
	io->head.tag = l->job.tag;
	if (!os_work(actor_loop(d->self), PASSWORD_LANE, verify,
		     actor_io_finish, io))
		return 0;
	actor_msg_free(&io->head);
	return -EAGAIN;
}

enum error_code dir_rest_login(struct directory *d, struct rest_msg *call)
{
	const struct body_login *b = call->body;
	struct login *l;

	if (d->jobs.count >= LOGINS_MAX)
		return ERROR_OVERLOADED;
	l = dir_job_new(d, sizeof(*l), &call->head, verified, login_drop);
	if (!l)
		return ERROR_OVERLOADED;
	if (launch(d, l, dir_user_by_name(d, b->login), b->password))
		refuse(d, &l->job, ERROR_OVERLOADED);
	return ERROR_NONE;
}

/* --- logging out --- */

static int del_token(struct catalog *c, void *arg)
{
	return catalog_del_token(c, arg);
}

static void token_removed(struct directory *d, struct dir_job *job,
			  struct actor_msg *answer)
{
	struct login *l = (struct login *)job;

	int err = ((struct catalog_job_msg *)answer)->error;

	if (err) {
		refuse(d, job, dir_error_of(err));
		return;
	}
	dir_token_del(d, l->token_hash);
	dir_reply(d, job->caller, job->caller_tag, rest_reply_new(204, NULL));
	dir_job_free(d, job);
}

enum error_code dir_rest_logout(struct directory *d, struct rest_msg *call)
{
	struct login *l;
	uint8_t *arg;

	l = dir_job_new(d, sizeof(*l), &call->head, token_removed, login_drop);
	if (!l)
		return ERROR_OVERLOADED;
	token_hash(&d->arg.secret, call->token, l->token_hash);
	arg = mem_dup(l->token_hash, sizeof(l->token_hash));
	if (!arg || catalog_submit(d->self, d->arg.catalog, l->job.tag,
				   del_token, arg, mem_free))
		refuse(d, &l->job, ERROR_OVERLOADED);
	return ERROR_NONE;
}
