// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work in the background: pages that an SSD was attached with are compared
 * with the disk (attach verify), then what the SSDs lack is copied from it
 * (warm).  The hottest blocks come first, see plan.h.
 *
 *	OFF --rate given--> RUNNING --nothing left--> DONE
 *	 ^                   |   ^------an SSD joins---'
 *	 '------rate 0-------'
 *
 * It yields: while there are requests to the device it takes an eighth of its
 * rate and has one copy under way, else up to SD_WARM_FLIGHT; its I/O has the
 * idle priority; it leaves half of an SSD's share of the stock of pages, or half
 * of what is nobody's share, to others.
 *
 * Every copy is a fill (fill.c) or a comparison (audit.c), registered like one
 * of a miss: whatever else happens to its pages meanwhile spoils it.
 */
#include "sd.h"

#include <linux/sched/mm.h>

#define SD_WARM_TICK	msecs_to_jiffies(10)
#define SD_WARM_AGAIN	HZ	/* until the next walk over all blocks */
#define SD_WARM_YIELD	8

static u32 rate_of(const struct sd_set *set)
{
	u32 rate = READ_ONCE(set->opt.warm_kib) ?: SD_DEFAULT_RATE_KIB;

	return set->warm.busy ? DIV_ROUND_UP(rate, SD_WARM_YIELD) : rate;
}

/* Has anybody sent a request since the last tick? */
static bool is_busy(struct sd_set *set)
{
	u64 now = sd_stats_requests(set->stats), was = set->warm.requests;

	set->warm.requests = now;
	return now != was;
}

void sd_warm_landed(struct sd_job *job, u64 published)
{
	struct sd_warm *w = &job->set->warm;
	u32 nr = hweight64(published);

	if (job->audit) {
		sd_count(job->leg->stats, SUPERDISK_C_VERIFIED, nr);
		sd_count(job->leg->stats, SUPERDISK_C_MISMATCHES,
			 hweight64(job->differs));
	} else {
		sd_count(job->leg->stats, SUPERDISK_C_WARMED, nr);
		atomic64_add(nr, &w->copied);
	}
	if (nr)
		WRITE_ONCE(w->progress, true);
	atomic_dec(&job->leg->flying);
	if (READ_ONCE(w->running))
		mod_delayed_work(job->set->io_wq, &w->work, 0);
}

/*
 * Start on the next run of pages of the block.  1: done so; 0: there is none
 * (left); -EAGAIN: not now.
 */
static int send_run(struct sd_set *set, u64 block)
{
	struct sd_warm *w = &set->warm;
	u64 nth, mask = sd_mask_disk(&set->geom, block);
	struct sd_leg *leg = &set->leg[sd_place(&set->geom, block, &nth)];
	struct sd_job *job;

	if (!sd_leg_get(leg))
		return 0;
	mask = w->auditing ? sd_audit_wanted(leg, block, mask) :
			     sd_fill_wanted(leg, block, mask);
	if (!mask) {
		sd_leg_put(leg);
		return 0;
	}
	if (sd_pages_are_short(leg) ||
	    !sd_pace_take(&w->pace, hweight64(sd_mask_run(mask)) *
				    (SD_PAGE / 1024))) {
		sd_leg_put(leg);
		return -EAGAIN;
	}
	atomic_inc(&leg->flying);
	job = w->auditing ? sd_audit_start(leg, block, mask) :
			    sd_fill_start(leg, block, mask);
	if (!job) {
		atomic_dec(&leg->flying);
		return 0;
	}
	job->warm = true;
	if (w->auditing)
		sd_audit_send(job);
	else
		sd_fill_read(job, NULL);
	return 1;
}

/* Is there an SSD whose pages are to be compared? */
static bool to_audit(struct sd_set *set)
{
	u32 i;

	for (i = 0; i < set->geom.nr_legs; i++)
		if (READ_ONCE(set->leg[i].auditing) &&
		    sd_leg_serves(&set->leg[i]))
			return true;
	return false;
}

static void start_walk(struct sd_set *set, bool audit)
{
	struct sd_warm *w = &set->warm;

	w->auditing = audit;
	w->progress = false;
	w->have_block = false;
	/* A cache has no room for what nobody reads; what it has is verified. */
	sd_plan_start(&w->plan, &set->heat, set->geom.nr_blocks, w->auditing ||
		      set->placement != SUPERDISK_MODE_CACHE);
}

