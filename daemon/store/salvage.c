// SPDX-License-Identifier: Apache-2.0
/*
 * A shard without a usable superblock or index, for tools.
 *
 * What the superblocks said can be known from the other files: the tag from the
 * frame at the beginning of an index or of the log, where no row's bytes can
 * lie; the size of the log is its file's; slots are as big as everybody's.  Of
 * two indexes the one begun later counted, unless it was never finished; then
 * it does not end with the log's tail.
 *
 * Without an index, which blocks there are is learned from the blocks.
 *
 * Of one partition, blocks that count never overlap, and a round's blocks
 * replace those they overlap.  So one counts unless a newer one covers any of
 * its range, be that one itself replaced.  What cannot be known: whether a
 * block of which all rows had been deleted was dropped, so that such rows may
 * come back; everything else that is in blocks is found.
 *
 * The log is needed from its oldest frame on of which all later ones are
 * there; a record is skipped when a block of its partition is newer.
 */
#include "store/salvage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/engine_impl.h"

/* --- the superblock ------------------------------------------------------ */

/* Number and tag of the whole frame that a file begins with. */
static int first_frame(struct engine *e, struct os_file *file,
		       uint64_t *ret_number, uint64_t *ret_tag)
{
	struct frame_head *head = mem_aligned(FORMAT_SECTOR, FORMAT_SECTOR);
	struct frame frame;
	struct scan scan;
	int err;

	if (!head)
		return -ENOMEM;
	err = io_do(&e->io, e->loop, IO_READ, file, head, FORMAT_SECTOR, 0);
	*ret_number = le64toh(head->number);
	*ret_tag = le64toh(head->store_tag);
	mem_free(head);
	if (err)
		return err;
	err = scan_init(&scan, &e->io, e->loop, file, *ret_tag);
	if (!err)
		err = scan_frame(&scan, 0, *ret_number, &frame);
	scan_fini(&scan);
	return err;
}

static int log_size(struct engine *e, uint64_t *ret_bytes)
{
	int err = os_file_size(e->log_file, ret_bytes);

	*ret_bytes &= ~(uint64_t)(FORMAT_SECTOR - 1);
	if (*ret_bytes < LOG_BYTES_MIN)
		*ret_bytes = LOG_BYTES_MIN;
	return err;
}

int salvage_super(struct engine *e)
{
	struct os_file *const files[] = {
		e->index.file[0], e->index.file[1], e->log_file,
	};
	struct super *super = &e->super;
	uint64_t number, tag;
	bool found = false;

	*super = (struct super){
		.shard = e->opts.shard,
		.shards = e->opts.shards,
		.slot_bytes = ENGINE_SLOT_BYTES,
	};
	for (uint32_t i = 0; i < 3; i++) {
		int err = first_frame(e, files[i], &number, &tag);

		if (err == -ENOMEM)
			return err;
		if (err)
			continue;
		if (!found)
			super->store_tag = tag;
		found = true;
		if (i < 2 && number > super->index_first) {
			super->index_file = i;
			super->index_first = number;
		}
	}
	return found ? log_size(e, &super->log_bytes) : -EBADMSG;
}

/* --- the index ----------------------------------------------------------- */

struct found_block {
	struct block_id id;
	struct block_ref ref;
};

struct found {
	struct found_block *block;
	uint32_t count, cap;
};

/* By partition, the newest first. */
static int compare_blocks(const void *a, const void *b)
{
	const struct block_id *x = &((const struct found_block *)a)->id;
	const struct block_id *y = &((const struct found_block *)b)->id;

	if (x->space != y->space)
		return x->space < y->space ? -1 : 1;
	if (x->channel != y->channel)
		return x->channel < y->channel ? -1 : 1;
	return (x->seq < y->seq) - (x->seq > y->seq);
}

static int add_found(struct found *found, const struct block_id *id,
		     const struct block_ref *ref)
{
	if (mem_grow(&found->block, &found->cap, found->count + 1,
		     sizeof(*found->block)))
		return -ENOMEM;
	found->block[found->count++] = (struct found_block){ *id, *ref };
	return 0;
}

/* Every whole block in one slot's bytes.  They begin at sectors, or where
 * another one ends; behind what is none, at any place. */
static int search_slot(struct engine *e, const uint8_t *buf, size_t len,
		       uint64_t offset, struct found *found)
{
	size_t at = 0;

	while (at + sizeof(struct block_head) <= len) {
		struct block_ref ref;
		struct block_id id;
		int err = block_probe(buf + at, len - at, e->super.store_tag,
				      &id, &ref);

		if (err || id.space >= STORE_SPACE_COUNT ||
		    ref.first_id > ref.last_id) {
			at += BLOCK_ALIGN;
			continue;
		}
		ref.place = (uint32_t)((offset + at) / BLOCK_ALIGN);
		err = add_found(found, &id, &ref);
		if (err)
			return err;
		at += padded(ref.bytes);
	}
	return 0;
}

