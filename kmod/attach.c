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
	bool sampled;
	u8 *buf;			/* a block */
};

static void leave_out(struct sd_leg *leg, struct sd_candidate *c)
{
	DMERR("%s: SSD %u (%s) is too small, left out", leg->set->name,
	      leg->index, leg->dev->name);
	c->present = false;
}

static void look_at(struct sd_leg *leg, struct sd_candidate *c, void *buf)
{
	struct sd_set *set = leg->set;

	c->present = leg->dev;
	if (!leg->dev)
		return;
	sd_kdev_init(&leg->kdev, set, leg->dev->bdev, leg->stats);
	c->err = sd_layout_init(&c->layout, bdev_nr_sectors(leg->dev->bdev),
				sd_block_sectors(&set->geom),
				sd_leg_blocks(&set->geom, leg->index));
	if (c->err)
		leave_out(leg, c);
	else
		c->err = sd_meta_read_super(&leg->kdev.dev, buf, &c->super);
}

/* A mirror has no use for an SSD that does not hold its share. */
static bool holds_share(const struct sd_set *set, u32 leg,
			const struct sd_layout *l)
{
	return set->placement == SUPERDISK_MODE_CACHE ||
	       l->nr_slots >= sd_leg_blocks(&set->geom, leg);
}

static void look_at_all(struct sd_set *set, struct attach *a)
{
	u32 i;

	for (i = 0; i < set->geom.nr_legs; i++)
		look_at(&set->leg[i], &a->c[i], a->buf);
	set->placement = sd_recover_placement(&set->geom, set->opt.mode, a->c);
	for (i = 0; i < set->geom.nr_legs; i++)
		if (a->c[i].present && !holds_share(set, i, &a->c[i].layout))
			leave_out(&set->leg[i], &a->c[i]);
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
		    struct sd_super *ret)
{
	u64 blocks = sd_leg_blocks(&set->geom, leg->index);
	struct sd_layout layout;
	int err;

	err = sd_layout_init(&layout, bdev_nr_sectors(leg->dev->bdev),
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
		sd_leg_unload(leg);
	}
}

static int store_super(struct sd_set *set, struct sd_leg *leg)
{
	struct sd_super *s = &leg->meta.super;
	u32 i;
	int err;

	mutex_lock(&leg->meta_lock);
	memcpy(s->set_uuid, set->uuid, sizeof(s->set_uuid));
	s->generation = set->generation;
	for (i = 0; i < SD_MAX_LEGS; i++)
		s->roster[i] = set->roster[i];
	err = sd_meta_store_super(&leg->meta);
	mutex_unlock(&leg->meta_lock);
	return err;
}

static bool is_member(const struct sd_leg *leg)
{
	int state = READ_ONCE(leg->state);

	return leg->loaded && (leg->joining || state == SUPERDISK_STATE_IN ||
			       state == SUPERDISK_STATE_BYPASS);
}

/* Has everyone who was asked answered, or left? */
static bool all_told(struct sd_set *set)
{
	u32 i;

	for (i = 0; i < set->geom.nr_legs; i++)
		if (READ_ONCE(set->leg[i].telling) && is_member(&set->leg[i]))
			return false;
	return true;
}

static bool was_told(const struct sd_leg *leg)
{
	/* Pairs with roster_work(). */
	return !smp_load_acquire(&leg->telling) &&
	       leg->told == leg->set->generation;
}

u32 __sd_set_store_roster(struct sd_set *set)
{
	u32 i, stored = 0;

	lockdep_assert_held(&set->lock);
	for (i = 0; i < set->geom.nr_legs; i++)
		set->roster[i] = is_member(&set->leg[i]) ?
				 set->leg[i].meta.super.epoch : 0;
	for (i = 0; i < set->geom.nr_legs; i++)
		if (is_member(&set->leg[i]))
			__sd_leg_tell(&set->leg[i]);
	wait_event_timeout(set->idle, all_told(set),
			   msecs_to_jiffies(set->opt.timeout_ms));
	for (i = 0; i < set->geom.nr_legs; i++) {
		if (!is_member(&set->leg[i]))
			continue;
		if (was_told(&set->leg[i]))
			stored++;
		else
			sd_leg_fail(&set->leg[i], -ETIMEDOUT);
	}
	return stored;
}

