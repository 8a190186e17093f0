// SPDX-License-Identifier: Apache-2.0
#include "store/job.h"

#include <errno.h>
#include <string.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/mem.h"

bool block_is_small(const struct block_ref *ref)
{
	return ref->rows < BLOCK_ROWS && ref->bytes < BLOCK_BYTES / 2;
}

static bool is_bad(const struct job *job, uint32_t i)
{
	return engine_is_bad(job->e, &job->part->blocks[i]);
}

static void take(struct job *job, uint32_t i)
{
	const struct block_ref *ref = &job->part->blocks[i];

	if (!is_bad(job, i))
		job->take[i] = ref->dead == ref->rows ? JOB_DROP : JOB_REWRITE;
}

/*
 * The blocks that deltas change: those whose range holds one, or follows one
 * that lies between blocks; damaged ones stay as they are.  Returns how many
 * deltas lie behind the last block.
 */
static uint32_t take_changed(struct job *job)
{
	const struct part *part = job->part;
	uint32_t d = 0;

	for (; d < job->snap_count; d++) {
		uint32_t i = part_block_from(part, job->snap[d].id);

		if (i == part->block_count)
			break;
		take(job, i);
	}
	return job->snap_count - d;
}

/*
 * Small blocks at the end join the new rows, as long as they are not more
 * than those: every time a row is written again its block has at least
 * doubled, so it happens log2(BLOCK_ROWS) times at most.
 */
static void take_tail(struct job *job, uint32_t rows, bool merge)
{
	const struct part *part = job->part;

	for (uint32_t i = part->block_count; i-- > 0;) {
		const struct block_ref *ref = &part->blocks[i];
		bool small = block_is_small(ref);

		if (is_bad(job, i))
			return;
		/* To merge is to make the newest BLOCK_ROWS rows one block. */
		if (merge ? rows >= BLOCK_ROWS || ref->bytes > 2 * BLOCK_BYTES
			  : !small || ref->rows > rows)
			return;
		take(job, i);
		rows += ref->rows;
	}
}

static void take_slot(struct job *job, uint32_t slot)
{
	for (uint32_t i = 0; i < job->part->block_count; i++)
		if (engine_slot_of(job->e, job->part->blocks[i].place) == slot)
			take(job, i);
}

static void choose(struct job *job, const struct job_reason *reason)
{
	uint32_t fresh = take_changed(job);

	if (fresh || reason->merge)
		take_tail(job, fresh, reason->merge);
	if (reason->slot != SLOT_NONE)
		take_slot(job, reason->slot);
}

/* All but what is stuck, which relog.c sees to. */
static int snapshot(struct job *job)
{
	struct part *part = job->part;
	uint32_t n = part->delta_count, count = 0;

	job->snap = mem_alloc((n + 1) * sizeof(*job->snap));
	job->take = mem_zalloc(part->block_count + 1);
	job->removed = mem_alloc((part->block_count + 1) * sizeof(uint32_t));
	if (!job->snap || !job->take || !job->removed)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		const struct delta *delta = &part->deltas[i];

		if (engine_is_stuck(job->e, part, delta))
			continue;
		job->snap[count++] = *delta;
		if (delta->owner)
			blob_get(delta->owner);
	}
	job->snap_count = count;
	return 0;
}

/* Asks for the blocks to be rewritten; all others taken are just removed. */
static int load(struct job *job, bool *ret_loading)
{
	struct part *part = job->part;
	uint32_t *wanted = mem_alloc((part->block_count + 1) *
				     sizeof(*wanted));
	uint32_t n = 0;

	if (!wanted)
		return -ENOMEM;
	for (uint32_t i = 0; i < part->block_count; i++) {
		if (job->take[i])
			job->removed[job->removed_count++] =
				part->blocks[i].place;
		if (job->take[i] == JOB_REWRITE)
			wanted[n++] = i;
	}
	*ret_loading = n && fetch_start(&job->group, wanted, n);
	mem_free(wanted);
	return *ret_loading ? 0 : job->group.err;
}

