// SPDX-License-Identifier: GPL-2.0-only
/*
 * All members together: who is believed when the device is resumed, and how
 * they are left when it is suspended.  Nothing here can keep the disk from
 * being served: an SSD that makes trouble stays out.
 */
#include "sd.h"

#include <linux/random.h>
#include <linux/vmalloc.h>

struct attach {
	struct sd_candidate c[SD_MAX_LEGS];
	u32 sample[SD_NR_SAMPLES];	/* of the disk, as large as it is */
	bool sampled;			/* it could be read */
	u8 *buf;			/* a block */
};

static void leave_out(struct sd_leg *leg, struct sd_candidate *c)
{
	DMERR("%s: SSD %u (%s) is too small, left out", leg->set->name,
	      leg->index, leg->dev->name);
	c->present = false;
}

/* Has its driver given back all that this device has ever sent it? */
static bool is_free(struct sd_leg *leg)
{
	return !leg->held && sd_claim_use(&leg->claim);
}

/* What was held may have come back meanwhile. */
static void let_go(struct sd_set *set)
{
	struct sd_leg *leg;
	u32 i;

	for (i = 0; i < set->geom.nr_legs; i++) {
		leg = &set->leg[i];
		if (leg->held && sd_leg_is_quiet(leg) && sd_leg_stop(leg))
			sd_leg_unload(leg);
	}
}

static void leave_silent(struct sd_leg *leg, struct sd_candidate *c)
{
	DMERR("%s: SSD %u (%s) does not answer, left out", leg->set->name,
	      leg->index, leg->dev->name);
	c->present = false;
	leg->held = !sd_leg_is_quiet(leg);
}

static int read_super(struct sd_leg *leg, struct sd_candidate *c)
{
	/* Of its own: it may be left behind with one that does not answer. */
	void *buf = vzalloc(SD_CHUNK);
	int err;

	if (!buf)
		return -ENOMEM;
	err = sd_meta_read_super(&leg->kdev.dev, buf, &c->super);
	vfree(buf);
	return err;
}

static void look_at(struct sd_leg *leg, struct sd_candidate *c)
{
	struct sd_set *set = leg->set;

	c->present = leg->dev && is_free(leg);
	if (!c->present)
		return;
	sd_kdev_init(&leg->kdev, set, leg->dev->bdev, leg->stats,
		     set->opt.timeout_ms);
	c->err = sd_layout_init(&c->layout, bdev_nr_sectors(leg->dev->bdev),
				sd_block_sectors(&set->geom),
				sd_leg_blocks(&set->geom, leg->index));
	if (c->err)
		leave_out(leg, c);
	else
		c->err = read_super(leg, c);
	if (c->err == -ETIMEDOUT)
		leave_silent(leg, c);
}

bool sd_attach_knows(struct sd_set *set, struct sd_leg *leg)
{
	struct sd_candidate c;

	sd_kdev_init(&leg->kdev, set, leg->dev->bdev, leg->stats,
		     set->opt.timeout_ms);
	return !read_super(leg, &c) && c.super.leg == leg->index &&
	       !memcmp(c.super.set_uuid, set->uuid, sizeof(set->uuid));
}

/* A mirror has no use for an SSD that does not hold its share. */
static bool holds_share(const struct sd_set *set, u32 leg,
			const struct sd_layout *l)
{
	return set->placement == SUPERDISK_MODE_CACHE ||
	       l->nr_slots >= sd_leg_blocks(&set->geom, leg);
}

static int read_samples(struct sd_set *set, u64 disk_sectors, void *buf,
			u32 *ret)
{
	u32 i;
	int err;

	for (i = 0; i < SD_NR_SAMPLES; i++) {
		err = sd_meta_read_sample(&set->disk_kdev.dev, disk_sectors,
					  sd_block_sectors(&set->geom), i, buf,
					  &ret[i]);
		if (err)
			return err;
	}
	return 0;
}

static void weigh_all(struct sd_set *set, struct attach *a)
{
	u32 i;

	for (i = 0; i < set->geom.nr_legs; i++)
		if (a->c[i].present && !a->c[i].err &&
		    sd_weigh(&set->leg[i], &a->c[i], a->buf))
			leave_silent(&set->leg[i], &a->c[i]);
}

