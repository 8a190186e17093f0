// SPDX-License-Identifier: Apache-2.0
/*
 * Links.  Each end holds the notice that the other is to get, so that nothing
 * can fail when it is time for it; `links` says to whom there is a link, and a
 * notice of somebody else (no more, or not again) is dropped.
 */
#include "actor/link.h"

#include <errno.h>

#include "actor/life.h"
#include "actor/msg.h"
#include "actor/send.h"

struct link_msg {
	struct actor_msg head;
	struct actor_down_msg *notice;	/* for who asks, of whom it asks */
};

static struct actor_down_msg *notice_new(actor_ref of)
{
	struct actor_down_msg *notice = ACTOR_MSG_NEW(struct actor_down_msg,
						      ACTOR_MSG_LINK);

	if (notice)
		notice->who = notice->head.from = of;
	return notice;
}

static void tell(struct actor_system *sys, actor_ref to,
		 struct actor_down_msg *notice, int reason)
{
	notice->reason = reason;
	send_unbounded(sys, to, &notice->head);
}

/* The notice for `peer`, or NULL; the link is no more. */
static struct actor_down_msg *take(struct actor *actor, actor_ref peer)
{
	struct actor_down_msg *notice = NULL;

	if (actor->more)
		notice = hmap_get_ptr(&actor->more->links, peer.bits);
	if (notice)
		hmap_del(&actor->more->links, peer.bits);
	return notice;
}

static struct link_msg *request_new(actor_ref me, actor_ref who)
{
	struct link_msg *request = ACTOR_MSG_NEW(struct link_msg, CTRL_LINK);

	if (!request)
		return NULL;
	request->head.from = me;
	request->notice = notice_new(who);
	if (request->notice)
		return request;
	actor_msg_free(&request->head);
	return NULL;
}

int actor_link(struct actor *self, actor_ref who)
{
	struct actor_system *sys = self->sched->sys;
	struct actor_more *more = life_more(self);
	actor_ref me = ref_of(sys, self);
	struct actor_down_msg *ours;
	struct link_msg *request;

	if (!more)
		return -ENOMEM;
	if (actor_ref_eq(me, who) || hmap_get(&more->links, who.bits, NULL))
		return 0;
	request = request_new(me, who);
	ours = notice_new(me);
	if (!request || !ours ||
	    hmap_set(&more->links, who.bits, (uintptr_t)ours)) {
		actor_msg_free((struct actor_msg *)ours);
		if (request)
			actor_msg_free(&request->notice->head);
		actor_msg_free((struct actor_msg *)request);
		return -ENOMEM;
	}
	send_ctrl(sys, who, &request->head);
	return 0;
}

void actor_unlink(struct actor *self, actor_ref who)
{
	struct actor_down_msg *notice = take(self, who);
	struct actor_msg *msg;

	if (!notice)
		return;
	actor_msg_free(&notice->head);
	/* For want of memory a notice comes some day, of nobody we know. */
	msg = msg_new_ctrl(CTRL_UNLINK, ref_of(self->sched->sys, self));
	if (msg)
		send_ctrl(self->sched->sys, who, msg);
}

void link_refuse(struct actor_system *sys, struct actor_msg *msg)
{
	struct link_msg *request = (struct link_msg *)msg;

	if (request->notice)
		tell(sys, msg->from, request->notice, -ESRCH);
	request->notice = NULL;
}

int link_add(struct actor *actor, struct actor_msg *msg)
{
	struct link_msg *request = (struct link_msg *)msg;
	struct actor_more *more = life_more(actor);

	if (!more)
		return -ENOMEM;
	if (hmap_get(&more->links, msg->from.bits, NULL))
		actor_msg_free(&request->notice->head);
	else if (hmap_set(&more->links, msg->from.bits,
			  (uintptr_t)request->notice))
		return -ENOMEM;
	request->notice = NULL;
	return 0;
}

int link_remove(struct actor *actor, struct actor_msg *msg)
{
	struct actor_down_msg *notice = take(actor, msg->from);

	if (notice)
		actor_msg_free(&notice->head);
	return 0;
}

void link_tell_all(struct actor *actor, int reason)
{
	uint64_t peer, notice;
	size_t iter = 0;

	while (hmap_next(&actor->more->links, &iter, &peer, &notice))
		tell(actor->sched->sys, (actor_ref){ peer },
		     (struct actor_down_msg *)(uintptr_t)notice, reason);
	hmap_fini(&actor->more->links);
}

int link_broken(struct actor *actor, struct actor_msg *msg)
{
	struct actor_system *sys = actor->sched->sys;
	const struct actor_down_msg *told = (const void *)msg;
	struct actor_down_msg *ours = take(actor, told->who);
	int reason = ours ? told->reason : 0;

	/*
	 * The peer's CTRL_LINK was sent before its notice, but we may have
	 * looked at `urgent` before either: then it is there now.
	 */
	if (!ours && atomic_load(&actor->urgent)) {
		send_unbounded(sys, ref_of(sys, actor), msg);
		return 0;
	}
	if (ours)
		actor_msg_free(&ours->head);
	actor_msg_free(msg);
	return reason;
}
