/* SPDX-License-Identifier: GPL-2.0-only */
/* What block.bpf.c and user space share: tables read through mmap. */
#ifndef BLOCK_API_BPF_H
#define BLOCK_API_BPF_H

#include "hist_api.bpf.h"

enum block_op {
	BLOCK_READ,
	BLOCK_WRITE,	/* write-zeroes too, as in /sys/block/DEV/stat */
	BLOCK_FLUSH,
	BLOCK_DISCARD,	/* secure erase too */
	BLOCK_OPS,
};

enum block_span {
	/*
	 * From submit_bio() to the hand-over to the driver.  A device without
	 * requests (device-mapper, md) has no such span.
	 */
	BLOCK_QUEUE,
	/* From there to completion; of a bio-based device, the whole time. */
	BLOCK_DEVICE,
	BLOCK_SPANS,
};

/*
 * A series is one device as reached from one parent: a dm or md device whose
 * request caused this one, or 0.  All series of a device sum up to the device.
 */
#define BLOCK_SERIES_MAX 64
/* A series number is looked for in so many places after its home. */
#define BLOCK_SERIES_PROBES 16
/* CPUs share this many copies of the histograms; a power of two. */
#define BLOCK_SHARDS 8

struct block_series {
	__u32 dev;	/* major << 20 | minor; 0: the place is free */
	__u32 parent;	/* likewise */
};

/* Index of a histogram in the map `hists`. */
static inline __attribute__((always_inline)) __u32
block_hist_index(__u32 shard, __u32 series, __u32 op, __u32 span)
{
	return ((shard * BLOCK_SERIES_MAX + series) * BLOCK_OPS + op) *
	       BLOCK_SPANS + span;
}

#define BLOCK_HISTS (BLOCK_SHARDS * BLOCK_SERIES_MAX * BLOCK_OPS * BLOCK_SPANS)

/* Events that the programs could not record, each with its own reason. */
struct block_lost {
	__u64 bios;	/* table of bios in flight was full: no queue time */
	__u64 requests;	/* table of requests was full: request not counted */
	__u64 series;	/* more devices than BLOCK_SERIES_MAX */
	__u64 records;	/* ring buffer full: a slow request not reported */
};

/* One slow request, through the ring buffer `slow`. */
struct block_slow {
	__u64 end_ns;		/* CLOCK_MONOTONIC */
	__u64 queue_ns;
	__u64 device_ns;
	__u64 sector;		/* of 512 bytes */
	__u64 cgroup;		/* id of the cgroup billed for it, 0: unknown */
	__u32 bytes;
	__u32 dev;
	__u32 parent;
	__u32 pid;		/* of the submitting process (tgid) */
	__u32 tid;
	__u16 op;		/* enum block_op */
	__u16 error;		/* blk_status_t */
	char comm[16];
};

_Static_assert(sizeof(struct block_slow) == 80, "ring buffer record");

#endif
