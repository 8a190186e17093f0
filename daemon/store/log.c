// SPDX-License-Identifier: Apache-2.0
#include "store/log.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timings.h"

#define HEAD_BYTES sizeof(struct frame_head)

struct log_mark {
	uint64_t frame, offset, seq;
	uint32_t records, size;
};

static void frame_done(struct io_req *req, int err);

int log_init(struct log *log, struct os_loop *loop, struct io *io,
	     struct os_file *file, const struct super *super,
	     const struct log_tail *next)
{
	memset(log, 0, sizeof(*log));
	log->loop = loop;
	log->io = io;
	log->file = file;
	log->bytes = super->log_bytes;
	log->store_tag = super->store_tag;
	log->frame_max = FRAME_BYTES_MAX;
	if (log->frame_max > log->bytes / LOG_PARTS)
		log->frame_max = (uint32_t)(log->bytes / LOG_PARTS) &
				 ~(FORMAT_SECTOR - 1);
	log->head = next->offset;
	log->frame = next->frame;
	log->seq = next->seq;
	log->req.done = frame_done;
	log->mark_cap = (uint32_t)(log->bytes / FORMAT_SECTOR);
	log->marks = mem_alloc(log->mark_cap * sizeof(*log->marks));
	log->staged = os_buf_new(loop, FRAME_BYTES_MAX);
	log->flying = os_buf_new(loop, FRAME_BYTES_MAX);
	if (log->marks && log->staged && log->flying)
		return 0;
	log_fini(log);
	return -ENOMEM;
}

void log_fini(struct log *log)
{
	mem_free(log->marks);
	os_buf_free(log->loop, log->staged);
	os_buf_free(log->loop, log->flying);
	log->marks = NULL;
	log->staged = NULL;
	log->flying = NULL;
}

static struct log_mark *mark_at(const struct log *log, uint32_t i)
{
	return &log->marks[(log->mark_first + i) % log->mark_cap];
}

void log_remember(struct log *log, const struct log_tail *at, uint32_t records,
		  uint32_t size)
{
	check(log->mark_count < log->mark_cap);
	*mark_at(log, log->mark_count++) = (struct log_mark){
		.frame = at->frame,
		.offset = at->offset,
		.seq = at->seq,
		.records = records,
		.size = size,
	};
}

/* Where a frame of this size can go; false when nowhere. */
static bool place_frame(const struct log *log, uint64_t size,
			uint64_t *ret_offset)
{
	uint64_t tail = log->mark_count ? mark_at(log, 0)->offset : 0;
	bool empty = !log->mark_count;

	*ret_offset = log->head;
	if (empty || log->head > tail) {
		if (size <= log->bytes - log->head)
			return true;
		*ret_offset = 0;
		return size <= (empty ? log->bytes : tail);
	}
	return size <= tail - log->head;
}

uint64_t log_used(const struct log *log)
{
	uint64_t tail;

	if (!log->mark_count)
		return 0;
	tail = mark_at(log, 0)->offset;
	return log->head > tail ? log->head - tail
				: log->bytes - tail + log->head;
}

int log_room(const struct log *log, size_t bytes, bool reserve)
{
	uint64_t all = HEAD_BYTES + log->staged_bytes + bytes, offset;
	uint64_t size = frame_size((uint32_t)(all - HEAD_BYTES));

	if (log->stuck)
		return -EIO;
	if (all > log->frame_max)
		return -EAGAIN;
	if (!place_frame(log, size, &offset))
		return -ENOSPC;
	if (reserve)
		size += 2ull * log->frame_max;
	if (reserve && log_used(log) + size > log->bytes)
		return -ENOSPC;
	return 0;
}

uint32_t log_stage(struct log *log, const struct logrec *rec)
{
	uint32_t at = log->staged_bytes;

	logrec_encode(rec, log->staged + HEAD_BYTES + at);
	log->staged_bytes += (uint32_t)logrec_size(rec->size);
	log->staged_records++;
	log->seq++;
	return at + (uint32_t)logrec_size(0);
}

