// SPDX-License-Identifier: Apache-2.0
/* When a round begins, and what it takes on. */
#include <errno.h>

#include "base/mem.h"
#include "store/round_impl.h"

/* How much a round takes on. */
#define ROUND_BYTES (4u << 20)
/* Partitions at most. */
#define ROUND_JOBS 2048u
/* How full the log gets: a start plays that much of it back.  At half of the
 * log rows were written 4 % more often than at three quarters; what three
 * eighths cost has not been measured. */
#define LOG_EIGHTHS 3u
/* And how full when rounds no longer let others go first. */
#define HASTE_EIGHTHS 4u
/* Block references looked at in one step. */
#define SCAN_SLICE 4096u
/* Garbage that starts a collection, percent of what is used; and how much of
 * a slot may be alive to be worth it.  Busy: moving costs at most live / dead
 * = 1.5 bytes for each byte won. */
#define GC_BUSY_PERCENT 25u
#define GC_BUSY_LIVE_PERCENT 60u
#define GC_IDLE_PERCENT 3u
#define GC_IDLE_LIVE_PERCENT 90u

/*
 * The later, the more rows of a partition there are to write at once.  Room
 * for a round's worth of writes remains, and appends, which leave some of the
 * log to others (log_room()), are never kept waiting while nothing is done.
 */
static bool under_pressure(const struct engine *e)
{
	uint64_t most = e->log.bytes - 4ull * e->log.frame_max;

	if (most > e->log.bytes / 8 * LOG_EIGHTHS)
		most = e->log.bytes / 8 * LOG_EIGHTHS;
	return log_used(&e->log) > most ||
	       e->delta_bytes > e->opts.delta_bytes / 4 * 3;
}

bool round_in_haste(const struct engine *e)
{
	return !list_empty(&e->waiting) ||
	       log_used(&e->log) > e->log.bytes / 8 * HASTE_EIGHTHS;
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
	bool tidy = engine_may_tidy(e);
	uint64_t most = used * (tidy ? GC_IDLE_PERCENT : GC_BUSY_PERCENT) /
			100 + 2ull * e->super.slot_bytes;

	if (dead <= most)
		return SLOT_NONE;
	return space_victim(&e->space, tidy ? GC_IDLE_LIVE_PERCENT
					    : GC_BUSY_LIVE_PERCENT);
}

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

/* What is written again for the sake of reads to come. */
static void pay(struct engine *e, const struct job_reason *reason,
		uint64_t bytes)
{
	if (!e->idle || (!reason->merge && reason->slot == SLOT_NONE))
		return;
	e->idle_bytes -= bytes < e->idle_bytes ? bytes : e->idle_bytes;
}

/* Makes the partition part of the round, unless it cannot be now. */
static void add_job(struct round *round, struct part *part,
		    const struct job_reason *reason)
{
	struct engine *e = round->e;
	uint32_t relogging = 0;
	uint64_t bytes = part->delta_bytes;
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
	for (uint32_t i = 0; i < part->block_count; i++)
		if (job->take[i] == JOB_REWRITE)
			bytes += part->blocks[i].bytes;
	round->bytes += bytes;
	pay(e, reason, bytes);
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
		if (!engine_may_tidy(e) || list_empty(&e->fragmented) ||
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

void round_gather_step(struct round *round)
{
	if (round->phase == ROUND_DIRTY)
		dirty_step(round);
	else if (round->phase == ROUND_MERGE)
		merge_step(round);
	else
		scan_step(round);
}

/* Each is about a round's worth. */
static void take_holed(struct round *round)
{
	static const struct job_reason reason = { .slot = SLOT_NONE };
	struct engine *e = round->e;

	if (!engine_holes_due(e))
		return;
	list_for_each(node, &e->holed) {
		if (is_enough(round))
			return;
		add_job(round, list_entry(node, struct part, holes), &reason);
	}
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
	if (index_wants_rewrite(&e->index, e->stats.partitions,
				e->stats.blocks)) {
		rewrite_start(e);
		return;
	}
	victim = choose_victim(e);
	if (!flush && victim == SLOT_NONE && !engine_holes_due(e) &&
	    !(engine_may_tidy(e) && !list_empty(&e->fragmented)))
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
	take_holed(round);
	engine_wake(e);
}

