// SPDX-License-Identifier: Apache-2.0
/*
 * A round: some partitions are written to new blocks, all together, because
 * the log or memory fills up, because their blocks are small, or because they
 * are the last tenants of a slot.
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

#include "base/blob.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/job.h"
#include "store/pack.h"

/* How much a round takes on. */
#define ROUND_BYTES (4u << 20)
/* Partitions at most. */
#define ROUND_JOBS 2048u
/* Blocks packed, block references looked at, partitions begun or ended in one
 * step: requests are served between steps. */
#define PACK_SLICE 4u
#define SCAN_SLICE 4096u
#define JOB_SLICE 16u
/* Garbage that starts a collection, percent of what is used; and how much of
 * a slot may be alive to be worth it.  Busy: moving costs at most live / dead
 * = 1.5 bytes for each byte won. */
#define GC_BUSY_PERCENT 25u
#define GC_BUSY_LIVE_PERCENT 60u
#define GC_IDLE_PERCENT 3u
#define GC_IDLE_LIVE_PERCENT 90u

enum phase {
	ROUND_DIRTY,	/* those with deltas, the oldest first */
	ROUND_MERGE,	/* those in small blocks */
	ROUND_SCAN,	/* who has blocks in the victim slot? */
	ROUND_LOAD,
	ROUND_PACK,
	ROUND_WRITE,
	ROUND_SYNC,
	ROUND_INDEX,
	ROUND_COMMIT,
	ROUND_DONE,
};

struct round {
	struct engine *e;
	enum phase phase;
	struct list jobs, packed, indexed;
	uint32_t loading;
	uint32_t relogging;		/* changes that are stuck */
	uint32_t victim;		/* slot to be emptied, or SLOT_NONE */
	size_t bytes;			/* taken on, roughly */
	uint32_t job_count;
	struct io_req sync;
	uint64_t start_seq;		/* no job's snapshot is older */
	struct log_tail tail;
	bool waiting;			/* for sync or an index frame */
	bool tail_written;
	int err;
};

/* --- what to do --------------------------------------------------------- */

/*
 * The later, the more rows of a partition there are to write at once.  Room
 * for a round's worth of writes remains, and appends, which leave some of the
 * log to others (log_room()), are never kept waiting while nothing is done.
 */
static bool under_pressure(const struct engine *e)
{
	uint64_t most = e->log.bytes - 4ull * e->log.frame_max;

	if (most > e->log.bytes / 4 * 3)
		most = e->log.bytes / 4 * 3;
	return log_used(&e->log) > most ||
	       e->delta_bytes > e->opts.delta_bytes / 4 * 3;
}

static bool wants_flush(const struct engine *e)
{
	/* Under pressure without deltas there is still the log's tail to move:
	 * rows may have come and gone. */
	return under_pressure(e) || (e->flush_all && !list_empty(&e->dirty));
}

static uint32_t choose_victim(const struct engine *e)
{
	uint64_t used = e->space.used, dead = used - e->space.live;
	uint64_t most = used * (e->idle ? GC_IDLE_PERCENT : GC_BUSY_PERCENT) /
			100 + 2ull * e->super.slot_bytes;

	if (dead <= most)
		return SLOT_NONE;
	return space_victim(&e->space, e->idle ? GC_IDLE_LIVE_PERCENT
					       : GC_BUSY_LIVE_PERCENT);
}

static void job_ready(struct fetch_group *group);

static void relogged(struct engine *e, int err)
{
	struct round *round = e->round;

	round->relogging--;
	if (err)
		round->err = err;
	engine_wake(e);
}

/* What is stuck must not be written over a change that is on its way. */
static bool must_wait(const struct engine *e, const struct part *part)
{
	return part->flushing ||
	       (e->bad.count && (part->changing || !relog_fits(e, part)));
}

/* Makes the partition part of the round, unless it cannot be now. */
static void add_job(struct round *round, struct part *part,
		    const struct job_reason *reason)
{
	struct engine *e = round->e;
	uint32_t relogging = 0;
	bool loading = false;
	struct job *job;
	int err;

	if (must_wait(e, part) || round->err)
		return;
	err = job_new(e, part, reason, job_ready, &job, &loading);
	if (err) {
		round->err = err;
		return;
	}
	list_push(&round->jobs, &job->node);
	round->loading += loading;
	round->err = relog_part(e, part, relogged, &relogging);
	round->relogging += relogging;
	round->job_count++;
	round->bytes += part->delta_bytes;
	for (uint32_t i = 0; i < part->block_count; i++)
		if (job->take[i] == JOB_REWRITE)
			round->bytes += part->blocks[i].bytes;
}

static bool is_enough(const struct round *round)
{
	return round->err || round->bytes >= ROUND_BYTES ||
	       round->job_count >= ROUND_JOBS;
}

