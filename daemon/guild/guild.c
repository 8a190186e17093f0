// SPDX-License-Identifier: Apache-2.0
#include "guild/guild.h"

#include <errno.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "guild/direct.h"
#include "guild/directory_impl.h"
#include "guild/guild_impl.h"
#include "guild/search_feed.h"
#include "guild/unread.h"
#include "proto/files.h"
#include "proto/guild.h"
#include "proto/readstate.h"
#include "proto/search.h"

/*
 * Life: LOADING (start) -> TAILS (the catalog has answered) -> READY (every
 * channel has said what its newest message is) -> STOPPING (ACTOR_MSG_STOP).
 * What arrives before READY waits in the stash.
 */

struct stashed {
	struct list node;
	struct actor_msg *msg;
};

struct load {
	uint64_t guild_id;
	bool direct;
	struct state state;
};

static void load_drop(void *arg)
{
	struct load *load = arg;

	state_fini(&load->state);
	mem_free(load);
}

/* On the catalog's thread. */
static int load_run(struct catalog *c, void *arg)
{
	struct load *load = arg;

	return load->direct ?
		       catalog_load_direct(c, load->guild_id, &load->state) :
		       catalog_load_guild(c, load->guild_id, &load->state);
}

/* After a restart the sessions of before have to join again. */
static void tell_started(struct guild *g)
{
	struct dir_index_msg *m;

	m = ACTOR_MSG_NEW(struct dir_index_msg, DIR_STARTED);
	if (!m)
		return;
	m->guild_id = g->arg.guild_id;
	actor_send(g->self, g->arg.directory, &m->head);
}

static int start(struct actor *self, void *state, const void *arg)
{
	struct guild *g = state;
	struct load *load;

	g->self = self;
	g->arg = *(const struct guild_arg *)arg;
	list_init(&g->stash);
	list_init(&g->changes);
	state_init(&g->state);
	load = mem_zalloc(sizeof(*load));
	if (!load)
		return -ENOMEM;
	load->guild_id = g->arg.guild_id;
	load->direct = g->arg.direct;
	state_init(&load->state);
	if (!g->arg.direct)
		tell_started(g);
	return catalog_submit(self, g->arg.catalog, 0, load_run, load,
			      load_drop);
}

void guild_take(struct guild *g, struct actor_msg *msg)
{
	if (g->stashed == msg)
		g->stashed = NULL;
	else
		actor_msg_take(g->self, msg);
}

/* After the handling of a stashed message: unless it was taken again. */
static void drop_stashed(struct guild *g)
{
	if (g->stashed)
		actor_msg_free(g->stashed);
	g->stashed = NULL;
}

static void stash(struct guild *g, struct actor_msg *msg)
{
	struct stashed *s;

	if (g->stash_count == GUILD_STASH_MAX)
		return;
	s = mem_alloc(sizeof(*s));
	if (!s)
		return;
	guild_take(g, msg);
	s->msg = msg;
	list_push(&g->stash, &s->node);
	g->stash_count++;
}

static void run_call(struct guild *g, struct rest_msg *call)
{
	struct caller caller = guild_caller(call);
	const struct guild_route *route = &guild_calls[call->kind];
	enum error_code code;

	if (g->phase == GUILD_STOPPING)
		code = ERROR_OVERLOADED;
	else if (g->arg.direct && !route->direct)
		code = ERROR_DIRECT;
	else
		code = route->fn ? route->fn(g, call) : ERROR_NO_ROUTE;
	if (code)
		guild_reply_error(g, &caller, code);
}

enum error_code guild_run_again(struct guild *g, struct rest_msg *call,
				guild_call *fn)
{
	struct caller caller = guild_caller(call);
	enum error_code code;

	check(!g->stashed);
	g->stashed = &call->head;
	code = g->phase == GUILD_STOPPING ? ERROR_OVERLOADED : fn(g, call);
	if (code)
		guild_reply_error(g, &caller, code);
	drop_stashed(g);
	return code;
}

