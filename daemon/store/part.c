// SPDX-License-Identifier: Apache-2.0
#include "store/part.h"

#include <errno.h>
#include <string.h>

#include "base/bisect.h"
#include "base/blob.h"
#include "base/check.h"
#include "base/mem.h"

struct part *part_new(uint64_t channel, uint8_t space)
{
	struct part *part = mem_zalloc(sizeof(*part));

	if (!part)
		return NULL;
	part->channel = channel;
	part->space = space;
	part->oldest_seq = UINT64_MAX;
	list_init(&part->all);
	list_init(&part->dirty);
	list_init(&part->merge);
	list_init(&part->holes);
	list_init(&part->waiting);
	return part;
}

void part_free(struct part *part)
{
	if (!part)
		return;
	for (uint32_t i = 0; i < part->delta_count; i++)
		blob_put(part->deltas[i].owner);
	mem_free(part->deltas);
	mem_free(part->blocks);
	mem_free(part);
}

uint32_t part_delta_from(const struct part *part, uint64_t id)
{
	uint32_t count = part->delta_count;

	/* Nearly all that comes is newer than what is there. */
	if (!count || part->deltas[count - 1].id < id)
		return count;
	return bisect_u64(part->deltas, part->delta_count,
			  sizeof(struct delta), offsetof(struct delta, id), id);
}

static uint32_t ref_from(const struct block_ref *refs, uint32_t count,
			 uint64_t id)
{
	return bisect_u64(refs, count, sizeof(*refs),
			  offsetof(struct block_ref, last_id), id);
}

uint32_t part_block_from(const struct part *part, uint64_t id)
{
	return ref_from(part->blocks, part->block_count, id);
}

struct block_ref *part_block_of(const struct part *part, uint64_t id)
{
	uint32_t i = part_block_from(part, id);

	if (i == part->block_count || part->blocks[i].first_id > id)
		return NULL;
	return &part->blocks[i];
}

struct delta *part_delta_of(const struct part *part, uint64_t id)
{
	uint32_t i = part_delta_from(part, id);

	if (i == part->delta_count || part->deltas[i].id != id)
		return NULL;
	return &part->deltas[i];
}

struct row part_delta_row(const struct delta *delta)
{
	return (struct row){ delta->id, delta->owner->data + delta->at,
			     delta->size };
}

static size_t delta_bytes(const struct delta *delta)
{
	return sizeof(*delta) + delta->size;
}

static bool has_holes(const struct block_ref *block)
{
	return block->dead && block->dead < block->rows;
}

static void count_dead(struct part *part, uint64_t id, int by)
{
	struct block_ref *block = part_block_of(part, id);

	check(block && block->dead + by >= 0 &&
	      block->dead + by <= block->rows);
	part->holed -= has_holes(block);
	block->dead = (uint16_t)(block->dead + by);
	part->holed += has_holes(block);
}

/* What the record says of the row, whatever the delta was before. */
static void delta_set(struct part *part, struct delta *delta, uint64_t seq,
		      const struct part_row *row)
{
	struct blob *old = delta->owner;

	part->delta_bytes -= delta_bytes(delta);
	delta->owner = row ? blob_get(row->owner) : NULL;
	blob_put(old);
	delta->at = row ? row->at : 0;
	delta->size = row ? row->size & INT32_MAX : 0;
	delta->seq = seq;
	part->delta_bytes += delta_bytes(delta);
}

static void delta_drop(struct part *part, const struct delta *delta)
{
	part->delta_bytes -= delta_bytes(delta);
	blob_put(delta->owner);
}

static void delta_remove(struct part *part, struct delta *delta)
{
	uint32_t i = (uint32_t)(delta - part->deltas);

	delta_drop(part, delta);
	part->delta_count--;
	memmove(delta, delta + 1, (part->delta_count - i) * sizeof(*delta));
}

static int delta_insert(struct part *part, uint64_t id, uint64_t seq,
			const struct part_row *row, bool shadows)
{
	uint32_t at = part_delta_from(part, id);
	struct delta *delta;

	if (mem_grow(&part->deltas, &part->delta_cap, part->delta_count + 1,
		     sizeof(*delta)))
		return -ENOMEM;
	delta = &part->deltas[at];
	memmove(delta + 1, delta, (part->delta_count - at) * sizeof(*delta));
	part->delta_count++;
	part->delta_bytes += sizeof(*delta);
	*delta = (struct delta){ .id = id, .shadows = shadows };
	delta_set(part, delta, seq, row);
	return 0;
}

static int apply_to_block(struct part *part, enum record_type type,
			  uint64_t id, uint64_t seq, const struct part_row *row)
{
	/* What was edited or deleted exists: in a block, then. */
	bool shadows = type != RECORD_APPEND;
	int err;

	if (shadows && !part_block_of(part, id))
		return -EBADMSG;
	err = delta_insert(part, id, seq, row, shadows);
	if (!err && shadows)
		count_dead(part, id, 1);
	return err;
}

