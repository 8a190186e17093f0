/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to actor/: ACTOR_RESTART_REST.  The failed child and those started
 * after it are halted, last first, then started again, first first.
 */
#ifndef ACTOR_REST_H
#define ACTOR_REST_H

#include "actor/impl.h"

/* The child's owner: tells the parent.  -ENOMEM: to be tried again. */
int rest_report(struct actor *child, enum ctrl_type what);

/* The parent's owner: a report has come.  -ENOMEM: to be tried again. */
int rest_reported(struct actor *parent, const struct actor_msg *msg);
/* The parent's owner: what failed for want of memory is tried again. */
void rest_retry(struct actor *parent);
/* The parent's owner, before the child is unlinked. */
void rest_child_gone(struct actor *parent, struct actor *child);
/* The parent's owner, at its end. */
void rest_drop_all(struct actor *parent);

#endif
