/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of a core's sessions open now: so many at a time, and the others in the
 * order in which they came.  So in a storm the first have their guilds long
 * before the last have READY, and memory is that of those who open.
 *
 *	OUT --enter--> INSIDE or WAITING --(a place is free)--> INSIDE --leave--> OUT
 *
 * Who is inside for longer than ADMISSION_NS does not keep its place: a client
 * that does not read must not hold others up.  Context: one thread.
 */
#ifndef GATEWAY_ADMISSION_H
#define GATEWAY_ADMISSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

#define ADMISSION_PLACES 32	/* on each core */
#define ADMISSION_NS (5ull * 1000 * 1000 * 1000)

struct admission;

enum admission_state {
	ADMISSION_OUT,
	ADMISSION_WAITING,
	ADMISSION_INSIDE,
};

/* Embedded in whatever wants in; zeroed at first. */
struct admission_place {
	struct list link;
	uint8_t state;		/* enum admission_state */
	uint64_t since_ns;	/* inside */
};

/* Of all cores, for /metrics. */
struct admission_stats {
	atomic_uint_least64_t admitted;
	atomic_uint_least64_t inside;
	atomic_uint_least64_t waiting;
	atomic_uint_least64_t inside_most;	/* ever, on one core */
	atomic_uint_least64_t waiting_most;
	atomic_uint_least64_t overdue;	/* lost their place to others */
};

/*
 * `admit` is called for one that has waited and is inside now; not from within
 * admission_enter().  Borrows stats and ctx.  NULL: no memory.
 */
struct admission *admission_new(struct admission_stats *stats,
				void (*admit)(void *ctx,
					      struct admission_place *place),
				void *ctx);
/* All places are out. */
void admission_free(struct admission *admission);

/* True: it is inside.  It was out. */
bool admission_enter(struct admission *admission,
		     struct admission_place *place, uint64_t now_ns);
/* From wherever it is. */
void admission_leave(struct admission *admission,
		     struct admission_place *place, uint64_t now_ns);
/* Every second or so. */
void admission_tick(struct admission *admission, uint64_t now_ns);

#endif
