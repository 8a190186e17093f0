// SPDX-License-Identifier: Apache-2.0
/*
 * A router: finds, starts and retires the actors of its core's channels.
 *
 * A channel's actor says when it has been idle, and how many messages it had
 * got by then.  Unless something was passed to it since, it has nothing to do
 * and nothing in flight: it is forgotten and stopped, and the channel's next
 * request starts another one.  So two actors of one channel never both work.
 */
#include <errno.h>
#include <stdio.h>

#include "actor/system.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/heat.h"
#include "data/impl.h"
#include "proto/data.h"
#include "proto/wire.h"

#define ROUTER_MAILBOX 65536u

struct route {
	uint64_t channel;
	uint64_t passed;	/* messages so far */
	actor_ref ref;
};

struct router {
	struct actor *self;
	struct data *data;
	struct hmap channels;	/* id to struct route */
	struct hmap refs;	/* actor_ref to struct route */
};

struct router_arg {
	struct data *data;
	int core;
};

static uint64_t channel_of(const struct actor_msg *msg)
{
	switch (msg->type) {
	case DATA_APPEND:
	case DATA_EDIT:
		return container_of(msg, struct store_put_msg, head)->channel;
	case DATA_DELETE:
		return container_of(msg, struct store_delete_msg,
				    head)->channel;
	default:
		return container_of(msg, struct store_read_msg, head)->channel;
	}
}

static int start_channel(struct router *router, struct route *route)
{
	struct channel_arg arg = {
		.data = router->data,
		.channel = route->channel,
		.router = actor_self(router->self),
	};
	struct actor_spawn_opts opts = {
		.core = ACTOR_CORE_SELF,
		.arg_size = sizeof(arg),
	};
	int err = actor_spawn(router->self, &channel_class, &arg, &opts,
			      &route->ref);

	if (err)
		return err;
	err = hmap_set(&router->refs, route->ref.bits, (uintptr_t)route);
	if (err)
		actor_stop(router->self, route->ref);
	return err;
}

static struct route *add_route(struct router *router, uint64_t channel)
{
	struct route *route = mem_zalloc(sizeof(*route));

	if (!route)
		return NULL;
	route->channel = channel;
	if (hmap_set(&router->channels, channel, (uintptr_t)route)) {
		mem_free(route);
		return NULL;
	}
	if (start_channel(router, route)) {
		hmap_del(&router->channels, channel);
		mem_free(route);
		return NULL;
	}
	data_count(&router->data->stats.channels, 1);
	return route;
}

static void drop_route(struct router *router, struct route *route)
{
	hmap_del(&router->refs, route->ref.bits);
	hmap_del(&router->channels, route->channel);
	data_count(&router->data->stats.channels, (uint64_t)-1);
	mem_free(route);
}

/* Answers a request that no actor could take. */
static void refuse(struct router *router, struct actor_msg *msg, int status)
{
	bool is_read = msg->type == DATA_GET || msg->type == DATA_PAGE;
	struct actor_msg *reply;

	if (is_read) {
		struct store_rows_msg *rows =
			ACTOR_MSG_NEW(struct store_rows_msg, DATA_ROWS);

		if (!rows)
			return;
		rows->status = status;
		reply = &rows->head;
	} else {
		struct store_written_msg *written =
			ACTOR_MSG_NEW(struct store_written_msg, DATA_WRITTEN);

		if (!written)
			return;
		written->status = status;
		reply = &written->head;
	}
	data_count(&router->data->stats.shed, 1);
	actor_reply(router->self, msg, reply);
}

static int pass(struct router *router, struct actor_msg *msg)
{
	uint64_t channel = channel_of(msg);
	struct route *route = hmap_get_ptr(&router->channels, channel);

	if (!route)
		route = add_route(router, channel);
	if (!route) {
		refuse(router, msg, -ENOMEM);
		return 0;
	}
	route->passed++;
	actor_forward(router->self, route->ref, msg);
	return 0;
}

static void on_idle(struct router *router, const struct actor_msg *msg)
{
	struct route *route = hmap_get_ptr(&router->refs, msg->from.bits);

	if (!route || route->passed != msg->tag)
		return;
	actor_stop(router->self, route->ref);
	drop_route(router, route);
}