int job_new(struct engine *e, struct part *part,
	    const struct job_reason *reason,
	    void (*ready)(struct fetch_group *group), struct job **ret_job,
	    bool *ret_loading)
{
	struct job *job = mem_zalloc(sizeof(*job));
	int err;

	if (!job)
		return -ENOMEM;
	job->e = e;
	job->part = part;
	job->tidy = reason->merge;
	job->snap_seq = e->applied_seq;
	list_init(&job->node);
	fetch_group_init(&job->group, e, part, ready, job);
	job->group.of_round = true;
	part->flushing = true;
	err = snapshot(job);
	if (!err) {
		choose(job, reason);
		err = load(job, ret_loading);
	}
	if (err) {
		job_free(job);
		return err;
	}
	*ret_job = job;
	return 0;
}

static void job_free_memory(struct job *job)
{
	fetch_group_fini(&job->group);
	for (uint32_t i = 0; i < job->snap_count; i++)
		blob_put(job->snap[i].owner);
	mem_free(job->snap);
	mem_free(job->take);
	mem_free(job->out);
	mem_free(job->run_end);
	mem_free(job->removed);
	mem_free(job->added);
	mem_free(job->ids);
	mem_free(job);
}

static void blocks_live(struct engine *e, const struct block_ref *ref,
			uint32_t count, int64_t sign)
{
	for (uint32_t i = 0; i < count; i++) {
		space_live(&e->space, engine_slot_of(e, ref[i].place),
			   sign * (int64_t)padded(ref[i].bytes));
		/* Modulo 2^64: a negative sign takes away. */
		e->stats.blocks += (uint64_t)sign;
		e->stats.rows_in_blocks += (uint64_t)(sign * (int64_t)ref[i].rows);
	}
}

void job_free(struct job *job)
{
	struct part *part = job->part;
	size_t before = part->delta_bytes;

	blocks_live(job->e, job->added, job->added_count, -1);
	part->flushing = false;
	/* Deletions kept for the flush's sake go. */
	part_settle(part, part->flushed_seq, NULL, 0, NULL, 0);
	engine_part_changed(job->e, part, before);
	engine_drop_part_if_empty(job->e, part);
	job_free_memory(job);
}

static void put_out(struct job *job, struct row row)
{
	job->out[job->out_count++] = row;
}

static void put_delta(struct job *job, const struct delta *delta)
{
	if (delta->owner)
		put_out(job, part_delta_row(delta));
}

/* What lies before a block that stays. */
static void merge_gap(struct job *job, uint64_t first_id, uint32_t *d)
{
	while (*d < job->snap_count && job->snap[*d].id < first_id)
		put_delta(job, &job->snap[(*d)++]);
}

/* The rows of one block under the deltas up to its last id. */
static void merge_block(struct job *job, const struct rows *rows,
			uint64_t last_id, uint32_t *d)
{
	uint32_t r = 0, count = rows ? rows->count : 0;

	while (*d < job->snap_count && job->snap[*d].id <= last_id) {
		const struct delta *delta = &job->snap[*d];

		for (; r < count && rows->row[r].id < delta->id; r++)
			put_out(job, rows->row[r]);
		if (r < count && rows->row[r].id == delta->id)
			r++;
		put_delta(job, delta);
		(*d)++;
	}
	for (; r < count; r++)
		put_out(job, rows->row[r]);
}

static void end_run(struct job *job)
{
	uint32_t n = job->run_count;

	if (job->out_count > (n ? job->run_end[n - 1] : 0))
		job->run_end[job->run_count++] = job->out_count;
}

int job_merge(struct job *job)
{
	const struct part *part = job->part;
	uint32_t most = job->snap_count, d = 0;

	for (uint32_t i = 0; i < part->block_count; i++)
		if (job->take[i] == JOB_REWRITE)
			most += part->blocks[i].rows;
	job->out = mem_alloc((most + 1) * sizeof(*job->out));
	job->ids = mem_alloc((most + 1) * sizeof(*job->ids));
	job->run_end = mem_alloc((part->block_count + 2) *
				 sizeof(*job->run_end));
	if (!job->out || !job->ids || !job->run_end)
		return -ENOMEM;
	for (uint32_t i = 0; i < part->block_count; i++) {
		const struct block_ref *ref = &part->blocks[i];
		struct rows *rows = NULL;

		if (job->take[i] == JOB_KEEP) {
			merge_gap(job, ref->first_id, &d);
			end_run(job);
			continue;
		}
		if (job->take[i] == JOB_REWRITE)
			rows = fetch_lookup(&job->group, ref);
		merge_block(job, rows, ref->last_id, &d);
	}
	for (; d < job->snap_count; d++)
		put_delta(job, &job->snap[d]);
	end_run(job);
	return 0;
}

