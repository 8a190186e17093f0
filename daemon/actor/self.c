// SPDX-License-Identifier: Apache-2.0
/* What an actor may ask about itself. */
#include "actor/impl.h"

#include <errno.h>

#include "base/log.h"

actor_ref actor_self(const struct actor *self)
{
	return ref_of(self->sched->sys, self);
}

int actor_core(const struct actor *self)
{
	return self->sched->index;
}

struct actor_system *actor_system_of(const struct actor *self)
{
	return self->sched->sys;
}

struct os_loop *actor_loop(const struct actor *self)
{
	check(has_flag(self, ACTOR_BOUND));
	return self->sched->loop;
}

uint64_t actor_now_ns(const struct actor *self)
{
	return os_now_ns(self->sched->sys->env);
}

uint64_t actor_wall_ms(const struct actor *self)
{
	return os_wall_ms(self->sched->sys->env);
}

uint64_t actor_random(struct actor *self)
{
	return rng_next(&self->sched->rng);
}

void actor_failed(struct actor *self, const char *cond, const char *file,
		  int line)
{
	struct sched *s = self->sched;

	/* Nobody has said that this logic may be restarted. */
	if (!self->more || self->more->restart == ACTOR_RESTART_NEVER)
		check_failed(cond, file, line);
	check(current_of(s) == self);
	log_error("actor", "assertion", "class=%s at=%s:%d cond=\"%s\"",
		  class_of(self)->name, file, line, cond);
	longjmp(*s->on_fail, ENOTRECOVERABLE);
}
