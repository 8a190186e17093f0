// SPDX-License-Identifier: Apache-2.0
/*
 * A channel's actor.  See data/data.h for what it guarantees.
 *
 * A run is one store read.  While it is in flight, equal requests join it,
 * unless a write was acknowledged since it began: `epoch` counts those.  The
 * runs of an older epoch go on for those who wait, but nobody finds them.
 */
#include <errno.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/list.h"
#include "base/mem.h"
#include "data/impl.h"
#include "proto/data.h"

#define MS 1000000ull
/* Answers given in one go: a herd must not hold up the core. */
#define DELIVER_SLICE 256u
#define RETRY_MAX 1u
#define RETRY_MIN_MS 5u
#define RETRY_JITTER_MS 20u
/* Pages of these sizes are asked for: more requests share a run. */
static const uint16_t page_sizes[] = { 50, 100 };

enum cookie { COOKIE_DEADLINE = 1, COOKIE_IDLE, COOKIE_RETRY };

struct run_key {
	uint64_t id;
	uint32_t space;
	uint16_t dir, limit;
	bool is_get;
};

struct run {
	struct list node;	/* channel.runs, .retrying or .finished */
	struct list waiters;
	struct run_key key;
	uint64_t tag;		/* of the store read in flight */
	uint64_t epoch;
	uint64_t deadline_ns;
	uint32_t waiter_count;
	uint32_t tries;
	int status;
	struct rows *rows;
};

struct waiter {
	struct list node;
	actor_ref from;
	uint64_t tag;
	uint16_t limit;
};

struct write {
	struct list node;
	uint64_t store_tag;
	actor_ref from;
	uint64_t tag;
};

struct channel {
	struct actor *self;
	struct data *data;
	actor_ref router, shard;
	uint64_t id;
	uint64_t epoch;
	uint64_t got;		/* requests so far */
	uint64_t got_when_idle;
	uint64_t next_tag;
	uint32_t write_count;
	uint64_t deadline_timer, idle_timer, retry_timer;
	struct list runs;	/* in flight, by deadline */
	struct list retrying;	/* failed, to be sent again */
	struct list finished;	/* being answered */
	struct list writes;
};

/* --- answers -------------------------------------------------------------- */

static void tell_written(struct channel *ch, const struct write *write,
			 int status, uint32_t count)
{
	struct store_written_msg *reply =
		ACTOR_MSG_NEW(struct store_written_msg, DATA_WRITTEN);

	if (!reply)
		return;
	reply->status = status;
	reply->count = count;
	reply->head.tag = write->tag;
	actor_send(ch->self, write->from, &reply->head);
}

static void tell_rows(struct channel *ch, const struct waiter *waiter,
		      int status, struct rows *rows)
{
	struct store_rows_msg *reply =
		ACTOR_MSG_NEW(struct store_rows_msg, DATA_ROWS);

	if (!reply) {
		rows_put(rows);
		return;
	}
	if (status)
		data_count(&ch->data->stats.errors, 1);
	reply->status = status;
	reply->rows = rows;
	reply->head.tag = waiter->tag;
	actor_send(ch->self, waiter->from, &reply->head);
}

/* The part of a run's rows that a smaller page is; NULL: out of memory. */
static struct rows *slice(struct rows *all, const struct run_key *key,
			  uint16_t limit)
{
	uint32_t first = 0;
	struct rows *rows;

	if (key->is_get || limit >= all->count)
		return rows_get(all);
	/* The page after an id has the oldest rows, which are the last. */
	if (key->dir == STORE_AFTER)
		first = all->count - limit;
	rows = rows_new(limit, all->owner_count);
	if (!rows)
		return NULL;
	for (uint32_t i = 0; i < all->owner_count; i++)
		rows_own(rows, all->owner[i]);
	for (uint32_t i = 0; i < limit; i++)
		rows->row[rows->count++] = all->row[first + i];
	return rows;
}

static void answer(struct channel *ch, struct run *run, struct waiter *waiter)
{
	struct rows *rows = NULL;
	int status = run->status;

	if (!status)
		rows = slice(run->rows, &run->key, waiter->limit);
	if (!status && !rows)
		status = -ENOMEM;
	tell_rows(ch, waiter, status, rows);
}

static void free_run(struct run *run)
{
	struct list *node;

	while ((node = list_pop(&run->waiters)))
		mem_free(list_entry(node, struct waiter, node));
	list_del(&run->node);
	rows_put(run->rows);
	mem_free(run);
}