static void look_at_all(struct sd_set *set, struct attach *a)
{
	u32 i;

	for (i = 0; i < set->geom.nr_legs; i++)
		look_at(&set->leg[i], &a->c[i]);
	/* What the samples see must be what a crash would leave. */
	a->sampled = !set->disk_kdev.dev.flush(&set->disk_kdev.dev) &&
		     !read_samples(set, set->geom.disk_sectors, a->buf,
				   a->sample);
	if (a->sampled && sd_recover_is_mixed(&set->geom, a->c))
		weigh_all(set, a);
	set->placement = sd_recover_placement(&set->geom, set->opt.mode, a->c);
	for (i = 0; i < set->geom.nr_legs; i++)
		if (a->c[i].present && !holds_share(set, i, &a->c[i].layout))
			leave_out(&set->leg[i], &a->c[i]);
}

static bool same_disk(struct sd_set *set, struct attach *a,
		      const struct sd_candidate *c, struct sd_leg *leg)
{
	u32 now[SD_NR_SAMPLES];

	if (c->super.disk_sectors == set->geom.disk_sectors)
		return a->sampled &&
		       sd_recover_same_disk(&c->super, a->sample,
					    leg->meta.intent.want);
	return !read_samples(set, c->super.disk_sectors, a->buf, now) &&
	       sd_recover_same_disk(&c->super, now, leg->meta.intent.want);
}

static u64 new_epoch(void)
{
	u64 epoch = get_random_u64();

	return epoch ?: 1;
}

/* What every superblock of this set says. */
static void fill_super(struct sd_set *set, u32 leg,
		       const struct sd_layout *layout, struct sd_super *s)
{
	*s = (struct sd_super) {
		.epoch = new_epoch(),
		.disk_sectors = set->geom.disk_sectors,
		.layout = *layout,
		.block_sectors = sd_block_sectors(&set->geom),
		.nr_legs = set->geom.nr_legs,
		.leg = leg,
		.mode = set->placement,
		.state = SD_SUPER_ACTIVE,
		.verify = set->opt.verify,
	};
}

/*
 * Within the life of a device what was verified stays so; what a crash has left
 * unverified has no such life behind it.
 */
static bool verifies(const struct sd_set *set, const struct sd_candidate *c)
{
	return c->super.state & SD_SUPER_UNVERIFIED ||
	       (set->opt.attach == SD_ATTACH_VERIFY && !set->continued);
}

static void super_of(struct sd_set *set, u32 leg, const struct attach *a,
		     struct sd_super *s)
{
	const struct sd_candidate *c = &a->c[leg];

	fill_super(set, leg, &c->layout, s);
	if (c->warm) {
		s->epoch = c->super.epoch;
		s->state |= verifies(set, c) ? SD_SUPER_UNVERIFIED : 0;
	}
	memcpy(s->sample, a->sample, sizeof(s->sample));
}

int sd_attach_super(struct sd_set *set, struct sd_leg *leg,
		    struct block_device *bdev, struct sd_super *ret)
{
	u64 blocks = sd_leg_blocks(&set->geom, leg->index);
	struct sd_layout layout;
	int err;

	err = sd_layout_init(&layout, bdev_nr_sectors(bdev),
			     sd_block_sectors(&set->geom), blocks);
	if (err || !holds_share(set, leg->index, &layout))
		return err ?: -ENOSPC;
	fill_super(set, leg->index, &layout, ret);
	return 0;
}

static int load_warm(struct sd_set *set, struct attach *a, struct sd_leg *leg)
{
	struct sd_candidate *c = &a->c[leg->index];
	int err;

	err = sd_meta_load_intents(&leg->meta);
	if (err)
		return err;
	if (!verifies(set, c) && !same_disk(set, a, c, leg)) {
		c->why = "the disk was changed while it was away";
		return -ESTALE;
	}
	sd_meta_load_units(&leg->meta);
	err = sd_meta_pass(&leg->meta);
	if (err || !verifies(set, c))
		return err;
	err = sd_table_distrust(&leg->table);
	leg->auditing = !err;
	return err;
}

