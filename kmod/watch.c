// SPDX-License-Identifier: GPL-2.0-only
/*
 * The watchdog.  Reads that wait for an SSD for more than read_ms go to the
 * disk: they wait a quarter longer at most, as it looks four times in that
 * time.  An SSD to which I/O is under way, and none of it comes back within
 * timeout_ms, is out of service; then nobody waits for it, whatever read_ms
 * says.  Once a second the bounds of hedge_us auto.
 */
#include "sd.h"

/*
 * Since the last look.  When this machine has stood still, its SSDs may not have
 * been asked: that alone takes none of them out of service.
 */
static unsigned long passed(struct sd_set *set)
{
	unsigned long now = jiffies, passed = now - set->watched_at;

	set->watched_at = now;
	return min(passed, msecs_to_jiffies(set->opt.timeout_ms) / 2);
}

static bool silent(struct sd_leg *leg, unsigned long passed)
{
	u64 flying, done;

	sd_stats_flight(leg->stats, &flying, &done);
	if (!flying || done != leg->watch_done) {
		leg->watch_done = done;
		leg->watch_silence = 0;
		return false;
	}
	leg->watch_silence += passed;
	return leg->watch_silence > msecs_to_jiffies(leg->set->opt.timeout_ms);
}

static void update_recent(struct sd_recent *r, struct sd_stats __percpu *stats,
			  enum superdisk_path path, enum superdisk_path other)
{
	u64 total[SUPERDISK_HIST_NR], more[SUPERDISK_HIST_NR];
	u32 i;

	sd_stats_hist(stats, path, total);
	sd_stats_hist(stats, other, more);
	for (i = 0; i < SUPERDISK_HIST_NR; i++)
		total[i] += more[i];
	sd_recent_update(r, total);
}

static void update_bounds(struct sd_set *set)
{
	struct sd_leg *leg;
	u32 i;

	if (time_before(jiffies, set->recent_at + HZ))
		return;
	set->recent_at = jiffies;
	update_recent(&set->recent, set->stats, SUPERDISK_PATH_MISS,
		      SUPERDISK_PATH_RESCUE);
	for (i = 0; i < set->geom.nr_legs; i++) {
		leg = &set->leg[i];
		update_recent(&leg->recent, leg->stats, SUPERDISK_PATH_HIT,
			      SUPERDISK_PATH_SSD_LATE);
		WRITE_ONCE(leg->hedge_us,
			   sd_hedge_bound_us(&leg->recent, &set->recent,
					     leg->hedge_us));
	}
}

static unsigned long interval(const struct sd_set *set)
{
	u32 ms = min(set->opt.timeout_ms / 4, (u32)MSEC_PER_SEC);

	if (set->opt.read_ms)
		ms = min(ms, set->opt.read_ms / 4);
	return max(msecs_to_jiffies(ms), 1ul);
}

void sd_watch_start(struct sd_set *set)
{
	set->recent_at = jiffies - HZ;
	set->watched_at = jiffies;
	queue_delayed_work(set->io_wq, &set->watch_work, interval(set));
}

static void leave_behind(struct sd_leg *leg)
{
	u64 bound_ns = (u64)leg->set->opt.read_ms * NSEC_PER_MSEC;
	bool serves = sd_leg_serves(leg);

	if (bound_ns || !serves)
		sd_bounce_overdue(leg, ktime_get_ns(), serves ? bound_ns : 0);
}

void sd_watch_work(struct work_struct *work)
{
	struct sd_set *set = container_of(to_delayed_work(work), struct sd_set,
					  watch_work);
	unsigned long since = passed(set);
	u32 i;

	for (i = 0; i < set->geom.nr_legs; i++) {
		leave_behind(&set->leg[i]);
		sd_stock_retry(&set->leg[i]);
		if (silent(&set->leg[i], since))
			sd_leg_fail(&set->leg[i], -ETIMEDOUT);
	}
	if (set->opt.hedge_us == SD_HEDGE_AUTO)
		update_bounds(set);
	queue_delayed_work(set->io_wq, &set->watch_work, interval(set));
}
