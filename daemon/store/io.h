/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to files, in order, however short the kernel's queue is.
 *
 * Completions are not delivered from the loop's callback but by io_run(), so
 * that the engine's code runs in its actor's handler and nowhere else.
 */
#ifndef STORE_IO_H
#define STORE_IO_H

#include "base/list.h"
#include "os/disk.h"

enum io_kind {
	IO_READ,
	IO_WRITE,
	IO_SYNC,
	IO_WRITE_SYNC,	/* whole or not at all as far as the result tells */
	IO_PUNCH,	/* the space goes back to the file system; no memory */
};

struct io_req {
	/* The caller's.  `done` gets 0 or a negative errno; a read or write
	 * that moved fewer bytes than asked for is an error. */
	void (*done)(struct io_req *req, int err);
	/* io's: */
	struct os_disk_op op;
	struct list node;
	struct io *io;
	struct os_file *file;
	uint8_t *buf;
	size_t len, moved;
	uint64_t offset;
	enum io_kind kind;
	int result;
};

struct io {
	struct list queued;	/* not yet accepted by os/ */
	struct list finished;	/* done, not yet delivered */
	uint32_t inflight;
	/* Called once when there is something for io_run(); from the loop. */
	void (*wake)(void *ctx);
	void *ctx;
};

void io_init(struct io *io, void (*wake)(void *ctx), void *ctx);

/* The request and its memory stay in place until `done`. */
void io_submit(struct io *io, struct io_req *req, enum io_kind kind,
	       struct os_file *file, void *buf, size_t len, uint64_t offset);

/* Delivers some of what has finished, waking itself for the rest, and passes
 * on what was queued. */
void io_run(struct io *io);

/* True when nothing is queued, in flight or undelivered. */
bool io_idle(const struct io *io);

/* Blocking, for start-up and shutdown: delivers until *busy is false. */
void io_wait(struct io *io, struct os_loop *loop, const bool *busy);

/* The same for one request; its result. */
int io_do(struct io *io, struct os_loop *loop, enum io_kind kind,
	  struct os_file *file, void *buf, size_t len, uint64_t offset);

#endif
