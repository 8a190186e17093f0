/* SPDX-License-Identifier: Apache-2.0 */
/* Private to actor/: messages and their types. */
#ifndef ACTOR_MSG_H
#define ACTOR_MSG_H

#include "actor/impl.h"

/* The table's entry; NULL for a type nobody has registered. */
const struct actor_type *msg_type(uint32_t type);

/* A message of the runtime's own, for `to`. */
struct actor_msg *msg_new_ctrl(enum ctrl_type type, actor_ref from);

/* Frees a list. */
void msg_free_all(struct actor_msg *msg);

#endif
