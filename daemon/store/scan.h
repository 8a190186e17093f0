/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading frames back, through a window of memory.  Blocking; but where one
 * frame after the other is asked for, what comes next is on its way while the
 * caller looks at what is there.
 */
#ifndef STORE_SCAN_H
#define STORE_SCAN_H

#include <stdbool.h>

#include "store/format.h"
#include "store/io.h"

/* A part of the file, read behind what was kept of the one before it. */
struct scan_part {
	struct io_req req;
	uint8_t *mem;
	const uint8_t *data;	/* of the file from `from` on, `len` bytes */
	uint64_t from;
	size_t len;
	bool busy;		/* on its way */
	int err;
};

struct scan {
	struct io *io;
	struct os_loop *loop;
	struct os_file *file;
	uint64_t store_tag;
	uint64_t size;		/* of the file */
	struct scan_part part[2];
	struct scan_part *here, *ahead;
};

int scan_init(struct scan *scan, struct io *io, struct os_loop *loop,
	      struct os_file *file, uint64_t store_tag);
void scan_fini(struct scan *scan);

/*
 * The frame of this number at this offset, borrowed until the next call.
 * -ENOENT, -EBADMSG as frame_open(), the end of the file being no frame;
 * -EIO and other errors of reading.
 */
int scan_frame(struct scan *scan, uint64_t offset, uint64_t number,
	       struct frame *ret_frame);

/* Whatever whole frame there is at this offset; -ENOENT, errors of reading. */
int scan_any(struct scan *scan, uint64_t offset, struct frame *ret_frame);

/*
 * Does a whole frame of a higher number begin within a frame's length of
 * offset?  Then frame `number` was there once: a frame is only written when
 * the one before is durable.  1, and where and which it is; 0; or the error
 * of a read, for what cannot be read may have been one.
 */
int scan_later(struct scan *scan, uint64_t offset, uint64_t number,
		uint64_t *ret_offset, uint64_t *ret_number);

#endif
