// SPDX-License-Identifier: Apache-2.0
#include "search/indexer.h"

#include <errno.h>
#include <string.h>

#include "actor/system.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/snowflake.h"
#include "proto/data.h"

#define TICK_NS 100000000ull
#define RETRY_NS 1000000000ull
#define MAILBOX 65536u

void indexer_has_work(struct indexer *x, struct followed *f)
{
	if (list_empty(&f->node))
		list_push(&x->work, &f->node);
	if (!f->since_ns)
		f->since_ns = actor_now_ns(x->self);
}

void indexer_pause(struct indexer *x, struct followed *f)
{
	f->retry_ns = actor_now_ns(x->self) + RETRY_NS;
	indexer_has_work(x, f);
}

struct follow_since indexer_since(const struct indexer *x, uint64_t safe_ms)
{
	const struct search *s = x->search;
	uint64_t notes_ms = actor_wall_ms(x->self) -
			    (SEARCH_NOTE_DAYS - 1) * 86400000ull;

	/* Not known, or too long ago for notes. */
	if (safe_ms < SNOWFLAKE_EPOCH_MS + s->young_ms + s->slack_ms ||
	    safe_ms < notes_ms)
		return (struct follow_since){ 0 };
	/* What was young, or noted, a little earlier than it was written. */
	safe_ms -= s->slack_ms;
	return (struct follow_since){
		.id = snowflake_floor(safe_ms - s->young_ms),
		.notes = snowflake_floor(safe_ms),
	};
}

bool indexer_all_saved(const struct indexer *x)
{
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&x->followed, &iter, NULL, &value)) {
		const struct followed *f = (void *)(uintptr_t)value;

		if (!f->loaded || f->asked || !follow_is_saved(&f->follow))
			return false;
	}
	return x->batch.state == BATCH_NONE;
}

static struct followed *find(const struct indexer *x, uint64_t guild_id)
{
	return hmap_get_ptr(&x->followed, guild_id);
}

static struct followed *find_or_add(struct indexer *x, uint64_t guild_id)
{
	struct followed *f = find(x, guild_id);

	if (f)
		return f;
	f = mem_zalloc(sizeof(*f));
	if (!f)
		return NULL;
	f->id = guild_id;
	list_init(&f->node);
	follow_init(&f->follow, x->generation);
	if (!hmap_set(&x->followed, guild_id, (uintptr_t)f))
		return f;
	mem_free(f);
	return NULL;
}

/* --- hints --- */

static void ask_who(struct indexer *x, uint64_t guild_id, actor_ref guild)
{
	struct actor_msg *m = actor_msg_new(SEARCH_WHO, sizeof(*m));

	if (!m)
		return;
	m->tag = guild_id;
	actor_send(x->self, guild, m);
}

static void on_hello(struct indexer *x, struct actor_msg *msg)
{
	struct search_hello_msg *m = (struct search_hello_msg *)msg;
	struct followed *f = find_or_add(x, m->guild_id);

	if (!f)
		return;
	/* Of hints that were lost nothing is known. */
	if (f->loaded && f->seq != m->seq) {
		const struct follow_since since = indexer_since(x, x->safe_ms);

		search_count(&x->search->stats.gaps, 1);
		follow_doubt(&f->follow, &since);
	}
	f->guild = msg->from;
	f->seq = m->seq;
	f->asked = false;
	for (uint32_t i = 0; i < m->count; i++)
		if (follow_channel(&f->follow, m->channel[i].channel_id,
				   m->channel[i].newest))
			ask_who(x, m->guild_id, msg->from);
	indexer_has_work(x, f);
}

static void on_changed(struct indexer *x, struct actor_msg *msg)
{
	struct search_changed_msg *m = (struct search_changed_msg *)msg;
	struct followed *f = find(x, m->guild_id);
	int err = 0;

	search_count(&x->search->stats.hints, m->count);
	if (!f || f->seq + 1 != m->seq) {
		if (!f || !f->asked)
			ask_who(x, m->guild_id, msg->from);
		if (f)
			f->asked = true;
		return;
	}
	for (uint32_t i = 0; !err && i < m->count; i++)
		err = follow_changed(&f->follow, m->channel_id, m->id[i]);
	/* Not counted: the next hint shows the gap. */
	if (!err)
		f->seq = m->seq;
	indexer_has_work(x, f);
}

static void on_reindex(struct indexer *x, struct actor_msg *msg)
{
	struct search_reindex_msg *m = (struct search_reindex_msg *)msg;
	struct followed *f = find(x, m->guild_id);

	log_info("search", "reindex", "guild=%llu known=%d",
		 (unsigned long long)m->guild_id, !!f);
	if (!f)
		return;
	f->drop = true;
	f->retry_ns = 0;
	indexer_has_work(x, f);
}

/* --- searches --- */

void indexer_answer(struct indexer *x, struct search_query_msg *query,
		    struct search_hits_msg *hits, int status)
{
	struct followed *f = find(x, query->guild_id);

	if (!hits)
		hits = ACTOR_MSG_NEW(struct search_hits_msg, SEARCH_HITS);
	if (hits) {
		hits->status = status;
		if (!status && (!f || !f->loaded || !follow_is_ready(&f->follow)))
			hits->status = -EAGAIN;
		hits->deep_index = f && follow_is_deep(&f->follow);
		actor_reply(x->self, &query->head, &hits->head);
	}
	actor_msg_free(&query->head);
}

