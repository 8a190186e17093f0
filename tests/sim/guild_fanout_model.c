// SPDX-License-Identifier: Apache-2.0
#include "guild_fanout_model.h"

#include <errno.h>
#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "proto/data.h"

struct world world;

void expect(bool holds, const char *what)
{
	if (!holds && !world.wrong)
		world.wrong = what;
}

/* --- memory that fails --- */

void spare(void)
{
	uint64_t made = mem_fail_nth(0);

	world.failing = made < world.failing ? world.failing - made : 0;
}

void go_on(void)
{
	if (world.failing)
		mem_fail_nth(world.failing);
}

#define FAULT_NS 400000u	/* between two of them, at most */
#define FAULTS 2000		/* while the callers call, and a bit longer */

static int gremlin_start(struct actor *self, void *state, const void *arg)
{
	(void)state;
	(void)arg;
	return actor_timer_start(self, FAULT_NS, 0) ? 0 : -ENOMEM;
}

static int gremlin_handle(struct actor *self, void *state,
			  struct actor_msg *msg)
{
	(void)state;
	spare();
	if (msg->type == ACTOR_MSG_STOP) {
		world.failing = 0;
		return ACTOR_STOP;
	}
	world.failing = 1 + rng_below(&world.rng, 40);
	if (++world.faulted < FAULTS)
		actor_timer_start(self, 1 + rng_below(&world.rng, FAULT_NS),
				  0);
	go_on();
	return 0;
}

const struct actor_class gremlin_class = {
	.name = "gremlin",
	.start = gremlin_start, .handle = gremlin_handle,
};

/* --- the data service --- */

struct waiting {
	struct waiting *next;
	actor_ref from;
	uint64_t tag, channel, id;
	int status;
};

struct model {
	struct waiting *first, **tail;
};

static int model_start(struct actor *self, void *state, const void *arg)
{
	struct model *m = state;
	char name[24];

	m->tail = &m->first;
	snprintf(name, sizeof(name), "data.%d", *(const int *)arg);
	return actor_register(self, name);
}

static void make_durable(uint64_t id, uint64_t channel)
{
	check(!hmap_set(&world.durable, id, channel));
}

static void acknowledge(struct actor *self, const struct waiting *w)
{
	struct store_written_msg *reply;

	reply = ACTOR_MSG_NEW(struct store_written_msg, DATA_WRITTEN);
	check(reply);
	reply->status = w->status;
	reply->head.tag = w->tag;
	actor_send(self, w->from, &reply->head);
	if (!w->status && !world.ack_early)
		make_durable(w->id, w->channel);
}

static void model_append(struct actor *self, struct model *m,
			 const struct store_put_msg *msg)
{
	struct waiting *w = mem_zalloc(sizeof(*w));

	*w = (struct waiting){ .from = msg->head.from, .tag = msg->head.tag,
			       .channel = msg->channel, .id = msg->id };
	if (rng_chance(&world.rng, 50000))
		w->status = rng_chance(&world.rng, 500000) ? -EIO : -EOVERFLOW;
	*m->tail = w;
	m->tail = &w->next;
	actor_timer_start(self, rng_below(&world.rng, 20000000), 0);
}

/* Some of those that wait, oldest first. */
static void model_timer(struct actor *self, struct model *m)
{
	uint64_t n = 1 + rng_below(&world.rng, 4);

	while (n-- && m->first) {
		struct waiting *w = m->first;

		m->first = w->next;
		if (!m->first)
			m->tail = &m->first;
		acknowledge(self, w);
		mem_free(w);
	}
	if (m->first)
		actor_timer_start(self, rng_below(&world.rng, 20000000), 0);
}

static void model_read(struct actor *self, const struct actor_msg *msg)
{
	struct store_rows_msg *reply;

	reply = ACTOR_MSG_NEW(struct store_rows_msg, DATA_ROWS);
	check(reply);
	reply->rows = rows_new(0, 0);
	actor_reply(self, msg, &reply->head);
}

static int model_run(struct actor *self, void *state, struct actor_msg *msg)
{
	switch (msg->type) {
	case DATA_APPEND:
		model_append(self, state, (struct store_put_msg *)msg);
		break;
	case DATA_PAGE:
	case DATA_GET:
		model_read(self, msg);
		break;
	case ACTOR_MSG_TIMER:
		model_timer(self, state);
		break;
	case ACTOR_MSG_STOP:
		return ACTOR_STOP;
	}
	return 0;
}

static void model_stop(struct actor *self, void *state, int reason)
{
	struct model *m = state;

	(void)self;
	(void)reason;
	while (m->first) {
		struct waiting *next = m->first->next;

		mem_free(m->first);
		m->first = next;
	}
}

static int model_handle(struct actor *self, void *state,
			struct actor_msg *msg)
{
	int ret;

	spare();
	ret = model_run(self, state, msg);
	go_on();
	return ret;
}

const struct actor_class model_class = {
	.name = "model", .state_size = sizeof(struct model),
	.start = model_start, .handle = model_handle, .stop = model_stop,
};
