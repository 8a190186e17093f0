// SPDX-License-Identifier: GPL-2.0-only
/* Counters and histograms: per CPU, summed when asked for. */
#include "sd.h"

void sd_stats_sum(struct sd_stats __percpu *stats, u64 *ret_count)
{
	int cpu, i;

	memset(ret_count, 0, SUPERDISK_C_NR * sizeof(u64));
	for_each_possible_cpu(cpu)
		for (i = 0; i < SUPERDISK_C_NR; i++)
			ret_count[i] += READ_ONCE(per_cpu_ptr(stats, cpu)->count[i]);
}

void sd_stats_hist(struct sd_stats __percpu *stats, enum superdisk_path path,
		   u64 *ret_bucket)
{
	int cpu, i;

	memset(ret_bucket, 0, SUPERDISK_HIST_NR * sizeof(u64));
	for_each_possible_cpu(cpu)
		for (i = 0; i < SUPERDISK_HIST_NR; i++)
			ret_bucket[i] +=
				READ_ONCE(per_cpu_ptr(stats, cpu)->hist[path][i]);
}

/*
 * What has ended is summed first: an I/O that ends in between counts as under
 * way, never the other way round.
 */
void sd_stats_flight(struct sd_stats __percpu *stats, u64 *ret_flying,
		     u64 *ret_done)
{
	u64 started = 0, done = 0, refused = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		done += READ_ONCE(per_cpu_ptr(stats, cpu)->done);
		refused += READ_ONCE(per_cpu_ptr(stats, cpu)->refused);
	}
	smp_rmb();	/* these before started */
	for_each_possible_cpu(cpu)
		started += READ_ONCE(per_cpu_ptr(stats, cpu)->started);
	*ret_flying = started - done - refused;
	*ret_done = done;
}

void sd_account_ns(struct sd_leg *leg, enum superdisk_path path, u64 ns)
{
	this_cpu_inc(leg->stats->hist[path][superdisk_hist_bucket(ns)]);
}

u64 sd_stats_requests(struct sd_stats __percpu *stats)
{
	u64 n = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		n += READ_ONCE(per_cpu_ptr(stats, cpu)->requests);
	return n;
}

void sd_account_leg(struct sd_leg *leg, enum superdisk_path path, u64 start_ns)
{
	sd_account_ns(leg, path, ktime_get_ns() - start_ns);
}

void sd_account(struct sd_io *io, int err)
{
	bool hit = io->path == SUPERDISK_PATH_HIT, traced = sd_trace_io_wanted();
	u32 bucket;
	u64 now;

	/* Hits are in the histogram of their SSD, and have read the clock. */
	if (hit && !traced)
		return;
	now = ktime_get_ns();
	bucket = superdisk_hist_bucket(now - io->start_ns);
	if (!hit)
		this_cpu_inc(io->set->stats->hist[io->path][bucket]);
	if (traced)
		sd_trace_io(io, err, now);
}
