/* SPDX-License-Identifier: GPL-2.0-only */
/* What path.bpf.c and user space share. */
#ifndef PATH_API_BPF_H
#define PATH_API_BPF_H

#include <linux/types.h>

/* The first field of every record in the ring buffer. */
enum path_kind {
	PATH_REQUEST = 1,
	PATH_STEP,
};

/*
 * One request to a Super-Disk, or a fill or repair that followed from one: the
 * module's record, as far as we know it.
 */
struct path_record {
	__u32 kind;
	__u32 dev;
	__u64 sector;
	__u64 start_ns;
	__u64 total_ns;
	__u64 ssd_ns;
	__u32 leg_dev;
	__u32 bytes;
	__s32 error;
	__s16 leg;
	__u8 op;	/* enum superdisk_op */
	__u8 path;	/* enum superdisk_path */
};

_Static_assert(sizeof(struct path_record) == 56, "ring buffer record");

/* One bio that a Super-Disk has sent to its disk or an SSD, now complete. */
struct path_step {
	__u32 kind;
	__u32 dev;		/* the Super-Disk */
	__u64 sector;		/* on it */
	__u64 start_ns;		/* when it was sent */
	__u64 queue_ns;		/* until the driver had it; 0: no request */
	__u64 device_ns;	/* from there to its end */
	__u32 to;		/* device that it was sent to */
	__u32 bytes;
	__u8 status;		/* blk_status_t */
	__u8 write;		/* or discard, or flush */
	__u8 pad[6];
};

_Static_assert(sizeof(struct path_step) == 56, "ring buffer record");

#endif
