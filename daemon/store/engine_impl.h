/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that make up the engine know of each other. */
#ifndef STORE_ENGINE_IMPL_H
#define STORE_ENGINE_IMPL_H

#include "base/hash.h"
#include "store/block.h"
#include "store/cache.h"
#include "store/engine.h"
#include "store/index.h"
#include "store/io.h"
#include "store/log.h"
#include "store/page.h"
#include "store/part.h"
#include "store/space.h"

/* Tidying up writes so many bytes for each byte of rows that came, and for those
 * of a log before the start. */
#define ENGINE_IDLE_PRICE 8u

struct packer;
struct round;
struct rewrite;

/* Writes that wait for room in the log; the next one is shed. */
#define ENGINE_WAITING_MAX 65536u

/* One free slot at a time is given back to the file system: trim.c. */
struct trim {
	struct io_req req;
	uint32_t slot;
	bool busy;
	bool refused;		/* the file system cannot */
};

struct engine {
	struct engine_opts opts;
	struct os_loop *loop;
	struct io io;
	struct super super;
	struct os_file *super_file, *log_file, *data_file;
	uint64_t data_size;		/* of the file */
	struct log log;
	struct log_tail tail;		/* durable, in the index */
	struct index index;
	struct space space;
	struct trim trim;
	struct hmap bad;		/* places of blocks that are damaged */
	struct cache *cache;
	struct block_codec *codec;
	struct hmap parts[STORE_SPACE_COUNT];	/* channel to struct part */
	struct list all;		/* every part */
	struct list *cursor;		/* of a walk through all, or NULL */
	struct list dirty;		/* parts with deltas, oldest first */
	struct list *dirty_cursor;	/* of a round's walk, or NULL */
	struct list fragmented;		/* parts worth merging when idle */
	struct list holed;		/* parts to be flushed for their holes */
	size_t delta_bytes;
	uint64_t applied_seq;		/* every delta is this old or older */
	/* Writes: in the frame in flight or in the next one, by seq; and those
	 * that wait for room, in the order of arrival. */
	struct list staged, waiting;
	uint32_t waiting_count;
	struct hmap fetching;		/* place to struct fetch */
	struct list fetches;
	struct list held_fetches;	/* of them: for rounds, not yet sent */
	uint32_t round_reads;
	struct list fetching_ops;	/* requests that wait for blocks */
	struct round *round;		/* the one running, or NULL */
	struct rewrite *rewrite;	/* of the index; never beside a round */
	enum store_hold hold;
	uint32_t held_ticks;		/* that writes wait because of it */
	uint32_t barren;		/* rounds since a write found room */
	bool flush_all;
	bool idle;			/* no writes lately: tidy up */
	uint64_t idle_bytes;		/* that tidying up may yet write */
	int round_error;		/* of the last round */
	bool round_retry;		/* tick says: try again */
	uint64_t last_ticks_writes;
	struct packer *packer;
	int failed;			/* no more writes: memory ran out */
	struct engine_stats stats;
};

/* Finds; NULL.  Makes, if need be; NULL when memory is out. */
struct part *engine_part(const struct engine *e, uint64_t channel,
			 uint8_t space);
struct part *engine_part_make(struct engine *e, uint64_t channel,
			      uint8_t space);
/* After part_apply() or part_settle(): keeps sums and lists right. */
void engine_part_changed(struct engine *e, struct part *part,
			 size_t delta_bytes_before);
/* Are there partitions that have to be flushed for their holes?  What is stuck
 * on damaged blocks no flush can mend. */
static inline bool engine_holes_due(const struct engine *e)
{
	return !list_empty(&e->holed) && !e->bad.count;
}

/* Is it time for what only helps the reads to come? */
static inline bool engine_may_tidy(const struct engine *e)
{
	return e->idle && e->idle_bytes;
}

/* Takes it off the list of those with deltas. */
void engine_part_clean(struct engine *e, struct part *part);
void engine_drop_part_if_empty(struct engine *e, struct part *part);

static inline struct block_id engine_block_id(const struct engine *e,
					      const struct part *part)
{
	return (struct block_id){
		.store_tag = e->super.store_tag,
		.channel = part->channel,
		.space = part->space,
	};
}

static inline uint32_t engine_slot_of(const struct engine *e, uint32_t place)
{
	return (uint32_t)((uint64_t)place * BLOCK_ALIGN / e->super.slot_bytes);
}

static inline uint32_t padded(uint32_t bytes)
{
	return (bytes + BLOCK_ALIGN - 1) & ~(BLOCK_ALIGN - 1);
}

/*
 * Fetching blocks.  A group waits for a set of blocks and holds them until it
 * is freed; several groups may wait for one read.
 */
