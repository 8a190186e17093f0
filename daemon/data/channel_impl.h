/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a channel's actor share.  See data/data.h for what it
 * guarantees. */
#ifndef DATA_CHANNEL_IMPL_H
#define DATA_CHANNEL_IMPL_H

#include "base/list.h"
#include "data/heat.h"
#include "data/impl.h"
#include "proto/data.h"

#define MS 1000000ull

enum cookie { COOKIE_DEADLINE = 1, COOKIE_IDLE, COOKIE_RETRY };

struct run_key {
	uint64_t id;
	uint32_t space;
	uint16_t dir, limit;
	bool is_get;
};

/*
 * One store read.  While it is in flight, equal requests join it, unless a
 * write was acknowledged since it began: `epoch` counts those.  The runs of an
 * older epoch go on for those who wait, but nobody finds them.
 */
struct run {
	struct list node;	/* channel.runs, .retrying or .finished */
	struct list waiters;
	struct run_key key;
	uint64_t tag;		/* of the store read in flight */
	uint64_t epoch;
	actor_ref first;	/* who asked; it is not theirs */
	uint64_t begin_ns;
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
	uint32_t run_count;
	uint32_t write_count;
	uint32_t heat;		/* heat.h's */
	bool resuming;		/* a DATA_RESUME is on its way */
	uint64_t deadline_timer, idle_timer, retry_timer;
	struct list runs;	/* in flight, by deadline */
	struct list retrying;	/* failed, to be sent again */
	struct list finished;	/* being answered */
	struct list writes;
};

static inline bool is_unsafe(const struct channel *ch, enum data_unsafe what)
{
	return ch->data->opts.unsafe & what;
}

static inline struct heat *heat_of(const struct channel *ch)
{
	return ch->data->heat[actor_core(ch->self)];
}

/* The shard: looked up when it is not known, or has gone. */
bool channel_find_shard(struct channel *ch);

/* --- runs (channel_read.c) --- */

void channel_read(struct channel *ch, const struct store_read_msg *msg);
/* The store has answered. */
void channel_rows(struct channel *ch, struct store_rows_msg *msg);
/* No answer will come to those in flight. */
void channel_runs_lost(struct channel *ch, int status);
/* None of its runs are touched. */
void channel_caller_left(struct channel *ch, actor_ref who);
/* One that answers this, in flight or to be tried again; or NULL. */
struct run *run_find(struct channel *ch, const struct run_key *key);
void channel_retry(struct channel *ch);
void channel_time_out(struct channel *ch);

/* --- answers (channel_answer.c) --- */

/* Takes the rows. */
void channel_tell_rows(struct channel *ch, const struct waiter *waiter,
		       int status, struct rows *rows);
/* Its waiters get this, a bounded number of them in one go.  Takes the rows. */
void run_finish(struct channel *ch, struct run *run, int status,
		struct rows *rows);
void run_free(struct channel *ch, struct run *run);
/* Goes on with that. */
void channel_deliver(struct channel *ch);

/* --- writes (channel_write.c) --- */

void channel_write(struct channel *ch, struct actor_msg *msg);
void channel_written(struct channel *ch, const struct store_written_msg *msg);
/* No answer will come to those in flight. */
void channel_writes_lost(struct channel *ch);

#endif
