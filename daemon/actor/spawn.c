// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "actor/life.h"
#include "actor/msg.h"
#include "actor/sched.h"
#include "actor/send.h"
#include "actor/slots.h"

static const struct actor_spawn_opts default_opts = {
	.core = ACTOR_CORE_SELF,
};

/* `here`: the core for ANY and SELF.  -EINVAL: there is no such core. */
static int birth_init(struct birth *birth, struct actor_system *sys, int here,
		      const struct actor_class *class, const void *arg,
		      const struct actor_spawn_opts *opts)
{
	*birth = (struct birth){
		.class = class, .arg = arg, .opts = opts,
		.bound = opts->core != ACTOR_CORE_ANY,
		.core = opts->core >= 0 ? opts->core : here,
	};
	return birth->core < sys->cores &&
	       opts->core >= ACTOR_CORE_SELF ? 0 : -EINVAL;
}

/* Runs its start within the turn of the current actor.  Its error. */
static int start_here(struct sched *s, struct actor *child, const void *arg)
{
	struct actor *outer = current_of(s), *mute_on = s->mute_on;
	struct actor *ended = s->ended;
	const void *outer_arg = s->arg;
	int err;

	s->mute_on = NULL;
	s->ended = NULL;
	s->arg = arg;
	set_flag(child, ACTOR_NO_EXIT, true);
	life_start(child);
	err = s->ended == child || phase_of(child) == PHASE_ENDING ?
		s->start_err : 0;
	if (!err)
		set_flag(child, ACTOR_NO_EXIT, false);
	sched_let_go(s, child);
	s->arg = outer_arg;
	set_current(s, outer);
	s->mute_on = mute_on;
	s->ended = ended;
	return err;
}

int actor_spawn(struct actor *self, const struct actor_class *class,
		const void *arg, const struct actor_spawn_opts *opts,
		actor_ref *ret_ref)
{
	struct sched *s = self->sched;
	struct actor *child;
	struct birth birth;
	actor_ref ref;
	int err;

	if (phase_of(self) != PHASE_RUNNING)
		return -ESHUTDOWN;
	err = birth_init(&birth, s->sys, s->index, class, arg,
			 opts ? opts : &default_opts);
	if (err)
		return err;
	if (!life_more(self))
		return -ENOMEM;
	birth.later = birth.core != s->index;
	err = life_create(s->sys, s, &birth, &child);
	if (err)
		return err;
	ref = ref_of(s->sys, child);
	life_adopt(s->sys, self, child);
	if (birth.later)
		sched_ready(s->sys, child);
	else
		err = start_here(s, child, arg);
	if (!err && ret_ref)
		*ret_ref = ref;
	return err;
}

/* Root's list of children is its own: it is asked to add to it. */
static int ask_root(struct actor_system *sys, struct actor *child)
{
	actor_ref root = ref_of(sys, sys->root);
	struct actor_msg *msg = msg_new_ctrl(CTRL_ADOPT, ACTOR_NOBODY);

	if (!msg)
		return -ENOMEM;
	msg->tag = slot_of(sys, child);
	return send_ctrl(sys, root, msg);
}

static int give_to_root(struct actor_system *sys, struct actor *child)
{
	if (sys->started && !(sys->simulated && !sched_here))
		return ask_root(sys, child);
	/* No scheduler is running: we are as good as root's. */
	life_adopt(sys, sys->root, child);
	sched_ready(sys, child);
	return 0;
}

int actor_system_spawn(struct actor_system *sys,
		       const struct actor_class *class, const void *arg,
		       const struct actor_spawn_opts *opts, actor_ref *ret_ref)
{
	uint32_t core = atomic_fetch_add_explicit(&sys->next_core, 1,
						  memory_order_relaxed);
	struct sched *s = sched_here && sched_here->sys == sys ? sched_here :
								 NULL;
	struct actor *child;
	struct birth birth;
	actor_ref ref;
	int err;

	err = birth_init(&birth, sys, (int)(core % (uint32_t)sys->cores), class,
			 arg, opts ? opts : &default_opts);
	if (err)
		return err;
	birth.later = true;
	err = life_create(sys, s, &birth, &child);
	if (err)
		return err;
	ref = ref_of(sys, child);
	err = give_to_root(sys, child);
	if (err)
		life_discard(sys, s, child);
	else if (ret_ref)
		*ret_ref = ref;
	return err;
}
