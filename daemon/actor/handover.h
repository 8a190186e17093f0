/* SPDX-License-Identifier: Apache-2.0 */
/* Private to actor/: what a handler has asked to happen after it. */
#ifndef ACTOR_HANDOVER_H
#define ACTOR_HANDOVER_H

#include "actor/impl.h"

/* The owner's, after a handler has returned 0 and has asked for it. */
void handover_after(struct actor *actor);
/* The owner's: at the end of a state, what it has asked for is void. */
void handover_forget(struct actor *actor);
/* The owner's: whether its messages go on to another one. */
bool handover_has_heir(const struct actor *actor);
/* They do so now; takes the list. */
void handover_forward(struct actor *actor, struct actor_msg *msg);

#endif