/* A slice of those with deltas, as long as these are older than the round. */
static void dirty_step(struct round *round)
{
	static const struct job_reason reason = { .slot = SLOT_NONE };
	struct engine *e = round->e;
	uint32_t n = 0;

	while (e->dirty_cursor != &e->dirty && !is_enough(round)) {
		struct part *part = list_entry(e->dirty_cursor, struct part,
					       dirty);

		if (part->oldest_seq > round->start_seq)
			break;
		if (n++ == JOB_SLICE)
			return;
		e->dirty_cursor = e->dirty_cursor->next;
		add_job(round, part, &reason);
	}
	e->dirty_cursor = NULL;
	round->phase = ROUND_MERGE;
}

static void begin_scan(struct round *round)
{
	struct engine *e = round->e;

	round->phase = round->victim == SLOT_NONE ? ROUND_LOAD : ROUND_SCAN;
	if (round->phase == ROUND_SCAN)
		e->cursor = e->all.next;
}

static void merge_step(struct round *round)
{
	static const struct job_reason reason = {
		.slot = SLOT_NONE, .merge = true,
	};
	struct engine *e = round->e;

	for (uint32_t n = 0; n < JOB_SLICE; n++) {
		if (!e->idle || list_empty(&e->fragmented) ||
		    is_enough(round)) {
			begin_scan(round);
			return;
		}
		add_job(round, list_entry(list_pop(&e->fragmented),
					  struct part, merge), &reason);
	}
}

static bool has_block_in(const struct engine *e, const struct part *part,
			 uint32_t slot)
{
	for (uint32_t i = 0; i < part->block_count; i++)
		if (engine_slot_of(e, part->blocks[i].place) == slot)
			return true;
	return false;
}

/* A slice of the walk through all partitions for those in the victim. */
static void scan_step(struct round *round)
{
	struct job_reason reason = { .slot = round->victim };
	struct engine *e = round->e;
	uint32_t seen = 0;

	while (e->cursor != &e->all && seen < SCAN_SLICE) {
		struct part *part = list_entry(e->cursor, struct part, all);

		/* The others in the slot another time. */
		if (round->job_count >= 2 * ROUND_JOBS) {
			e->cursor = &e->all;
			break;
		}

		e->cursor = e->cursor->next;
		seen += part->block_count + 1;
		if (has_block_in(e, part, round->victim))
			add_job(round, part, &reason);
	}
	if (e->cursor != &e->all)
		return;
	e->cursor = NULL;
	round->phase = ROUND_LOAD;
}

void round_consider(struct engine *e)
{
	bool flush = wants_flush(e);
	struct round *round;
	uint32_t victim;

	if (e->round || e->rewrite || e->opts.read_only || e->failed)
		return;
	if (e->hold == STORE_HOLD_ALL)
		return;
	if (e->round_error && !e->round_retry)
		return;
	if (list_empty(&e->dirty))
		e->flush_all = false;
	if (index_wants_rewrite(&e->index)) {
		rewrite_start(e);
		return;
	}
	victim = choose_victim(e);
	if (!flush && victim == SLOT_NONE &&
	    !(e->idle && !list_empty(&e->fragmented)))
		return;
	round = mem_zalloc(sizeof(*round));
	if (!round)
		return;
	e->round_retry = false;
	e->round = round;
	e->stats.rounds++;
	round->e = e;
	round->victim = victim;
	round->start_seq = e->applied_seq;
	list_init(&round->jobs);
	list_init(&round->packed);
	list_init(&round->indexed);
	round->phase = flush ? ROUND_DIRTY : ROUND_MERGE;
	e->dirty_cursor = flush ? e->dirty.next : NULL;
	engine_wake(e);
}

/* --- load ---------------------------------------------------------------- */

/* Damaged blocks of a job stay where they are, and are left alone. */
static void note_bad(struct job *job)
{
	struct engine *e = job->e;

	for (uint32_t i = 0; i < job->part->block_count; i++) {
		const struct block_ref *ref = &job->part->blocks[i];

		if (job->take[i] != JOB_REWRITE ||
		    fetch_lookup(&job->group, ref))
			continue;
		hmap_set(&e->bad, ref->place, 1);
		e->space.slot[engine_slot_of(e, ref->place)].broken = true;
	}
}

static void job_ready(struct fetch_group *group)
{
	struct job *job = group->ctx;
	struct round *round = job->e->round;

	round->loading--;
	if (group->err == -EBADMSG) {
		note_bad(job);
		list_del(&job->part->merge);
		list_del(&job->node);
		job_free(job);
	} else if (group->err && !round->err) {
		round->err = group->err;
	}
	engine_wake(round->e);
}

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
	if (round->phase == ROUND_DIRTY)
		dirty_step(round);
	else if (round->phase == ROUND_MERGE)
		merge_step(round);
	else if (round->phase == ROUND_SCAN)
		scan_step(round);
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