struct fetch_group {
	struct engine *e;
	struct part *part;
	uint32_t pending;
	int err;
	bool of_round;		/* others go first; set before fetch_start() */
	uint32_t count, cap;
	struct fetch_pin {
		uint32_t place;
		struct rows *rows;
	} *pin;
	/* Nothing is pending any more: all have arrived, or err is set.  Not
	 * called from fetch_start(). */
	void (*ready)(struct fetch_group *group);
	void *ctx;
};

void fetch_group_init(struct fetch_group *group, struct engine *e,
		      struct part *part,
		      void (*ready)(struct fetch_group *group), void *ctx);
void fetch_group_fini(struct fetch_group *group);
/*
 * Asks for these blocks (indexes in part->blocks).  True: ready() will be
 * called, and the group must stay until then.  False: all are at hand, or
 * err is set.
 */
bool fetch_start(struct fetch_group *group, const uint32_t *blocks,
		 uint32_t count);
/* A page_lookup_fn: what the group holds, or the cache does.  ctx may be a
 * group or, for fetch_lookup_cache(), the engine. */
struct rows *fetch_lookup(void *ctx, const struct block_ref *ref);
struct rows *fetch_lookup_cache(void *ctx, const struct block_ref *ref);
/* Forgets all reads; nobody is told. */
void fetch_abandon(struct engine *e);

/*
 * Background rounds, one at a time: round.c.  consider() starts one if there
 * is reason to, step() does a bounded slice of the one that runs.
 */
void round_consider(struct engine *e);
void round_step(struct engine *e);
/* The log fills, though a round is under way: it may keep others waiting for
 * the disk, who would else wait for room. */
bool round_in_haste(const struct engine *e);
void round_free(struct engine *e);

/* Creates or opens the files and reads them: recover.c, create.c.  Blocking. */
int create_shard(struct engine *e);
int recover_shard(struct engine *e, struct engine_report *report);
/* Paths of the shard's files, in a buffer of ENGINE_PATH_MAX. */
#define ENGINE_PATH_MAX 4096
const char *engine_path(const struct engine *e, const char *name, char *buf);

/* Writing the index anew: rewrite.c.  Started by a round's end. */
void rewrite_start(struct engine *e);
void rewrite_step(struct engine *e);
void rewrite_free(struct engine *e);

/* When idle: gives the space of free slots back: trim.c. */
void trim_step(struct engine *e);

/*
 * Changes to rows of damaged blocks: relog.c.  relog_part() stages them all
 * again, beside what is staged, where they must fit; `done` is called for each
 * of the *ret_count, with its error.  -ENOMEM.
 */
bool engine_is_bad(const struct engine *e, const struct block_ref *ref);
bool engine_is_stuck(const struct engine *e, const struct part *part,
		     const struct delta *delta);
bool relog_fits(const struct engine *e, const struct part *part);
int relog_part(struct engine *e, struct part *part,
	       void (*done)(struct engine *e, int err), uint32_t *ret_count);
/* Forgets those staged; nobody is told. */
void relog_abandon(struct engine *e);

void engine_finish(struct store_op *op, int status);
/* Who asked for it finds out by -ESTALE. */
void engine_give_up_hold(struct engine *e);

/* Requests: read.c, write.c. */
void engine_read(struct engine *e, struct store_op *op);
void engine_write(struct engine *e, struct store_op *op);
/* Gets the blocks that a request misses, then goes on with ready().  -ENOMEM:
 * it does not.  read_release() when it needs them no more. */
int read_fetch(struct engine *e, struct store_op *op,
	       const struct page_missing *missing,
	       void (*ready)(struct fetch_group *group));
void read_release(struct engine *e, struct store_op *op);
/* Those that wait for room get what there is. */
void write_place_waiting(struct engine *e);
/* Those that wait for its holes to be fewer, or not any more. */
void write_go_on(struct engine *e, struct part *part);

/* The log's verdict on a frame: struct log's done(). */
void engine_log_done(void *ctx, const struct frame *frame, int err);
/* Answers what was never written with -ECANCELED. */
void engine_cancel_writes(struct engine *e);

/*
 * From where on the log is needed once the blocks of the partitions being
 * flushed count, which hold everything up to flushed_seq.
 */
struct log_tail engine_log_tail(const struct engine *e, uint64_t flushed_seq);
/* The index says so durably. */
void engine_release_log(struct engine *e, const struct log_tail *tail);
/* Puts a write into the staged frame, where there is room for it. */
void engine_stage(struct engine *e, struct store_op *op);

void engine_wake(struct engine *e);

#endif
