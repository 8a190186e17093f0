/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the indexer share. */
#ifndef SEARCH_INDEXER_H
#define SEARCH_INDEXER_H

#include "actor/actor.h"
#include "base/buf.h"
#include "base/list.h"
#include "proto/search.h"
#include "search/cells.h"
#include "search/follow.h"
#include "search/search.h"

#define SEARCH_LANE 1u		/* of os_work(): all that touches a cell */
#define READS_MAX 32u		/* of a batch */
#define QUERIES_MAX 256u	/* that wait */
#define FORGETS_MAX 64u		/* likewise */
#define DIR_SIZE 384

struct search {
	char dir[DIR_SIZE];
	uint32_t max_open;
	uint64_t young_ms, slack_ms;
	struct search_stats stats;
};

/* A guild's cell, as the indexer follows it. */
struct followed {
	struct follow follow;
	struct list node;	/* in indexer.work, or alone */
	uint64_t id;		/* of the guild */
	actor_ref guild;	/* who last said HELLO */
	uint64_t seq;		/* of the last hint */
	uint64_t retry_ns;	/* not before; after a failure */
	uint64_t since_ns;	/* the oldest hint that no read is for; 0 */
	bool loaded;		/* the cell's marks were read */
	bool asked;		/* WHO was sent, HELLO has not come */
	bool drop;		/* the cell is to be made anew */
};

struct reading {
	struct follow_read read;
	struct rows *rows;	/* NULL: there is nothing */
	bool answered;
};

enum batch_state { BATCH_NONE, BATCH_READING, BATCH_READY, BATCH_APPLYING };

/* One at a time: read from the store, then written into the cell. */
struct batch {
	enum batch_state state;
	struct followed *of;
	uint64_t epoch;		/* in the tags of its reads */
	uint64_t deadline_ns;
	uint64_t since_ns;	/* the oldest hint that it is for */
	uint32_t count, waiting;
	bool failed;		/* a read was; nothing is applied */
	struct reading reading[READS_MAX];
};

enum job_kind {
	JOB_NONE, JOB_OPEN, JOB_LOAD, JOB_APPLY, JOB_QUERY, JOB_SAFE, JOB_DROP,
	JOB_FORGET, JOB_CLOSE,
};

struct kept_mark {
	struct cell_mark mark;
	uint64_t safe_ms;	/* cells_safe() of its generation */
};

/* What runs on the lane: one at a time, and then the worker's. */
struct job {
	enum job_kind kind;
	struct followed *of;		/* LOAD, DROP */
	struct search_query_msg *query;	/* QUERY; taken */
	uint64_t query_ns;		/* when it came */
	struct search_hits_msg *hits;	/* its answer */
	uint64_t start_ns;
	struct buf marks;		/* LOAD: struct kept_mark */
	uint64_t safe_ms;		/* OPEN, SAFE: cells_safe() of ours */
	bool partial;			/* QUERY: say how much is indexed */
	bool complete;			/* CLOSE: see cells_close() */
	bool dropped;			/* the cell was, as damaged */
	bool more;			/* FORGET: there is */
};

struct indexer {
	struct actor *self;
	struct search *search;
	struct cells *cells;	/* the worker's while a job runs */
	uint64_t generation;
	uint64_t safe_ms;	/* of it, see cells_safe() */
	uint64_t safe_hints;	/* stats.hints, then */
	uint64_t safe_due_ns;
	struct hmap followed;	/* guild id -> struct followed */
	struct list work;	/* struct followed with something to do */
	struct list queries;	/* struct waiting_query */
	uint32_t query_count;
	struct list forgets;	/* struct waiting_forget, one at a time */
	uint32_t forget_count;
	struct batch batch;
	struct job job;
	bool open;
	bool stopping;
};

struct waiting_query {
	struct list node;
	struct search_query_msg *msg;	/* taken */
	uint64_t begin_ns;
};

struct waiting_forget {
	struct list node;
	struct search_forget_msg *msg;	/* taken */
};

static inline void search_count(atomic_uint_least64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* --- jobs (indexer_job.c) --- */

/* Starts the most urgent one if none runs. */
void job_next(struct indexer *x);
/* It is back. */
void job_done(struct indexer *x, int result);

/* --- channels that are gone (indexer_forget.c) --- */

void forget_ask(struct indexer *x, struct actor_msg *msg);
/* The cell that is to forget one next, for which nothing may be read
 * meanwhile; 0: none. */
uint64_t forget_cell(const struct indexer *x);
/* On the worker. */
int forget_run(struct indexer *x);
void forget_done(struct indexer *x, int result);
void forget_fini(struct indexer *x);

/* --- batches (indexer_batch.c) --- */

/* Begins one if none is under way and something is to be read. */
void batch_next(struct indexer *x);
void batch_rows(struct indexer *x, struct actor_msg *msg);
void batch_tick(struct indexer *x);
/* The cell is empty: what is being read for it is not the next thing there. */
void batch_void(struct indexer *x, const struct followed *f);
/* On the worker: writes what was read. */
int batch_apply(struct indexer *x);
void batch_applied(struct indexer *x, int result);

/* It has something to do, now or after a pause. */
void indexer_has_work(struct indexer *x, struct followed *f);
void indexer_pause(struct indexer *x, struct followed *f);
/* What may have changed unseen since all was well. */
struct follow_since indexer_since(const struct indexer *x, uint64_t safe_ms);
/* Do the cells say all that is to be done? */
bool indexer_all_saved(const struct indexer *x);
void indexer_answer(struct indexer *x, struct search_query_msg *query,
		    struct search_hits_msg *hits, int status);

extern const struct actor_class indexer_class;

#endif
