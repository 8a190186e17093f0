// SPDX-License-Identifier: Apache-2.0
/*
 * A channel is swept in steps; each asks for one thing at a time and goes on
 * when there is no more of it:
 *
 *	messages	a page; the reactions of those that have some; the page
 *	pins, notes	a page, and what is on it
 *	files, search, read states	are told, until they say it is done
 *	catalog		has nothing to be swept any more
 *
 * Every one may be done again.  What is not answered, or fails, is asked again
 * after a while, from the begin.
 */
#include "guild/sweeper.h"

#include <errno.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "guild/catalog_actor.h"
#include "proto/data.h"
#include "proto/files.h"
#include "proto/readstate.h"
#include "proto/record.h"
#include "proto/search.h"

#define MS 1000000ull
#define TICK_MS 1000u
/* What was under way in the channel when it went has come to its end. */
#define GRACE_MS 2000u
#define ANSWER_MS 60000u
#define RETRY_MS 30000u

enum step {
	STEP_MESSAGES, STEP_PINS, STEP_NOTES, STEP_FILES, STEP_SEARCH,
	STEP_READS, STEP_CATALOG,
};

struct gone {
	struct list node;
	uint64_t channel_id;
	uint64_t guild_id;
	uint64_t due_ns;	/* not before */
};

struct sweeper {
	struct actor *self;
	actor_ref catalog;
	struct list gone;	/* the first one is next, or being swept */
	bool busy;		/* with it: an answer is to come */
	bool listed;		/* the catalog has told what was left */
	enum step step;
	uint64_t tag;		/* of the request under way */
	uint64_t deadline_ns;
	uint32_t shard;		/* STEP_READS: the next one */
	/* Of the page: what goes with it, and first their reactions. */
	uint64_t id[DATA_PAGE_MAX], reacted[DATA_PAGE_MAX];
	uint32_t count, reacted_count;
	struct message message;	/* too big for stacks */
};

static struct gone *current(const struct sweeper *s)
{
	return list_entry(s->gone.next, struct gone, node);
}

