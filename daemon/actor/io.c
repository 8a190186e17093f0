// SPDX-License-Identifier: Apache-2.0
#include "actor/io.h"

#include "actor/life.h"
#include "actor/send.h"

static void done(struct os_disk_op *op, int result)
{
	actor_io_finish(container_of(op, struct actor_io_msg, op), result);
}

struct actor_io_msg *actor_io_new(struct actor *self, void *ctx)
{
	struct actor_more *more = life_more(self);
	struct actor_io_msg *io;

	check(has_flag(self, ACTOR_BOUND));
	if (!more)
		return NULL;
	io = ACTOR_MSG_NEW(struct actor_io_msg, ACTOR_MSG_IO);
	if (!io)
		return NULL;
	io->op.done = done;
	io->ctx = ctx;
	io->owner = self;
	more->io_pending++;
	return io;
}

/* On the loop of the actor's core; it lingers for us, so it is alive. */
void actor_io_finish(void *arg, int result)
{
	struct actor_io_msg *io = arg;
	struct actor_system *sys = io->owner->sched->sys;

	io->result = result;
	send_unbounded(sys, ref_of(sys, io->owner), &io->head);
}

void io_returned(struct actor *actor, struct actor_msg *msg)
{
	struct actor_io_msg *io = (struct actor_io_msg *)msg;

	check(io->owner == actor && actor->more->io_pending > 0);
	io->owner = NULL;
	actor->more->io_pending--;
}

void io_fini(struct actor_msg *msg)
{
	struct actor_io_msg *io = (struct actor_io_msg *)msg;

	if (io->owner)
		io_returned(io->owner, msg);
}