/* Answers a slice of those who wait for finished runs. */
static void deliver(struct channel *ch)
{
	struct actor_msg *more;
	uint32_t n = 0;

	while (!list_empty(&ch->finished) && n < DELIVER_SLICE) {
		struct run *run = list_entry(ch->finished.next, struct run,
					     node);
		struct list *node = list_pop(&run->waiters);

		if (!node) {
			free_run(run);
			continue;
		}
		answer(ch, run, list_entry(node, struct waiter, node));
		mem_free(list_entry(node, struct waiter, node));
		n++;
	}
	if (list_empty(&ch->finished))
		return;
	more = actor_msg_new(DATA_RESUME, sizeof(*more));
	if (more)
		actor_send(ch->self, actor_self(ch->self), more);
}

static void finish_run(struct channel *ch, struct run *run, int status,
		       struct rows *rows)
{
	bool idle = list_empty(&ch->finished);

	run->status = status;
	run->rows = rows;
	list_del(&run->node);
	list_push(&ch->finished, &run->node);
	if (idle)
		deliver(ch);
}

/* --- runs ----------------------------------------------------------------- */

static void arm_deadline(struct channel *ch)
{
	uint64_t now = actor_now_ns(ch->self), at;

	if (ch->deadline_timer || list_empty(&ch->runs))
		return;
	at = list_entry(ch->runs.next, struct run, node)->deadline_ns;
	ch->deadline_timer = actor_timer_start(ch->self, at > now ? at - now : 0,
					       COOKIE_DEADLINE);
}

/* The shard: looked up when it is not known, or has gone. */
static bool find_shard(struct channel *ch)
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

/* Asks the store.  -ENOMEM, -EAGAIN: no shard. */
static int send_run(struct channel *ch, struct run *run)
{
	struct store_read_msg *msg;

	run->tries++;
	if (!find_shard(ch))
		return -EAGAIN;
	msg = ACTOR_MSG_NEW(struct store_read_msg,
			    run->key.is_get ? STORE_GET : STORE_PAGE);
	if (!msg)
		return -ENOMEM;
	run->tag = ++ch->next_tag;
	run->deadline_ns = actor_now_ns(ch->self) +
			   ch->data->opts.run_timeout_ms * MS;
	msg->head.tag = run->tag;
	msg->channel = ch->id;
	msg->id = run->key.id;
	msg->space = run->key.space;
	msg->dir = run->key.dir;
	msg->limit = run->key.limit;
	data_count(&ch->data->stats.runs, 1);
	list_del(&run->node);
	list_push(&ch->runs, &run->node);
	arm_deadline(ch);
	return actor_send(ch->self, ch->shard, &msg->head);
}

static bool is_worth_retrying(int status)
{
	return status == -EIO || status == -ENOMEM || status == -EAGAIN;
}

/* A run failed: once more later, or its waiters hear of it. */
static void run_failed(struct channel *ch, struct run *run, int status)
{
	uint64_t wait_ms;

	if (ch->data->opts.no_retry || run->tries > RETRY_MAX ||
	    !is_worth_retrying(status)) {
		finish_run(ch, run, status, NULL);
		return;
	}
	data_count(&ch->data->stats.retries, 1);
	run->tag = 0;
	list_del(&run->node);
	list_push(&ch->retrying, &run->node);
	wait_ms = RETRY_MIN_MS + actor_random(ch->self) % RETRY_JITTER_MS;
	if (!ch->retry_timer)
		ch->retry_timer = actor_timer_start(ch->self, wait_ms * MS,
						    COOKIE_RETRY);
}

static void start_run(struct channel *ch, struct run *run)
{
	int err = send_run(ch, run);

	/* A shard that has just gone answers through its DOWN. */
	if (err && err != -ESRCH)
		run_failed(ch, run, err);
}

static void retry_runs(struct channel *ch)
{
	struct list again, *node;

	ch->retry_timer = 0;
	list_init(&again);
	list_splice(&again, &ch->retrying);
	while ((node = list_pop(&again)))
		start_run(ch, list_entry(node, struct run, node));
}

static void time_out_runs(struct channel *ch)
{
	uint64_t now = actor_now_ns(ch->self);

	ch->deadline_timer = 0;
	while (!list_empty(&ch->runs)) {
		struct run *run = list_entry(ch->runs.next, struct run, node);

		if (run->deadline_ns > now)
			break;
		data_count(&ch->data->stats.timeouts, 1);
		finish_run(ch, run, -ETIMEDOUT, NULL);
	}
	arm_deadline(ch);
}

static bool same_key(const struct run_key *a, const struct run_key *b)
{
	return a->id == b->id && a->space == b->space && a->dir == b->dir &&
	       a->limit == b->limit && a->is_get == b->is_get;
}

