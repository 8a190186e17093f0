// SPDX-License-Identifier: Apache-2.0
/* Superblocks, frames, records and index changes from anybody's bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/blob.h"
#include "base/check.h"
#include "store/format.h"
#include "store/part.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TAG 0x1122334455667788ull
#define REFS_MAX 64u

static void try_super(const uint8_t *data, size_t size)
{
	struct super_disk disk, again;
	struct super super;

	memset(&disk, 0, sizeof(disk));
	memcpy(&disk, data, size < sizeof(disk) ? size : sizeof(disk));
	if (super_decode(&disk, &super))
		return;
	super_encode(&super, &again);
	check(!super_decode(&again, &super));
}

/* What replay does: all the rows go to one partition. */
static void try_records(const uint8_t *data, size_t size)
{
	struct part *part = part_new(1, 0);
	const uint8_t *pos = data;
	struct logrec rec;
	uint64_t seq = 1;

	while (part && !logrec_decode(&pos, data + size, &rec)) {
		struct part_row row = { .size = rec.size };

		check(rec.size <= size);
		row.owner = blob_new(rec.data, rec.size);
		if (!row.owner)
			break;
		(void)part_apply(part, rec.type, rec.id, seq++,
				 rec.type == RECORD_DELETE ? NULL : &row);
		blob_put(row.owner);
	}
	part_free(part);
}

/* False: it was refused, and what became of the part is nobody's any more. */
static bool apply(struct part *part, const struct change *change)
{
	struct block_ref added[REFS_MAX];
	uint32_t removed[REFS_MAX], a = 0, r = 0;

	for (; r < change->removed && r < REFS_MAX; r++)
		removed[r] = change_place(change, r);
	for (uint32_t i = 0; i < change->added && a < REFS_MAX; i++)
		a += !change_ref(change, i, &added[a]);
	if (part_change(part, removed, r, added, a))
		return false;
	for (uint32_t i = 1; i < part->block_count; i++)
		check(part->blocks[i - 1].last_id < part->blocks[i].first_id);
	return true;
}

static void try_changes(const uint8_t *data, size_t size)
{
	struct part *part = part_new(1, 0);
	const uint8_t *pos = data;
	struct change change;

	while (part && !change_decode(&pos, data + size, &change))
		if (change.type == CHANGE_PART && !apply(part, &change))
			break;
	part_free(part);
}

static void try_frame(const uint8_t *data, size_t size)
{
	struct frame frame, back;
	uint8_t *buf;

	(void)frame_open(data, size, TAG, 7, &frame);
	if (size > 100000)
		return;
	frame = (struct frame){
		.number = 7, .bytes = (uint32_t)size, .records = 1,
	};
	buf = malloc(frame_size(frame.bytes));
	memcpy(buf + sizeof(struct frame_head), data, size);
	frame_seal(buf, TAG, &frame);
	check(!frame_open(buf, frame_size(frame.bytes), TAG, 7, &back));
	check(back.bytes == size && !memcmp(back.data, data, size));
	check(frame_open(buf, frame_size(frame.bytes), TAG, 8, &back));
	if (size)
		buf[sizeof(struct frame_head) + data[0] % size] ^= 1;
	check(!size || frame_open(buf, frame_size(frame.bytes), TAG, 7, &back));
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	switch (data[0] % 4) {
	case 0:
		try_super(data + 1, size - 1);
		break;
	case 1:
		try_records(data + 1, size - 1);
		break;
	case 2:
		try_changes(data + 1, size - 1);
		break;
	default:
		try_frame(data + 1, size - 1);
		break;
	}
	return 0;
}
