// SPDX-License-Identifier: Apache-2.0
/* The partitions of a shard, and what drives it. */
#include "store/engine.h"

#include <errno.h>
#include <string.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/engine_impl.h"

/* Five seconds. */
#define HOLD_TICKS_MAX 50u

void engine_wake(struct engine *e)
{
	if (e->opts.wake)
		e->opts.wake(e->opts.ctx);
}

struct part *engine_part(const struct engine *e, uint64_t channel,
			 uint8_t space)
{
	return hmap_get_ptr(&e->parts[space], channel);
}

struct part *engine_part_make(struct engine *e, uint64_t channel,
			      uint8_t space)
{
	struct part *part = engine_part(e, channel, space);

	if (part)
		return part;
	part = part_new(channel, space);
	if (!part)
		return NULL;
	if (hmap_set(&e->parts[space], channel, (uintptr_t)part)) {
		part_free(part);
		return NULL;
	}
	list_push(&e->all, &part->all);
	e->stats.partitions++;
	return part;
}

void engine_part_clean(struct engine *e, struct part *part)
{
	if (e->dirty_cursor == &part->dirty)
		e->dirty_cursor = part->dirty.next;
	list_del(&part->dirty);
}

/* From half of what is allowed on it is flushed: writes seldom wait for it. */
static void note_holes(struct engine *e, struct part *part)
{
	if (part->holed < e->opts.holes_max / 2 || e->opts.read_only)
		list_del(&part->holes);
	else if (list_empty(&part->holes))
		list_push(&e->holed, &part->holes);
}

void engine_part_changed(struct engine *e, struct part *part,
			 size_t delta_bytes_before)
{
	struct list *at = &e->dirty;

	e->delta_bytes += part->delta_bytes - delta_bytes_before;
	note_holes(e, part);
	if (part_is_dirty(part) && !list_empty(&part->dirty))
		return;
	engine_part_clean(e, part);
	if (!part_is_dirty(part))
		return;
	/* Nearly always the last: what is new has the highest seq. */
	while (at->prev != &e->dirty &&
	       list_entry(at->prev, struct part, dirty)->oldest_seq >
		       part->oldest_seq)
		at = at->prev;
	list_add_before(at, &part->dirty);
}

/*
 * A partition nobody needs: no rows, no work under way, and no record in the
 * log that its flushed_seq tells to leave alone.
 */
static bool is_unused(const struct engine *e, const struct part *part)
{
	return !part->block_count && !part->delta_count && !part->inflight &&
	       !part_is_dirty(part) && !part->readers && !part->flushing &&
	       !part->deciding && !part->settling &&
	       list_empty(&part->waiting) && part->flushed_seq < e->tail.seq;
}

void engine_drop_part_if_empty(struct engine *e, struct part *part)
{
	if (!is_unused(e, part))
		return;
	if (e->cursor == &part->all)
		e->cursor = part->all.next;
	list_del(&part->all);
	list_del(&part->merge);
	list_del(&part->holes);
	engine_part_clean(e, part);
	hmap_del(&e->parts[part->space], part->channel);
	part_free(part);
	e->stats.partitions--;
}

void engine_finish(struct store_op *op, int status)
{
	op->status = status;
	op->done(op);
}

void engine_submit(struct engine *e, struct store_op *op)
{
	op->status = 0;
	op->changed = 0;
	op->rows = NULL;
	op->group = NULL;
	op->part = NULL;
	op->changing = false;
	list_init(&op->node);
	if (op->space >= STORE_SPACE_COUNT)
		engine_finish(op, -EINVAL);
	else if (op->kind == OP_GET || op->kind == OP_PAGE)
		engine_read(e, op);
	else
		engine_write(e, op);
}

struct log_tail engine_log_tail(const struct engine *e, uint64_t flushed_seq)
{
	/* Partitions being flushed may have changed since, but not before. */
	uint64_t oldest = flushed_seq + 1;

	if (e->opts.unsafe & ENGINE_UNSAFE_LOG_TAIL)
		return log_tail_for(&e->log, e->applied_seq + 1);

	list_for_each(node, &e->dirty) {
		const struct part *part = list_entry(node, struct part, dirty);

		if (part->flushing)
			continue;
		if (part->oldest_seq < oldest)
			oldest = part->oldest_seq;
		break;
	}
	return log_tail_for(&e->log, oldest);
}

void engine_release_log(struct engine *e, const struct log_tail *tail)
{
	e->tail = *tail;
	log_release(&e->log, tail);
}

void engine_step(struct engine *e)
{
	io_run(&e->io);
	write_place_waiting(e);
	round_step(e);
	rewrite_step(e);
	round_consider(e);
	trim_step(e);
	log_commit(&e->log);
}

static bool is_waiting(const struct engine *e)
{
	list_for_each(node, &e->holed)
		if (!list_empty(&list_entry(node, struct part, holes)->waiting))
			return true;
	return !list_empty(&e->waiting);
}

/* A backup may keep writes waiting for a while, but not for ever. */
static void check_hold(struct engine *e)
{
	if (e->hold != STORE_HOLD_ALL || !is_waiting(e))
		e->held_ticks = 0;
	else if (++e->held_ticks >= HOLD_TICKS_MAX)
		engine_give_up_hold(e);
}

void engine_tick(struct engine *e)
{
	uint64_t writes = e->stats.appended + e->stats.edited +
			  e->stats.deleted;

	if (e->opts.read_only)
		return;
	e->idle = writes == e->last_ticks_writes;
	e->last_ticks_writes = writes;
	e->round_retry = true;
	check_hold(e);
	/* Rounds that fail make no fewer holes. */
	list_for_each_safe(node, &e->holed)
		write_go_on(e, list_entry(node, struct part, holes));
	log_retry(&e->log);
	engine_wake(e);
}

int engine_error(const struct engine *e)
{
	return e->failed;
}

void engine_flush(struct engine *e)
{
	e->flush_all = true;
	e->round_retry = true;
	engine_wake(e);
}

bool engine_quiet(const struct engine *e)
{
	return !e->round && !e->rewrite && io_idle(&e->io) &&
	       list_empty(&e->staged) && list_empty(&e->waiting) &&
	       !(e->flush_all && !list_empty(&e->dirty)) &&
	       !engine_holes_due(e);
}

void engine_give_up_hold(struct engine *e)
{
	if (e->hold == STORE_HOLD_NONE)
		return;
	log_warn("store", "backup_given_up", "shard=%u", e->super.shard);
	e->hold = STORE_HOLD_NONE;
	space_hold(&e->space, false);
}

int engine_hold(struct engine *e, enum store_hold hold, uint64_t *ret_frame)
{
	/* One step down at a time: else it was given up in between. */
	bool stale = hold != STORE_HOLD_ALL && e->hold != hold + 1;

	e->hold = hold;
	space_hold(&e->space, hold != STORE_HOLD_NONE);
	engine_wake(e);
	if (stale)
		return -ESTALE;
	if (hold == STORE_HOLD_ALL && (e->round || e->rewrite))
		return -EAGAIN;
	/* The one in flight, if any, has the number before the next. */
	*ret_frame = e->log.frame - 1 - (e->log.busy || e->log.stuck);
	return 0;
}