static struct run *find_in(struct channel *ch, struct list *runs,
			   const struct run_key *key)
{
	list_for_each(node, runs) {
		struct run *run = list_entry(node, struct run, node);

		if (same_key(&run->key, key) &&
		    (run->epoch == ch->epoch || ch->data->opts.no_epochs))
			return run;
	}
	return NULL;
}

/* One in flight, or to be tried again, that answers this. */
static struct run *find_run(struct channel *ch, const struct run_key *key)
{
	struct run *run;

	if (ch->data->opts.no_coalescing)
		return NULL;
	run = find_in(ch, &ch->runs, key);
	return run ? run : find_in(ch, &ch->retrying, key);
}

static uint16_t normal_limit(const struct store_read_msg *msg)
{
	/* Around, the rows above and below both depend on it. */
	if (msg->dir == STORE_AROUND)
		return msg->limit;
	for (size_t i = 0; i < sizeof(page_sizes) / sizeof(page_sizes[0]); i++)
		if (msg->limit <= page_sizes[i])
			return page_sizes[i];
	return msg->limit;
}

static struct run_key key_of(const struct store_read_msg *msg)
{
	struct run_key key = {
		.id = msg->id,
		.space = msg->space,
		.is_get = msg->head.type == DATA_GET,
	};

	if (!key.is_get) {
		key.dir = msg->dir;
		key.limit = normal_limit(msg);
	}
	return key;
}

static struct run *new_run(struct channel *ch, const struct run_key *key)
{
	struct run *run = mem_zalloc(sizeof(*run));

	if (!run)
		return NULL;
	run->key = *key;
	run->epoch = ch->epoch;
	list_init(&run->node);
	list_init(&run->waiters);
	return run;
}

static void shed_read(struct channel *ch, const struct actor_msg *msg,
		      int status)
{
	struct waiter waiter = { .from = msg->from, .tag = msg->tag };

	data_count(&ch->data->stats.shed, 1);
	tell_rows(ch, &waiter, status, NULL);
}

static void on_read(struct channel *ch, const struct store_read_msg *msg)
{
	struct run_key key = key_of(msg);
	struct waiter *waiter;
	struct run *run;
	bool fresh;

	data_count(&ch->data->stats.reads, 1);
	if (!key.is_get && (!msg->limit || msg->limit > STORE_PAGE_MAX)) {
		shed_read(ch, &msg->head, -EINVAL);
		return;
	}
	run = find_run(ch, &key);
	if (run && run->waiter_count >= ch->data->opts.max_waiters) {
		shed_read(ch, &msg->head, -EOVERFLOW);
		return;
	}
	fresh = !run;
	if (fresh)
		run = new_run(ch, &key);
	waiter = run ? mem_alloc(sizeof(*waiter)) : NULL;
	if (!waiter) {
		if (run && fresh)
			free_run(run);
		shed_read(ch, &msg->head, -ENOMEM);
		return;
	}
	*waiter = (struct waiter){
		.from = msg->head.from,
		.tag = msg->head.tag,
		.limit = msg->limit,
	};
	list_push(&run->waiters, &waiter->node);
	run->waiter_count++;
	if (fresh)
		start_run(ch, run);
}

static void on_rows(struct channel *ch, struct store_rows_msg *msg)
{
	list_for_each(node, &ch->runs) {
		struct run *run = list_entry(node, struct run, node);
		struct rows *rows = msg->rows;

		if (run->tag != msg->head.tag)
			continue;
		msg->rows = NULL;
		if (msg->status && msg->status != -ENOENT)
			run_failed(ch, run, msg->status);
		else
			finish_run(ch, run, msg->status, rows);
		return;
	}
	/* It had timed out. */
}

/* --- writes --------------------------------------------------------------- */

static struct actor_msg *copy_put(struct store_put_msg *msg)
{
	struct store_put_msg *to = ACTOR_MSG_NEW(struct store_put_msg,
						 msg->head.type == DATA_APPEND ?
						 STORE_APPEND : STORE_EDIT);

	if (!to)
		return NULL;
	to->channel = msg->channel;
	to->id = msg->id;
	to->space = msg->space;
	to->row = msg->row;
	msg->row = NULL;
	return &to->head;
}

static struct actor_msg *copy_delete(const struct store_delete_msg *msg)
{
	struct store_delete_msg *to = store_delete_new(STORE_DELETE,
						       msg->count);

	if (!to)
		return NULL;
	to->channel = msg->channel;
	to->space = msg->space;
	for (uint32_t i = 0; i < msg->count; i++)
		to->id[i] = msg->id[i];
	return &to->head;
}