static void wait_for_change(struct guild *g, struct actor_msg *msg)
{
	struct caller caller = { msg->from, msg->tag };
	struct stashed *s = NULL;

	if (g->change_count < GUILD_STASH_MAX)
		s = mem_alloc(sizeof(*s));
	if (!s) {
		guild_reply_error(g, &caller, ERROR_OVERLOADED);
		return;
	}
	guild_take(g, msg);
	s->msg = msg;
	list_push(&g->changes, &s->node);
	g->change_count++;
}

static void rest(struct guild *g, struct actor_msg *msg)
{
	struct rest_msg *call = (struct rest_msg *)msg;

	if (g->changing && guild_calls[call->kind].changes)
		wait_for_change(g, msg);
	else
		run_call(g, call);
}

void guild_next_change(struct guild *g)
{
	struct list *node;

	while (!g->changing && (node = list_pop(&g->changes))) {
		struct stashed *s = list_entry(node, struct stashed, node);

		g->change_count--;
		g->stashed = s->msg;
		run_call(g, (struct rest_msg *)s->msg);
		drop_stashed(g);
		mem_free(s);
	}
}

static void gone(struct guild *g, struct actor_msg *msg)
{
	guild_leave(g, ((struct relay_session_msg *)msg)->session);
}

static void leave(struct guild *g, struct actor_msg *msg)
{
	guild_leave(g, msg->from);
}

static void indexer_asks(struct guild *g, struct actor_msg *msg)
{
	/* Of a person's cell the directory knows all channels. */
	if (g->arg.direct)
		actor_forward(g->self, g->arg.directory, msg);
	else
		search_feed_hello(g);
}

static void timer(struct guild *g, struct actor_msg *msg)
{
	switch (((struct actor_timer_msg *)msg)->cookie) {
	case GUILD_TIMER_ROSTER:
		roster_tell(g);
		break;
	case GUILD_TIMER_UNREAD:
		unread_tell(g);
		break;
	case GUILD_TIMER_IDLE:
		direct_idle(g, msg);
		break;
	}
}

static void child_exit(struct guild *g, struct actor_msg *msg)
{
	guild_relay_exit(g, ((struct actor_down_msg *)msg)->who);
}

static const struct {
	uint32_t type;
	void (*fn)(struct guild *g, struct actor_msg *msg);
} handlers[] = {
	{ DATA_WRITTEN, op_answer },
	{ DATA_ROWS, op_answer },
	{ CATALOG_DONE, op_answer },
	{ SEARCH_HITS, op_answer },
	{ READSTATE_DONE, op_answer },
	{ FILES_WRITTEN, op_answer },
	{ SEARCH_WHO, indexer_asks },
	{ REST_CALL, rest },
	{ GUILD_JOIN, guild_join },
	{ GUILD_LEAVE, leave },
	{ GUILD_ATTEND, guild_attend },
	{ GUILD_PRESENCE, guild_presence },
	{ GUILD_MEMBERS_REQUEST, guild_members_request },
	{ RELAY_GONE, gone },
	{ DIR_USER_CHANGED, guild_user_changed },
	{ DIR_MEMBER_NEW, guild_member_new },
	{ ACTOR_MSG_TIMER, timer },
	{ ACTOR_MSG_EXIT, child_exit },
};

static void dispatch(struct guild *g, struct actor_msg *msg)
{
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if (handlers[i].type != msg->type)
			continue;
		handlers[i].fn(g, msg);
		return;
	}
}

static void unstash(struct guild *g)
{
	struct list *node;

	while ((node = list_pop(&g->stash))) {
		struct stashed *s = list_entry(node, struct stashed, node);

		g->stashed = s->msg;
		dispatch(g, s->msg);
		drop_stashed(g);
		mem_free(s);
	}
	g->stash_count = 0;
}

static void ready(struct guild *g)
{
	g->phase = GUILD_READY;
	if (g->arg.direct)
		direct_ready(g);
	else
		search_feed_hello(g);
	unstash(g);
}

struct tail_op {
	struct op op;
	uint64_t channel_id;
};

