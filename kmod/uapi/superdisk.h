/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Interface between the dm-superdisk module and user space: the generic
 * netlink family, the counters and the histogram layout.  The records that
 * the tracepoints carry are in superdisk_trace.h, what heat is and how it is
 * kept in a file in superdisk_heat.h.
 *
 * Everything here is append-only: numbers are never reused.
 */
#ifndef _UAPI_SUPERDISK_H
#define _UAPI_SUPERDISK_H

#include <linux/types.h>

#define SUPERDISK_GENL_NAME	"superdisk"
#define SUPERDISK_GENL_VERSION	1
/* Multicast group: SUPERDISK_CMD_EVENT, one message per change of state. */
#define SUPERDISK_GENL_EVENTS	"events"

#define SUPERDISK_MAX_LEGS	16

/*
 * Commands.  DEV_GET and LEG_GET need no privilege, all others CAP_NET_ADMIN, and
 * LEG_ADD and LEG_REPLACE by what was no SSD there before CAP_SYS_ADMIN as well.
 * A device is named by SUPERDISK_ATTR_DEV (dev_t of /dev/mapper/NAME), an SSD
 * by SUPERDISK_ATTR_LEG (its position in the table, from 0).
 */
enum superdisk_cmd {
	SUPERDISK_CMD_UNSPEC,
	/*
	 * Dump, every device: DEV, NAME, MODE, BLOCK_SIZE, NR_LEGS, DISK_DEV,
	 * COUNTERS, HIST of each path; in cache mode POLICY.
	 */
	SUPERDISK_CMD_DEV_GET,
	/*
	 * Dump, every SSD of every device: DEV, LEG, STATE, LEG_DEV,
	 * PAGES_VALID, PAGES_TOTAL, COUNTERS, HIST of each path; in cache
	 * mode SLOTS_USED, SLOTS_TOTAL.
	 */
	SUPERDISK_CMD_LEG_GET,
	SUPERDISK_CMD_LEG_BYPASS,	/* DEV, LEG: route around the SSD */
	SUPERDISK_CMD_LEG_RESTORE,	/* DEV, LEG: take it back, warm */
	SUPERDISK_CMD_LEG_REMOVE,	/* DEV, LEG: close it, leave it vacant */
	SUPERDISK_CMD_LEG_ADD,		/* DEV, LEG, DEV_PATH: fill a vacant one */
	SUPERDISK_CMD_LEG_REPLACE,	/* DEV, LEG, DEV_PATH: remove, then add */
	/*
	 * DEV, RATE: copy what the SSDs lack from the disk, the hottest blocks
	 * first, at that rate; again: change the rate; 0: stop.
	 */
	SUPERDISK_CMD_WARM,
	/* Multicast: DEV, NAME, EVENT; LEG, STATE, ERROR where they apply. */
	SUPERDISK_CMD_EVENT,
	/*
	 * Dump, DEV in the request: the heat of its blocks, a message for each
	 * run: DEV, BLOCK_SIZE, HEAT_BLOCK, HEAT.  Blocks that no message
	 * names were never read.  -EOPNOTSUPP: heat is off.
	 */
	SUPERDISK_CMD_HEAT_GET,
	/*
	 * DEV, BLOCK_SIZE, HEAT_BLOCK, HEAT: these blocks are at least that
	 * hot.  Blocks beyond the disk are left out.  -EINVAL: another
	 * BLOCK_SIZE; -EOPNOTSUPP: heat is off.
	 */
	SUPERDISK_CMD_HEAT_SET,
	__SUPERDISK_CMD_MAX,
};

#define SUPERDISK_CMD_MAX (__SUPERDISK_CMD_MAX - 1)

