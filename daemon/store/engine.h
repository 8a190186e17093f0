/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine of one shard: rows in, durable, and out again.  Driven by one
 * thread, which calls engine_step() when told so by `wake`; never blocks but
 * in engine_open() and engine_close().
 */
#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include <stdbool.h>

#include "base/list.h"
#include "os/loop.h"
#include "proto/store.h"

struct engine;
struct blob;
struct timings;

struct engine_opts {
	const char *dir;	/* of this shard; made if absent */
	uint32_t shard, shards;
	uint64_t log_bytes;	/* 0: ENGINE_LOG_BYTES; of a new shard */
	uint32_t slot_bytes;	/* 0: ENGINE_SLOT_BYTES; of a new shard */
	size_t cache_bytes;	/* 0: ENGINE_CACHE_BYTES */
	size_t delta_bytes;	/* 0: ENGINE_DELTA_BYTES; unflushed rows */
	uint32_t holes_max;	/* 0: ENGINE_HOLES_MAX */
	bool compress;		/* what is written from now on */
	bool read_only;		/* for tools: nothing is written, ever */
	bool salvage;		/* with it: go on behind damage of log, index */
	uint64_t log_end;	/* with it: the last frame that counts; 0 */
	struct timings *commits;	/* added to; may be NULL */
	unsigned int unsafe;	/* for tests only: mechanisms to leave out */
	/* engine_step() is due.  From the loop's callbacks or from calls of
	 * this interface; may be NULL. */
	void (*wake)(void *ctx);
	void *ctx;
};

/* So that a test can show that each is needed, and that it would notice. */
enum engine_unsafe {
	ENGINE_UNSAFE_LOG_SYNC = 1 << 0,	/* acknowledge before it */
	ENGINE_UNSAFE_LOG_HEAL = 1 << 1,	/* leave failed frames behind */
	ENGINE_UNSAFE_DATA_SYNC = 1 << 2,	/* index before it */
	ENGINE_UNSAFE_LOG_TAIL = 1 << 3,	/* reuse what is needed */
	ENGINE_UNSAFE_START_SYNC = 1 << 4,	/* believe what is cached */
};

#define ENGINE_LOG_BYTES (32u << 20)
#define ENGINE_SLOT_BYTES (4u << 20)
#define ENGINE_CACHE_BYTES (32u << 20)
#define ENGINE_DELTA_BYTES (40u << 20)
/* Blocks of a partition of which some rows were changed since they were written:
 * all of these are read and written by one round. */
#define ENGINE_HOLES_MAX 1024u

/* What recovery found. */
struct engine_report {
	uint64_t partitions, blocks, rows;
	uint64_t replayed;	/* records of the log */
	uint64_t frames;
	uint64_t lost_frames;	/* damaged ones; not 0 only with salvage */
	bool lost_index;	/* likewise: it was made from the blocks */
	bool lost_super;	/* likewise: it was made from the other files */
	bool created;
	bool torn_tail;		/* an unfinished frame was cut off */
	bool torn_index;	/* likewise, of the index */
	bool super_pair;	/* one superblock less would do */
};

/*
 * Opens or makes the shard and recovers it.  Blocking.  -EBADMSG: damaged in a
 * way that a crash does not explain (the log says which; chatd-store repairs);
 * -EPROTONOSUPPORT: another version's; -EXDEV: shard of another number.
 */
int engine_open(struct os_loop *loop, const struct engine_opts *opts,
		struct engine **ret_engine, struct engine_report *ret_report);
/* Waits for what is in flight, drops the rest (-ECANCELED), frees. */
void engine_close(struct engine *engine);
/* Frees without touching the disk: after a simulated power cut, or
 * os_loop_cancel(): nothing of it may be in flight. */
void engine_abandon(struct engine *engine);

enum store_op_kind {
	OP_APPEND,
	OP_EDIT,
	OP_DELETE,
	OP_GET,
	OP_PAGE,
};

/* A request.  The caller fills the first part and keeps it in place until
 * `done`, which is called from engine_submit() or engine_step(). */
struct store_op {
	enum store_op_kind kind;
	uint8_t space;
	uint16_t dir, limit;		/* OP_PAGE */
	uint64_t channel, id;
	struct blob *row;		/* OP_APPEND, OP_EDIT; borrowed */
	const uint64_t *ids;		/* OP_DELETE; borrowed */
	uint32_t id_count;
	void (*done)(struct store_op *op);
	/* The answer. */
	int status;
	uint32_t changed;
	struct rows *rows;		/* the caller's to put */
	/* The engine's: */
	struct list node;
	struct part *part;
	struct fetch_group *group;
	uint64_t seq;			/* first of its records */
	uint32_t records;
	bool changing;			/* counted in its partition */
	uint32_t row_at;		/* in its frame's data */
	uint64_t hits[STORE_DELETE_MAX / 64];	/* OP_DELETE: ids that exist */
};

void engine_submit(struct engine *engine, struct store_op *op);

/* Runs completions and a slice of background work; sends the staged commit. */
void engine_step(struct engine *engine);

/* Now and then (about ten times a second): idle work and retries. */
void engine_tick(struct engine *engine);

/* Nothing in flight, nothing staged, no background work in progress. */
bool engine_quiet(const struct engine *engine);

/* 0, or why it takes no more writes until it is opened again. */
int engine_error(const struct engine *engine);

/* Starts writing everything unflushed to blocks; over when engine_quiet(). */
void engine_flush(struct engine *engine);

/*
 * For a backup: keeps what enum store_hold says from changing.  Frames of the
 * log up to *ret_frame are durable.  -EAGAIN: work under way has to end first,
 * ask again after a step; -ESTALE: it lowers what was not held.
 */
int engine_hold(struct engine *engine, enum store_hold hold,
		uint64_t *ret_frame);

struct engine_stats {
	uint64_t partitions, blocks, rows_in_blocks;
	uint64_t delta_bytes, index_bytes, cache_bytes;
	uint64_t cache_hits, cache_misses;
	uint64_t log_bytes, log_used, log_written, log_frames;
	uint64_t data_written, index_written, user_bytes;
	uint64_t data_used, data_live, data_file, index_file;
	uint64_t reads, read_bytes;	/* of blocks, from the disk */
	uint64_t rounds, moved_blocks;
	uint64_t appended, edited, deleted, shed;
	uint64_t corrupt_blocks, corrupt_rows, io_errors;
};

void engine_stats(const struct engine *engine, struct engine_stats *ret_stats);

#endif
