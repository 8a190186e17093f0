// SPDX-License-Identifier: Apache-2.0
/*
 * Checkpoints, while all goes on.
 *
 * A round notes where the log is, then dumps part after part as it finds them.
 * A part may hold more than the log had at that point, never less; replaying
 * the log from there brings every state to its last value.  When the round's
 * sync is back, the log before that point is free.
 *
 *	crash before the sync is back	the older checkpoint counts, and the
 *					log still reaches back to it
 *	crash after it			the new one counts
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/read_impl.h"

/* What one step writes of a checkpoint: half a millisecond's work at most. */
#define PIECE (256u << 10)
#define TRIES_MAX 8

static uint64_t number_of(const struct read_store *s)
{
	return s->checkpoint + 1;
}

/* --- units --- */

static int piece_room(struct read_round *r, size_t more)
{
	size_t room = r->len + more;
	uint8_t *data;

	if (room <= r->room)
		return 0;
	data = mem_aligned(OS_DISK_ALIGN, room);
	if (!data)
		return -ENOMEM;
	if (r->len)
		memcpy(data, r->data, r->len);
	mem_free(r->data);
	r->data = data;
	r->room = room;
	return 0;
}

/* Adds what r->image holds, behind room for a head, to the piece. */
static int add_unit(struct read_round *r, enum read_kind kind)
{
	uint32_t size = (uint32_t)r->image.len;
	int err = r->image.err;

	if (!err && r->image.len > READ_UNIT_MAX)
		err = -EFBIG;
	if (!err)
		err = piece_room(r, read_blocks(size) * READ_BLOCK);
	if (err)
		return err;
	memcpy(r->data + r->len, r->image.data, size);
	read_seal(r->data + r->len, kind, r->seq++, r->id, size);
	r->len += read_blocks(size) * READ_BLOCK;
	return 0;
}

static void open_unit(struct read_round *r)
{
	static const struct read_head none;

	buf_reset(&r->image);
	buf_append(&r->image, &none, sizeof(none));
}

static int add_head(struct read_store *s, uint64_t number)
{
	const struct read_round_head head = {
		.number = number,
		.log_place = s->round.log_place,
		.log_seq = s->round.log_seq,
		.log_blocks = s->log_blocks,
		.shard = s->opts.shard,
		.shards = s->opts.shards,
	};

	open_unit(&s->round);
	buf_append(&s->round.image, &head, sizeof(head));
	return add_unit(&s->round, READ_KIND_HEAD);
}

static int add_end(struct read_store *s)
{
	open_unit(&s->round);
	s->round.ended = true;
	return add_unit(&s->round, READ_KIND_END);
}

static int add_parts(struct read_store *s)
{
	struct read_round *r = &s->round;

	open_unit(r);
	while (r->part < READ_TABLE_PARTS && r->image.len < PIECE)
		read_table_dump(&s->table, r->part++, &r->image);
	return r->image.len > sizeof(struct read_head) ?
	       add_unit(r, READ_KIND_PART) : 0;
}

static int fill_piece(struct read_store *s)
{
	struct read_round *r = &s->round;
	int err;

	r->len = 0;
	r->tries = 0;
	err = r->seq ? 0 : add_head(s, number_of(s));
	if (!err)
		err = add_parts(s);
	if (!err && r->part == READ_TABLE_PARTS)
		err = add_end(s);
	return err;
}

/* --- a round --- */

static int begin(struct read_store *s)
{
	struct read_round *r = &s->round;
	int err = os_random(os_loop_env(s->loop), &r->id, sizeof(r->id));

	if (err)
		return err;
	r->active = true;
	r->ended = false;
	r->syncing = false;
	r->seq = 0;
	r->part = 0;
	r->offset = 0;
	r->len = 0;
	/* Where the next frame is looked for, before it may jump to the ring's
	 * begin: recovery jumps as well. */
	r->log_place = s->head;
	r->log_seq = s->seq;
	if (s->opts.unsafe & READ_UNSAFE_LOG_TAIL)
		s->tail = s->head;
	return 0;
}

static void give_up(struct read_store *s, int err)
{
	log_error("readstate", "checkpoint_failed", "shard=%u error=%d",
		  s->opts.shard, -err);
	s->stats.failures++;
	s->round.active = false;
}

static void complete(struct read_store *s)
{
	s->checkpoint++;
	s->tail = s->round.log_place;
	s->round.active = false;
	s->stats.rounds++;
	s->stats.round_bytes += s->round.offset;
	/* A frame may wait for the room that there is now. */
	read_wake(s);
}

static void on_done(struct os_disk_op *op, int result)
{
	struct read_store *s = op->ctx;

	s->round.landed = true;
	s->round.result = result;
	read_wake(s);
}

static void send(struct read_store *s)
{
	struct os_file *file = s->checkpoints[number_of(s) % 2];
	struct read_round *r = &s->round;
	int err;

	r->op.done = on_done;
	r->op.ctx = s;
	if (r->syncing)
		err = os_disk_sync(file, &r->op);
	else
		err = os_disk_write(file, &r->op, r->data, r->len, r->offset);
	if (!err)
		r->flying = true;
	else if (err == -EAGAIN)
		read_wake(s);
	else
		give_up(s, err);
}

/* A short write is made again whole: the rest might not be aligned. */
static bool arrived(struct read_store *s)
{
	struct read_round *r = &s->round;

	if (r->syncing || r->result == (int)r->len)
		return r->result >= 0;
	return false;
}

static void land(struct read_store *s)
{
	struct read_round *r = &s->round;

	r->flying = false;
	r->landed = false;
	if (!arrived(s)) {
		if (++r->tries == TRIES_MAX || r->syncing)
			give_up(s, r->result < 0 ? r->result : -EIO);
		return;
	}
	if (r->syncing) {
		complete(s);
		return;
	}
	r->offset += r->len;
	r->len = 0;
	r->syncing = r->ended;
	if (r->ended && s->opts.unsafe & READ_UNSAFE_ROUND_SYNC)
		complete(s);
}

/*
 * Of the checkpoint as much is written as the log has used up of a quarter of
 * its ring since the round began: so a round ends long before the log is full,
 * and is no burst.
 */
static bool is_ahead(const struct read_store *s)
{
	uint64_t used = s->head - s->round.log_place;

	return s->round.offset * (s->log_blocks / 4) >
	       used * s->table.bytes;
}

/* A piece goes when the log is idle, or when it is due. */
static bool may_send(const struct read_store *s)
{
	const struct read_round *r = &s->round;

	if (!r->active || r->flying)
		return false;
	if (s->closing && !read_is_busy(s))
		return false;
	return !s->flying || !is_ahead(s);
}

void read_round_step(struct read_store *s)
{
	struct read_round *r = &s->round;
	int err = 0;

	if (r->landed)
		land(s);
	if (!r->active && s->head - s->tail >= s->log_blocks / 2)
		err = begin(s);
	if (!err && !may_send(s))
		return;
	if (!err && !r->len && !r->syncing)
		err = fill_piece(s);
	if (err)
		give_up(s, err);
	else
		send(s);
}

int read_round_first(struct read_store *s, uint64_t number)
{
	struct os_file *file = s->checkpoints[number % 2];
	struct read_round *r = &s->round;
	int err;

	err = begin(s);
	if (!err)
		err = add_head(s, number);
	if (!err)
		err = add_end(s);
	if (!err)
		err = read_io_do(s->loop, READ_IO_WRITE, file, r->data, r->len,
				 0);
	if (!err)
		err = read_io_do(s->loop, READ_IO_SYNC, file, NULL, 0, 0);
	r->active = false;
	return err;
}
