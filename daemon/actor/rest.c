// SPDX-License-Identifier: Apache-2.0
#include "actor/rest.h"

#include <errno.h>

#include "actor/life.h"
#include "actor/msg.h"
#include "actor/sched.h"
#include "actor/send.h"
#include "base/mem.h"

/*
 * One restart; others wait behind it.  `at` is the child whose report is
 * awaited: first going from `last` towards `first`, which has halted by its
 * own failure, then back.  All three are children, by slot; 0 when none of
 * the range is left.
 */
struct rest {
	struct rest *next;
	uint32_t first, last, at;
	bool resuming;
	bool unsent;		/* the order for `at`, for want of memory */
};

static struct actor *child_at(struct actor *parent, uint32_t slot)
{
	return &parent->sched->sys->slots[slot];
}

int rest_report(struct actor *child, enum ctrl_type what)
{
	struct actor_system *sys = child->sched->sys;
	struct actor *parent = &sys->slots[child->parent];
	struct actor_msg *msg = msg_new_ctrl(what, ref_of(sys, child));

	if (!msg) {
		set_flag(child, ACTOR_RETRY, true);
		return -ENOMEM;
	}
	/* The parent outlives its children: its reference is good. */
	send_ctrl(sys, ref_of(sys, parent), msg);
	return 0;
}

/* Sends the order that the step is about.  -ENOMEM: to be tried again. */
static int order(struct actor *parent, struct rest *rest)
{
	struct actor_system *sys = parent->sched->sys;
	struct actor_msg *msg;

	msg = msg_new_ctrl(rest->resuming ? CTRL_RESUME : CTRL_HALT,
			   ref_of(sys, parent));
	if (!msg) {
		set_flag(parent, ACTOR_RETRY, true);
		return -ENOMEM;
	}
	send_ctrl(sys, ref_of(sys, child_at(parent, rest->at)), msg);
	return 0;
}

static void finished(struct actor *parent)
{
	struct rest *rest = parent->more->rest;

	parent->more->rest = rest->next;
	mem_free(rest);
}

/* Orders for `at`, or turns round, or ends, and goes on with the next. */
static void step(struct actor *parent)
{
	struct rest *rest;

	while ((rest = parent->more->rest)) {
		if (!rest->resuming &&
		    (!rest->at || rest->at == rest->first)) {
			rest->resuming = true;
			rest->at = rest->first;
		}
		if (!rest->at) {
			finished(parent);
			continue;
		}
		rest->unsent = order(parent, rest) != 0;
		return;
	}
}

/* Where the walk goes from `child`; 0: it is over. */
static uint32_t next_of(const struct rest *rest, const struct actor *child,
			uint32_t slot)
{
	if (rest->resuming)
		return slot == rest->last ? 0 : child->next_sibling;
	return slot == rest->first ? 0 : child->prev_sibling;
}

static int begin(struct actor *parent, uint32_t first)
{
	struct rest **at = &parent->more->rest;
	struct rest *rest = mem_zalloc(sizeof(*rest));

	if (!rest)
		return -ENOMEM;
	rest->first = first;
	rest->last = rest->at = parent->more->last_child;
	while (*at)
		at = &(*at)->next;
	*at = rest;
	if (parent->more->rest == rest)
		step(parent);
	return 0;
}

/* Whether it is about to be halted anyway, or is awaited. */
static bool is_ahead(struct actor *parent, const struct rest *rest,
		     uint32_t slot)
{
	uint32_t at = rest->at;

	if (rest->resuming)
		return false;
	while (at && at != slot && at != rest->first)
		at = child_at(parent, at)->prev_sibling;
	return at == slot;
}

/* The child that `at` awaits has done what it was told. */
static void go_on(struct actor *parent, struct rest *rest)
{
	rest->at = next_of(rest, child_at(parent, rest->at), rest->at);
	step(parent);
}

int rest_reported(struct actor *parent, const struct actor_msg *msg)
{
	struct rest *rest = parent->more->rest;
	uint32_t slot = ref_slot(msg->from);

	/* A child that has ended since is dealt with when it is reaped. */
	if (phase_of(parent) != PHASE_RUNNING ||
	    generation_of(child_at(parent, slot)) != ref_generation(msg->from))
		return 0;
	/* It failed before it saw the order to halt: it has halted as well. */
	if (msg->type == CTRL_FAILED &&
	    !(rest && is_ahead(parent, rest, slot)))
		return begin(parent, slot);
	if (rest && rest->at == slot &&
	    (msg->type == CTRL_RESUMED) == rest->resuming)
		go_on(parent, rest);
	return 0;
}

void rest_retry(struct actor *parent)
{
	if (parent->more && parent->more->rest && parent->more->rest->unsent)
		step(parent);
}

/* Takes the child out of the range. */
static void shrink(struct rest *rest, const struct actor *child, uint32_t slot)
{
	if (rest->at == slot)
		rest->at = next_of(rest, child, slot);
	if (rest->first == rest->last && rest->first == slot)
		rest->first = rest->last = rest->at = 0;
	else if (rest->first == slot)
		rest->first = child->next_sibling;
	else if (rest->last == slot)
		rest->last = child->prev_sibling;
}

void rest_child_gone(struct actor *parent, struct actor *child)
{
	struct rest *rest = parent->more->rest;
	uint32_t slot = (uint32_t)(child - parent->sched->sys->slots);
	bool awaited = rest && rest->at == slot;

	for (; rest; rest = rest->next)
		shrink(rest, child, slot);
	if (awaited)
		step(parent);
}

void rest_drop_all(struct actor *parent)
{
	while (parent->more->rest)
		finished(parent);
}
