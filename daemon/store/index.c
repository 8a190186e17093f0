// SPDX-License-Identifier: Apache-2.0
#include "store/index.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

int index_init(struct index *index, struct io *io)
{
	memset(index, 0, sizeof(*index));
	index->io = io;
	index->records.limit = INDEX_RECORDS_MAX;
	index->frame_buf = mem_aligned(FORMAT_SECTOR, FRAME_BYTES_MAX);
	return index->frame_buf ? 0 : -ENOMEM;
}

void index_fini(struct index *index)
{
	buf_fini(&index->records);
	mem_free(index->frame_buf);
	index->frame_buf = NULL;
}

uint8_t *index_add(struct index *index, size_t size)
{
	uint8_t *room;

	if (index->records.len + size > INDEX_RECORDS_MAX)
		return NULL;
	room = buf_grow(&index->records, size);
	if (room)
		index->record_count++;
	return room;
}

void index_discard(struct index *index)
{
	buf_reset(&index->records);
	index->record_count = 0;
}

static uint32_t seal(struct index *index)
{
	struct frame frame = {
		.number = index->frame,
		.bytes = (uint32_t)index->records.len,
		.records = index->record_count,
	};

	memcpy(index->frame_buf + sizeof(struct frame_head),
	       index->records.data, index->records.len);
	frame_seal(index->frame_buf, index->store_tag, &frame);
	index_discard(index);
	return frame_size(frame.bytes);
}

static void submit(struct index *index, uint32_t file, enum io_kind kind,
		   uint64_t offset, uint32_t size,
		   void (*done)(struct io_req *, int))
{
	index->req.done = done;
	index->bytes_written += size;
	io_submit(index->io, &index->req, kind, index->file[file],
		  index->frame_buf, size, offset);
}

void index_append(struct index *index, void (*done)(struct io_req *, int))
{
	check(!index->broken);
	submit(index, index->current, IO_WRITE_SYNC, index->offset,
	       seal(index), done);
}

void index_appended(struct index *index)
{
	index->offset += index->req.len;
	index->frame++;
}

void index_write_other(struct index *index, uint64_t *offset,
		       void (*done)(struct io_req *, int))
{
	uint32_t size = seal(index);

	submit(index, !index->current, IO_WRITE, *offset, size, done);
	*offset += size;
	index->frame++;
}

bool index_wants_rewrite(const struct index *index, uint64_t parts,
			 uint64_t blocks)
{
	uint64_t live = parts * sizeof(struct change_part_disk) +
			blocks * sizeof(struct block_ref_disk);

	return index->broken || (index->offset > INDEX_BYTES_MIN &&
				 index->offset > 2 * live);
}
