/* SPDX-License-Identifier: Apache-2.0 */
/* Private to actor/: links. */
#ifndef ACTOR_LINK_H
#define ACTOR_LINK_H

#include "actor/impl.h"

/* A CTRL_LINK that found nobody: who asked fails. */
void link_refuse(struct actor_system *sys, struct actor_msg *msg);
/* The owner's: a CTRL_LINK or CTRL_UNLINK for `actor`.  Return 0 or -ENOMEM. */
int link_add(struct actor *actor, struct actor_msg *msg);
int link_remove(struct actor *actor, struct actor_msg *msg);
/* The owner's: the state has ended; all links with it. */
void link_tell_all(struct actor *actor, int reason);
/* The owner's: an ACTOR_MSG_LINK, which it takes.  The reason to fail with, or
 * 0. */
int link_broken(struct actor *actor, struct actor_msg *msg);

#endif
