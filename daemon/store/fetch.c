// SPDX-License-Identifier: Apache-2.0
/*
 * Reading blocks.  Blocks that lie next to each other are one read; a block
 * that is on its way already is waited for, not read again.
 *
 * A round wants hundreds of blocks.  Given to the disk at once they would be
 * before every commit and every reader in its queue, so only a few are; the
 * others follow one by one, or when somebody else wants them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/engine_impl.h"

#define FETCH_BLOCKS_MAX 16u
#define FETCH_BYTES_MAX (512u << 10)
/* Reads for rounds given to the disk at the same time. */
#define ROUND_READS 4u
#define ROUND_READS_IN_HASTE 64u

struct waiter {
	struct list node;
	struct fetch_group *group;
	uint32_t place;
};

/* One read of adjacent blocks. */
struct fetch {
	struct list node;	/* engine.fetches */
	struct list held;	/* engine.held_fetches, while it is held back */
	struct engine *e;
	struct io_req req;
	struct block_id id;
	uint8_t *buf;
	uint64_t from;		/* in the file; aligned */
	struct list waiters;
	uint32_t count;
	bool again;		/* damage was found: the second time */
	bool of_round;		/* one of ROUND_READS */
	struct block_ref ref[FETCH_BLOCKS_MAX];
};

void fetch_group_init(struct fetch_group *group, struct engine *e,
		      struct part *part,
		      void (*ready)(struct fetch_group *group), void *ctx)
{
	memset(group, 0, sizeof(*group));
	group->e = e;
	group->part = part;
	group->ready = ready;
	group->ctx = ctx;
}

static void pin_slot(struct fetch_group *group, uint32_t place, int by)
{
	space_read(&group->e->space, engine_slot_of(group->e, place), by);
}

static void unpin(struct fetch_group *group, uint32_t i)
{
	pin_slot(group, group->pin[i].place, -1);
	rows_put(group->pin[i].rows);
}

void fetch_group_fini(struct fetch_group *group)
{
	for (uint32_t i = 0; i < group->count; i++)
		unpin(group, i);
	mem_free(group->pin);
	group->pin = NULL;
	group->count = 0;
	group->cap = 0;
}

/*
 * A place has many tenants in its time: what is kept under it must be the one
 * that the index means.
 */
static struct rows *of_ref(struct rows *rows, const struct block_ref *ref)
{
	check(!rows || (rows->count == ref->rows &&
			rows->row[0].id == ref->first_id &&
			rows->row[rows->count - 1].id == ref->last_id));
	return rows;
}

struct rows *fetch_lookup_cache(void *ctx, const struct block_ref *ref)
{
	struct engine *e = ctx;

	return of_ref(cache_get(e->cache, ref->place), ref);
}

struct rows *fetch_lookup(void *ctx, const struct block_ref *ref)
{
	struct fetch_group *group = ctx;

	for (uint32_t i = 0; i < group->count; i++)
		if (group->pin[i].place == ref->place)
			return of_ref(group->pin[i].rows, ref);
	return fetch_lookup_cache(group->e, ref);
}

/* Its slot is not filled anew while the group may ask by the place. */
static int pin(struct fetch_group *group, uint32_t place, struct rows *rows)
{
	if (mem_grow(&group->pin, &group->cap, group->count + 1,
		     sizeof(group->pin[0])))
		return -ENOMEM;
	pin_slot(group, place, 1);
	group->pin[group->count].place = place;
	group->pin[group->count++].rows = rows_get(rows);
	return 0;
}

static void note_error(struct fetch_group *group, int err)
{
	if (err && !group->err)
		group->err = err;
}

/* The read that failed, or a block that is not what the index promised. */
static void note_damage(struct fetch *fetch, const struct block_ref *ref,
			int err)
{
	struct engine *e = fetch->e;

	if (err != -EBADMSG) {
		e->stats.io_errors++;
		log_error("store", "read_failed",
			  "shard=%u offset=%llu error=%d",
			  e->super.shard,
			  (unsigned long long)block_offset(ref), -err);
		return;
	}
	e->stats.corrupt_blocks++;
	e->stats.corrupt_rows += ref->rows;
	log_error("store", "block_corrupt",
		  "shard=%u channel=%llu space=%u first=%llu last=%llu rows=%u offset=%llu",
		  e->super.shard, (unsigned long long)fetch->id.channel,
		  fetch->id.space,
		  (unsigned long long)ref->first_id,
		  (unsigned long long)ref->last_id, ref->rows,
		  (unsigned long long)block_offset(ref));
}

