/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to actor/: a hierarchical timer wheel.  A node never fires early,
 * and at most one WHEEL_TICK_NS late.  No thread safety.
 */
#ifndef ACTOR_WHEEL_H
#define ACTOR_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

#define WHEEL_TICK_SHIFT 17
#define WHEEL_TICK_NS (1ull << WHEEL_TICK_SHIFT)	/* 131 us */
#define WHEEL_LEVELS 8	/* of 6 bits: all of 64 - WHEEL_TICK_SHIFT */
#define WHEEL_SLOTS 64

struct wheel_node {
	struct list link;
	uint64_t tick;		/* when it fires */
};

struct wheel {
	uint64_t tick;		/* all up to this have fired */
	uint64_t count;
	uint64_t used[WHEEL_LEVELS];	/* bit n: slot n is not empty */
	struct list slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wheel_init(struct wheel *wheel, uint64_t now_ns);
void wheel_add(struct wheel *wheel, struct wheel_node *node, uint64_t at_ns);
void wheel_del(struct wheel *wheel, struct wheel_node *node);
/* Takes out what is due at now_ns, in order of time; fn may add and delete. */
void wheel_advance(struct wheel *wheel, uint64_t now_ns,
		   void (*fn)(void *ctx, struct wheel_node *node), void *ctx);
/* No node fires before this time; UINT64_MAX: there is none. */
uint64_t wheel_next_ns(const struct wheel *wheel);

#endif
