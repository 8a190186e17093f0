/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One core's event loop: an io_uring that carries file I/O, readiness of
 * foreign descriptors and wake-ups by other threads, so that an idle core
 * blocks in one place only.
 *
 * Context: everything but os_loop_wake() is for the loop's own thread; that
 * may be another one when the first has ended.
 */
#ifndef OS_LOOP_H
#define OS_LOOP_H

#include <stdint.h>

#include "os/env.h"

struct os_loop;
struct os_poll;

int os_loop_new(struct os_env *env, struct os_loop **ret_loop);
void os_loop_free(struct os_loop *loop);

/*
 * Ends what is in flight, without callbacks: afterwards neither the kernel nor
 * an os_work() job touches memory of the callers'.  Blocks for jobs that run.
 * For a shutdown that could not wait.
 */
void os_loop_cancel(struct os_loop *loop);

struct os_env *os_loop_env(const struct os_loop *loop);

/*
 * Submits what is queued and runs the callbacks of what has completed.  Waits
 * until something completes, a wake-up comes, or the monotonic deadline_ns
 * has passed; 0 never waits, UINT64_MAX waits for ever.  Returns the number
 * of callbacks run.
 */
int os_loop_run(struct os_loop *loop, uint64_t deadline_ns);

/* Ends a wait of this loop, now or the next.  Any thread; cheap if awake. */
void os_loop_wake(struct os_loop *loop);

/*
 * Calls fn(ctx, revents) whenever fd is ready for `events` (POLLIN, …), until
 * os_poll_stop().  Level-triggered.  For descriptors of foreign libraries.
 */
int os_poll_start(struct os_loop *loop, int fd, unsigned int events,
		  void (*fn)(void *ctx, unsigned int revents), void *ctx,
		  struct os_poll **ret_poll);
/* Waits for other events from now on; 0: for none, until changed again. */
void os_poll_change(struct os_poll *poll, unsigned int events);
/* fn is not called again; may be called from within fn.  The descriptor may
 * be closed afterwards. */
void os_poll_stop(struct os_poll *poll);

/*
 * Runs fn(arg) on a thread that may block, then done(arg, result) on this
 * loop.  For libraries without an asynchronous interface (SQLite).  Jobs of
 * one `lane` (0 .. OS_WORK_LANES-1) run one after another in order.
 * A simulated loop runs fn on its own thread at a virtual time of its choice.
 */
#define OS_WORK_LANES 4
int os_work(struct os_loop *loop, unsigned int lane, int (*fn)(void *arg),
	    void (*done)(void *arg, int result), void *arg);

#endif
