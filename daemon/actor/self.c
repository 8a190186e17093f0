// SPDX-License-Identifier: Apache-2.0
/* What an actor may ask about itself. */
#include "actor/impl.h"

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