static void on_query(struct indexer *x, struct actor_msg *msg)
{
	struct search_query_msg *m = (struct search_query_msg *)msg;
	struct waiting_query *w;

	actor_msg_take(x->self, msg);
	search_count(&x->search->stats.queries, 1);
	if (!find(x, m->guild_id))
		ask_who(x, m->guild_id, msg->from);
	w = x->query_count < QUERIES_MAX && x->open ? mem_alloc(sizeof(*w)) :
						      NULL;
	if (!w) {
		search_count(&x->search->stats.shed, 1);
		indexer_answer(x, m, NULL, x->open ? -EOVERFLOW : -EAGAIN);
		return;
	}
	w->msg = m;
	w->begin_ns = actor_now_ns(x->self);
	list_push(&x->queries, &w->node);
	x->query_count++;
}

/* --- the actor --- */

static void on_io(struct indexer *x, struct actor_msg *msg)
{
	job_done(x, ((struct actor_io_msg *)msg)->result);
}

static void set(atomic_uint_least64_t *gauge, uint64_t value)
{
	atomic_store_explicit(gauge, value, memory_order_relaxed);
}

static void publish_lag(struct indexer *x)
{
	uint64_t now = actor_now_ns(x->self), oldest = now;
	uint64_t cells = 0, channels = 0;

	if (x->batch.state != BATCH_NONE && x->batch.since_ns)
		oldest = x->batch.since_ns;
	list_for_each(node, &x->work) {
		struct followed *f = list_entry(node, struct followed, node);

		if (f->loaded && !follow_has_work(&f->follow))
			continue;
		cells++;
		channels += follow_behind(&f->follow);
		if (f->since_ns && f->since_ns < oldest)
			oldest = f->since_ns;
	}
	set(&x->search->stats.cells_behind, cells);
	set(&x->search->stats.channels_behind, channels);
	set(&x->search->stats.lag_ns, now - oldest);
}

static void on_timer(struct indexer *x, struct actor_msg *msg)
{
	batch_tick(x);
	publish_lag(x);
	actor_timer_again(x->self, msg, TICK_NS);
}

static void on_stop(struct indexer *x, struct actor_msg *msg)
{
	(void)msg;
	x->stopping = true;
}

static const struct {
	uint32_t type;
	void (*fn)(struct indexer *x, struct actor_msg *msg);
} handlers[] = {
	{ SEARCH_HELLO, on_hello },
	{ SEARCH_CHANGED, on_changed },
	{ SEARCH_QUERY, on_query },
	{ SEARCH_REINDEX, on_reindex },
	{ SEARCH_FORGET, forget_ask },
	{ DATA_ROWS, batch_rows },
	{ ACTOR_MSG_IO, on_io },
	{ ACTOR_MSG_TIMER, on_timer },
	{ ACTOR_MSG_STOP, on_stop },
};

static int handle(struct actor *self, void *state, struct actor_msg *msg)
{
	struct indexer *x = state;

	x->self = self;
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if (handlers[i].type != msg->type)
			continue;
		handlers[i].fn(x, msg);
		break;
	}
	batch_next(x);
	job_next(x);
	return x->stopping && !x->open && x->job.kind == JOB_NONE ?
	       ACTOR_STOP : 0;
}

static int start(struct actor *self, void *state, const void *arg)
{
	struct indexer *x = state;

	x->self = self;
	x->search = *(struct search *const *)arg;
	list_init(&x->work);
	list_init(&x->queries);
	list_init(&x->forgets);
	if (!actor_timer_start(self, TICK_NS, 0))
		return -ENOMEM;
	job_next(x);
	return actor_register(self, SEARCH_NAME);
}

static void drop_queries(struct indexer *x)
{
	struct list *node;

	while ((node = list_pop(&x->queries))) {
		struct waiting_query *w = list_entry(node,
						     struct waiting_query,
						     node);

		actor_msg_free(&w->msg->head);
		mem_free(w);
	}
}

static void stop(struct actor *self, void *state, int reason)
{
	struct indexer *x = state;
	uint64_t value;
	size_t iter = 0;

	(void)self;
	(void)reason;
	drop_queries(x);
	forget_fini(x);
	buf_fini(&x->job.marks);
	for (uint32_t i = 0; i < x->batch.count; i++)
		rows_put(x->batch.reading[i].rows);
	while (hmap_next(&x->followed, &iter, NULL, &value)) {
		struct followed *f = (void *)(uintptr_t)value;

		follow_fini(&f->follow);
		mem_free(f);
	}
	hmap_fini(&x->followed);
	/* Only after a failure of ours: the next run will look at all again. */
	if (x->cells)
		cells_close(x->cells, false);
}

const struct actor_class indexer_class = {
	.name = "search",
	.state_size = sizeof(struct indexer),
	.start = start,
	.handle = handle,
	.stop = stop,
	.mailbox_limit = MAILBOX,
	.when_full = ACTOR_FULL_DROP,
};

int search_start(struct actor_system *sys, const struct search_opts *opts,
		 struct search **ret_search)
{
	int cores = actor_system_cores(sys);
	const struct actor_spawn_opts spawn = {
		.core = cores - 1, .restart = ACTOR_RESTART_ON_ERROR,
		.arg_size = sizeof(struct search *),
	};
	struct search *s;
	actor_ref ref;
	int err;

	if (strlen(opts->dir) >= DIR_SIZE)
		return -ENAMETOOLONG;
	s = mem_zalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	strcpy(s->dir, opts->dir);
	s->young_ms = opts->young_ms ? opts->young_ms : SEARCH_YOUNG_MS;
	s->slack_ms = opts->slack_ms ? opts->slack_ms : SEARCH_SLACK_MS;
	s->max_open = opts->max_open ? opts->max_open : CELLS_OPEN_MAX;
	err = actor_system_spawn(sys, &indexer_class, &s, &spawn, &ref);
	if (err)
		mem_free(s);
	else
		*ret_search = s;
	return err;
}

const struct search_stats *search_stats(const struct search *search)
{
	return &search->stats;
}

void search_free(struct search *search)
{
	mem_free(search);
}