/* Before anything is served: every member names every other. */
static void enlist(struct sd_set *set)
{
	u32 i, lost;

	do {
		set->generation++;
		for (i = 0; i < set->geom.nr_legs; i++)
			set->roster[i] = set->leg[i].loaded ?
					 set->leg[i].meta.super.epoch : 0;
		for (i = 0, lost = 0; i < set->geom.nr_legs; i++) {
			if (!set->leg[i].loaded ||
			    !store_super(set, &set->leg[i]))
				continue;
			DMERR("%s: SSD %u cannot be written, left out",
			      set->name, i);
			sd_leg_unload(&set->leg[i]);
			lost++;
		}
	} while (lost);
}

static void attach_all(struct sd_set *set, struct attach *a)
{
	u32 i, best;

	look_at_all(set, a);
	set->generation = sd_recover(&set->geom, set->placement,
				     set->opt.attach, set->opt.verify, a->c,
				     &best);
	if (best < set->geom.nr_legs)
		memcpy(set->uuid, a->c[best].super.set_uuid, sizeof(set->uuid));
	else
		get_random_bytes(set->uuid, sizeof(set->uuid));
	/* What the samples see must be what a crash would leave. */
	if (set->disk_kdev.dev.flush(&set->disk_kdev.dev) ||
	    read_samples(set, set->geom.disk_sectors, a->buf, a->sample)) {
		DMERR("%s: the disk cannot be read, its SSDs are left out",
		      set->name);
		return;
	}
	a->sampled = true;
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
		if (set->leg[i].loaded)
			sd_leg_start(&set->leg[i]);
		else
			leave_failed(&set->leg[i]);
	}
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
	set->continued = set->was_active;
	if (!set->was_active)
		sd_decay_inherit(set);
	mutex_lock(&set->admin);
	mutex_lock(&set->lock);
	attach_all(set, a);
	enlist(set);
	start_all(set);
	set->active = true;
	set->was_active = true;
	mutex_unlock(&set->lock);
	sd_warm_resume(set);
	mutex_unlock(&set->admin);
	sd_decay_start(set);
	sd_watch_start(set);
	vfree(a->buf);
	kvfree(a);
	sd_event(set, SUPERDISK_EVENT_ACTIVE, -1, 0);
	return 0;
}

static void close_leg(struct sd_leg *leg)
{
	bool member = is_member(leg);
	int err;

	sd_leg_stop(leg);
	if (member) {
		mutex_lock(&leg->meta_lock);
		err = sd_meta_close(&leg->meta);
		mutex_unlock(&leg->meta_lock);
		if (err)
			DMERR("%s: SSD %u was not closed cleanly, error %d",
			      leg->set->name, leg->index, err);
	}
	sd_leg_unload(leg);
}

void sd_set_deactivate(struct sd_set *set)
{
	u32 i;

	if (!set->active)
		return;
	mutex_lock(&set->admin);
	sd_decay_stop(set);
	sd_warm_pause(set);
	cancel_delayed_work_sync(&set->watch_work);
	wait_event(set->idle, !atomic_read(&set->jobs_out));
	sd_warm_pause(set);	/* a copy that landed has started it again */
	flush_workqueue(set->fill_wq);
	flush_workqueue(set->io_wq);
	for (i = 0; i < set->geom.nr_legs; i++)
		close_leg(&set->leg[i]);
	flush_workqueue(set->meta_wq);
	set->active = false;
	mutex_unlock(&set->admin);
	sd_event(set, SUPERDISK_EVENT_SUSPENDED, -1, 0);
}
