// SPDX-License-Identifier: Apache-2.0
/* Opening, listing and closing direct channels. */
#include <errno.h>

#include "base/blob.h"
#include "base/mem.h"
#include "guild/catalog_actor.h"
#include "guild/directory_state.h"
#include "guild/idgen.h"
#include "proto/body.h"

/*
 * A user opens a channel, or closes it:
 *
 *	(newest, to close) -> catalog -> tables -> (newest) -> answer
 */
struct change {
	struct dir_newest newest;
	uint64_t user_id;
	struct direct is;
	uint64_t open_from;	/* as it is to be for the user */
	bool closing;
	bool was_open;
};

/* What the catalog's thread is given. */
struct write {
	struct direct is;
	uint64_t user_id;	/* 0: is is new */
	uint64_t open_from;
};

static void fail(struct directory *d, struct change *c, enum error_code code)
{
	dir_reply(d, c->newest.job.caller, c->newest.job.caller_tag,
		  rest_reply_error(code));
	dir_job_free(d, &c->newest.job);
}

static void answer(struct directory *d, struct dir_newest *n)
{
	struct change *c = (struct change *)n;
	const struct dir_direct *dm = dir_direct(d, c->is.id);
	struct buf buf = BUF_INIT;
	struct blob *body;
	struct jsonw w;

	jsonw_init(&w, &buf);
	dir_direct_json(d, &w, dm, c->user_id);
	body = blob_from_buf(&buf);
	buf_fini(&buf);
	if (c->closing)
		dir_direct_announce(d, dm, c->user_id, "CHANNEL_DELETE");
	else if (!c->was_open)
		dir_direct_announce(d, dm, c->user_id, "CHANNEL_CREATE");
	dir_reply(d, n->job.caller, n->job.caller_tag,
		  body ? rest_reply_new(200, body) :
			 rest_reply_error(ERROR_OVERLOADED));
	dir_job_free(d, &n->job);
}

static void know_newest(struct directory *d, struct change *c,
			void (*then)(struct directory *d, struct dir_newest *n))
{
	struct dir_direct *dm = dir_direct(d, c->is.id);

	c->newest.then = then;
	dir_newest_of(d, &c->newest, &dm, 1);
}

static int run_write(struct catalog *c, void *arg)
{
	const struct write *w = arg;

	return w->user_id ? catalog_set_direct(c, w->is.id, w->user_id,
					       w->open_from) :
			    catalog_add_direct(c, &w->is);
}

static void start_write(struct directory *d, struct change *c, bool is_new)
{
	struct write *w = mem_zalloc(sizeof(*w));

	if (!w) {
		fail(d, c, ERROR_OVERLOADED);
		return;
	}
	w->is = c->is;
	w->user_id = is_new ? 0 : c->user_id;
	w->open_from = c->open_from;
	if (catalog_submit(d->self, d->arg.catalog, c->newest.job.tag,
			   run_write, w, mem_free))
		fail(d, c, ERROR_OVERLOADED);
}

static void changed(struct directory *d, struct dir_job *job,
		    struct actor_msg *msg)
{
	struct change *c = (struct change *)job;
	int err = ((struct catalog_job_msg *)msg)->error;

	if (err) {
		fail(d, c, dir_error_of(err));
		return;
	}
	*dir_direct_open_from(dir_direct(d, c->is.id), c->user_id) =
		c->open_from;
	know_newest(d, c, answer);
}

/* One that there is: opened for the user, if it is not. */
static void reopen(struct directory *d, struct change *c,
		   struct dir_direct *dm)
{
	c->is = dm->is;
	c->was_open = dir_direct_is_open(dm, c->user_id);
	c->newest.job.done = changed;
	if (*dir_direct_open_from(dm, c->user_id))
		start_write(d, c, false);
	else
		know_newest(d, c, answer);
}

static void added(struct directory *d, struct dir_job *job,
		  struct actor_msg *msg)
{
	struct change *c = (struct change *)job;
	int err = ((struct catalog_job_msg *)msg)->error;
	struct dir_direct *dm;

