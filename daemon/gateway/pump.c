// SPDX-License-Identifier: Apache-2.0
#include "gateway/pump.h"

#include <errno.h>
#include <poll.h>
#include <uv.h>

#include "base/check.h"
#include "base/mem.h"
#include "os/loop.h"

/* Rounds of one run, for fairness to the other actors of the core. */
#define ROUNDS_MAX 4
#define CLOSE_ROUNDS_MAX 10000

struct pump {
	uv_loop_t loop;
	struct os_poll *poll;
	void (*stirred)(void *ctx);
	void *ctx;
};

static void on_ready(void *ctx, unsigned int revents)
{
	struct pump *pump = ctx;

	(void)revents;
	os_poll_change(pump->poll, 0);
	pump->stirred(pump->ctx);
}

int pump_open(struct os_loop *loop, void (*stirred)(void *ctx), void *ctx,
	      struct pump **ret_pump)
{
	struct pump *pump = mem_zalloc(sizeof(*pump));
	int err;

	if (!pump)
		return -ENOMEM;
	pump->stirred = stirred;
	pump->ctx = ctx;
	err = uv_loop_init(&pump->loop);
	if (err)
		goto free_pump;
	err = os_poll_start(loop, uv_backend_fd(&pump->loop), POLLIN, on_ready,
			    pump, &pump->poll);
	if (err)
		goto close_loop;
	*ret_pump = pump;
	return 0;

close_loop:
	uv_loop_close(&pump->loop);
free_pump:
	mem_free(pump);
	return err;
}

void pump_drain(struct pump *pump)
{
	int rounds = CLOSE_ROUNDS_MAX;

	while (uv_run(&pump->loop, UV_RUN_NOWAIT) && rounds--)
		;
}

void pump_close(struct pump *pump)
{
	os_poll_stop(pump->poll);
	check(!uv_loop_close(&pump->loop));
	mem_free(pump);
}

void *pump_loop(struct pump *pump)
{
	return &pump->loop;
}

void pump_run(struct pump *pump)
{
	int rounds = ROUNDS_MAX;

	do
		uv_run(&pump->loop, UV_RUN_NOWAIT);
	while (uv_backend_timeout(&pump->loop) == 0 && --rounds);
	/* What a callback began to watch in the last round is not registered
	 * yet: that descriptor cannot stir us. */
	if (!rounds)
		pump->stirred(pump->ctx);
	os_poll_change(pump->poll, POLLIN);
}
