/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Heat: how much each block of the disk is read, one byte a block.
 *
 * The byte is a logarithm: h says about 16 * (2^(h/16) - 1) reads, where reads
 * one after the other of the same block by a CPU count once.  Every sixteenth
 * of the half-life all of them fall by one, so that what was read counts half
 * as much after a half-life.  0: not read, or long ago.
 *
 * The bytes of SUPERDISK_ATTR_HEAT are these.  In a file, all little endian:
 *
 *	struct superdisk_heat_file
 *	nr_runs times:
 *		struct superdisk_heat_run
 *		__u8 heat[nr], then zeroes up to a multiple of 8 bytes
 *
 * Runs ascend and do not overlap; none goes beyond nr_blocks.  The file ends
 * with the last run.
 */
#ifndef _UAPI_SUPERDISK_HEAT_H
#define _UAPI_SUPERDISK_HEAT_H

#include <linux/types.h>

/* Steps in which heat doubles. */
#define SUPERDISK_HEAT_OCTAVE	16
#define SUPERDISK_HEAT_MAX	255

/* Blocks in one netlink message, at most. */
#define SUPERDISK_HEAT_RUN	4096

#define SUPERDISK_HEAT_MAGIC	"sd-heat\n"
#define SUPERDISK_HEAT_VERSION	1

struct superdisk_heat_file {
	__u8 magic[8];
	__le32 version;
	__le32 crc;		/* CRC32C of the whole file, this being 0 */
	__le64 nr_blocks;	/* of the disk */
	__le32 block_size;	/* bytes */
	__le32 nr_runs;
};

struct superdisk_heat_run {
	__le64 first;		/* block */
	__le32 nr;		/* blocks, 1 to SUPERDISK_HEAT_RUN */
	__le32 zero;
};

#endif /* _UAPI_SUPERDISK_HEAT_H */