static struct actor_msg *copy_write(struct actor_msg *msg)
{
	if (msg->type == DATA_DELETE)
		return copy_delete(container_of(msg, struct store_delete_msg,
						head));
	return copy_put(container_of(msg, struct store_put_msg, head));
}

static void refuse_write(struct channel *ch, const struct actor_msg *msg,
			 int status)
{
	struct write write = { .from = msg->from, .tag = msg->tag };

	data_count(&ch->data->stats.shed, 1);
	tell_written(ch, &write, status, 0);
}

static void on_write(struct channel *ch, struct actor_msg *msg)
{
	struct actor_msg *to = NULL;
	struct write *write = NULL;

	data_count(&ch->data->stats.writes, 1);
	if (ch->write_count >= ch->data->opts.max_writes || !find_shard(ch)) {
		refuse_write(ch, msg, -EOVERFLOW);
		return;
	}
	write = mem_alloc(sizeof(*write));
	if (write)
		to = copy_write(msg);
	if (!to) {
		mem_free(write);
		refuse_write(ch, msg, -ENOMEM);
		return;
	}
	*write = (struct write){
		.from = msg->from,
		.tag = msg->tag,
		.store_tag = ++ch->next_tag,
	};
	to->tag = write->store_tag;
	list_push(&ch->writes, &write->node);
	ch->write_count++;
	/* A shard that has just gone answers through its DOWN. */
	actor_send(ch->self, ch->shard, to);
}

static void settle_write(struct channel *ch, struct write *write, int status,
			 uint32_t count)
{
	/* Before the writer knows: no read of his may join an older run. */
	if (!status || status == -ETIMEDOUT)
		ch->epoch++;
	tell_written(ch, write, status, count);
	list_del(&write->node);
	ch->write_count--;
	mem_free(write);
}

static void on_written(struct channel *ch, const struct store_written_msg *msg)
{
	list_for_each(node, &ch->writes) {
		struct write *write = list_entry(node, struct write, node);

		if (write->store_tag != msg->head.tag)
			continue;
		settle_write(ch, write, msg->status, msg->count);
		return;
	}
}

/* The shard is gone, and with it what was on its way. */
static void on_down(struct channel *ch, const struct actor_down_msg *msg)
{
	struct list lost, *node;

	if (!actor_ref_eq(msg->who, ch->shard))
		return;
	ch->shard = ACTOR_NOBODY;
	while (!list_empty(&ch->writes))
		settle_write(ch, list_entry(ch->writes.next, struct write,
					    node), -ETIMEDOUT, 0);
	list_init(&lost);
	list_splice(&lost, &ch->runs);
	while ((node = list_pop(&lost)))
		run_failed(ch, list_entry(node, struct run, node), -EIO);
}

/* --- life ----------------------------------------------------------------- */

static bool is_idle(const struct channel *ch)
{
	return list_empty(&ch->runs) && list_empty(&ch->retrying) &&
	       list_empty(&ch->finished) && list_empty(&ch->writes);
}

/* Quiet for a whole period: offer to go. */
static void on_idle_timer(struct channel *ch)
{
	struct actor_msg *msg;

	if (is_idle(ch) && ch->got == ch->got_when_idle) {
		msg = actor_msg_new(DATA_IDLE, sizeof(*msg));
		if (msg) {
			msg->tag = ch->got;
			actor_send(ch->self, ch->router, msg);
		}
	}
	ch->got_when_idle = ch->got;
	ch->idle_timer = actor_timer_start(ch->self,
					   ch->data->opts.idle_ms * MS,
					   COOKIE_IDLE);
}

static void on_timer(struct channel *ch, const struct actor_timer_msg *msg)
{
	if (msg->cookie == COOKIE_DEADLINE)
		time_out_runs(ch);
	else if (msg->cookie == COOKIE_RETRY)
		retry_runs(ch);
	else
		on_idle_timer(ch);
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
		on_write(ch, msg);
		break;
	case DATA_GET:
	case DATA_PAGE:
		ch->got++;
		on_read(ch, container_of(msg, struct store_read_msg, head));
		break;
	case STORE_WRITTEN:
		on_written(ch, container_of(msg, struct store_written_msg,
					    head));
		break;
	case STORE_ROWS:
		on_rows(ch, container_of(msg, struct store_rows_msg, head));
		break;
	case DATA_RESUME:
		deliver(ch);
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

static void free_runs(struct list *runs)
{
	while (!list_empty(runs))
		free_run(list_entry(runs->next, struct run, node));
}

static void channel_stop(struct actor *self, void *state, int reason)
{
	struct channel *ch = state;
	struct list *node;

	(void)self;
	(void)reason;
	free_runs(&ch->runs);
	free_runs(&ch->retrying);
	free_runs(&ch->finished);
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
