// SPDX-License-Identifier: Apache-2.0
/*
 * GET /users/@me/guilds.  What a user may do in a guild only the guild knows:
 * each is asked with a call of the same kind, and answers with its part.
 */
#include <errno.h>

#include "base/blob.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "guild/directory_state.h"

struct gather {
	struct dir_job job;
	uint32_t waiting;
	uint32_t count;
	struct blob *part[200];		/* in the order of the guilds' ids */
};

struct part {
	struct dir_job job;
	struct gather *gather;
	uint32_t index;
};

static void gather_drop(struct dir_job *job)
{
	struct gather *g = (struct gather *)job;

	for (uint32_t i = 0; i < g->count; i++)
		blob_put(g->part[i]);
}

static void finish(struct directory *d, struct gather *g)
{
	struct buf buf = BUF_INIT;
	struct rest_reply_msg *reply;
	struct blob *body;
	struct jsonw w;

	jsonw_init(&w, &buf);
	jsonw_arr(&w);
	for (uint32_t i = 0; i < g->count; i++)
		if (g->part[i])
			jsonw_raw(&w, g->part[i]->data, g->part[i]->len);
	jsonw_end(&w);
	body = blob_from_buf(&buf);
	buf_fini(&buf);
	reply = body ? rest_reply_new(200, body) :
		       rest_reply_error(ERROR_OVERLOADED);
	dir_reply(d, g->job.caller, g->job.caller_tag, reply);
	dir_job_free(d, &g->job);
}

static void part_over(struct directory *d, struct gather *g)
{
	if (!--g->waiting)
		finish(d, g);
}

/* A guild that the user has just left answers with an error: left out. */
static void part_done(struct directory *d, struct dir_job *job,
		      struct actor_msg *answer)
{
	struct rest_reply_msg *m = (struct rest_reply_msg *)answer;
	struct part *p = (struct part *)job;
	struct gather *g = p->gather;

	if (m->status == 200)
		g->part[p->index] = blob_get(m->body);
	dir_job_free(d, job);
	part_over(d, g);
}

static int ask(struct directory *d, struct gather *g, uint64_t guild_id,
	       const struct rest_msg *call)
{
	struct part *p = dir_job_new(d, sizeof(*p), NULL, part_done, NULL);
	struct rest_msg *m = rest_msg_new(REST_USER_GUILDS);
	int err = -ENOMEM;

	if (p && m) {
		p->gather = g;
		p->index = g->count;
		m->actor_id = call->actor_id;
		m->query = call->query;
		m->head.tag = p->job.tag;
		err = actor_send(d->self, dir_guild_ref(d, guild_id),
				 &m->head);
	} else if (m) {
		actor_msg_free(&m->head);
	}
	if (err && p)
		dir_job_free(d, &p->job);
	return err;
}

enum error_code dir_rest_guilds(struct directory *d, struct rest_msg *call)
{
	const struct dir_entry *e = dir_user(d, call->actor_id);
	const struct rest_query *q = &call->query;
	struct gather *g = dir_job_new(d, sizeof(*g), &call->head, NULL,
				       gather_drop);
	uint32_t left = q->limit;

	if (!g)
		return ERROR_OVERLOADED;
	g->waiting = 1;
	for (uint32_t i = 0; i < e->guild_count && left; i++) {
		if (e->guild[i] <= q->after ||
		    (q->before && e->guild[i] >= q->before) ||
		    ask(d, g, e->guild[i], call))
			continue;
		g->waiting++;
		g->count++;
		left--;
	}
	part_over(d, g);
	return ERROR_NONE;
}
