/* SPDX-License-Identifier: Apache-2.0 */
/* Private to actor/: what parts of the runtime tell the system. */
#ifndef ACTOR_SYSTEM_IMPL_H
#define ACTOR_SYSTEM_IMPL_H

struct actor_system;

/* Root has ended: a shutdown may go on. */
void system_root_gone(struct actor_system *sys);

#endif