/* What it had taken on is lost; those who asked have deadlines. */
static void on_exit_of(struct router *router, actor_ref who, int reason)
{
	struct route *route = hmap_get_ptr(&router->refs, who.bits);

	if (!route)
		return;
	log_warn("data", "channel_failed", "channel=%llu error=%d",
		 (unsigned long long)route->channel, -reason);
	drop_route(router, route);
}

static int router_handle(struct actor *self, void *state,
			 struct actor_msg *msg)
{
	struct router *router = state;

	(void)self;
	switch (msg->type) {
	case DATA_APPEND:
	case DATA_EDIT:
	case DATA_DELETE:
	case DATA_GET:
	case DATA_PAGE:
		return pass(router, msg);
	case DATA_IDLE:
		on_idle(router, msg);
		return 0;
	case ACTOR_MSG_EXIT: {
		struct actor_down_msg *down =
			container_of(msg, struct actor_down_msg, head);

		on_exit_of(router, down->who, down->reason);
		return 0;
	}
	case ACTOR_MSG_STOP:
		return ACTOR_STOP;
	default:
		return 0;
	}
}

static int router_start(struct actor *self, void *state, const void *arg)
{
	const struct router_arg *router_arg = arg;
	struct router *router = state;
	char name[DATA_NAME_MAX];
	int err;

	router->self = self;
	router->data = router_arg->data;
	snprintf(name, sizeof(name), DATA_NAME_FORMAT, router_arg->core);
	err = actor_register(self, name);
	os_latch_arrive(&router->data->up, err);
	return err;
}

static void router_stop(struct actor *self, void *state, int reason)
{
	struct router *router = state;
	uint64_t channel, value;
	size_t iter = 0;

	(void)self;
	(void)reason;
	while (hmap_next(&router->channels, &iter, &channel, &value)) {
		drop_route(router, (struct route *)(uintptr_t)value);
		iter = 0;	/* the map changed */
	}
	hmap_fini(&router->channels);
	hmap_fini(&router->refs);
}

static const struct actor_class router_class = {
	.name = "data.router",
	.state_size = sizeof(struct router),
	.start = router_start,
	.handle = router_handle,
	.stop = router_stop,
	.mailbox_limit = ROUTER_MAILBOX,
	.when_full = ACTOR_FULL_MUTE,
};

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

static int heats_new(struct data *data)
{
	data->heat = mem_zalloc((size_t)data->cores * sizeof(*data->heat));
	if (!data->heat)
		return -ENOMEM;
	for (int core = 0; core < data->cores; core++) {
		data->heat[core] = heat_new();
		if (!data->heat[core])
			return -ENOMEM;
	}
	return 0;
}

int data_start(struct actor_system *sys, const struct data_opts *opts,
	       struct data **ret_data)
{
	struct data *data = mem_zalloc(sizeof(*data));
	int cores = actor_system_cores(sys), err = 0;
	actor_ref ref;

	if (!data)
		return -ENOMEM;
	data->opts = *opts;
	data->cores = cores;
	os_latch_init(&data->up);
	data->opts.run_timeout_ms = or_default(opts->run_timeout_ms,
					       DATA_RUN_TIMEOUT_MS);
	data->opts.idle_ms = or_default(opts->idle_ms, DATA_IDLE_MS);
	data->opts.max_waiters = or_default(opts->max_waiters,
					    DATA_WAITERS_MAX);
	data->opts.max_writes = or_default(opts->max_writes, DATA_WRITES_MAX);
	data->opts.max_runs = or_default(opts->max_runs, DATA_RUNS_MAX);
	err = heats_new(data);
	for (int core = 0; core < cores && !err; core++) {
		struct router_arg arg = { .data = data, .core = core };
		struct actor_spawn_opts spawn = {
			.core = core,
			.restart = ACTOR_RESTART_ON_ERROR,
			.arg_size = sizeof(arg),
		};

		err = actor_system_spawn(sys, &router_class, &arg, &spawn,
					 &ref);
	}
	/* Routers that did start may look at it until the system's end. */
	*ret_data = data;
	return err;
}

int data_wait(struct data *data, uint32_t timeout_ms)
{
	return os_latch_wait(&data->up, data->cores, timeout_ms);
}

const struct data_stats *data_stats(const struct data *data)
{
	return &data->stats;
}

void data_free(struct data *data)
{
	if (!data)
		return;
	for (int core = 0; data->heat && core < data->cores; core++)
		heat_free(data->heat[core]);
	mem_free(data->heat);
	os_latch_fini(&data->up);
	mem_free(data);
}
