/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to actor/: a thread that looks at the schedulers now and then, and
 * knows whose turn does not end.  It costs a scheduler nothing, and sees when
 * all of them are hogged.  A simulation has none: no time passes in a turn.
 */
#ifndef ACTOR_HOG_H
#define ACTOR_HOG_H

#include <stdint.h>

#include "actor/impl.h"
#include "actor/inspect.h"

/* After sched_init() of all.  -ENOMEM, -EAGAIN. */
int hog_watch_start(struct actor_system *sys);
/* Nothing, where it was not started.  What it has counted can still be read. */
void hog_watch_stop(struct actor_system *sys);
void hog_watch_free(struct actor_system *sys);

/* For how long `who`, whose scheduler is `core`, has hogged it now; 0. */
uint64_t hog_running_ns(struct actor_system *sys, actor_ref who, int core);

#endif