uint32_t job_next_block(struct job *job)
{
	if (job->run < job->run_count && job->packed == job->run_end[job->run])
		job->run++;
	if (job->run == job->run_count)
		return 0;
	return block_cut(job->out + job->packed,
			 job->run_end[job->run] - job->packed);
}

int job_add_block(struct job *job, const struct block_ref *ref)
{
	if (mem_grow(&job->added, &job->added_cap, job->added_count + 1,
		     sizeof(*job->added)))
		return -ENOMEM;
	for (uint32_t i = 0; i < ref->rows; i++)
		job->ids[job->packed + i] = job->out[job->packed + i].id;
	/* A read that came late may have kept what was there before. */
	cache_drop(job->e->cache, ref->place);
	job->packed += ref->rows;
	job->added[job->added_count++] = *ref;
	blocks_live(job->e, ref, 1, 1);
	return 0;
}

size_t job_change_size(const struct job *job)
{
	return change_part_size(job->removed_count, job->added_count);
}

void job_change_encode(const struct job *job, uint8_t *buf)
{
	buf = change_part_begin(buf, job->part->channel, job->part->space,
				job->snap_seq, job->removed_count,
				job->added_count);
	for (uint32_t i = 0; i < job->removed_count; i++)
		buf = change_put_place(buf, job->removed[i]);
	for (uint32_t i = 0; i < job->added_count; i++)
		buf = change_put_ref(buf, &job->added[i]);
}

/* The rows of the last block added, as the cache keeps them; or NULL. */
static struct rows *newest_rows(const struct job *job,
				const struct block_ref *ref)
{
	const struct row *out = job->out + job->packed - ref->rows;
	struct blob *raw = block_pack(out, ref->rows);
	struct rows *rows;
	int err;

	if (!raw)
		return NULL;
	err = block_unpack(raw, ref->rows, ref->first_id, ref->last_id, &rows);
	blob_put(raw);
	return err ? NULL : rows;
}

/* The newest rows stay warm, where somebody reads. */
static void keep_warm(struct job *job)
{
	struct cache *cache = job->e->cache;
	bool warm = job->part->wanted;
	const struct block_ref *last;
	struct rows *rows;

	for (uint32_t i = 0; i < job->removed_count; i++) {
		warm |= cache_has(cache, job->removed[i]);
		cache_drop(cache, job->removed[i]);
	}
	job->part->wanted = false;
	if (!warm || !job->added_count)
		return;
	last = &job->added[job->added_count - 1];
	rows = newest_rows(job, last);
	if (rows)
		cache_put(cache, last->place, rows);
	rows_put(rows);
}

static void note_fragmented(struct job *job)
{
	struct part *part = job->part;
	uint32_t n = part->block_count;

	list_del(&part->merge);
	if (!job->tidy && n > 1 && block_is_small(&part->blocks[n - 1]))
		list_push(&job->e->fragmented, &part->merge);
}

void job_commit(struct job *job)
{
	struct engine *e = job->e;
	struct part *part = job->part;
	size_t before = part->delta_bytes;

	for (uint32_t i = 0; i < part->block_count; i++)
		if (job->take[i])
			blocks_live(e, &part->blocks[i], 1, -1);
	/* Room was reserved, and nobody else changes blocks. */
	check(!part_change(part, job->removed, job->removed_count, job->added,
			   job->added_count));
	part_settle(part, job->snap_seq, job->added, job->added_count,
		    job->ids, job->packed);
	part->flushing = false;
	engine_part_clean(e, part);
	engine_part_changed(e, part, before);
	keep_warm(job);
	note_fragmented(job);
	write_go_on(e, part);
	engine_drop_part_if_empty(e, part);
	job_free_memory(job);
}