int part_apply(struct part *part, enum record_type type, uint64_t id,
	       uint64_t seq, const struct part_row *row)
{
	struct delta *delta = part_delta_of(part, id);
	int err = 0;

	if (!delta)
		err = apply_to_block(part, type, id, seq, row);
	else if (!row && !delta->shadows && !part->flushing)
		delta_remove(part, delta);
	else
		delta_set(part, delta, seq, row);
	if (err)
		return err;
	if (part->max_id < id)
		part->max_id = id;
	if (!part_is_dirty(part))
		part->oldest_seq = seq;
	part->last_seq = seq;
	return 0;
}

/*
 * Takes the blocks of these places, which are in the order of the blocks, out.
 * From the end on: what is rewritten is mostly young, and a channel may have
 * many old blocks.
 */
static int remove_blocks(struct part *part, const uint32_t *places,
			 uint32_t count)
{
	struct block_ref *blocks = part->blocks;
	uint32_t from = part->block_count, kept = from;

	if (!from)
		return -EBADMSG;
	while (count && from) {
		const struct block_ref *block = &blocks[--from];

		if (places[count - 1] == block->place) {
			part->holed -= has_holes(block);
			count--;
		} else {
			blocks[--kept] = *block;
		}
	}
	memmove(&blocks[from], &blocks[kept],
		(part->block_count - kept) * sizeof(*blocks));
	part->block_count -= kept - from;
	return count ? -EBADMSG : 0;
}

/* Merges ascending ones in, from the end on; there is room for them. */
static int insert_blocks(struct part *part, const struct block_ref *added,
			 uint32_t count)
{
	uint32_t old = part->block_count, at = old + count;
	struct block_ref *blocks = part->blocks;

	part->block_count = at;
	while (count) {
		bool from_old = old && blocks[old - 1].first_id >
					       added[count - 1].last_id;

		blocks[--at] = from_old ? blocks[--old] : added[--count];
		if (!from_old)
			blocks[at].dead = 0;
		if (at + 1 < part->block_count &&
		    blocks[at].last_id >= blocks[at + 1].first_id)
			return -EBADMSG;
	}
	if (old && at && blocks[at - 1].last_id >= blocks[at].first_id &&
	    at < part->block_count)
		return -EBADMSG;
	return 0;
}

int part_reserve(struct part *part, uint32_t added_count)
{
	return mem_grow(&part->blocks, &part->block_cap,
			part->block_count + added_count,
			sizeof(*part->blocks));
}

int part_change(struct part *part, const uint32_t *removed,
		uint32_t removed_count, const struct block_ref *added,
		uint32_t added_count)
{
	int err;

	err = part_reserve(part, added_count);
	if (!err && removed_count)
		err = remove_blocks(part, removed, removed_count);
	if (!err && added_count) {
		err = insert_blocks(part, added, added_count);
		if (!err && part->max_id < added[added_count - 1].last_id)
			part->max_id = added[added_count - 1].last_id;
	}
	return err;
}

static bool within(const struct block_ref *refs, uint32_t count, uint64_t id)
{
	uint32_t i = ref_from(refs, count, id);

	return i < count && refs[i].first_id <= id;
}

static bool contains(const uint64_t *ids, uint32_t count, uint64_t id)
{
	uint32_t i = bisect_u64(ids, count, sizeof(*ids), 0, id);

	return i < count && ids[i] == id;
}

void part_settle(struct part *part, uint64_t snap_seq,
		 const struct block_ref *added, uint32_t added_count,
		 const uint64_t *ids, uint32_t id_count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < part->delta_count; i++) {
		struct delta delta = part->deltas[i];

		if (delta.seq > snap_seq) {
			if (within(added, added_count, delta.id)) {
				delta.shadows = contains(ids, id_count,
							 delta.id);
				if (delta.shadows)
					count_dead(part, delta.id, 1);
			} else if (!part_block_of(part, delta.id)) {
				delta.shadows = false;
			}
			/* A deletion of what never reached a block is done. */
			if (delta.owner || delta.shadows) {
				part->deltas[kept++] = delta;
				continue;
			}
		}
		delta_drop(part, &delta);
	}
	part->delta_count = kept;
	if (snap_seq > part->flushed_seq || !part_is_dirty(part))
		part->oldest_seq = part->last_seq > snap_seq ? snap_seq + 1
							     : UINT64_MAX;
	part->flushed_seq = snap_seq;
	if (!kept) {
		mem_free(part->deltas);
		part->deltas = NULL;
		part->delta_cap = 0;
	}
}