/* A channel's newest message: ids go on above it. */
static void tail_done(struct guild *g, struct op *op, struct actor_msg *answer)
{
	const struct store_rows_msg *m = (struct store_rows_msg *)answer;
	struct state_channel *c;

	c = state_channel(&g->state, ((struct tail_op *)op)->channel_id);
	if (c && !m->status && m->rows->count) {
		c->channel.last_message_id = m->rows->row[0].id;
		idgen_raise(g->arg.ids, c->channel.last_message_id);
	}
	if (m->status)
		log_error("guild", "tail_unknown", "channel=%llu error=%d",
			  (unsigned long long)
			  ((struct tail_op *)op)->channel_id, m->status);
	op_free(g, op);
	if (!--g->tails)
		ready(g);
}

static int ask_tail(struct guild *g, struct state_channel *c)
{
	struct tail_op *op = op_new(g, sizeof(*op), NULL, tail_done, NULL);
	int err;

	if (!op)
		return -ENOMEM;
	op->channel_id = c->channel.id;
	err = op_page(g, &op->op, c->channel.id, STORE_SPACE_MESSAGE,
		      STORE_BEFORE, 0, 1);
	if (err)
		op_free(g, &op->op);
	else
		g->tails++;
	return err;
}

static int ask_tails(struct guild *g)
{
	uint64_t value;
	size_t iter = 0;
	int err = 0;

	g->phase = GUILD_TAILS;
	while (!err && hmap_next(&g->state.channels, &iter, NULL, &value)) {
		struct state_channel *c = (void *)(uintptr_t)value;

		if (guild_is_text(&c->channel))
			err = ask_tail(g, c);
	}
	if (!err && !g->tails)
		ready(g);
	return err;
}

static int loaded(struct guild *g, struct actor_msg *msg)
{
	struct catalog_job_msg *job = (struct catalog_job_msg *)msg;
	struct load *load = job->arg;

	if (job->error) {
		log_error("guild", "load_failed", "guild=%llu error=%d",
			  (unsigned long long)g->arg.guild_id, job->error);
		return job->error;
	}
	g->state = load->state;
	state_init(&load->state);
	return ask_tails(g);
}

static int before_ready(struct guild *g, struct actor_msg *msg)
{
	if (g->phase == GUILD_LOADING && msg->type == CATALOG_DONE)
		return loaded(g, msg);
	if (g->phase == GUILD_TAILS && msg->type == DATA_ROWS)
		op_answer(g, msg);
	else
		stash(g, msg);
	return 0;
}

static int handle(struct actor *self, void *state, struct actor_msg *msg)
{
	struct guild *g = state;

	g->self = self;
	if (msg->type == REST_CALL)
		g->calls++;
	if (msg->type == ACTOR_MSG_STOP) {
		g->phase = GUILD_STOPPING;
		unstash(g);
	} else if (g->phase < GUILD_READY) {
		return before_ready(g, msg);
	} else {
		dispatch(g, msg);
	}
	if (g->lost)
		guild_close_lost(g);
	return g->phase == GUILD_STOPPING && !g->ops.count ? ACTOR_STOP : 0;
}

static void drop_ops(struct guild *g)
{
	uint64_t tag, value;
	size_t iter = 0;

	while (hmap_next(&g->ops, &iter, &tag, &value)) {
		op_free(g, (struct op *)(uintptr_t)value);
		iter = 0;
	}
	hmap_fini(&g->ops);
}

static void drop_stash(struct list *stash_list)
{
	struct list *node;

	while ((node = list_pop(stash_list))) {
		struct stashed *s = list_entry(node, struct stashed, node);

		actor_msg_free(s->msg);
		mem_free(s);
	}
}

static void stop(struct actor *self, void *state, int reason)
{
	struct guild *g = state;

	(void)reason;
	g->self = self;
	drop_stash(&g->stash);
	drop_stash(&g->changes);
	drop_ops(g);
	hmap_fini(&g->modifying);
	nonces_fini(&g->nonces);
	guild_session_fini(g);
	state_fini(&g->state);
}

const struct actor_class guild_actor_class = {
	.name = "guild",
	.state_size = sizeof(struct guild),
	.start = start,
	.handle = handle,
	.stop = stop,
	.mailbox_limit = 16384,
};
