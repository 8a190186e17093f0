/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file in which heat is kept; kmod/uapi/superdisk_heat.h has the format.
 * Pure: bytes in memory.  Any thread.
 */
#ifndef MONITOR_HEAT_FILE_H
#define MONITOR_HEAT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "superdisk_heat.h"

/* Adjacent blocks and their heat. */
struct heat_run {
	uint64_t first;		/* block */
	uint32_t nr;		/* 1 to SUPERDISK_HEAT_RUN */
	const uint8_t *heat;	/* borrowed */
};

/* --- writing: begin, add in ascending order, end ------------------------- */

void heat_file_begin(struct buf *image, uint32_t block_size);
void heat_file_add(struct buf *image, const struct heat_run *run);
/* 0, or the error that stuck in @image. */
int heat_file_end(struct buf *image);

/* --- reading ------------------------------------------------------------- */

/*
 * Checks all of it.  -EBADMSG: damaged, or no such file at all; -EOPNOTSUPP:
 * of another version.
 */
int heat_file_check(const void *image, size_t size, uint32_t *ret_block_size);
/*
 * The run at *@at, which is 0 to begin with and moves on; 0 after the last,
 * else 1.  @image has passed heat_file_check().
 */
int heat_file_next(const void *image, size_t size, size_t *at,
		   struct heat_run *ret_run);

/*
 * The next piece of @run in blocks of another size, from *@done (blocks of the
 * run) on; 0 after the last, else 1.  Both sizes are powers of two.  A larger
 * block is as hot as its hottest part.  @ret_piece borrows @heat.
 */
int heat_run_convert(const struct heat_run *run, uint32_t from_size,
		     uint32_t to_size, uint32_t *done,
		     uint8_t heat[SUPERDISK_HEAT_RUN],
		     struct heat_run *ret_piece);

#endif
