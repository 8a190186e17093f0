/* SPDX-License-Identifier: Apache-2.0 */
/* Private to actor/: names of well-known actors.  A few dozen: a list. */
#ifndef ACTOR_NAMES_H
#define ACTOR_NAMES_H

#include "actor/impl.h"

/* All names of `from` become those of `to`, or free when it is nobody. */
void names_pass(struct actor_system *sys, actor_ref from, actor_ref to);
/* Of a system that goes. */
void names_fini(struct actor_system *sys);

#endif