	if (err == -EEXIST) {
		/* The other one was faster, and is in the table by now, if
		 * there was memory. */
		dm = dir_direct_of(dir_user(d, c->is.user_id[0]),
				   dir_user(d, c->is.user_id[1]));
		if (dm)
			reopen(d, c, dm);
		else
			fail(d, c, ERROR_OVERLOADED);
		return;
	}
	if (!err)
		err = dir_direct_add(d, &c->is);
	if (err) {
		fail(d, c, dir_error_of(err));
		return;
	}
	dm = dir_direct(d, c->is.id);
	dm->newest_known = true;
	answer(d, &c->newest);
}

/* It is the other one's as soon as it has a message. */
static enum error_code create(struct directory *d, struct change *c,
			      uint64_t other_id)
{
	bool second = c->user_id > other_id;

	c->is.user_id[second] = c->user_id;
	c->is.user_id[!second] = other_id;
	c->is.open_from[!second] = 1;
	if (idgen_next(d->arg.ids, actor_wall_ms(d->self), &c->is.id))
		return ERROR_OVERLOADED;
	c->newest.job.done = added;
	start_write(d, c, true);
	return ERROR_NONE;
}

enum error_code dir_rest_direct_open(struct directory *d,
				     struct rest_msg *call)
{
	const struct body_direct *b = call->body;
	const struct dir_entry *e = dir_user(d, call->actor_id);
	const struct dir_entry *other = dir_user(d, b->recipient_id);
	struct dir_direct *dm;
	enum error_code err;
	struct change *c;

	if (!other || other == e)
		return ERROR_RECIPIENT;
	dm = dir_direct_of(e, other);
	if (!dm && !dir_direct_allowed(e, other))
		return ERROR_CANNOT_DIRECT;
	c = dir_job_new(d, sizeof(*c), &call->head, NULL, NULL);
	if (!c)
		return ERROR_OVERLOADED;
	c->user_id = call->actor_id;
	if (dm) {
		reopen(d, c, dm);
		return ERROR_NONE;
	}
	err = create(d, c, b->recipient_id);
	if (err)
		dir_job_free(d, &c->newest.job);
	return err;
}

/* Closed until there is a newer message. */
static void close_at(struct directory *d, struct dir_newest *n)
{
	struct change *c = (struct change *)n;

	c->open_from = dir_direct(d, c->is.id)->newest_id + 1;
	start_write(d, c, false);
}

enum error_code dir_rest_direct_close(struct directory *d,
				      struct rest_msg *call)
{
	struct change *c;

	c = dir_job_new(d, sizeof(*c), &call->head, changed, NULL);
	if (!c)
		return ERROR_OVERLOADED;
	c->user_id = call->actor_id;
	c->is.id = call->id[REST_ID_CHANNEL];
	c->closing = true;
	know_newest(d, c, close_at);
	return ERROR_NONE;
}

/* --- listing --- */

struct blob *dir_direct_list(const struct directory *d,
			     const struct dir_entry *e)
{
	struct buf buf = BUF_INIT;
	struct blob *blob;
	struct jsonw w;

	jsonw_init(&w, &buf);
	jsonw_arr(&w);
	for (uint32_t i = 0; i < e->direct_count; i++)
		if (dir_direct_is_open(e->direct[i], e->user.id))
			dir_direct_json(d, &w, e->direct[i], e->user.id);
	jsonw_end(&w);
	blob = blob_from_buf(&buf);
	buf_fini(&buf);
	return blob;
}

struct listing {
	struct dir_newest newest;
	uint64_t user_id;
};

static void list(struct directory *d, struct dir_newest *n)
{
	const struct listing *l = (struct listing *)n;
	struct blob *body = dir_direct_list(d, dir_user(d, l->user_id));

	dir_reply(d, n->job.caller, n->job.caller_tag,
		  body ? rest_reply_new(200, body) :
			 rest_reply_error(ERROR_OVERLOADED));
	dir_job_free(d, &n->job);
}

enum error_code dir_rest_direct_list(struct directory *d,
				     struct rest_msg *call)
{
	const struct dir_entry *e = dir_user(d, call->actor_id);
	struct listing *l;

	l = dir_job_new(d, sizeof(*l), &call->head, NULL, NULL);
	if (!l)
		return ERROR_OVERLOADED;
	l->newest.then = list;
	l->user_id = e->user.id;
	/* As with Discord, a bot has none to list. */
	dir_newest_of(d, &l->newest, e->direct,
		      e->user.bot ? 0 : e->direct_count);
	return ERROR_NONE;
}