static int prepare(struct sd_set *set, struct attach *a, struct sd_leg *leg)
{
	struct sd_super super;

	super_of(set, leg->index, a, &super);
	return sd_leg_prepare(leg, &super);
}

/* Warm if it is believed, else cold; out if it cannot even be written. */
static void load(struct sd_set *set, struct attach *a, struct sd_leg *leg)
{
	struct sd_candidate *c = &a->c[leg->index];
	int err;

	err = prepare(set, a, leg);
	if (!err && c->warm) {
		err = load_warm(set, a, leg);
		c->warm = !err;
	}
	if (err == -ESTALE) {
		sd_leg_unload(leg);
		err = prepare(set, a, leg);
	}
	if (!err && !c->warm)
		err = sd_meta_format(&leg->meta);
	if (c->why) {
		DMWARN("%s: SSD %u (%s) starts cold: %s", set->name, leg->index,
		       leg->dev->name, c->why);
		sd_event(set, SUPERDISK_EVENT_LEG_COLD, leg->index, -ESTALE);
	}
	if (err) {
		DMERR("%s: SSD %u (%s) cannot be used, error %d", set->name,
		      leg->index, leg->dev->name, err);
		sd_leg_drop(leg);
	}
}

/* One that has missed writes may have no witness but us. */
static void expel_lost(struct sd_set *set, struct attach *a)
{
	struct sd_candidate *c;
	u32 i;

	for (i = 0; i < set->geom.nr_legs; i++) {
		c = &a->c[i];
		if (!c->warm || !sd_is_lost(set, c->super.epoch))
			continue;
		c->warm = false;
		c->why = "it missed writes while it was out of service";
	}
}

static void attach_all(struct sd_set *set, struct attach *a)
{
	u32 i, best;

	look_at_all(set, a);
	set->generation = sd_recover(&set->geom, set->placement,
				     set->opt.attach, set->opt.verify,
				     ktime_get_real_ns(), a->c, &best);
	expel_lost(set, a);
	if (best < set->geom.nr_legs)
		memcpy(set->uuid, a->c[best].super.set_uuid, sizeof(set->uuid));
	else
		get_random_bytes(set->uuid, sizeof(set->uuid));
	if (!a->sampled) {
		DMERR("%s: the disk cannot be read, its SSDs are left out",
		      set->name);
		return;
	}
	for (i = 0; i < set->geom.nr_legs; i++)
		if (a->c[i].present)
			load(set, a, &set->leg[i]);
}

/* There may be an SSD that was of no use: the log says why. */
static void leave_failed(struct sd_leg *leg)
{
	if (!leg->dev) {
		leg->state = SUPERDISK_STATE_VACANT;
		return;
	}
	leg->state = SUPERDISK_STATE_FAILED;
	sd_event_leg(leg, SUPERDISK_STATE_VACANT, SUPERDISK_STATE_FAILED,
		     -ENODEV);
}

static void start_all(struct sd_set *set)
{
	u32 i;

	for (i = 0; i < set->geom.nr_legs; i++) {
		if (sd_leg_is_ready(&set->leg[i]))
			sd_leg_start(&set->leg[i]);
		else
			leave_failed(&set->leg[i]);
	}
}

/*
 * A resume that another target refused halfway leaves ours active, and nobody
 * suspends it again before the next table takes its place: no two sets may
 * have the same SSDs.
 */
static void end_others(struct sd_set *set)
{
	struct sd_set *other;

	while ((other = sd_sets_left_active(set))) {
		sd_set_deactivate(other);
		sd_sets_put(other);
	}
}

/* From the table that this one is put in the place of. */
static void inherit(struct sd_set *set)
{
	set->before = sd_sets_before(set);
	if (!set->before)
		return;
	set->continued = set->before->disk->bdev == set->disk->bdev;
	sd_lost_inherit(set, set->before);
	sd_decay_inherit(set, set->before);
}