enum superdisk_attr {
	SUPERDISK_ATTR_UNSPEC,
	SUPERDISK_ATTR_PAD,
	SUPERDISK_ATTR_DEV,		/* u32: kernel dev_t, major << 20 | minor */
	SUPERDISK_ATTR_NAME,		/* string: mapper name */
	SUPERDISK_ATTR_MODE,		/* u32: enum superdisk_mode */
	SUPERDISK_ATTR_BLOCK_SIZE,	/* u32: bytes */
	SUPERDISK_ATTR_NR_LEGS,		/* u32: positions in the table */
	SUPERDISK_ATTR_DISK_DEV,	/* u32: dev_t of the persistent disk */
	SUPERDISK_ATTR_LEG,		/* u32: position of an SSD */
	SUPERDISK_ATTR_LEG_DEV,		/* u32: dev_t of the SSD, 0 if vacant */
	SUPERDISK_ATTR_STATE,		/* u32: enum superdisk_state */
	SUPERDISK_ATTR_PAGES_VALID,	/* u64 */
	SUPERDISK_ATTR_PAGES_TOTAL,	/* u64 */
	/* binary: __u64[], index enum superdisk_counter; may grow */
	SUPERDISK_ATTR_COUNTERS,
	SUPERDISK_ATTR_HIST,		/* nest, repeated: PATH, BUCKETS */
	SUPERDISK_ATTR_PATH,		/* u32 in HIST: enum superdisk_path */
	SUPERDISK_ATTR_BUCKETS,		/* binary: __u64[SUPERDISK_HIST_NR] */
	SUPERDISK_ATTR_DEV_PATH,	/* string: block device to add */
	SUPERDISK_ATTR_RATE,		/* u32: KiB/s */
	SUPERDISK_ATTR_EVENT,		/* u32: enum superdisk_event */
	SUPERDISK_ATTR_ERROR,		/* s32: negative errno that caused it */
	/*
	 * u64: first sector of the target in its device.  In what is sent to
	 * user space always; in a command it chooses among several targets of
	 * one device, the first one if it is left out.
	 */
	SUPERDISK_ATTR_BEGIN,
	SUPERDISK_ATTR_WARM,		/* u32: enum superdisk_warm */
	SUPERDISK_ATTR_WARM_COPIED,	/* u64: pages, since it was started */
	SUPERDISK_ATTR_PAGES_UNVERIFIED, /* u64: attach verify: yet to do */
	SUPERDISK_ATTR_HEDGE_US,	/* u32: bound of this SSD now; 0: none */
	SUPERDISK_ATTR_HEAT_BLOCK,	/* u64: first block of HEAT */
	/*
	 * binary: __u8[], one a block, up to SUPERDISK_HEAT_RUN; see
	 * superdisk_heat.h
	 */
	SUPERDISK_ATTR_HEAT,
	/* Of an SSD in cache mode; with DEV_GET: POLICY */
	SUPERDISK_ATTR_SLOTS_USED,	/* u64: blocks that it holds */
	SUPERDISK_ATTR_SLOTS_TOTAL,	/* u64 */
	SUPERDISK_ATTR_POLICY,		/* string: who goes next */
	__SUPERDISK_ATTR_MAX,
};

#define SUPERDISK_ATTR_MAX (__SUPERDISK_ATTR_MAX - 1)

enum superdisk_mode {
	SUPERDISK_MODE_AUTO,		/* in a table line only */
	SUPERDISK_MODE_MIRROR,
	SUPERDISK_MODE_CACHE,
	SUPERDISK_MODE_PASSTHROUGH,
};

enum superdisk_state {
	SUPERDISK_STATE_VACANT,		/* no device at this position */
	SUPERDISK_STATE_IN,		/* serving */
	SUPERDISK_STATE_BYPASS,		/* routed around, kept coherent */
	SUPERDISK_STATE_FAILED,		/* out of service, not believed again */
};

enum superdisk_event {
	SUPERDISK_EVENT_UNSPEC,
	SUPERDISK_EVENT_ACTIVE,		/* the device was resumed */
	SUPERDISK_EVENT_SUSPENDED,
	SUPERDISK_EVENT_LEG_STATE,	/* LEG, STATE, ERROR */
	SUPERDISK_EVENT_LEG_COLD,	/* its content was not believed: ERROR */
	SUPERDISK_EVENT_PAGE_RETIRED,	/* LEG: pages would not heal */
	SUPERDISK_EVENT_WARM_DONE,	/* nothing is left to be copied */
	SUPERDISK_EVENT_WARM_STARTED,
	SUPERDISK_EVENT_WARM_STOPPED,	/* by a command */
	SUPERDISK_EVENT_LEG_VERIFIED,	/* LEG: attach verify has ended */
};

enum superdisk_warm {
	SUPERDISK_WARM_OFF,
	SUPERDISK_WARM_RUNNING,
	SUPERDISK_WARM_DONE,		/* until an SSD joins */
};

/* Operation of a request. */
enum superdisk_op {
	SUPERDISK_OP_READ,
	SUPERDISK_OP_WRITE,
	SUPERDISK_OP_FLUSH,
	SUPERDISK_OP_DISCARD,
	SUPERDISK_OP_WRITE_ZEROES,
};