static int add_gone(struct sweeper *s, uint64_t channel_id, uint64_t guild_id,
		    uint64_t wait_ms)
{
	struct gone *g = mem_zalloc(sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->channel_id = channel_id;
	g->guild_id = guild_id;
	g->due_ns = actor_now_ns(s->self) + wait_ms * MS;
	list_push(&s->gone, &g->node);
	return 0;
}

/* --- asking --- */

static int ask(struct sweeper *s, actor_ref to, struct actor_msg *msg)
{
	msg->tag = ++s->tag;
	s->deadline_ns = actor_now_ns(s->self) + ANSWER_MS * MS;
	return actor_send(s->self, to, msg);
}

static int ask_data(struct sweeper *s, uint64_t channel_id,
		    struct actor_msg *msg)
{
	return ask(s, data_route(actor_system_of(s->self), channel_id), msg);
}

static int ask_page(struct sweeper *s, uint64_t channel_id,
		    enum store_space space)
{
	struct store_read_msg *m = ACTOR_MSG_NEW(struct store_read_msg,
						 DATA_PAGE);

	if (!m)
		return -ENOMEM;
	m->channel = channel_id;
	m->space = space;
	m->dir = STORE_BEFORE;
	m->limit = DATA_PAGE_MAX;
	return ask_data(s, channel_id, &m->head);
}

static int ask_delete(struct sweeper *s, uint64_t channel_id,
		      enum store_space space, const uint64_t *id,
		      uint32_t count)
{
	struct store_delete_msg *m = store_delete_new(DATA_DELETE, count);

	if (!m)
		return -ENOMEM;
	m->channel = channel_id;
	m->space = space;
	memcpy(m->id, id, count * sizeof(*id));
	return ask_data(s, channel_id, &m->head);
}

static int ask_files(struct sweeper *s)
{
	struct files_clear_msg *m = ACTOR_MSG_NEW(struct files_clear_msg,
						  FILES_CLEAR);

	if (!m)
		return -ENOMEM;
	m->channel_id = current(s)->channel_id;
	return ask(s, files_route(actor_system_of(s->self)), &m->head);
}

static int ask_search(struct sweeper *s)
{
	struct search_forget_msg *m = ACTOR_MSG_NEW(struct search_forget_msg,
						    SEARCH_FORGET);

	if (!m)
		return -ENOMEM;
	m->guild_id = current(s)->guild_id;
	m->channel_id = current(s)->channel_id;
	return ask(s, search_route(actor_system_of(s->self)), &m->head);
}

static int ask_reads(struct sweeper *s)
{
	struct readstate_forget_msg *m =
		ACTOR_MSG_NEW(struct readstate_forget_msg, READSTATE_FORGET);

	if (!m)
		return -ENOMEM;
	m->channel_id = current(s)->channel_id;
	return ask(s, readstate_shard_route(actor_system_of(s->self),
					    s->shard), &m->head);
}

static int swept(struct catalog *c, void *arg)
{
	return catalog_swept(c, *(uint64_t *)arg);
}

static int ask_catalog(struct sweeper *s)
{
	uint64_t *id = mem_alloc(sizeof(*id));

	if (!id)
		return -ENOMEM;
	*id = current(s)->channel_id;
	s->deadline_ns = actor_now_ns(s->self) + ANSWER_MS * MS;
	return catalog_submit(s->self, s->catalog, ++s->tag, swept, id,
			      mem_free);
}

/* --- steps --- */

static enum store_space space_of(const struct sweeper *s)
{
	return s->step == STEP_MESSAGES ? STORE_SPACE_MESSAGE :
	       s->step == STEP_PINS ? STORE_SPACE_PIN : STORE_SPACE_NOTE;
}

static int begin_step(struct sweeper *s, enum step step)
{
	s->step = step;
	switch (step) {
	case STEP_MESSAGES:
	case STEP_PINS:
	case STEP_NOTES:
		return ask_page(s, current(s)->channel_id, space_of(s));
	case STEP_FILES:
		return ask_files(s);
	case STEP_SEARCH:
		return ask_search(s);
	case STEP_READS:
		s->shard = 0;
		return ask_reads(s);
	case STEP_CATALOG:
		return ask_catalog(s);
	}
	return -EINVAL;
}

static int next_step(struct sweeper *s)
{
	return begin_step(s, s->step + 1);
}

/* Of the page: reactions first, for only the messages say that there are. */
static int go_on_with_page(struct sweeper *s)
{
	if (s->reacted_count)
		return ask_page(s, s->reacted[s->reacted_count - 1],
				STORE_SPACE_REACTION);
	return ask_delete(s, current(s)->channel_id, space_of(s), s->id,
			  s->count);
}

static void take_page(struct sweeper *s, const struct rows *rows)
{
	struct message *m = &s->message;

	s->count = s->reacted_count = 0;
	for (uint32_t i = 0; i < rows->count && i < DATA_PAGE_MAX; i++) {
		const struct row *row = &rows->row[i];

		s->id[s->count++] = row->id;
		if (s->step == STEP_MESSAGES &&
		    !record_decode(m, row->data, row->size) && m->reacted)
			s->reacted[s->reacted_count++] = row->id;
	}
}

static int on_reactions(struct sweeper *s, const struct rows *rows)
{
	uint64_t id[DATA_PAGE_MAX];
	uint32_t n = 0;

	for (; n < rows->count && n < DATA_PAGE_MAX; n++)
		id[n] = rows->row[n].id;
	if (n)
		return ask_delete(s, s->reacted[s->reacted_count - 1],
				  STORE_SPACE_REACTION, id, n);
	s->reacted_count--;
	return go_on_with_page(s);
}

static int on_rows(struct sweeper *s, const struct store_rows_msg *m)
{
	if (m->status)
		return m->status;
	if (s->reacted_count)
		return on_reactions(s, m->rows);
	take_page(s, m->rows);
	return s->count ? go_on_with_page(s) : next_step(s);
}

/* Reactions of the message or the page: there may be more. */
static int on_deleted(struct sweeper *s, const struct store_written_msg *m)
{
	if (m->status)
		return m->status;
	return s->reacted_count ? go_on_with_page(s) : begin_step(s, s->step);
}

static int on_cleared(struct sweeper *s, const struct files_cleared_msg *m)
{
	if (m->status)
		return m->status;
	return m->more ? ask_files(s) : next_step(s);
}

static int on_forgotten(struct sweeper *s,
			const struct search_forgotten_msg *m)
{
	return m->status ? m->status : next_step(s);
}

static int on_reads(struct sweeper *s, const struct readstate_done_msg *m)
{
	if (m->status)
		return m->status;
	return ++s->shard < READSTATE_SHARDS ? ask_reads(s) : next_step(s);
}

/* --- one channel after the other --- */

static void next_channel(struct sweeper *s)
{
	int err;

	if (s->busy || !s->listed || list_empty(&s->gone) ||
	    current(s)->due_ns > actor_now_ns(s->self))
		return;
	s->busy = true;
	s->reacted_count = 0;
	err = begin_step(s, STEP_MESSAGES);
	if (err)
		s->deadline_ns = 0;	/* the next tick tries again */
}

static void done(struct sweeper *s)
{
	struct gone *g = current(s);

	log_info("sweeper", "swept", "guild=%llu channel=%llu",
		 (unsigned long long)g->guild_id,
		 (unsigned long long)g->channel_id);
	list_del(&g->node);
	mem_free(g);
	s->busy = false;
	next_channel(s);
}

/* To the end of the line. */
static void failed(struct sweeper *s, int err)
{
	struct gone *g = current(s);

	log_warn("sweeper", "not_swept", "channel=%llu step=%d error=%d",
		 (unsigned long long)g->channel_id, (int)s->step, -err);
	list_del(&g->node);
	g->due_ns = actor_now_ns(s->self) + RETRY_MS * MS;
	list_push(&s->gone, &g->node);
	s->tag++;		/* what still comes is not for the next one */
	s->busy = false;
	next_channel(s);
}

/* --- what the catalog has from before the start --- */

struct listing {
	uint32_t count, room;
	struct {
		uint64_t channel_id, guild_id;
	} *gone;
};

static int list_one(void *ctx, uint64_t id, uint64_t guild_id)
{
	struct listing *l = ctx;

	if (mem_grow(&l->gone, &l->room, l->count + 1, sizeof(*l->gone)))
		return -ENOMEM;
	l->gone[l->count].channel_id = id;
	l->gone[l->count++].guild_id = guild_id;
	return 0;
}

static int list_all(struct catalog *c, void *arg)
{
	struct listing *l = arg;

	l->count = 0;
	return catalog_list_gone(c, list_one, l);
}

static void listing_free(void *arg)
{
	mem_free(((struct listing *)arg)->gone);
	mem_free(arg);
}

static void ask_list(struct sweeper *s)
{
	struct listing *l = mem_zalloc(sizeof(*l));

	if (!l)
		return;
	s->deadline_ns = actor_now_ns(s->self) + ANSWER_MS * MS;
	catalog_submit(s->self, s->catalog, ++s->tag, list_all, l,
		       listing_free);
}

static void on_list(struct sweeper *s, const struct catalog_job_msg *job)
{
	const struct listing *l = job->arg;

	for (uint32_t i = 0; !job->error && i < l->count; i++)
		add_gone(s, l->gone[i].channel_id, l->gone[i].guild_id, 0);
	s->listed = !job->error;
}

/* --- the actor --- */

static void on_channel(struct sweeper *s, const struct sweep_channel_msg *m)
{
	add_gone(s, m->channel_id, m->guild_id, GRACE_MS);
}

static void on_tick(struct sweeper *s, struct actor_msg *msg)
{
	bool late = actor_now_ns(s->self) >= s->deadline_ns;

	if (!s->listed && late)
		ask_list(s);
	else if (s->busy && late)
		failed(s, -ETIMEDOUT);
	next_channel(s);
	actor_timer_again(s->self, msg, TICK_MS * MS);
}

static int on_answer(struct sweeper *s, struct actor_msg *msg)
{
	switch (msg->type) {
	case DATA_ROWS:
		return on_rows(s, (struct store_rows_msg *)msg);
	case DATA_WRITTEN:
		return on_deleted(s, (struct store_written_msg *)msg);
	case FILES_CLEARED:
		return on_cleared(s, (struct files_cleared_msg *)msg);
	case SEARCH_FORGOTTEN:
		return on_forgotten(s, (struct search_forgotten_msg *)msg);
	case READSTATE_DONE:
		return on_reads(s, (struct readstate_done_msg *)msg);
	}
	return 0;
}

static void answered(struct sweeper *s, struct actor_msg *msg)
{
	bool is_job = msg->type == CATALOG_DONE;
	int err;

	if (msg->tag != s->tag)
		return;
	if (!s->listed && is_job) {
		on_list(s, (struct catalog_job_msg *)msg);
		next_channel(s);
		return;
	}
	if (!s->busy)
		return;
	err = is_job ? ((struct catalog_job_msg *)msg)->error :
		       on_answer(s, msg);
	if (err)
		failed(s, err);
	else if (is_job)
		done(s);
}

static int handle(struct actor *self, void *state, struct actor_msg *msg)
{
	struct sweeper *s = state;

	s->self = self;
	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	if (msg->type == SWEEP_CHANNEL)
		on_channel(s, (struct sweep_channel_msg *)msg);
	else if (msg->type == ACTOR_MSG_TIMER)
		on_tick(s, msg);
	else
		answered(s, msg);
	return 0;
}

static int start(struct actor *self, void *state, const void *arg)
{
	struct sweeper *s = state;

	s->self = self;
	s->catalog = ((const struct sweeper_arg *)arg)->catalog;
	list_init(&s->gone);
	ask_list(s);
	if (!actor_timer_start(self, TICK_MS * MS, 0))
		return -ENOMEM;
	return actor_register(self, SWEEPER_NAME);
}

static void stop(struct actor *self, void *state, int reason)
{
	struct sweeper *s = state;
	struct list *node;

	(void)self;
	(void)reason;
	while ((node = list_pop(&s->gone)))
		mem_free(list_entry(node, struct gone, node));
}

const struct actor_class sweeper_class = {
	.name = "sweeper",
	.state_size = sizeof(struct sweeper),
	.start = start,
	.handle = handle,
	.stop = stop,
	.mailbox_limit = 4096,
	.when_full = ACTOR_FULL_DROP,
};

void sweeper_channel_gone(struct actor *self, uint64_t guild_id,
			  uint64_t channel_id)
{
	struct sweep_channel_msg *m = ACTOR_MSG_NEW(struct sweep_channel_msg,
						    SWEEP_CHANNEL);

	if (!m)
		return;
	m->guild_id = guild_id;
	m->channel_id = channel_id;
	actor_send(self, actor_lookup(actor_system_of(self), SWEEPER_NAME),
		   &m->head);
}
