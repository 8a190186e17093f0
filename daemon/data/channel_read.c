// SPDX-License-Identifier: Apache-2.0
/* Reads: who joins which run, and how a run goes. */
#include <errno.h>

#include "base/check.h"
#include "base/mem.h"
#include "data/channel_impl.h"

#define RETRY_MAX 1u
#define RETRY_MIN_MS 5u
#define RETRY_JITTER_MS 20u
/* Pages of these sizes are asked for: more requests share a run. */
static const uint16_t page_sizes[] = { 50, 100 };

static void arm_deadline(struct channel *ch)
{
	uint64_t now = actor_now_ns(ch->self), at;

	if (ch->deadline_timer || list_empty(&ch->runs) ||
	    is_unsafe(ch, DATA_UNSAFE_NO_DEADLINE))
		return;
	at = list_entry(ch->runs.next, struct run, node)->deadline_ns;
	ch->deadline_timer = actor_timer_start(ch->self, at > now ? at - now : 0,
					       COOKIE_DEADLINE);
}

/* Asks the store.  -ENOMEM, -EAGAIN: no shard. */
static int send_run(struct channel *ch, struct run *run)
{
	struct store_read_msg *msg;

	run->tries++;
	if (!channel_find_shard(ch))
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
	heat_count(heat_of(ch), &ch->heat, ch->id, HEAT_RUN);
	list_del(&run->node);
	list_push(&ch->runs, &run->node);
	arm_deadline(ch);
	return actor_send(ch->self, ch->shard, &msg->head);
}

static bool is_worth_retrying(int status)
{
	return status == -EIO || status == -ENOMEM || status == -EAGAIN;
}

static struct run *run_new(struct channel *ch, const struct run_key *key)
{
	struct run *run = mem_zalloc(sizeof(*run));

	if (!run)
		return NULL;
	run->key = *key;
	run->epoch = ch->epoch;
	run->begin_ns = actor_now_ns(ch->self);
	list_init(&run->node);
	list_init(&run->waiters);
	ch->run_count++;
	return run;
}

/* For tests: each who waits tries again for himself. */
static void scatter(struct channel *ch, struct run *run)
{
	struct list *node;

	while (run->waiters.next != run->waiters.prev &&
	       (node = list_pop(&run->waiters))) {
		struct run *own = run_new(ch, &run->key);

		check(own);
		own->tries = run->tries;
		list_push(&own->waiters, node);
		list_push(&ch->retrying, &own->node);
	}
}

