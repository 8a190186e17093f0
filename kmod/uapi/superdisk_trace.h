/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Records behind the tracepoints of dm-superdisk.  Each tracepoint takes one
 * argument, a pointer to its record, so that a raw tracepoint program reads it
 * with bpf_probe_read_kernel() on every kernel, with or without module BTF:
 *
 *	SEC("raw_tp/superdisk_io")
 *	const struct superdisk_trace_io *rec = (void *)ctx->args[0];
 *
 * The first two fields are the same in every record: `version` changes when a
 * field changes its meaning, `size` grows when fields are appended.  Copy
 * min(size, what you know).  No field needs more than the fixed-width types
 * below, so the header can be included where <linux/types.h> cannot.
 *
 * Times are CLOCK_MONOTONIC nanoseconds; durations are nanoseconds, 0 where
 * they do not apply.
 */
#ifndef _UAPI_SUPERDISK_TRACE_H
#define _UAPI_SUPERDISK_TRACE_H

#ifndef SUPERDISK_TRACE_OWN_TYPES
#include <linux/types.h>
#endif

#define SUPERDISK_TRACE_VERSION	1

/*
 * superdisk_io: a request to the Super-Disk was completed; or, with path
 * SUPERDISK_PATH_FILL or _HEAL, what followed from one has ended: sector and
 * bytes are of its pages, error is of the SSD.
 *
 * Each bio that the module sends for it has been through block_bio_remap with
 * this dev and sector, those that read a repair back too.
 */
struct superdisk_trace_io {
	__u16 version;
	__u16 size;
	__u32 dev;		/* the dm device, major << 20 | minor */
	__u64 sector;		/* on the dm device */
	__u32 bytes;
	__u8 op;		/* enum superdisk_op */
	__u8 path;		/* enum superdisk_path */
	__s16 leg;		/* SSD of the block, -1 if none */
	__s32 error;		/* 0 or negative errno seen by the submitter */
	__u32 leg_dev;		/* dev_t of that SSD, 0 if none */
	__u64 start_ns;		/* when the target got it */
	__u64 total_ns;		/* until it was completed */
	__u64 ssd_ns;		/* of these, until the SSD answered */
};

/* superdisk_leg: an SSD changed its state. */
struct superdisk_trace_leg {
	__u16 version;
	__u16 size;
	__u32 dev;
	__u32 leg_dev;
	__s16 leg;
	__u8 from;		/* enum superdisk_state */
	__u8 to;
	__s32 error;		/* why, 0 if asked for */
	__u32 pad;
};

/* superdisk_page: a page of an SSD was bad, healed or retired. */
enum superdisk_page_what {
	SUPERDISK_PAGE_READ_ERROR,
	SUPERDISK_PAGE_CSUM_ERROR,
	SUPERDISK_PAGE_HEALED,
	SUPERDISK_PAGE_RETIRED,
};

struct superdisk_trace_page {
	__u16 version;
	__u16 size;
	__u32 dev;
	__u32 leg_dev;
	__s16 leg;
	__u8 what;		/* enum superdisk_page_what */
	__u8 pad;
	__u64 sector;		/* on the dm device */
	__u64 leg_sector;	/* on the SSD */
};

#endif /* _UAPI_SUPERDISK_TRACE_H */
