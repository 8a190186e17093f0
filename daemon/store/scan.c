// SPDX-License-Identifier: Apache-2.0
#include "store/scan.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

/* Two frames' worth: one is always whole. */
#define WINDOW_BYTES (4u * FRAME_BYTES_MAX)

int scan_init(struct scan *scan, struct io *io, struct os_loop *loop,
	      struct os_file *file, uint64_t store_tag)
{
	memset(scan, 0, sizeof(*scan));
	scan->io = io;
	scan->loop = loop;
	scan->file = file;
	scan->store_tag = store_tag;
	scan->buf = mem_aligned(FORMAT_SECTOR, WINDOW_BYTES);
	if (!scan->buf)
		return -ENOMEM;
	return os_file_size(file, &scan->size);
}

void scan_fini(struct scan *scan)
{
	mem_free(scan->buf);
	scan->buf = NULL;
}

/* Makes the window begin at offset (a sector's). */
static int move_window(struct scan *scan, uint64_t offset)
{
	uint64_t end = scan->size & ~(uint64_t)(FORMAT_SECTOR - 1);
	int err;

	scan->from = offset;
	scan->len = 0;
	if (offset >= end)
		return 0;
	if (end - offset > WINDOW_BYTES)
		end = offset + WINDOW_BYTES;
	err = io_do(scan->io, scan->loop, IO_READ, scan->file, scan->buf,
		    end - offset, offset);
	if (!err)
		scan->len = end - offset;
	return err;
}

/* What the window has from offset on. */
static size_t in_window(const struct scan *scan, uint64_t offset)
{
	if (offset < scan->from || offset >= scan->from + scan->len)
		return 0;
	return scan->from + scan->len - offset;
}

int scan_frame(struct scan *scan, uint64_t offset, uint64_t number,
	       struct frame *ret_frame)
{
	size_t len = in_window(scan, offset);
	int err = -ENODATA;

	if (len)
		err = frame_open(scan->buf + (offset - scan->from), len,
				 scan->store_tag, number, ret_frame);
	if (err != -ENODATA)
		return err;
	err = move_window(scan, offset);
	if (err)
		return err;
	if (!scan->len)
		return -ENOENT;
	err = frame_open(scan->buf, scan->len, scan->store_tag, number,
			 ret_frame);
	/* It goes on behind the end of the file. */
	return err == -ENODATA ? -EBADMSG : err;
}

int scan_any(struct scan *scan, uint64_t offset, struct frame *ret_frame)
{
	struct frame_head head;
	int err = 0;

	/* Not the whole window again for each sector. */
	if (!in_window(scan, offset))
		err = move_window(scan, offset);
	if (err)
		return err;
	if (in_window(scan, offset) < sizeof(head))
		return -ENOENT;
	memcpy(&head, scan->buf + (offset - scan->from), sizeof(head));
	if (le32toh(head.magic) != FRAME_MAGIC ||
	    le64toh(head.store_tag) != scan->store_tag)
		return -ENOENT;
	err = scan_frame(scan, offset, le64toh(head.number), ret_frame);
	return err == -EBADMSG ? -ENOENT : err;
}

int scan_later(struct scan *scan, uint64_t offset, uint64_t number,
		uint64_t *ret_offset, uint64_t *ret_number)
{
	struct frame frame;

	for (uint64_t at = offset; at <= offset + FRAME_BYTES_MAX;
	     at += FORMAT_SECTOR) {
		int err = scan_any(scan, at, &frame);

		if (err && err != -ENOENT)
			return err;
		if (err || frame.number <= number)
			continue;
		*ret_offset = at;
		*ret_number = frame.number;
		return 1;
	}
	return 0;
}
