/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One shard of read states, durable: a table in memory (read_table.h), a log of
 * what changed, and checkpoints that keep the log short (read_format.h).
 *
 * A change is in the table at once, and is acknowledged when it is durable.
 * Changes are committed in groups: one write and sync at a time, what arrives
 * meanwhile goes with the next, as long as that has room: about 75,000, so that
 * a disk that hangs for most of a second is noticed by nobody but those who
 * wait for an acknowledgement.  A round writes a checkpoint beside that, part
 * by part, a bounded piece at a time, as fast as the log fills; its parts are
 * of different moments, which the log, replayed from the round's begin, makes
 * good.  No call does more than a bounded piece of any of this.
 *
 * Driven by one thread, which calls read_store_step() when told so by `wake`;
 * never blocks but in open and close.
 */
#ifndef DATA_READ_STORE_H
#define DATA_READ_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "data/read_table.h"
#include "os/loop.h"

struct read_store;

struct read_store_opts {
	const char *dir;	/* of this shard; its parent exists */
	uint32_t shard, shards;
	uint64_t log_bytes;	/* 0: READ_LOG_BYTES; of a new shard */
	unsigned int unsafe;	/* for tests only: mechanisms to leave out */
	/* read_store_step() is due.  May be NULL. */
	void (*wake)(void *ctx);
	void *ctx;
};

/* So that a test can show that each is needed, and that it would notice. */
enum read_unsafe {
	READ_UNSAFE_LOG_SYNC = 1 << 0,	/* acknowledge before it */
	READ_UNSAFE_ROUND_SYNC = 1 << 1,/* free the log before it */
	READ_UNSAFE_LOG_TAIL = 1 << 2,	/* free it when a round begins */
	READ_UNSAFE_START_SYNC = 1 << 3,/* believe what is cached */
};

#define READ_LOG_BYTES (16u << 20)
#define READ_GROUP_OPS_MAX 131072u	/* changes that go in one commit */

struct read_report {
	uint64_t checkpoint;	/* its number */
	uint64_t frames;	/* replayed */
	uint64_t records;
	bool created;
};

/*
 * Opens or makes a shard, and recovers it.  Blocking.  -EBADMSG: damaged in a
 * way that no crash explains; -EXDEV: it is another shard's.
 */
int read_store_open(struct os_loop *loop, const struct read_store_opts *opts,
		    struct read_store **ret_store,
		    struct read_report *ret_report);
/* Commits what waits, ends what is in flight, frees.  Blocking. */
void read_store_close(struct read_store *store);
/* Frees without touching the disk: after a simulated power cut. */
void read_store_abandon(struct read_store *store);

enum read_op_kind {
	READ_OP_ACK,		/* read up to `last`, unless further already */
	READ_OP_SET,		/* the same, wherever it was */
	READ_OP_MENTION,	/* `mentions` more, unless `last` is read */
};

/* The caller fills the first part and keeps it in place until `done`, which is
 * called from read_store_submit() or read_store_step(). */
struct read_op {
	enum read_op_kind kind;
	uint64_t user, channel, last;
	uint32_t mentions;
	void (*done)(struct read_op *op);
	/* 0: durable.  -EOVERFLOW: shed; -EIO, -ENOSPC: refused; after an error
	 * of the disk it may still be done. */
	int status;
	struct list node;	/* the store's */
};

void read_store_submit(struct read_store *store, struct read_op *op);
/* All users' states of op->channel go, of which no more may come; some at a
 * time.  Of the operation only that and `done` are looked at. */
void read_store_forget(struct read_store *store, struct read_op *op);
void read_store_step(struct read_store *store);
/* About ten times a second: tries again what the disk has refused. */
void read_store_tick(struct read_store *store);

/* Of all states, acknowledged or still under way.  Borrows. */
const struct read_table *read_store_table(const struct read_store *store);

struct read_stats {
	uint64_t frames, records, log_bytes;
	uint64_t rounds, round_bytes, failures, shed;
	uint64_t log_used, log_room;	/* blocks */
};

void read_store_stats(const struct read_store *store,
		      struct read_stats *ret_stats);

#endif