static int search_data(struct engine *e, struct found *found)
{
	uint32_t bytes = e->super.slot_bytes;
	uint64_t end = e->data_size & ~(uint64_t)(FORMAT_SECTOR - 1);
	uint8_t *buf = mem_aligned(FORMAT_SECTOR, bytes);
	int err = buf ? 0 : -ENOMEM;

	for (uint64_t at = 0; at < end && !err; at += bytes) {
		size_t len = end - at < bytes ? end - at : bytes;

		err = io_do(&e->io, e->loop, IO_READ, e->data_file, buf, len,
			    at);
		/* What cannot be read is as good as damaged. */
		err = err == -ENOMEM ? err :
		      err ? 0 : search_slot(e, buf, len, at, found);
	}
	mem_free(buf);
	return err;
}

/*
 * Ranges of ids that newer blocks have covered: ascending, disjoint.  True,
 * and nothing added to it, when this one overlaps none of them; else they
 * become one with it.
 */
struct covered {
	struct block_ref *range;	/* first_id, last_id only */
	uint32_t count, cap;
};

static int cover(struct covered *c, struct block_ref range, bool *ret_is_new)
{
	uint32_t from = 0, to;

	while (from < c->count && c->range[from].last_id < range.first_id)
		from++;
	for (to = from; to < c->count &&
	     c->range[to].first_id <= range.last_id; to++) {
		if (range.first_id > c->range[to].first_id)
			range.first_id = c->range[to].first_id;
		if (range.last_id < c->range[to].last_id)
			range.last_id = c->range[to].last_id;
	}
	*ret_is_new = to == from;
	if (mem_grow(&c->range, &c->cap, c->count + 1, sizeof(*c->range)))
		return -ENOMEM;
	memmove(&c->range[from + 1], &c->range[to],
		(c->count - to) * sizeof(*c->range));
	c->range[from] = range;
	c->count += 1 + from - to;
	return 0;
}

/* Blocks of one partition, the newest first.  Returns how many there are. */
static int take_part(struct engine *e, const struct found_block *block,
		     uint32_t left, struct covered *covered)
{
	const struct block_id *id = &block->id;
	struct part *part = engine_part_make(e, id->channel, id->space);
	uint32_t n = 0;

	if (!part)
		return -ENOMEM;
	part->flushed_seq = id->seq;
	covered->count = 0;
	for (; n < left && block[n].id.channel == id->channel &&
	     block[n].id.space == id->space; n++) {
		bool is_new;
		int err = cover(covered, block[n].ref, &is_new);

		if (!err && is_new)
			err = part_change(part, NULL, 0, &block[n].ref, 1);
		if (err)
			return err;
	}
	return (int)n;
}

static int take_blocks(struct engine *e, struct found *found)
{
	struct covered covered = { 0 };
	int n = 0;

	if (found->count)
		qsort(found->block, found->count, sizeof(*found->block),
		      compare_blocks);
	for (uint32_t i = 0; i < found->count && n >= 0; i += (uint32_t)n)
		n = take_part(e, found->block + i, found->count - i, &covered);
	mem_free(covered.range);
	return n < 0 ? n : 0;
}

static void forget_parts(struct engine *e)
{
	while (!list_empty(&e->all)) {
		struct part *part = list_entry(e->all.next, struct part, all);

		list_del(&part->all);
		hmap_del(&e->parts[part->space], part->channel);
		part_free(part);
	}
	e->stats.partitions = 0;
}

int salvage_other_index(struct engine *e)
{
	uint64_t tag;
	int err;

	forget_parts(e);
	e->super.index_file = !e->super.index_file;
	err = first_frame(e, e->index.file[e->super.index_file],
			  &e->super.index_first, &tag);
	return err == -ENOMEM ? err : err ? -EBADMSG : 0;
}

int salvage_index(struct engine *e)
{
	struct found found = { 0 };
	int err;

	forget_parts(e);
	err = search_data(e, &found);
	if (!err)
		err = take_blocks(e, &found);
	mem_free(found.block);
	return err;
}

/* --- the log's tail ------------------------------------------------------ */

static int compare_tails(const void *a, const void *b)
{
	const struct log_tail *x = a, *y = b;

	return (x->frame < y->frame) - (x->frame > y->frame);
}

/* Every whole frame of the ring, in no order. */
static int search_log(struct scan *scan, uint64_t bytes,
		      struct log_tail **ret_tails, uint32_t *ret_count)
{
	struct log_tail *tails = NULL;
	uint32_t count = 0, cap = 0;
	int err = 0;

	for (uint64_t at = 0; at < bytes && !err;) {
		struct frame frame;

		if (scan_any(scan, at, &frame)) {
			at += FORMAT_SECTOR;
			continue;
		}
		err = mem_grow(&tails, &cap, count + 1, sizeof(*tails));
		if (err)
			break;
		tails[count++] = (struct log_tail){ frame.number, at,
						    frame.first_seq };
		at += frame_size(frame.bytes);
	}
	*ret_tails = tails;
	*ret_count = count;
	return err;
}

int salvage_tail(struct engine *e, struct scan *scan)
{
	struct log_tail *tails;
	uint32_t count, n = 0;
	int err = search_log(scan, e->super.log_bytes, &tails, &count);

	if (!err && count) {
		qsort(tails, count, sizeof(*tails), compare_tails);
		while (n + 1 < count &&
		       tails[n + 1].frame + 1 == tails[n].frame)
			n++;
		e->tail = tails[n];
	}
	mem_free(tails);
	return err;
}
