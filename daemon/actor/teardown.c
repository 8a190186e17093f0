// SPDX-License-Identifier: Apache-2.0
#include "actor/teardown.h"

#include <errno.h>

#include "actor/life.h"
#include "actor/slots.h"
#include "actor/timer.h"

static void end_one(struct actor_system *sys, struct actor *actor)
{
	enum phase phase = phase_of(actor);

	/* Its own core's, so that its timers can be taken off their wheel. */
	actor->sched = &sys->scheds[atomic_load(&actor->core)];
	sched_here = actor->sched;
	if (phase != PHASE_FREE && phase != PHASE_GONE)
		life_abandon(actor, -ETIMEDOUT);
	sched_here = NULL;
}

/*
 * I/O first, so that the kernel has let go of buffers; the wheels after the
 * actors, which know their timers.
 */
void teardown(struct actor_system *sys)
{
	for (int i = 0; i < sys->cores; i++)
		os_loop_cancel(sys->scheds[i].loop);
	for (uint32_t slot = sys->fresh_slot; --slot > 0;)
		end_one(sys, &sys->slots[slot]);
	for (int i = 0; i < sys->cores; i++)
		timer_drop_all(&sys->scheds[i]);
}