/* What became of a request. */
enum superdisk_path {
	SUPERDISK_PATH_HIT,		/* read served by an SSD */
	SUPERDISK_PATH_MISS,		/* read served by the disk */
	SUPERDISK_PATH_RESCUE,		/* SSD tried, disk answered */
	SUPERDISK_PATH_HEDGE_WIN,	/* hedged, the disk answered first */
	SUPERDISK_PATH_WRITE,		/* written to the disk and an SSD */
	SUPERDISK_PATH_WRITE_AROUND,	/* written to the disk, invalidated */
	SUPERDISK_PATH_OTHER,		/* flush, discard, write-zeroes */
	SUPERDISK_PATH_FILL,		/* SSD write after a miss */
	SUPERDISK_PATH_SSD_WRITE,	/* SSD half of a write */
	SUPERDISK_PATH_SSD_LATE,	/* SSD's answer after the disk's */
	SUPERDISK_PATH_WARM,		/* SSD write of a warmed block */
	SUPERDISK_PATH_HEAL,		/* bad pages written and read back */
	__SUPERDISK_PATH_NR,
};

#define SUPERDISK_PATH_NR __SUPERDISK_PATH_NR

enum superdisk_counter {
	SUPERDISK_C_HITS,		/* reads served by the SSD */
	SUPERDISK_C_MISSES,		/* reads served by the disk */
	SUPERDISK_C_WRITES,		/* writes copied to the SSD */
	SUPERDISK_C_WRITE_AROUNDS,	/* writes that only invalidated */
	SUPERDISK_C_FILLS,		/* fills that became valid */
	SUPERDISK_C_FILLS_DROPPED,	/* overtaken, or no buffer */
	SUPERDISK_C_RESCUES,		/* hits answered by the disk after all */
	SUPERDISK_C_READ_ERRORS,	/* SSD read errors */
	SUPERDISK_C_WRITE_ERRORS,	/* SSD write errors */
	SUPERDISK_C_CSUM_ERRORS,	/* pages whose CRC32C did not match */
	SUPERDISK_C_RACES,		/* hits retried as a write overtook them */
	SUPERDISK_C_RETIRED,		/* pages given up */
	SUPERDISK_C_HEDGES,		/* reads asked of the disk too */
	SUPERDISK_C_HEDGE_WINS,		/* of these, answered by the disk */
	SUPERDISK_C_EVICTIONS,		/* cache mode: blocks that lost theirs */
	SUPERDISK_C_INTENT_WRITES,
	SUPERDISK_C_META_WRITES,
	SUPERDISK_C_OVERDUE,		/* SSD reads given up after the bound */
	SUPERDISK_C_WARMED,		/* pages copied by warming */
	SUPERDISK_C_VERIFIED,		/* pages found equal by attach verify */
	SUPERDISK_C_MISMATCHES,		/* pages found different by it */
	SUPERDISK_C_HEALED,		/* bad pages that read back right */
	SUPERDISK_C_ADMISSIONS,		/* cache mode: blocks given a slot */
	SUPERDISK_C_REFUSALS,		/* misses of blocks not worth one */
	SUPERDISK_C_BYPASSED_BYTES,	/* missed by long sequential reads */
	SUPERDISK_C_THROTTLED,		/* fills beyond the write budget */
	SUPERDISK_C_NR,
};

/*
 * Latency histograms: log-linear, four buckets per power of two, from
 * 1.024 us.  Bucket 0 holds everything below that, the last one everything
 * above 2^36 ns.  Bucket i > 0 holds values v with
 *	low(i) <= v < low(i + 1),  low(i) = (4 + (i - 1) % 4) << ((i - 1) / 4 + 8)
 * nanoseconds.
 */
#define SUPERDISK_HIST_SHIFT	8
#define SUPERDISK_HIST_NR	106

static inline unsigned int superdisk_hist_bucket(__u64 ns)
{
	unsigned int log, i;

	if (ns < (4ULL << SUPERDISK_HIST_SHIFT))
		return 0;
	log = 63 - (unsigned int)__builtin_clzll(ns);
	i = 1 + (log - SUPERDISK_HIST_SHIFT - 2) * 4 +
		(unsigned int)((ns >> (log - 2)) & 3);
	return i < SUPERDISK_HIST_NR ? i : SUPERDISK_HIST_NR - 1;
}

/* Lowest value in bucket i, nanoseconds. */
static inline __u64 superdisk_hist_low(unsigned int i)
{
	if (!i)
		return 0;
	return (__u64)(4 + (i - 1) % 4) << ((i - 1) / 4 + SUPERDISK_HIST_SHIFT);
}

#endif /* _UAPI_SUPERDISK_H */
