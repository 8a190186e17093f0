/* SPDX-License-Identifier: Apache-2.0 */
/* What models of a service answer some time later, in any order. */
#ifndef TESTS_LATE_H
#define TESTS_LATE_H

#include <stdint.h>
#include <stdlib.h>

#include "actor/actor.h"
#include "base/check.h"

struct late {
	actor_ref to;
	struct actor_msg *msg;
};

/* Takes the reply.  Its actor calls late_send() at each ACTOR_MSG_TIMER. */
static inline void late_answer(struct actor *self, const struct actor_msg *msg,
			       struct actor_msg *reply, uint64_t ns)
{
	struct late *late = malloc(sizeof(*late));

	check(late && reply);
	reply->tag = msg->tag;
	*late = (struct late){ msg->from, reply };
	actor_timer_start(self, ns, (uint64_t)(uintptr_t)late);
}

static inline void late_send(struct actor *self, const struct actor_msg *timer)
{
	struct late *late = (struct late *)(uintptr_t)
		((const struct actor_timer_msg *)timer)->cookie;

	actor_send(self, late->to, late->msg);
	free(late);
}

#endif
