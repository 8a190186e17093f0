/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writing end of the log: records are staged, and all that were staged go
 * to the disk as one frame, by one write and one fdatasync, while the next are
 * staged.  One frame is in flight at a time.
 *
 * A frame whose write failed may be on the disk in part or in whole.  Before
 * its records are refused, an empty frame of the same number is written over
 * its head, so that no recovery will find them.  When even that fails the log
 * is stuck: the outcome of that frame is unknown and nothing more is taken
 * until log_retry() succeeds.
 */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include <stdbool.h>

#include "store/format.h"
#include "store/io.h"

struct log_mark;
struct timings;

struct log {
	struct os_loop *loop;
	struct io *io;
	struct os_file *file;
	uint64_t bytes;
	uint64_t store_tag;
	uint32_t frame_max;		/* bytes */
	bool no_sync;			/* ENGINE_UNSAFE_LOG_SYNC */
	bool no_heal;			/* ENGINE_UNSAFE_LOG_HEAL */
	/* Where the next frame goes, its number, the next record's. */
	uint64_t head, frame, seq;
	/* Frames from the tail on, in a ring of bytes / sector places. */
	struct log_mark *marks;
	uint32_t mark_first, mark_count, mark_cap;
	uint8_t *staged, *flying;	/* FRAME_BYTES_MAX each */
	uint32_t staged_bytes, staged_records;
	uint64_t flying_seq;		/* first of the frame in flight */
	uint64_t flying_offset;
	uint32_t flying_bytes, flying_records;
	bool busy;			/* a frame is in flight */
	bool stuck;
	bool healing;
	int error;			/* that the frame in flight met */
	struct io_req req;
	/* The frame's records are durable (0), refused (negative errno), or
	 * nobody knows (-ETIMEDOUT).  Its data is borrowed, NULL unless 0. */
	void (*done)(void *ctx, const struct frame *frame, int err);
	void *ctx;
	struct timings *times;		/* of commits; may be NULL */
	uint64_t sent_ns;
	uint64_t frames_written, bytes_written;
};

/* Of the ring, a frame takes at most this part; appends leave two such parts
 * to edits and deletions. */
#define LOG_PARTS 8u

/* The next frame is number `frame` at `head`; `seq` its first record. */
int log_init(struct log *log, struct os_loop *loop, struct io *io,
	     struct os_file *file, const struct super *super,
	     const struct log_tail *next);
void log_fini(struct log *log);
/* Recovery: a frame that is still needed, in order. */
void log_remember(struct log *log, const struct log_tail *at, uint32_t records,
		  uint32_t size);

/*
 * Is there room for `bytes` more in the staged frame and in the ring?
 * -EAGAIN: not in the frame that is being filled; -ENOSPC: not in the ring;
 * -EIO: the log is stuck.
 */
int log_room(const struct log *log, size_t bytes, bool reserve);
/* Takes a record for which there is room; returns where its row will be in
 * the frame's data. */
uint32_t log_stage(struct log *log, const struct logrec *rec);
/* Sends what is staged, if anything is and no frame is in flight. */
void log_commit(struct log *log);
void log_retry(struct log *log);
/*
 * A start: writes an empty frame, where there is room for it, in place of what
 * a crash may have left of one of that number.  Blocking.
 */
int log_mark_start(struct log *log);
/* A clean stop: sends an empty frame, so that damage to the last commit will
 * not look like a torn one. */
void log_mark_end(struct log *log);

/* Bytes of the ring in use. */
uint64_t log_used(const struct log *log);
/* Where the log must be kept from, when records below `seq` are not needed. */
struct log_tail log_tail_for(const struct log *log, uint64_t seq);
/* The index no longer needs what lies before the tail. */
void log_release(struct log *log, const struct log_tail *tail);

#endif
