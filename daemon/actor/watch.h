/* SPDX-License-Identifier: Apache-2.0 */
/* Private to actor/: monitors. */
#ifndef ACTOR_WATCH_H
#define ACTOR_WATCH_H

#include "actor/impl.h"

/* A CTRL_MONITOR that found nobody: the watcher gets its notice. */
void watch_refuse(struct actor_system *sys, struct actor_msg *msg);
/* The owner's: a CTRL_MONITOR or CTRL_DEMONITOR for `actor`.  Return 0. */
int watch_add(struct actor *actor, struct actor_msg *msg);
int watch_remove(struct actor *actor, struct actor_msg *msg);
/* The owner's: all who watch `actor` are told. */
void watch_tell_all(struct actor *actor, int reason);
/* The owner's: `actor` watches nobody any more. */
void watch_forget_all(struct actor *actor);
/* The owner's: whether this notice is still wanted. */
bool watch_wanted(struct actor *actor, const struct actor_msg *msg);

#endif
