// SPDX-License-Identifier: Apache-2.0
#include "actor/inspect.h"

#include "actor/hog.h"
#include "actor/mailbox.h"
#include "actor/pool.h"

static const char *const phase_names[] = {
	[PHASE_FREE] = "free", [PHASE_NEW] = "new",
	[PHASE_RUNNING] = "running", [PHASE_RESTARTING] = "restarting",
	[PHASE_HALTING] = "halting", [PHASE_HALTED] = "halted",
	[PHASE_ENDING] = "ending", [PHASE_GONE] = "gone",
};

static uint64_t read_counter(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add(struct actor_stats *to, const struct counters *from)
{
	to->sent += read_counter(&from->sent);
	to->delivered += read_counter(&from->delivered);
	to->routed += read_counter(&from->routed);
	to->dropped_stale += read_counter(&from->dropped_stale);
	to->dropped_full += read_counter(&from->dropped_full);
	to->dropped_end += read_counter(&from->dropped_end);
	to->restarts += read_counter(&from->restarts);
	to->runs += read_counter(&from->runs);
	to->steals += read_counter(&from->steals);
	to->wakes += read_counter(&from->wakes);
	to->mutes += read_counter(&from->mutes);
}

/* Acquire: what is to be described.  Partner: set_phase(). */
static bool is_live(const struct actor *actor)
{
	enum phase phase = atomic_load_explicit(&actor->phase,
						memory_order_acquire);

	return phase != PHASE_FREE && phase != PHASE_GONE;
}

static uint32_t slots_used(struct actor_system *sys)
{
	uint32_t used;

	pthread_mutex_lock(&sys->slot_lock);
	used = sys->fresh_slot;
	pthread_mutex_unlock(&sys->slot_lock);
	return used;
}

void actor_system_counts(struct actor_system *sys,
			 struct actor_stats *ret_stats)
{
	struct actor_stats stats = { 0 };

	for (int i = 0; i < sys->cores; i++)
		add(&stats, &sys->scheds[i].counters);
	add(&stats, &sys->foreign);
	*ret_stats = stats;
}

void actor_system_stats(struct actor_system *sys, struct actor_stats *ret_stats)
{
	uint32_t used = slots_used(sys);
	struct actor_stats stats;

	actor_system_counts(sys, &stats);
	for (uint32_t slot = 1; slot < used; slot++) {
		if (!is_live(&sys->slots[slot]))
			continue;
		stats.actors++;
		stats.queued += box_length(&sys->slots[slot]);
	}
	*ret_stats = stats;
}

static actor_ref parent_of(struct actor_system *sys, const struct actor *actor)
{
	uint32_t parent = atomic_load_explicit(&actor->parent,
					       memory_order_relaxed);

	if (!parent)
		return ACTOR_NOBODY;
	return ref_of(sys, &sys->slots[parent]);
}

static void describe(struct actor_system *sys, struct actor *actor,
		     struct actor_info *info)
{
	const struct actor_class *class = class_of(actor);

	*info = (struct actor_info){
		.ref = ref_of(sys, actor),
		.parent = parent_of(sys, actor),
		.class_name = class->name,
		.phase = phase_names[phase_of(actor)],
		.core = atomic_load_explicit(&actor->core,
					     memory_order_relaxed),
		.mailbox = box_length(actor),
		.handled = read_counter(&actor->handled),
		.time_ns = read_counter(&actor->time_ns),
	};
	info->hogging_ns = hog_running_ns(sys, info->ref, info->core);
	info->memory = sizeof(*actor) + class->state_size +
		       info->mailbox * sizeof(struct envelope);
}

int actor_system_list(struct actor_system *sys,
		      int (*fn)(void *ctx, const struct actor_info *info),
		      void *ctx)
{
	uint32_t used = slots_used(sys);
	struct actor_info info;
	int ret = 0;

	for (uint32_t slot = 1; slot < used && !ret; slot++) {
		if (!is_live(&sys->slots[slot]))
			continue;
		describe(sys, &sys->slots[slot], &info);
		ret = fn(ctx, &info);
	}
	return ret;
}
