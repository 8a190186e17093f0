// SPDX-License-Identifier: Apache-2.0
/*
 * A round: some partitions are written to new blocks, all together, because
 * the log or memory fills up, because too many of their blocks have holes,
 * because these are small, or because they are the last tenants of a slot.
 *
 *	gather	partitions are chosen, a few at a time, and what must be
 *	load	rewritten is read; other reads go on
 *	pack	blocks are made, a few at a time, and written as regions fill
 *	write	wait for the last region, then sync data
 *	index	one frame after the other: the changes, at last the log's tail
 *	commit	the partitions follow, a few at a time: old blocks' space is
 *		free, and at last the log
 *
 * A crash before a partition's change is durable leaves its old blocks and
 * its log records, which say the same; the new blocks belong to nobody.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/pack.h"
#include "store/round_impl.h"

/* Blocks packed in one step. */
#define PACK_SLICE 4u

/* --- pack ---------------------------------------------------------------- */

/* A small block is soon rewritten with more: not worth compressing. */
static bool is_final(const struct job *job, uint32_t count)
{
	return job->tidy || count >= BLOCK_ROWS ||
	       block_bound(job->out + job->packed, count) >= BLOCK_BYTES;
}

static int pack_block(struct round *round, struct job *job, uint32_t count)
{
	struct engine *e = round->e;
	struct block_id id = engine_block_id(e, job->part);
	struct block_ref ref;
	int err;

	id.seq = job->snap_seq;
	err = packer_put(e->packer, &id, job->out + job->packed, count,
			 is_final(job, count), &ref);
	return err ? err : job_add_block(job, &ref);
}

/* All of it is packed: it can go into the index. */
static void job_packed(struct round *round, struct job *job)
{
	list_del(&job->node);
	list_push(&round->packed, &job->node);
	round->e->stats.moved_blocks += job->removed_count;
}

/* The next block of the next job; -EAGAIN: regions are on their way. */
static int pack_next(struct round *round)
{
	struct job *job = list_entry(round->jobs.next, struct job, node);
	int err = job->out ? 0 : job_merge(job);
	uint32_t count;

	if (err)
		return err;
	count = job_next_block(job);
	if (count)
		return pack_block(round, job, count);
	job_packed(round, job);
	return 0;
}

static void pack_step(struct round *round)
{
	int err = 0;

	for (uint32_t i = 0; i < PACK_SLICE && !err; i++) {
		if (list_empty(&round->jobs)) {
			packer_send(round->e->packer);
			round->phase = ROUND_WRITE;
			return;
		}
		err = pack_next(round);
	}
	if (err != -EAGAIN)
		round->err = err;
}

/* --- write, index -------------------------------------------------------- */

static void sync_done(struct io_req *req, int err)
{
	struct round *round = container_of(req, struct round, sync);

	round->waiting = false;
	if (err)
		round->err = err;
	else
		round->phase = ROUND_INDEX;
}

static void write_step(struct round *round)
{
	struct engine *e = round->e;

	if (packer_writing(e->packer))
		return;
	round->err = packer_error(e->packer);
	if (round->err)
		return;
	if (e->opts.unsafe & ENGINE_UNSAFE_DATA_SYNC) {
		round->phase = ROUND_INDEX;
		return;
	}
	round->phase = ROUND_SYNC;
	round->waiting = true;
	round->sync.done = sync_done;
	io_submit(&e->io, &round->sync, IO_SYNC, e->data_file, NULL, 0, 0);
}

/* The index says so: a slice of the partitions follows. */
static void commit_step(struct round *round)
{
	for (uint32_t n = 0; n < JOB_SLICE; n++) {
		struct list *node = list_pop(&round->indexed);

		if (node) {
			job_commit(list_entry(node, struct job, node));
			continue;
		}
		round->phase = round->tail_written ? ROUND_DONE : ROUND_INDEX;
		if (round->tail_written)
			engine_release_log(round->e, &round->tail);
		return;
	}
}

static void frame_done(struct io_req *req, int err)
{
	struct index *index = container_of(req, struct index, req);
	struct engine *e = container_of(index, struct engine, index);
	struct round *round = e->round;

	round->waiting = false;
	if (err) {
		/* Nobody knows how much of it is there: begin a new file. */
		index->broken = true;
		round->err = err;
		return;
	}
	index_appended(index);
	round->phase = ROUND_COMMIT;
}

