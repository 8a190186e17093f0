// SPDX-License-Identifier: Apache-2.0
#include "store/scan.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

/* With what is kept of the part before, at most as much, a frame is whole. */
#define PART_BYTES FRAME_BYTES_MAX

static void part_read(struct io_req *req, int err)
{
	struct scan_part *part = container_of(req, struct scan_part, req);

	part->busy = false;
	part->err = err;
}

int scan_init(struct scan *scan, struct io *io, struct os_loop *loop,
	      struct os_file *file, uint64_t store_tag)
{
	memset(scan, 0, sizeof(*scan));
	scan->io = io;
	scan->loop = loop;
	scan->file = file;
	scan->store_tag = store_tag;
	scan->here = &scan->part[0];
	scan->ahead = &scan->part[1];
	for (int i = 0; i < 2; i++) {
		scan->part[i].req.done = part_read;
		scan->part[i].mem = mem_aligned(FORMAT_SECTOR, 2 * PART_BYTES);
		if (!scan->part[i].mem)
			return -ENOMEM;
	}
	return os_file_size(file, &scan->size);
}

void scan_fini(struct scan *scan)
{
	for (int i = 0; i < 2; i++) {
		io_wait(scan->io, scan->loop, &scan->part[i].busy);
		mem_free(scan->part[i].mem);
		scan->part[i].mem = NULL;
	}
}

/* Sends for what the file has from offset (a sector's) on. */
static void start_part(struct scan *scan, struct scan_part *part,
		       uint64_t offset)
{
	uint64_t end = scan->size & ~(uint64_t)(FORMAT_SECTOR - 1);

	io_wait(scan->io, scan->loop, &part->busy);
	part->data = part->mem + PART_BYTES;
	part->from = offset;
	part->len = 0;
	part->err = 0;
	if (offset >= end)
		return;
	part->len = end - offset < PART_BYTES ? end - offset : PART_BYTES;
	part->busy = true;
	io_submit(scan->io, &part->req, IO_READ, scan->file,
		  part->mem + PART_BYTES, part->len, offset);
}

static int end_part(struct scan *scan, struct scan_part *part)
{
	io_wait(scan->io, scan->loop, &part->busy);
	if (part->err)
		part->len = 0;
	return part->err;
}

/* What the window has from offset on. */
static size_t in_window(const struct scan *scan, uint64_t offset)
{
	const struct scan_part *here = scan->here;

	if (offset < here->from || offset >= here->from + here->len)
		return 0;
	return here->from + here->len - offset;
}

static const uint8_t *at_offset(const struct scan *scan, uint64_t offset)
{
	return scan->here->data + (offset - scan->here->from);
}

/* The window ends in the middle of a frame, or before it: goes on from there,
 * `kept` bytes before its end. */
static int next_part(struct scan *scan, size_t kept)
{
	struct scan_part *here = scan->here, *ahead = scan->ahead;
	uint64_t end = here->from + here->len;
	int err;

	if (ahead->from != end || !ahead->len)
		start_part(scan, ahead, end);
	err = end_part(scan, ahead);
	if (err)
		return err;
	memcpy(ahead->mem + PART_BYTES - kept, here->data + here->len - kept,
	       kept);
	ahead->data -= kept;
	ahead->from -= kept;
	ahead->len += kept;
	scan->here = ahead;
	scan->ahead = here;
	start_part(scan, here, ahead->from + ahead->len);
	/* Now, not when we wait for it. */
	os_loop_run(scan->loop, 0);
	return 0;
}

/* Makes the window begin at offset (a sector's). */
static int move_window(struct scan *scan, uint64_t offset)
{
	const struct scan_part *here = scan->here;
	size_t kept = in_window(scan, offset);

	if (here->len && kept < PART_BYTES &&
	    offset + kept == here->from + here->len)
		return next_part(scan, kept);
	start_part(scan, scan->here, offset);
	return end_part(scan, scan->here);
}

int scan_frame(struct scan *scan, uint64_t offset, uint64_t number,
	       struct frame *ret_frame)
{
	size_t len = in_window(scan, offset);
	int err = -ENODATA;

	if (len)
		err = frame_open(at_offset(scan, offset), len,
				 scan->store_tag, number, ret_frame);
	if (err != -ENODATA)
		return err;
	err = move_window(scan, offset);
	if (err)
		return err;
	len = in_window(scan, offset);
	if (!len)
		return -ENOENT;
	err = frame_open(at_offset(scan, offset), len, scan->store_tag, number,
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
	memcpy(&head, at_offset(scan, offset), sizeof(head));
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
