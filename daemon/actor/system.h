/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The actor system: its schedulers, one thread per core, each with an os_loop
 * of its own, or, over a simulated os_env, one thread that runs all of them in
 * an order chosen by a seed.
 */
#ifndef ACTOR_SYSTEM_H
#define ACTOR_SYSTEM_H

#include <stdint.h>

#include "actor/actor.h"

struct os_env;

struct actor_system_opts {
	struct os_env *env;	/* borrowed: real or simulated clock, disk, … */
	int cores;		/* schedulers; 0: one per usable core */
	uint16_t node;		/* this node's number, for references */
	uint32_t max_actors;	/* 0: ACTOR_MAX_DEFAULT */
	/*
	 * One that was spawned from outside of any actor has failed for good;
	 * not while the system shuts down.  On core 0; must not block.  NULL:
	 * it is logged, and the others go on without it.
	 */
	void (*ended)(void *ctx, const char *class_name, int reason);
	void *ended_ctx;
};

#define ACTOR_MAX_DEFAULT (1u << 21)

int actor_system_new(const struct actor_system_opts *opts,
		     struct actor_system **ret_sys);

/* Starts the scheduler threads (none in a simulation).  -EAGAIN, -ENOMEM. */
int actor_system_start(struct actor_system *sys);

/*
 * Stops root's children in reverse order of their start, each draining, then
 * the schedulers; at most timeout_ms, then whatever is left is dropped
 * (-ETIMEDOUT).  Called from outside of any actor.
 */
int actor_system_shutdown(struct actor_system *sys, uint32_t timeout_ms);

void actor_system_free(struct actor_system *sys);

/*
 * Where messages for other nodes go: `route` takes them, on the sender's
 * thread; -ESRCH for a node unknown.  Set before the start.
 */
void actor_system_route(struct actor_system *sys,
			int (*route)(void *ctx, actor_ref to,
				     struct actor_msg *msg), void *ctx);

int actor_system_cores(const struct actor_system *sys);

/*
 * Simulation only: runs until nothing is runnable and no timer or simulated
 * I/O is pending before `until_ns` of virtual time, or max_steps handler runs
 * were made.  Returns the number of handler runs.
 */
uint64_t actor_system_run(struct actor_system *sys, uint64_t until_ns,
			  uint64_t max_steps);

#endif
