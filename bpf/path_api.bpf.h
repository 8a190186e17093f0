/* SPDX-License-Identifier: GPL-2.0-only */
/* What path.bpf.c and user space share. */
#ifndef PATH_API_BPF_H
#define PATH_API_BPF_H

#include <linux/types.h>

/* One request to a Super-Disk: the module's record, as far as we know it. */
struct path_record {
	__u64 sector;
	__u64 start_ns;
	__u64 total_ns;
	__u64 ssd_ns;
	__u32 dev;
	__u32 leg_dev;
	__u32 bytes;
	__s32 error;
	__s16 leg;
	__u8 op;	/* enum superdisk_op */
	__u8 path;	/* enum superdisk_path */
	__u32 pad;
};

_Static_assert(sizeof(struct path_record) == 56, "ring buffer record");

#endif
