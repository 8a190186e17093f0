// SPDX-License-Identifier: Apache-2.0
/*
 * Writing the index anew.
 *
 *	1. the file that does not count is emptied, and the whole index goes
 *	   there (crash: the other one still counts)
 *	2. sync that file
 *	3. the superblock, in the older of its two places, names it	(crash
 *	   within: either counts, both are whole)
 *	4. the superblock in the other place does, too: from then on one of
 *	   them is enough
 *	5. the old file is emptied
 *
 * No round runs meanwhile, so blocks stay as they are.  When step 3 fails
 * nobody knows which file counts: it is repeated until it does not, and no
 * file is touched before.  When step 4 fails the next start repeats it.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/engine_impl.h"

/* Block references of one record. */
#define REWRITE_CHUNK 4096u

enum phase {
	REWRITE_FILL,
	REWRITE_SYNC,
	REWRITE_SUPER,
	REWRITE_RETRY,		/* of the superblock, at the next tick */
	REWRITE_PAIR,
	REWRITE_DONE,
};

struct rewrite {
	struct engine *e;
	enum phase phase;
	uint64_t offset;	/* in the new file */
	uint64_t first;		/* its first frame */
	uint32_t block;		/* of the part at e->cursor, how far we are */
	bool waiting;
	bool tail_added;
	int err;
	struct super super;	/* the next ones, but for their generation */
	struct super_disk *disk;
	struct io_req req;
};

void rewrite_start(struct engine *e)
{
	struct rewrite *rewrite = mem_zalloc(sizeof(*rewrite));

	if (!rewrite)
		return;
	rewrite->disk = mem_aligned(FORMAT_SECTOR, sizeof(*rewrite->disk));
	if (!rewrite->disk) {
		mem_free(rewrite);
		return;
	}
	/* What an earlier attempt left there must not follow what we write. */
	rewrite->err = os_file_truncate(e->index.file[!e->index.current], 0);
	rewrite->e = e;
	rewrite->first = e->index.frame;
	e->cursor = e->all.next;
	e->round_retry = false;
	e->rewrite = rewrite;
	engine_wake(e);
}

void rewrite_free(struct engine *e)
{
	if (!e->rewrite)
		return;
	index_discard(&e->index);
	e->cursor = NULL;
	mem_free(e->rewrite->disk);
	mem_free(e->rewrite);
	e->rewrite = NULL;
}

static void step_done(struct rewrite *rewrite, int err, enum phase next)
{
	rewrite->waiting = false;
	if (err)
		rewrite->err = err;
	else
		rewrite->phase = next;
}

static void frame_done(struct io_req *req, int err)
{
	struct index *index = container_of(req, struct index, req);
	struct engine *e = container_of(index, struct engine, index);

	step_done(e->rewrite, err,
		  e->rewrite->tail_added ? REWRITE_SYNC : REWRITE_FILL);
}

/* The new file is whole. */
static void sync_done(struct io_req *req, int err)
{
	struct rewrite *rewrite = container_of(req, struct rewrite, req);
	struct engine *e = rewrite->e;

	rewrite->super = e->super;
	rewrite->super.index_file = !e->index.current;
	rewrite->super.index_first = rewrite->first;
	rewrite->super.index_frames = e->index.frame - rewrite->first;
	step_done(rewrite, err, REWRITE_SUPER);
}

static void super_done(struct io_req *req, int err)
{
	struct rewrite *rewrite = container_of(req, struct rewrite, req);
	bool pair = rewrite->phase == REWRITE_PAIR;

	rewrite->waiting = false;
	if (!err)
		rewrite->super.generation++;
	rewrite->phase = pair ? REWRITE_DONE :
			 err ? REWRITE_RETRY : REWRITE_PAIR;
	if (!err)
		return;
	log_error("store", "super_write_failed", "shard=%u error=%d",
		  rewrite->super.shard, -err);
	/* For those that wait for room, which only a round makes. */
	if (!pair)
		rewrite->e->round_error = err;
}

/* A partition without blocks counts while the log has records that its
 * flushed_seq tells to leave alone. */