/* All blocks were looked at, all copies have landed.  False: no more to do. */
static bool end_walk(struct sd_set *set)
{
	struct sd_warm *w = &set->warm;
	bool again = w->progress;
	u32 i;

	for (i = 0; w->auditing && i < set->geom.nr_legs; i++)
		again |= sd_audit_finish(&set->leg[i]);
	if (again) {
		start_walk(set, to_audit(set));
		return w->auditing || w->state == SUPERDISK_WARM_RUNNING;
	}
	if (w->auditing && w->state == SUPERDISK_WARM_RUNNING) {
		start_walk(set, false);	/* what is left is not to be had now */
		return true;
	}
	if (w->state == SUPERDISK_WARM_RUNNING) {
		WRITE_ONCE(w->state, SUPERDISK_WARM_DONE);
		sd_event(set, SUPERDISK_EVENT_WARM_DONE, -1, 0);
	}
	return false;
}

/* Those to an SSD out of service may never land: nobody waits for them. */
static int nr_flying(const struct sd_set *set)
{
	int n = 0;
	u32 i;

	for (i = 0; i < set->geom.nr_legs; i++)
		if (sd_is_member(&set->leg[i]))
			n += atomic_read(&set->leg[i].flying);
	return n;
}

/* Send what may be sent now.  Jiffies until the next try; -1: no more to do. */
static long step(struct sd_set *set)
{
	struct sd_warm *w = &set->warm;
	int limit = w->busy ? 1 : SD_WARM_FLIGHT, r;

	while (READ_ONCE(w->running) && nr_flying(set) < limit) {
		r = w->have_block ? 1 : sd_plan_next(&w->plan, &w->block);
		w->have_block = r > 0;
		if (r == -ENOENT && nr_flying(set))
			return SD_WARM_TICK;
		if (r == -ENOENT)
			return end_walk(set) ? SD_WARM_AGAIN : -1;
		if (r > 0)
			r = send_run(set, w->block);
		if (r == -EAGAIN)
			return SD_WARM_TICK;
		w->have_block = r > 0;
		cond_resched();
	}
	return SD_WARM_TICK;
}

static void warm_work(struct work_struct *work)
{
	struct sd_set *set = container_of(to_delayed_work(work), struct sd_set,
					  warm.work);
	struct sd_warm *w = &set->warm;
	unsigned int noio = memalloc_noio_save();
	long delay;

	if (time_after_eq(jiffies, w->looked + SD_WARM_TICK)) {
		w->looked = jiffies;
		w->busy = is_busy(set);
	}
	sd_pace_tick(&w->pace, ktime_get_ns(), rate_of(set),
		     set->geom.pages * (SD_PAGE / 1024));
	delay = step(set);
	if (delay >= 0 && READ_ONCE(w->running))
		queue_delayed_work(set->io_wq, &w->work, delay);
	memalloc_noio_restore(noio);
}

void sd_warm_init(struct sd_set *set)
{
	INIT_DELAYED_WORK(&set->warm.work, warm_work);
}

void sd_warm_pause(struct sd_set *set)
{
	WRITE_ONCE(set->warm.running, false);
	cancel_delayed_work_sync(&set->warm.work);
}

void sd_warm_resume(struct sd_set *set)
{
	struct sd_warm *w = &set->warm;

	sd_warm_pause(set);
	if (set->opt.warm_kib && w->state != SUPERDISK_WARM_RUNNING) {
		WRITE_ONCE(w->state, SUPERDISK_WARM_RUNNING);
		atomic64_set(&w->copied, 0);
		sd_event(set, SUPERDISK_EVENT_WARM_STARTED, -1, 0);
	}
	start_walk(set, to_audit(set));
	if (!w->auditing && w->state != SUPERDISK_WARM_RUNNING)
		return;
	sd_pace_start(&w->pace, ktime_get_ns());
	w->requests = sd_stats_requests(set->stats);
	w->looked = jiffies;
	WRITE_ONCE(w->running, true);
	queue_delayed_work(set->io_wq, &w->work, 0);
}

void sd_warm_set_rate(struct sd_set *set, u32 kib_per_s)
{
	struct sd_warm *w = &set->warm;
	int was = w->state;

	WRITE_ONCE(set->opt.warm_kib, kib_per_s);
	if (kib_per_s && was == SUPERDISK_WARM_RUNNING)
		return;
	sd_warm_pause(set);
	if (!kib_per_s && was != SUPERDISK_WARM_OFF) {
		WRITE_ONCE(w->state, SUPERDISK_WARM_OFF);
		sd_event(set, SUPERDISK_EVENT_WARM_STOPPED, -1, 0);
	}
	sd_warm_resume(set);
}
