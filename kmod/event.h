/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is counted and told: counters and histograms (stats.c), tracepoints,
 * uevents and netlink events (event.c).
 */
#ifndef SD_EVENT_H
#define SD_EVENT_H

#include <linux/percpu.h>

#include "core.h"
#include "uapi/superdisk_trace.h"

struct sd_io;
struct sd_job;
struct sd_leg;
struct sd_set;

struct sd_stats {
	u64 count[SUPERDISK_C_NR];
	/* I/O sent to the device, answered, refused as its driver is full */
	u64 started, done, refused;
	u64 hist[SUPERDISK_PATH_NR][SUPERDISK_HIST_NR];
	/* Of the set: */
	u64 requests;			/* that it was sent */
	u64 last_read;			/* block that this CPU read */
};

/* stats.c */
static inline void sd_count(struct sd_stats __percpu *stats,
			    enum superdisk_counter c, u64 n)
{
	this_cpu_add(stats->count[c], n);
}

void sd_stats_sum(struct sd_stats __percpu *stats, u64 *ret_count);
void sd_stats_hist(struct sd_stats __percpu *stats, enum superdisk_path path,
		   u64 *ret_bucket);
/* What is under way; what was ever answered. */
void sd_stats_flight(struct sd_stats __percpu *stats, u64 *ret_flying,
		     u64 *ret_done);
/* Requests that the set was sent. */
u64 sd_stats_requests(struct sd_stats __percpu *stats);
/* A request is complete: histogram and tracepoint. */
void sd_account(struct sd_io *io, int err);
void sd_account_leg(struct sd_leg *leg, enum superdisk_path path, u64 start_ns);
void sd_account_ns(struct sd_leg *leg, enum superdisk_path path, u64 ns);

/* event.c: uevents, netlink events, tracepoints */
u32 sd_set_dev(const struct sd_set *set);
const char *sd_state_name(int state);
bool sd_trace_io_wanted(void);
void sd_trace_io(struct sd_io *io, int err, u64 now_ns);
/* A fill or a repair has ended; ssd_ns until it was written. */
void sd_trace_fill(struct sd_job *job, int err);
/* Process context, as the next two; these two where no read waits: heal.c */
void sd_event_leg(struct sd_leg *leg, int from, int to, int err);
void sd_event(struct sd_set *set, enum superdisk_event event, int leg, int err);
void sd_event_page(struct sd_leg *leg, enum superdisk_page_what what,
		   sector_t sector, u64 slot, u32 page);

#endif
