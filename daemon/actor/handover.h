/* SPDX-License-Identifier: Apache-2.0 */
/* Private to actor/: what a handler has asked to happen after it. */
#ifndef ACTOR_HANDOVER_H
#define ACTOR_HANDOVER_H

#include "actor/impl.h"

/* The owner's, after a handler has returned 0 and `more->handover` is set. */
void handover_after(struct actor *actor);
/* The messages go on to `more->successor`; takes the list. */
void handover_forward(struct actor *actor, struct actor_msg *msg);

#endif
