/* SPDX-License-Identifier: Apache-2.0 */
/* Private to actor/: completions of os/ as messages. */
#ifndef ACTOR_IO_H
#define ACTOR_IO_H

#include "actor/impl.h"

/* The owner's: the operation is back. */
void io_returned(struct actor *actor, struct actor_msg *msg);
/* Of the type: one that is freed without having come back. */
void io_fini(struct actor_msg *msg);

#endif
