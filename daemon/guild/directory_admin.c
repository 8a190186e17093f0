// SPDX-License-Identifier: Apache-2.0
/* The administrator's commands while chatd runs. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "guild/admin.h"
#include "guild/catalog_actor.h"
#include "guild/directory_state.h"

/* Filled on the catalog's thread. */
struct command {
	struct idgen *ids;
	uint64_t now_ms;
	int argc;
	const char *argv[ADMIN_ARGS_MAX];
	char text[DIR_ADMIN_TEXT_MAX];
	struct buf out;
	struct overview added;
};

static void command_drop(void *arg)
{
	struct command *c = arg;

	buf_fini(&c->out);
	overview_fini(&c->added);
	mem_free(c);
}

static int command_run(struct catalog *catalog, void *arg)
{
	struct command *c = arg;
	const struct catalog_visitor added = overview_visitor(&c->added);
	const struct admin admin = {
		.catalog = catalog,
		.ids = c->ids,
		.now_ms = c->now_ms,
		.out = &c->out,
		.added = &added,
	};

	return admin_run(&admin, c->argc, c->argv);
}

static void answer_admin(struct directory *d, const struct dir_job *job,
			 int error, struct buf *out)
{
	struct dir_admin_reply_msg *m;

	m = actor_msg_new(DIR_ADMIN_REPLY, sizeof(*m) + out->len + 1);
	if (!m)
		return;
	m->error = error;
	m->len = (uint32_t)out->len;
	memcpy(m->text, buf_str(out), out->len);
	m->head.tag = job->caller_tag;
	actor_send(d->self, job->caller, &m->head);
}

static void command_done(struct directory *d, struct dir_job *job,
			 struct actor_msg *answer)
{
	struct catalog_job_msg *m = (struct catalog_job_msg *)answer;
	struct command *c = m->arg;
	int err = m->error;

	if (!err)
		err = dir_merge(d, &c->added);
	answer_admin(d, job, err, &c->out);
	dir_job_free(d, job);
}

/* Splits the arguments; -EINVAL when they are not what they should be. */
static int split(struct command *c, const struct dir_admin_msg *msg)
{
	const char *at = c->text, *end = c->text + sizeof(c->text);

	memcpy(c->text, msg->text, sizeof(c->text));
	c->text[sizeof(c->text) - 1] = 0;
	if (!msg->argc || msg->argc > ADMIN_ARGS_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < msg->argc && at < end; i++) {
		c->argv[c->argc++] = at;
		at += strlen(at) + 1;
	}
	return c->argc == (int)msg->argc ? 0 : -EINVAL;
}

void dir_admin(struct directory *d, struct dir_admin_msg *msg)
{
	struct command *c = mem_zalloc(sizeof(*c));
	struct buf nothing = BUF_INIT;
	struct dir_job *job;

	job = dir_job_new(d, sizeof(*job), &msg->head, command_done, NULL);
	if (!c || !job) {
		mem_free(c);
		if (job)
			dir_job_free(d, job);
		return;
	}
	c->ids = d->arg.ids;
	c->now_ms = actor_wall_ms(d->self);
	overview_init(&c->added);
	if (split(c, msg)) {
		command_drop(c);
		answer_admin(d, job, -EINVAL, &nothing);
		dir_job_free(d, job);
		return;
	}
	if (catalog_submit(d->self, d->arg.catalog, job->tag, command_run, c,
			   command_drop))
		dir_job_free(d, job);
}