int sd_set_activate(struct sd_set *set)
{
	struct attach *a;

	a = kvzalloc(sizeof(*a), GFP_KERNEL);
	if (a)
		a->buf = vzalloc(SD_MAX_BLOCK_SECTORS * SD_SECTOR);
	if (!a || !a->buf) {
		kvfree(a);
		return -ENOMEM;
	}
	end_others(set);
	set->continued = set->was_active;
	if (!set->was_active)
		inherit(set);
	mutex_lock(&set->admin);
	let_go(set);
	mutex_lock(&set->lock);
	attach_all(set, a);
	__sd_set_enlist(set);
	start_all(set);
	WRITE_ONCE(set->active, true);
	set->was_active = true;
	mutex_unlock(&set->lock);
	sd_warm_resume(set);
	mutex_unlock(&set->admin);
	sd_decay_start(set);
	sd_watch_start(set);
	vfree(a->buf);
	kvfree(a);
	if (set->before)
		sd_sets_put(set->before);
	set->before = NULL;
	sd_event(set, SUPERDISK_EVENT_ACTIVE, -1, 0);
	return 0;
}

static void store_last(struct sd_leg *leg, bool member)
{
	int err;

	if (!member) {
		leg->kdev.silent = false;	/* it has answered after all */
		sd_leg_say_out(leg);
		return;
	}
	mutex_lock(&leg->meta_lock);
	err = sd_meta_close(&leg->meta);
	mutex_unlock(&leg->meta_lock);
	if (err)
		DMERR("%s: SSD %u was not closed cleanly, error %d",
		      leg->set->name, leg->index, err);
}

/*
 * One that its driver holds is left as it is, so that we are quiet in time, and
 * also if the driver gives all back just now: it has not been stopped.
 */
static void close_leg(struct sd_leg *leg)
{
	bool member = sd_is_member(leg);

	if (sd_leg_stop(leg)) {
		if (leg->loaded)
			store_last(leg, member);
		sd_leg_drop(leg);
	}
	if (!leg->held)
		return;
	WRITE_ONCE(leg->state, SUPERDISK_STATE_FAILED);
	DMWARN("%s: the driver of SSD %u has not given back all requests",
	       leg->set->name, leg->index);
}

/* Those of an SSD out of service may never be. */
static bool jobs_are_back(const struct sd_set *set)
{
	u32 i;

	for (i = 0; i < set->geom.nr_legs; i++)
		if (sd_is_member(&set->leg[i]) &&
		    atomic_read(&set->leg[i].jobs_out))
			return false;
	return true;
}

void sd_set_deactivate(struct sd_set *set)
{
	u32 i;

	if (!set->active)
		return;
	mutex_lock(&set->admin);
	sd_decay_stop(set);
	sd_warm_pause(set);
	wait_event_idle(set->idle, jobs_are_back(set));
	cancel_delayed_work_sync(&set->watch_work);	/* has seen who hangs */
	sd_warm_pause(set);	/* a copy that landed has started it again */
	flush_work(&set->rescue_work);
	flush_work(&set->hedge_work);
	flush_work(&set->defer_work);
	for (i = 0; i < set->geom.nr_legs; i++)
		close_leg(&set->leg[i]);
	flush_work(&set->unfence_work);
	WRITE_ONCE(set->active, false);
	mutex_unlock(&set->admin);
	sd_event(set, SUPERDISK_EVENT_SUSPENDED, -1, 0);
}

/*
 * It has answered at last.  Unless the table that came after this one has it
 * already, it misses what is written there, and may have no witness but itself.
 */
static void settle(struct sd_leg *leg)
{
	struct sd_set *set = leg->set;
	bool alone;

	wait_event_idle(set->idle, sd_leg_is_quiet(leg));
	alone = sd_claim_part(&leg->claim);
	sd_leg_stop(leg);
	if (alone && leg->loaded) {
		store_last(leg, false);
		wait_event_idle(set->idle, sd_leg_is_quiet(leg));
	}
	sd_leg_unload(leg);
}

void sd_set_settle(struct sd_set *set)
{
	u32 i;

	for (i = 0; i < set->geom.nr_legs; i++)
		if (set->leg[i].held)
			settle(&set->leg[i]);
}
