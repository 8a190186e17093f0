/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A libuv loop that lives inside of a core's os_loop: libwebsockets runs on
 * it, and the core's thread still blocks in one place only.  libuv's backend
 * descriptor is watched; when it stirs, the owner hears of it and lets libuv run
 * without waiting.
 */
#ifndef GATEWAY_PUMP_H
#define GATEWAY_PUMP_H

struct os_loop;
struct pump;

/* `stirred` is called from the os_loop when there is something to run, once
 * until the next pump_run().  The loop's thread.  -ENOMEM, -EIO. */
int pump_open(struct os_loop *loop, void (*stirred)(void *ctx), void *ctx,
	      struct pump **ret_pump);

/* All handles in the loop are being closed: returns when they are. */
void pump_drain(struct pump *pump);

/* No handle is left in the loop. */
void pump_close(struct pump *pump);

/* The uv_loop_t, for libwebsockets.  Borrows. */
void *pump_loop(struct pump *pump);

/* Runs what is ready.  Also to be called after changing what libuv watches,
 * and now and then for its timers. */
void pump_run(struct pump *pump);

#endif
