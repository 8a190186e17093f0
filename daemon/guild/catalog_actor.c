// SPDX-License-Identifier: Apache-2.0
#include "guild/catalog_actor.h"

#include <errno.h>

#include "base/check.h"
#include "os/loop.h"

struct batch {
	struct catalog_job_msg *first;
	struct catalog_job_msg **tail;
};

struct catalog_actor {
	struct catalog *catalog;
	struct idgen *ids;
	struct batch waiting;
	struct batch running;		/* the worker's while busy */
	bool busy;
	bool stopping;
};

static void batch_init(struct batch *b)
{
	b->first = NULL;
	b->tail = &b->first;
}

static void batch_add(struct batch *b, struct catalog_job_msg *job)
{
	job->next = NULL;
	*b->tail = job;
	b->tail = &job->next;
}

static int start(struct actor *self, void *state, const void *arg)
{
	const struct catalog_actor_arg *a = arg;
	struct catalog_actor *s = state;

	(void)self;
	s->catalog = a->catalog;
	s->ids = a->ids;
	batch_init(&s->waiting);
	batch_init(&s->running);
	return 0;
}

static int run_job(struct catalog *c, struct catalog_job_msg *job)
{
	int err, end;

	err = catalog_part_begin(c);
	if (err)
		return err;
	err = job->run(c, job->arg);
	end = catalog_part_end(c, !err);
	return err ? err : end;
}

/* On the worker's thread. */
static int run_batch(void *arg)
{
	struct catalog_actor *s = ((struct actor_io_msg *)arg)->ctx;
	int err = catalog_begin(s->catalog);

	if (err)
		return err;
	for (struct catalog_job_msg *j = s->running.first; j; j = j->next) {
		j->error = run_job(s->catalog, j);
		/* It took those before it along; what came behind it would be
		 * committed by itself. */
		if (!catalog_is_begun(s->catalog))
			return j->error ? j->error : -EIO;
	}
	err = catalog_set_id_mark(s->catalog, idgen_last(s->ids));
	if (err)
		catalog_rollback(s->catalog);
	else
		err = catalog_commit(s->catalog);
	return err;
}

static void give_back(struct actor *self, struct batch *b, int error)
{
	struct catalog_job_msg *job;

	while ((job = b->first)) {
		b->first = job->next;
		if (error)
			job->error = error;
		job->head.type = CATALOG_DONE;
		actor_send(self, job->head.from, &job->head);
	}
	batch_init(b);
}

static void launch(struct actor *self, struct catalog_actor *s)
{
	struct actor_io_msg *io;

	if (s->busy || !s->waiting.first)
		return;
	s->running = s->waiting;
	batch_init(&s->waiting);
	io = actor_io_new(self, s);
	if (!io) {
		give_back(self, &s->running, -ENOMEM);
		return;
	}
	s->busy = true;
	if (os_work(actor_loop(self), CATALOG_LANE, run_batch,
		    actor_io_finish, io)) {
		s->busy = false;
		actor_msg_free(&io->head);
		give_back(self, &s->running, -EAGAIN);
	}
}

static void finish(struct actor *self, struct catalog_actor *s, int result)
{
	s->busy = false;
	give_back(self, &s->running, result);
	launch(self, s);
}

static int handle(struct actor *self, void *state, struct actor_msg *msg)
{
	struct catalog_actor *s = state;

	switch (msg->type) {
	case CATALOG_RUN:
		actor_msg_take(self, msg);
		batch_add(&s->waiting, (struct catalog_job_msg *)msg);
		launch(self, s);
		break;
	case ACTOR_MSG_IO:
		finish(self, s, ((struct actor_io_msg *)msg)->result);
		break;
	case ACTOR_MSG_STOP:
		s->stopping = true;
		break;
	}
	return s->stopping && !s->busy ? ACTOR_STOP : 0;
}

static void drop(struct batch *b)
{
	struct catalog_job_msg *job;

	while ((job = b->first)) {
		b->first = job->next;
		actor_msg_free(&job->head);
	}
}

static void stop(struct actor *self, void *state, int reason)
{
	struct catalog_actor *s = state;

	(void)self;
	(void)reason;
	drop(&s->running);
	drop(&s->waiting);
	catalog_close(s->catalog);
}

const struct actor_class catalog_actor_class = {
	.name = "catalog",
	.state_size = sizeof(struct catalog_actor),
	.start = start,
	.handle = handle,
	.stop = stop,
};

int catalog_submit(struct actor *self, actor_ref catalog, uint64_t tag,
		   int (*run)(struct catalog *c, void *arg), void *arg,
		   void (*drop_arg)(void *arg))
{
	struct catalog_job_msg *job;

	job = ACTOR_MSG_NEW(struct catalog_job_msg, CATALOG_RUN);
	if (!job) {
		if (drop_arg)
			drop_arg(arg);
		return -ENOMEM;
	}
	job->head.tag = tag;
	job->run = run;
	job->arg = arg;
	job->drop = drop_arg;
	return actor_send(self, catalog, &job->head);
}
