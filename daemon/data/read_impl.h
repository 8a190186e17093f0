/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of read_store.h share. */
#ifndef DATA_READ_IMPL_H
#define DATA_READ_IMPL_H

#include "base/buf.h"
#include "data/read_format.h"
#include "data/read_store.h"
#include "os/disk.h"

#define READ_PATH_MAX 512

/*
 * A group of changes: gathering, or on its way to the disk.  One that the disk
 * refused stays as it is and is written again, for its records are in the table
 * already.
 */
struct read_group {
	uint8_t *data;		/* read_store.frame_max, aligned */
	uint32_t records;
	uint32_t op_count;
	struct list ops;	/* struct read_op; none after a failure */
};

/* Channels to be forgotten, one after the other. */
struct read_forget {
	struct list ops;	/* struct read_op */
	uint32_t part;		/* of the first one: the next to be looked at */
};

/* A checkpoint being written: one piece in flight at a time. */
struct read_round {
	bool active;
	bool flying;		/* a piece is in flight */
	bool landed;		/* it is back, with `result` */
	bool ended;		/* the piece holds the END */
	bool syncing;		/* all is written; the piece is the sync */
	int result;
	int tries;		/* of this piece */
	uint64_t id;
	uint64_t seq;		/* of the next unit */
	uint64_t offset;	/* of the piece in the file */
	uint64_t log_place;	/* where its head points to */
	uint64_t log_seq;
	uint32_t part;		/* the next one to be dumped */
	struct os_disk_op op;
	struct buf image;	/* a unit being made */
	uint8_t *data;		/* the piece, aligned */
	size_t len, room;	/* of it; multiples of a block */
};

struct read_store {
	struct os_loop *loop;
	struct read_store_opts opts;
	char dir[READ_PATH_MAX - 64];
	struct os_file *log;
	struct os_file *checkpoints[2];	/* that of N: N % 2 */
	uint64_t log_blocks;
	uint32_t frame_max;	/* bytes */
	/* Blocks since ever, tail <= head <= tail + log_blocks. */
	uint64_t tail;		/* the first that a recovery would read */
	uint64_t head;		/* where the next frame goes */
	uint64_t seq;		/* of the next frame */
	uint64_t checkpoint;	/* the number of the one that counts */
	struct read_group group[2];
	uint32_t gathering;	/* the index of the one that is */
	bool flying;		/* the other one is in flight */
	bool landed;		/* it is back, with `result` */
	bool refused;		/* it is to be written again, on a tick */
	bool closing;
	int result;
	struct os_disk_op op;
	struct list settled;	/* struct read_op: status is set, to be told */
	struct read_round round;
	struct read_forget forget;
	struct read_table table;
	struct read_stats stats;
};

const char *read_path(const struct read_store *s, const char *name,
		      char *buf);
void read_wake(struct read_store *s);

/* Where a frame of so many blocks goes when it would be the next. */
uint64_t read_place(const struct read_store *s, uint32_t blocks);

/* Is there something for the log that it would take? */
bool read_is_busy(const struct read_store *s);

/* Has the group that gathers room for another record? */
bool read_is_full(const struct read_store *s);
/* Makes this the user's state, in memory and in the group that gathers. */
int read_change(struct read_store *s, uint64_t user,
		const struct read_state *state);
/* It is done when the group that gathers is durable. */
void read_gather(struct read_store *s, struct read_op *op);

/* --- forgetting (read_forget.c) --- */

/* A bounded piece. */
void read_forget_step(struct read_store *s);
/* All that wait get this. */
void read_forget_end(struct read_store *s, int status);

/* --- rounds (read_round.c) --- */

/* Begins one if the log is half full; goes on with one. */
void read_round_step(struct read_store *s);
/* Writes checkpoint N of an empty table.  Blocking. */
int read_round_first(struct read_store *s, uint64_t number);

/* --- opening (read_recover.c) --- */

int read_recover(struct read_store *s, struct read_report *report);

/* --- blocking I/O (read_io.c) --- */

enum read_io { READ_IO_READ, READ_IO_WRITE, READ_IO_SYNC };

/* The whole of it, or a negative errno. */
int read_io_do(struct os_loop *loop, enum read_io what, struct os_file *file,
	       void *buf, size_t len, uint64_t offset);

#endif