static void send_staged(struct log *log)
{
	uint8_t *staged = log->staged;
	struct log_tail at;
	struct frame frame;
	uint32_t size;

	size = frame_size(log->staged_bytes);
	/* log_room() said so, and the ring has only got emptier since. */
	check(place_frame(log, size, &at.offset));
	at.frame = log->frame++;
	at.seq = log->seq - log->staged_records;
	frame = (struct frame){
		.number = at.frame,
		.first_seq = at.seq,
		.bytes = log->staged_bytes,
		.records = log->staged_records,
	};
	frame_seal(staged, log->store_tag, &frame);
	log_remember(log, &at, frame.records, size);
	log->head = at.offset + size;
	log->flying_seq = at.seq;
	log->flying_offset = at.offset;
	log->flying_bytes = frame.bytes;
	log->flying_records = frame.records;
	log->staged = log->flying;
	log->flying = staged;
	log->staged_bytes = 0;
	log->staged_records = 0;
	log->busy = true;
	log->sent_ns = os_now_ns(os_loop_env(log->loop));
	log->frames_written++;
	log->bytes_written += size;
	io_submit(log->io, &log->req, log->no_sync ? IO_WRITE : IO_WRITE_SYNC,
		  log->file, staged, size, at.offset);
}

void log_commit(struct log *log)
{
	if (!log->busy && !log->stuck && log->staged_records)
		send_staged(log);
}

void log_mark_end(struct log *log)
{
	if (!log->busy && !log->staged_records && !log_room(log, 0, false))
		send_staged(log);
}

static void ignore(void *ctx, const struct frame *frame, int err)
{
	(void)ctx;
	(void)frame;
	(void)err;
}

int log_mark_start(struct log *log)
{
	log->done = ignore;
	log_mark_end(log);
	io_wait(log->io, log->loop, &log->busy);
	return log->stuck ? -EIO : 0;
}

/* Writes an empty frame over the one that failed. */
static void heal(struct log *log)
{
	const struct log_mark *last = mark_at(log, log->mark_count - 1);
	struct frame empty = {
		.number = last->frame,
		.first_seq = log->flying_seq,
	};

	frame_seal(log->flying, log->store_tag, &empty);
	log->healing = true;
	io_submit(log->io, &log->req, IO_WRITE_SYNC, log->file, log->flying,
		  FORMAT_SECTOR, log->flying_offset);
}

static void conclude(struct log *log, int err)
{
	struct frame frame = {
		.first_seq = log->flying_seq,
		.bytes = log->flying_bytes,
		.records = log->flying_records,
		.data = err ? NULL : log->flying + HEAD_BYTES,
	};

	log->flying_records = 0;
	if (frame.records)
		log->done(log->ctx, &frame, err);
}

static void heal_done(struct log *log, int err)
{
	log->healing = false;
	log->busy = false;
	log->stuck = err != 0;
	if (!err) {
		struct log_mark *last = mark_at(log, log->mark_count - 1);

		/* The next frame follows the empty one. */
		last->size = FORMAT_SECTOR;
		last->records = 0;
		log->head = log->flying_offset + FORMAT_SECTOR;
	}
	conclude(log, err ? -ETIMEDOUT : log->error);
}

static void frame_done(struct io_req *req, int err)
{
	struct log *log = container_of(req, struct log, req);

	if (log->healing) {
		heal_done(log, err);
		return;
	}
	if (err) {
		log_error("store", "log_write_failed", "frame=%llu error=%d",
			  (unsigned long long)log->frame - 1, -err);
		log->error = err;
		if (log->no_heal)
			heal_done(log, 0);
		else
			heal(log);
		return;
	}
	log->busy = false;
	if (log->times)
		timings_add(log->times, os_now_ns(os_loop_env(log->loop)) -
					log->sent_ns);
	conclude(log, 0);
}

void log_retry(struct log *log)
{
	if (!log->stuck || log->busy)
		return;
	log->busy = true;
	heal(log);
}

struct log_tail log_tail_for(const struct log *log, uint64_t seq)
{
	for (uint32_t i = 0; i < log->mark_count; i++) {
		const struct log_mark *mark = mark_at(log, i);
		bool last = i + 1 == log->mark_count;

		/* The one in flight may yet have to be healed. */
		if (mark->seq + mark->records > seq ||
		    (last && (log->busy || log->stuck)))
			return (struct log_tail){
				mark->frame, mark->offset, mark->seq
			};
	}
	return (struct log_tail){
		log->frame, log->head, log->seq - log->staged_records
	};
}

void log_release(struct log *log, const struct log_tail *tail)
{
	while (log->mark_count && mark_at(log, 0)->frame < tail->frame) {
		log->mark_first = (log->mark_first + 1) % log->mark_cap;
		log->mark_count--;
	}
}
