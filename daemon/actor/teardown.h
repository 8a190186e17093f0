/* SPDX-License-Identifier: Apache-2.0 */
/* Private to actor/: the end of a system whose schedulers stand still. */
#ifndef ACTOR_TEARDOWN_H
#define ACTOR_TEARDOWN_H

#include "actor/impl.h"

/* Drops whatever is left, actors first. */
void teardown(struct actor_system *sys);

#endif
