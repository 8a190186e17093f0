// SPDX-License-Identifier: Apache-2.0
/* A channel's actor: its life, and which message is whose. */
#include <errno.h>

#include "base/mem.h"
#include "data/channel_impl.h"

bool channel_find_shard(struct channel *ch)
{
	uint32_t shards = ch->data->opts.shards;

	if (!actor_ref_is_nobody(ch->shard))
		return true;
	ch->shard = store_route(actor_system_of(ch->self),
				store_shard_of(ch->id, shards));
	if (actor_ref_is_nobody(ch->shard))
		return false;
	actor_monitor(ch->self, ch->shard);
	return true;
}

/* The shard is gone, and with it what was on its way. */
static void on_down(struct channel *ch, const struct actor_down_msg *msg)
{
	if (!actor_ref_eq(msg->who, ch->shard)) {
		channel_caller_left(ch, msg->who);
		return;
	}
	ch->shard = ACTOR_NOBODY;
	channel_writes_lost(ch);
	channel_runs_lost(ch, -EIO);
}

static bool is_idle(const struct channel *ch)
{
	return list_empty(&ch->runs) && list_empty(&ch->retrying) &&
	       list_empty(&ch->finished) && list_empty(&ch->writes);
}

/* Quiet for a whole period: offer to go. */
static void on_idle_timer(struct channel *ch, struct actor_msg *timer)
{
	struct actor_msg *msg;

	if (is_idle(ch) && ch->got == ch->got_when_idle) {
		msg = actor_msg_new(DATA_IDLE, sizeof(*msg));
		if (msg) {
			msg->tag = ch->got;
			actor_send(ch->self, ch->router, msg);
		}
	}
	if (!ch->resuming && !list_empty(&ch->finished))
		channel_deliver(ch);
	ch->got_when_idle = ch->got;
	ch->idle_timer = actor_timer_again(ch->self, timer,
					   ch->data->opts.idle_ms * MS);
}

static void on_timer(struct channel *ch, struct actor_timer_msg *msg)
{
	if (msg->cookie == COOKIE_DEADLINE)
		channel_time_out(ch);
	else if (msg->cookie == COOKIE_RETRY)
		channel_retry(ch);
	else
		on_idle_timer(ch, &msg->head);
}

static int channel_handle(struct actor *self, void *state,
			  struct actor_msg *msg)
{
	struct channel *ch = state;

	(void)self;
	switch (msg->type) {
	case DATA_APPEND:
	case DATA_EDIT:
	case DATA_DELETE:
		ch->got++;
		channel_write(ch, msg);
		break;
	case DATA_GET:
	case DATA_PAGE:
		ch->got++;
		channel_read(ch, container_of(msg, struct store_read_msg,
					      head));
		break;
	case STORE_WRITTEN:
		channel_written(ch, container_of(msg, struct store_written_msg,
						 head));
		break;
	case STORE_ROWS:
		channel_rows(ch, container_of(msg, struct store_rows_msg,
					      head));
		break;
	case DATA_RESUME:
		channel_deliver(ch);
		break;
	case ACTOR_MSG_TIMER:
		on_timer(ch, container_of(msg, struct actor_timer_msg, head));
		break;
	case ACTOR_MSG_DOWN:
		on_down(ch, container_of(msg, struct actor_down_msg, head));
		break;
	case ACTOR_MSG_STOP:
		return ACTOR_STOP;
	}
	return 0;
}

static int channel_start(struct actor *self, void *state, const void *arg)
{
	const struct channel_arg *channel_arg = arg;
	struct channel *ch = state;

	ch->self = self;
	ch->data = channel_arg->data;
	ch->router = channel_arg->router;
	ch->id = channel_arg->channel;
	list_init(&ch->runs);
	list_init(&ch->retrying);
	list_init(&ch->finished);
	list_init(&ch->writes);
	ch->idle_timer = actor_timer_start(self, ch->data->opts.idle_ms * MS,
					   COOKIE_IDLE);
	return 0;
}

static void free_runs(struct channel *ch, struct list *runs)
{
	while (!list_empty(runs))
		run_free(ch, list_entry(runs->next, struct run, node));
}

static void channel_stop(struct actor *self, void *state, int reason)
{
	struct channel *ch = state;
	struct list *node;

	(void)self;
	(void)reason;
	free_runs(ch, &ch->runs);
	free_runs(ch, &ch->retrying);
	free_runs(ch, &ch->finished);
	while ((node = list_pop(&ch->writes)))
		mem_free(list_entry(node, struct write, node));
}

#define CHANNEL_MAILBOX 65536u

const struct actor_class channel_class = {
	.name = "data.channel",
	.state_size = sizeof(struct channel),
	.start = channel_start,
	.handle = channel_handle,
	.stop = channel_stop,
	.mailbox_limit = CHANNEL_MAILBOX,
	.when_full = ACTOR_FULL_MUTE,
};