/* A run failed: once more later, or its waiters hear of it. */
static void run_failed(struct channel *ch, struct run *run, int status)
{
	uint64_t wait_ms;

	if (is_unsafe(ch, DATA_UNSAFE_NO_RETRY) || run->tries > RETRY_MAX ||
	    !is_worth_retrying(status)) {
		run_finish(ch, run, status, NULL);
		return;
	}
	if (is_unsafe(ch, DATA_UNSAFE_RETRY_HERD))
		scatter(ch, run);
	data_count(&ch->data->stats.retries, 1);
	run->tag = 0;
	list_del(&run->node);
	list_push(&ch->retrying, &run->node);
	wait_ms = RETRY_MIN_MS;
	if (!is_unsafe(ch, DATA_UNSAFE_NO_JITTER))
		wait_ms += actor_random(ch->self) % RETRY_JITTER_MS;
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

void channel_retry(struct channel *ch)
{
	struct list again, *node;

	ch->retry_timer = 0;
	list_init(&again);
	list_splice(&again, &ch->retrying);
	while ((node = list_pop(&again)))
		start_run(ch, list_entry(node, struct run, node));
}

void channel_time_out(struct channel *ch)
{
	uint64_t now = actor_now_ns(ch->self);

	ch->deadline_timer = 0;
	while (!list_empty(&ch->runs)) {
		struct run *run = list_entry(ch->runs.next, struct run, node);

		if (run->deadline_ns > now)
			break;
		data_count(&ch->data->stats.timeouts, 1);
		run_finish(ch, run, -ETIMEDOUT, NULL);
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

		if (same_key(&run->key, key) && run->epoch == ch->epoch)
			return run;
	}
	return NULL;
}

struct run *run_find(struct channel *ch, const struct run_key *key)
{
	struct run *run;

	if (is_unsafe(ch, DATA_UNSAFE_NO_JOIN))
		return NULL;
	run = find_in(ch, &ch->runs, key);
	return run ? run : find_in(ch, &ch->retrying, key);
}

static uint16_t normal_limit(const struct channel *ch,
			     const struct store_read_msg *msg)
{
	/* Around, the rows above and below both depend on it. */
	if (msg->dir == STORE_AROUND || is_unsafe(ch, DATA_UNSAFE_LIMITS))
		return msg->limit;
	for (size_t i = 0; i < sizeof(page_sizes) / sizeof(page_sizes[0]); i++)
		if (msg->limit <= page_sizes[i])
			return page_sizes[i];
	return msg->limit;
}

static struct run_key key_of(const struct channel *ch,
			     const struct store_read_msg *msg)
{
	struct run_key key = {
		.id = msg->id,
		.space = msg->space,
		.is_get = msg->head.type == DATA_GET,
	};

	if (!key.is_get) {
		key.dir = msg->dir;
		key.limit = normal_limit(ch, msg);
	}
	return key;
}

static void shed_read(struct channel *ch, const struct actor_msg *msg,
		      int status)
{
	struct waiter waiter = { .from = msg->from, .tag = msg->tag };

	data_count(&ch->data->stats.shed, 1);
	channel_tell_rows(ch, &waiter, status, NULL);
}

static int add_waiter(struct channel *ch, struct run *run, actor_ref from,
		      uint64_t tag, uint16_t limit)
{
	struct waiter *waiter;

	if (run->waiter_count >= ch->data->opts.max_waiters &&
	    !is_unsafe(ch, DATA_UNSAFE_NO_CAP))
		return -EOVERFLOW;
	waiter = mem_alloc(sizeof(*waiter));
	if (!waiter)
		return -ENOMEM;
	*waiter = (struct waiter){ .from = from, .tag = tag, .limit = limit };
	list_push(&run->waiters, &waiter->node);
	run->waiter_count++;
	return 0;
}

static int begin_run(struct channel *ch, const struct run_key *key,
		     const struct store_read_msg *msg)
{
	struct run *run;
	int err;

	if (ch->run_count >= ch->data->opts.max_runs)
		return -EOVERFLOW;
	run = run_new(ch, key);
	if (!run)
		return -ENOMEM;
	run->first = msg->head.from;
	err = add_waiter(ch, run, msg->head.from, msg->head.tag, msg->limit);
	if (err) {
		run_free(ch, run);
		return err;
	}
	if (is_unsafe(ch, DATA_UNSAFE_CALLER_OWNS))
		actor_monitor(ch->self, run->first);
	start_run(ch, run);
	return 0;
}

void channel_read(struct channel *ch, const struct store_read_msg *msg)
{
	struct run_key key = key_of(ch, msg);
	struct run *run;
	int err;

	data_count(&ch->data->stats.reads, 1);
	heat_count(heat_of(ch), &ch->heat, ch->id, HEAT_READ);
	if (!key.is_get && (!msg->limit || msg->limit > STORE_PAGE_MAX)) {
		shed_read(ch, &msg->head, -EINVAL);
		return;
	}
	run = run_find(ch, &key);
	err = run ? add_waiter(ch, run, msg->head.from, msg->head.tag,
			       msg->limit) :
		    begin_run(ch, &key, msg);
	if (err)
		shed_read(ch, &msg->head, err);
}

void channel_rows(struct channel *ch, struct store_rows_msg *msg)
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
			run_finish(ch, run, msg->status, rows);
		return;
	}
	/* It had timed out. */
}

void channel_runs_lost(struct channel *ch, int status)
{
	struct list lost, *node;

	list_init(&lost);
	list_splice(&lost, &ch->runs);
	while ((node = list_pop(&lost)))
		run_failed(ch, list_entry(node, struct run, node), status);
}

/* For tests: only then is a caller's end of any interest. */
void channel_caller_left(struct channel *ch, actor_ref who)
{
	list_for_each_safe(node, &ch->runs) {
		struct run *run = list_entry(node, struct run, node);

		if (is_unsafe(ch, DATA_UNSAFE_CALLER_OWNS) &&
		    actor_ref_eq(run->first, who))
			run_finish(ch, run, -ECANCELED, NULL);
	}
}
