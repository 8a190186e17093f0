// SPDX-License-Identifier: Apache-2.0
/*
 * Monitors.  The notice is allocated with the request and travels with it:
 * when the watched actor ends there is nothing left that could fail.
 */
#include "actor/watch.h"

#include <errno.h>

#include "actor/life.h"
#include "actor/msg.h"
#include "actor/send.h"
#include "base/mem.h"

struct monitor_msg {
	struct actor_msg head;
	struct actor_down_msg *notice;
};

static struct actor_down_msg *notice_of(struct actor_msg *msg)
{
	struct monitor_msg *request = (struct monitor_msg *)msg;
	struct actor_down_msg *notice = request->notice;

	request->notice = NULL;
	return notice;
}

static void tell(struct actor_system *sys, actor_ref watcher,
		 struct actor_down_msg *notice, int reason)
{
	notice->reason = reason;
	send_unbounded(sys, watcher, &notice->head);
}

static struct actor_msg *new_request(struct actor *self, actor_ref who)
{
	actor_ref me = ref_of(self->sched->sys, self);
	struct actor_down_msg *notice;
	struct monitor_msg *request;

	notice = ACTOR_MSG_NEW(struct actor_down_msg, ACTOR_MSG_DOWN);
	request = ACTOR_MSG_NEW(struct monitor_msg, CTRL_MONITOR);
	if (!notice || !request) {
		actor_msg_free((struct actor_msg *)notice);
		actor_msg_free((struct actor_msg *)request);
		return NULL;
	}
	notice->who = who;
	notice->head.from = who;
	request->head.from = me;
	request->notice = notice;
	return &request->head;
}

int actor_monitor(struct actor *self, actor_ref who)
{
	struct actor_more *more = life_more(self);
	struct actor_msg *request;

	if (!more)
		return -ENOMEM;
	if (hmap_get(&more->watching, who.bits, NULL))
		return 0;
	request = new_request(self, who);
	if (!request)
		return -ENOMEM;
	if (hmap_set(&more->watching, who.bits, 1)) {
		actor_msg_free(&notice_of(request)->head);
		actor_msg_free(request);
		return -ENOMEM;
	}
	send_ctrl(self->sched->sys, who, request);
	return 0;
}

void actor_demonitor(struct actor *self, actor_ref who)
{
	struct actor_msg *msg;

	if (!self->more || !hmap_del(&self->more->watching, who.bits))
		return;
	/* For want of memory a notice comes some day and is not wanted. */
	msg = msg_new_ctrl(CTRL_DEMONITOR, ref_of(self->sched->sys, self));
	if (msg)
		send_ctrl(self->sched->sys, who, msg);
}

void watch_refuse(struct actor_system *sys, struct actor_msg *msg)
{
	struct actor_down_msg *notice = notice_of(msg);

	if (notice)
		tell(sys, msg->from, notice, -ESRCH);
}

int watch_add(struct actor *actor, struct actor_msg *msg)
{
	struct actor_more *more = life_more(actor);
	struct actor_down_msg *notice;

	if (!more)
		return -ENOMEM;
	if (hmap_get(&more->watchers, msg->from.bits, NULL)) {
		actor_msg_free(&notice_of(msg)->head);
		return 0;
	}
	notice = ((struct monitor_msg *)msg)->notice;
	if (hmap_set(&more->watchers, msg->from.bits, (uintptr_t)notice))
		return -ENOMEM;
	notice_of(msg);
	return 0;
}

int watch_remove(struct actor *actor, struct actor_msg *msg)
{
	struct actor_down_msg *notice = NULL;

	if (actor->more)
		notice = hmap_get_ptr(&actor->more->watchers, msg->from.bits);
	if (notice) {
		hmap_del(&actor->more->watchers, msg->from.bits);
		actor_msg_free(&notice->head);
	}
	return 0;
}

void watch_tell_all(struct actor *actor, int reason)
{
	uint64_t watcher, notice;
	size_t iter = 0;

	while (hmap_next(&actor->more->watchers, &iter, &watcher, &notice))
		tell(actor->sched->sys, (actor_ref){ watcher },
		     (struct actor_down_msg *)(uintptr_t)notice, reason);
	hmap_fini(&actor->more->watchers);
}

void watch_forget_all(struct actor *actor)
{
	struct actor_system *sys = actor->sched->sys;
	struct actor_msg *msg;
	uint64_t who;
	size_t iter = 0;

	while (hmap_next(&actor->more->watching, &iter, &who, NULL)) {
		msg = msg_new_ctrl(CTRL_DEMONITOR, ref_of(sys, actor));
		if (msg)
			send_ctrl(sys, (actor_ref){ who }, msg);
	}
	hmap_fini(&actor->more->watching);
}

bool watch_wanted(struct actor *actor, const struct actor_msg *msg)
{
	const struct actor_down_msg *notice = (const void *)msg;

	return actor->more && hmap_del(&actor->more->watching, notice->who.bits);
}