/* Gives one block of the read, or the error, to those who wait for it. */
static void deliver(struct fetch *fetch, const struct block_ref *ref,
		    struct rows *rows, int err)
{
	list_for_each_safe(node, &fetch->waiters) {
		struct waiter *waiter = list_entry(node, struct waiter, node);
		struct fetch_group *group = waiter->group;

		if (waiter->place != ref->place)
			continue;
		list_del(node);
		mem_free(waiter);
		note_error(group, err ? err : pin(group, ref->place, rows));
		if (--group->pending == 0)
			group->ready(group);
	}
}

static void free_fetch(struct fetch *fetch)
{
	list_del(&fetch->node);
	list_del(&fetch->held);
	mem_free(fetch->buf);
	mem_free(fetch);
}

static void submit(struct fetch *fetch)
{
	struct engine *e = fetch->e;
	const struct block_ref *last = &fetch->ref[fetch->count - 1];
	uint64_t sector = FORMAT_SECTOR - 1;
	uint64_t end = (block_offset(last) + last->bytes + sector) & ~sector;
	size_t len = end - fetch->from;

	e->stats.reads++;
	e->stats.read_bytes += len;
	io_submit(&e->io, &fetch->req, IO_READ, e->data_file, fetch->buf, len,
		  fetch->from);
}

/* Of those held back, as many as there is room for. */
static void submit_held(struct engine *e)
{
	uint32_t most = round_in_haste(e) ? ROUND_READS_IN_HASTE : ROUND_READS;

	while (e->round_reads < most && !list_empty(&e->held_fetches)) {
		struct fetch *fetch = list_entry(list_pop(&e->held_fetches),
						 struct fetch, held);

		fetch->of_round = true;
		e->round_reads++;
		submit(fetch);
	}
}

static int open_block(struct fetch *fetch, uint32_t i, struct rows **ret_rows)
{
	const struct block_ref *ref = &fetch->ref[i];
	const uint8_t *at = fetch->buf + (block_offset(ref) - fetch->from);

	return block_open(fetch->e->codec, at, &fetch->id, ref, ret_rows);
}

/* Is it worth reading again?  What is wrong may have become so on its way. */
static bool try_again(struct fetch *fetch, struct rows *const *rows)
{
	bool whole = true;

	for (uint32_t i = 0; i < fetch->count; i++)
		whole &= rows[i] != NULL;
	if (whole || fetch->again)
		return false;
	for (uint32_t i = 0; i < fetch->count; i++)
		rows_put(rows[i]);
	fetch->again = true;
	submit(fetch);
	return true;
}

static void fetch_done(struct io_req *req, int err)
{
	struct fetch *fetch = container_of(req, struct fetch, req);
	struct rows *rows[FETCH_BLOCKS_MAX] = { NULL };
	int is[FETCH_BLOCKS_MAX];
	struct engine *e = fetch->e;

	for (uint32_t i = 0; i < fetch->count; i++)
		is[i] = err ? err : open_block(fetch, i, &rows[i]);
	if (!err && try_again(fetch, rows))
		return;
	e->round_reads -= fetch->of_round;
	submit_held(e);
	for (uint32_t i = 0; i < fetch->count; i++) {
		const struct block_ref *ref = &fetch->ref[i];

		hmap_del(&e->fetching, ref->place);
		space_read(&e->space, engine_slot_of(e, ref->place), -1);
		if (is[i])
			note_damage(fetch, ref, is[i]);
		else
			cache_put(e->cache, ref->place, rows[i]);
		deliver(fetch, ref, rows[i], is[i]);
		rows_put(rows[i]);
	}
	free_fetch(fetch);
}

void fetch_abandon(struct engine *e)
{
	while (!list_empty(&e->fetches)) {
		struct fetch *fetch = list_entry(e->fetches.next, struct fetch,
						 node);
		struct list *node;

		while ((node = list_pop(&fetch->waiters)))
			mem_free(list_entry(node, struct waiter, node));
		free_fetch(fetch);
	}
}