/* Puts one job's change into the frame.  False when it does not fit. */
static bool index_job(struct round *round, struct job *job)
{
	uint8_t *to;

	if (part_reserve(job->part, job->added_count)) {
		round->err = -ENOMEM;
		return false;
	}
	to = index_add(&round->e->index, job_change_size(job));
	if (!to)
		return false;
	job_change_encode(job, to);
	list_del(&job->node);
	list_push(&round->indexed, &job->node);
	return true;
}

static void index_step(struct round *round)
{
	struct engine *e = round->e;
	uint8_t *to;

	if (round->waiting || round->relogging)
		return;
	while (!list_empty(&round->packed))
		if (!index_job(round, list_entry(round->packed.next,
						 struct job, node)))
			break;
	if (round->err)
		return;
	if (list_empty(&round->packed)) {
		to = index_add(&e->index, sizeof(struct change_tail_disk));
		if (to) {
			round->tail = engine_log_tail(e, round->start_seq);
			change_put_tail(to, &round->tail);
			round->tail_written = true;
		}
	}
	if (!e->index.record_count) {
		round->err = -ENOMEM;
		return;
	}
	round->waiting = true;
	index_append(&e->index, frame_done);
}

/* --- the round ----------------------------------------------------------- */

static void free_jobs(struct list *jobs)
{
	struct list *node;

	while ((node = list_pop(jobs)))
		job_free(list_entry(node, struct job, node));
}

void round_free(struct engine *e)
{
	struct round *round = e->round;

	if (!round)
		return;
	free_jobs(&round->jobs);
	free_jobs(&round->packed);
	free_jobs(&round->indexed);
	packer_discard(e->packer);
	(void)packer_error(e->packer);
	index_discard(&e->index);
	e->cursor = NULL;
	e->dirty_cursor = NULL;
	e->round = NULL;
	mem_free(round);
}

/* Writes wait only while rounds make room: after so many that did not, those
 * that wait are refused, until one does. */
#define BARREN_MAX 64u

static int find_barren(struct engine *e)
{
	e->barren += !list_empty(&e->waiting);
	if (e->barren < BARREN_MAX)
		return 0;
	if (e->barren == BARREN_MAX)
		log_error("store", "no_room_to_be_made", "shard=%u bad_blocks=%u",
			  e->super.shard, (unsigned int)e->bad.count);
	return -EIO;
}

static void round_end(struct round *round)
{
	struct engine *e = round->e;

	if (round->err) {
		e->stats.io_errors++;
		log_error("store", "round_failed", "shard=%u error=%d",
			  e->super.shard, -round->err);
	}
	e->round_error = round->err ? round->err : find_barren(e);
	if (round->err == -ENOSPC)
		engine_give_up_hold(e);
	round_free(e);
	engine_wake(e);
}

/* Some completion will bring it on. */
static bool is_blocked(const struct round *round)
{
	uint32_t writing = packer_writing(round->e->packer);

	return round->waiting ||
	       (round->phase == ROUND_LOAD && round->loading) ||
	       (round->phase == ROUND_PACK &&
		packer_is_full(round->e->packer)) ||
	       (round->phase == ROUND_WRITE && writing) ||
	       (round->phase == ROUND_INDEX && round->relogging) ||
	       (round->err && (round->loading || writing || round->relogging));
}

void round_step(struct engine *e)
{
	struct round *round = e->round;

	if (!round)
		return;
	if (round->err) {
		if (!is_blocked(round))
			round_end(round);
		return;
	}
	if (round->phase <= ROUND_SCAN)
		round_gather_step(round);
	else if (round->phase == ROUND_LOAD && !round->loading)
		round->phase = ROUND_PACK;
	else if (round->phase == ROUND_PACK)
		pack_step(round);
	else if (round->phase == ROUND_WRITE)
		write_step(round);
	else if (round->phase == ROUND_INDEX)
		index_step(round);
	else if (round->phase == ROUND_COMMIT)
		commit_step(round);
	else if (round->phase == ROUND_DONE)
		round_end(round);
	if (e->round && !is_blocked(round))
		engine_wake(e);
}