static bool is_needed(const struct engine *e, const struct part *part)
{
	return part->block_count || part->flushed_seq >= e->tail.seq;
}

/* Adds the next blocks of a partition.  False when the frame is full. */
static bool add_part(struct rewrite *rewrite, const struct part *part)
{
	struct engine *e = rewrite->e;

	do {
		uint32_t n = part->block_count - rewrite->block;
		uint8_t *to;

		if (n > REWRITE_CHUNK)
			n = REWRITE_CHUNK;
		to = index_add(&e->index, change_part_size(0, n));
		if (!to)
			return false;
		to = change_part_begin(to, part->channel, part->space,
				       part->flushed_seq, 0, n);
		for (uint32_t i = 0; i < n; i++)
			to = change_put_ref(to,
					    &part->blocks[rewrite->block + i]);
		rewrite->block += n;
	} while (rewrite->block < part->block_count);
	return true;
}

static void fill_step(struct rewrite *rewrite)
{
	struct engine *e = rewrite->e;
	uint8_t *to;

	while (e->cursor != &e->all) {
		struct part *part = list_entry(e->cursor, struct part, all);

		if (is_needed(e, part) && !add_part(rewrite, part))
			break;
		rewrite->block = 0;
		e->cursor = e->cursor->next;
	}
	if (e->cursor == &e->all) {
		to = index_add(&e->index, sizeof(struct change_tail_disk));
		if (to) {
			change_put_tail(to, &e->tail);
			rewrite->tail_added = true;
		}
	}
	if (!e->index.record_count) {
		rewrite->err = -ENOMEM;
		return;
	}
	rewrite->waiting = true;
	index_write_other(&e->index, &rewrite->offset, frame_done);
}

static void sync_step(struct rewrite *rewrite)
{
	struct index *index = &rewrite->e->index;

	rewrite->waiting = true;
	rewrite->req.done = sync_done;
	io_submit(index->io, &rewrite->req, IO_SYNC,
		  index->file[!index->current], NULL, 0, 0);
}

/* The next one, in the place of the older one. */
static void super_step(struct rewrite *rewrite)
{
	struct engine *e = rewrite->e;
	struct super next = rewrite->super;

	next.generation++;
	super_encode(&next, rewrite->disk);
	rewrite->waiting = true;
	rewrite->req.done = super_done;
	io_submit(&e->io, &rewrite->req, IO_WRITE_SYNC, e->super_file,
		  rewrite->disk, sizeof(*rewrite->disk), super_offset(&next));
}

static void done_step(struct rewrite *rewrite)
{
	struct engine *e = rewrite->e;
	struct index *index = &e->index;

	/* For its space only: the next rewrite empties it in any case. */
	(void)os_file_truncate(index->file[index->current], 0);
	e->super = rewrite->super;
	index->current = (uint32_t)e->super.index_file;
	index->offset = rewrite->offset;
	index->broken = false;
	e->round_error = 0;
	rewrite_free(e);
	engine_wake(e);
}

void rewrite_step(struct engine *e)
{
	struct rewrite *rewrite = e->rewrite;

	if (!rewrite || rewrite->waiting)
		return;
	if (rewrite->err) {
		log_error("store", "index_rewrite_failed", "shard=%u error=%d",
			  e->super.shard, -rewrite->err);
		e->stats.io_errors++;
		e->round_error = rewrite->err;
		/* Frame numbers were used up: the old file has a gap now. */
		e->index.broken = true;
		rewrite_free(e);
		return;
	}
	if (rewrite->phase == REWRITE_FILL)
		fill_step(rewrite);
	else if (rewrite->phase == REWRITE_SYNC)
		sync_step(rewrite);
	else if (rewrite->phase == REWRITE_SUPER ||
		 rewrite->phase == REWRITE_PAIR ||
		 (rewrite->phase == REWRITE_RETRY && e->round_retry))
		super_step(rewrite);
	else if (rewrite->phase == REWRITE_DONE)
		done_step(rewrite);
	e->round_retry = false;
	if (e->rewrite && !rewrite->waiting &&
	    rewrite->phase != REWRITE_RETRY)
		engine_wake(e);
}