static int wait_for(struct fetch *fetch, struct fetch_group *group,
		    uint32_t place)
{
	struct waiter *waiter = mem_alloc(sizeof(*waiter));

	if (!waiter)
		return -ENOMEM;
	waiter->group = group;
	waiter->place = place;
	list_push(&fetch->waiters, &waiter->node);
	group->pending++;
	return 0;
}

static int compare_places(const void *a, const void *b)
{
	const struct block_ref *x = a, *y = b;

	return x->place < y->place ? -1 : x->place > y->place;
}

/* How many of the blocks, by place, make one read. */
static uint32_t span(const struct block_ref *ref, uint32_t count)
{
	uint32_t n = 1;

	while (n < count && n < FETCH_BLOCKS_MAX &&
	       block_offset(&ref[n]) ==
		       block_offset(&ref[n - 1]) + padded(ref[n - 1].bytes) &&
	       block_offset(&ref[n]) + ref[n].bytes - block_offset(ref) <=
		       FETCH_BYTES_MAX)
		n++;
	return n;
}

/* Starts one read of `count` adjacent blocks nobody is reading yet. */
static int fetch_span(struct fetch_group *group, const struct block_ref *ref,
		      uint32_t count)
{
	struct engine *e = group->e;
	uint64_t end = block_offset(&ref[count - 1]) + ref[count - 1].bytes;
	struct fetch *fetch = mem_zalloc(sizeof(*fetch));

	if (!fetch)
		return -ENOMEM;
	fetch->e = e;
	fetch->id = engine_block_id(e, group->part);
	fetch->from = block_offset(ref) & ~(uint64_t)(FORMAT_SECTOR - 1);
	fetch->req.done = fetch_done;
	list_init(&fetch->waiters);
	list_init(&fetch->node);
	list_init(&fetch->held);
	fetch->buf = mem_aligned(FORMAT_SECTOR,
				 end - fetch->from + FORMAT_SECTOR);
	if (!fetch->buf) {
		mem_free(fetch);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++) {
		/* Without memory for a waiter or an entry the block is read
		 * for nobody, or twice: no harm. */
		note_error(group, hmap_set(&e->fetching, ref[i].place,
					   (uintptr_t)fetch));
		note_error(group, wait_for(fetch, group, ref[i].place));
		space_read(&e->space, engine_slot_of(e, ref[i].place), 1);
		fetch->ref[fetch->count++] = ref[i];
	}
	list_push(&e->fetches, &fetch->node);
	if (group->of_round) {
		list_push(&e->held_fetches, &fetch->held);
		submit_held(e);
	} else {
		submit(fetch);
	}
	return 0;
}

/* Joins a read; one that was held back goes now, unless for a round. */
static int join(struct fetch *fetch, struct fetch_group *group, uint32_t place)
{
	if (!group->of_round && !list_empty(&fetch->held)) {
		list_del(&fetch->held);
		submit(fetch);
	}
	return wait_for(fetch, group, place);
}

bool fetch_start(struct fetch_group *group, const uint32_t *blocks,
		 uint32_t count)
{
	struct engine *e = group->e;
	struct block_ref *ref = mem_alloc(count * sizeof(*ref));
	uint32_t n = 0;

	if (!ref)
		note_error(group, -ENOMEM);
	for (uint32_t i = 0; i < count && !group->err; i++) {
		const struct block_ref *wanted =
			&group->part->blocks[blocks[i]];
		struct fetch *fetch = hmap_get_ptr(&e->fetching, wanted->place);
		struct rows *rows = cache_get(e->cache, wanted->place);

		if (rows)
			note_error(group, pin(group, wanted->place, rows));
		else if (fetch)
			note_error(group, join(fetch, group, wanted->place));
		else
			ref[n++] = *wanted;
	}
	if (!group->err && n)
		qsort(ref, n, sizeof(*ref), compare_places);
	for (uint32_t i = 0, many; i < n && !group->err; i += many) {
		many = span(ref + i, n - i);
		note_error(group, fetch_span(group, ref + i, many));
	}
	mem_free(ref);
	return group->pending > 0;
}
