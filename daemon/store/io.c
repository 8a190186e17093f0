// SPDX-License-Identifier: Apache-2.0
#include "store/io.h"

#include <errno.h>

void io_init(struct io *io, void (*wake)(void *ctx), void *ctx)
{
	list_init(&io->queued);
	list_init(&io->finished);
	io->inflight = 0;
	io->wake = wake;
	io->ctx = ctx;
}

/* Delivered by one io_run(): each may be a read of many blocks to decode. */
#define IO_SLICE 8u

static int start(struct io_req *req)
{
	uint8_t *buf = req->buf ? req->buf + req->moved : NULL;
	size_t len = req->len - req->moved;
	uint64_t offset = req->offset + req->moved;

	switch (req->kind) {
	case IO_READ:
		return os_disk_read(req->file, &req->op, buf, len, offset);
	case IO_WRITE:
		return os_disk_write(req->file, &req->op, buf, len, offset);
	case IO_SYNC:
		return os_disk_sync(req->file, &req->op);
	case IO_WRITE_SYNC:
		return os_disk_write_sync(req->file, &req->op, buf, len,
					  offset);
	case IO_PUNCH:
		return os_disk_punch(req->file, &req->op, len, offset);
	}
	return -EINVAL;
}

static void finish(struct io_req *req, int result)
{
	struct io *io = req->io;
	bool first = list_empty(&io->finished);

	req->result = result;
	list_push(&io->finished, &req->node);
	if (first && io->wake)
		io->wake(io->ctx);
}

/* Gives it to os/, or keeps it at the head of the queue. */
static bool pass_on(struct io_req *req)
{
	int err = start(req);

	if (err == -EAGAIN) {
		list_push_front(&req->io->queued, &req->node);
		return false;
	}
	if (err)
		finish(req, err);
	else
		req->io->inflight++;
	return true;
}

static void on_done(struct os_disk_op *op, int result)
{
	struct io_req *req = container_of(op, struct io_req, op);
	bool whole = req->kind == IO_SYNC || req->kind == IO_WRITE_SYNC ||
		     req->kind == IO_PUNCH;

	req->io->inflight--;
	if (result > 0 && !whole) {
		size_t moved = req->moved + (size_t)result;

		/* O_DIRECT goes on where a sector begins. */
		if (moved < req->len)
			moved &= ~(size_t)(OS_DISK_ALIGN - 1);
		whole = moved == req->len;
		if (!whole && moved > req->moved) {
			req->moved = moved;
			pass_on(req);
			return;
		}
	}
	finish(req, result < 0 ? result : whole ? 0 : -EIO);
}

void io_submit(struct io *io, struct io_req *req, enum io_kind kind,
	       struct os_file *file, void *buf, size_t len, uint64_t offset)
{
	req->op.done = on_done;
	req->io = io;
	req->kind = kind;
	req->file = file;
	req->buf = buf;
	req->len = len;
	req->moved = 0;
	req->offset = offset;
	list_init(&req->node);
	if (!list_empty(&io->queued))
		list_push(&io->queued, &req->node);
	else if (!pass_on(req) && io->wake)
		io->wake(io->ctx);
}

void io_run(struct io *io)
{
	struct list *node;

	for (uint32_t n = 0; n < IO_SLICE && (node = list_pop(&io->finished));
	     n++) {
		struct io_req *req = list_entry(node, struct io_req, node);

		req->done(req, req->result);
	}
	while ((node = list_pop(&io->queued)))
		if (!pass_on(list_entry(node, struct io_req, node)))
			break;
	/* The kernel's queue empties without a word to us. */
	if ((!list_empty(&io->queued) || !list_empty(&io->finished)) &&
	    io->wake)
		io->wake(io->ctx);
}

bool io_idle(const struct io *io)
{
	return !io->inflight && list_empty(&io->queued) &&
	       list_empty(&io->finished);
}

void io_wait(struct io *io, struct os_loop *loop, const bool *busy)
{
	while (*busy) {
		if (list_empty(&io->finished))
			os_loop_run(loop, UINT64_MAX);
		io_run(io);
	}
}

struct waited {
	struct io_req req;
	bool busy;
	int err;
};

static void wait_done(struct io_req *req, int err)
{
	struct waited *waited = container_of(req, struct waited, req);

	waited->busy = false;
	waited->err = err;
}

int io_do(struct io *io, struct os_loop *loop, enum io_kind kind,
	  struct os_file *file, void *buf, size_t len, uint64_t offset)
{
	struct waited waited = { .req.done = wait_done, .busy = true };

	io_submit(io, &waited.req, kind, file, buf, len, offset);
	io_wait(io, loop, &waited.busy);
	return waited.err;
}
