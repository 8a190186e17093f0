// SPDX-License-Identifier: GPL-2.0-only
/* Changes of members while I/O is running. */
#include "sd.h"

#include <linux/sched/mm.h>

/* Opened and claimed, while its position may be another's. */
struct guest {
	struct dm_dev *dev;
	struct sd_claim claim;
};

static int guest_open(struct sd_set *set, u32 i, const char *path,
		      struct guest *g)
{
	int err;

	err = dm_get_device(set->ti, path, SD_MODE(set->ti), &g->dev);
	if (err)
		return err;
	err = sd_claim(&g->claim, set, &set->leg[i], g->dev->bdev);
	if (err)
		dm_put_device(set->ti, g->dev);
	return err;
}

static void guest_close(struct sd_set *set, struct guest *g)
{
	sd_unclaim(&g->claim);
	dm_put_device(set->ti, g->dev);
}

static void guest_stays(struct sd_set *set, u32 i, struct guest *g)
{
	struct sd_leg *leg = &set->leg[i];

	sd_claim_move(&leg->claim, &g->claim);
	spin_lock(&set->dev_lock);
	leg->dev = g->dev;
	spin_unlock(&set->dev_lock);
	WRITE_ONCE(leg->devt, g->dev->bdev->bd_dev);
}

int sd_member_open(struct sd_set *set, u32 i, const char *path)
{
	struct guest g;
	int err;

	err = guest_open(set, i, path, &g);
	if (!err)
		guest_stays(set, i, &g);
	return err;
}

void sd_member_close(struct sd_set *set, u32 i)
{
	struct sd_leg *leg = &set->leg[i];
	struct dm_dev *dev;

	spin_lock(&set->dev_lock);
	dev = leg->dev;
	leg->dev = NULL;
	spin_unlock(&set->dev_lock);
	WRITE_ONCE(leg->devt, 0);
	if (!dev)
		return;
	sd_unclaim(&leg->claim);
	dm_put_device(set->ti, dev);
}

static int store_loose(struct sd_leg *leg, bool loose)
{
	int err;

	mutex_lock(&leg->meta_lock);
	if (loose)
		leg->meta.super.state |= SD_SUPER_LOOSE;
	else
		leg->meta.super.state &= ~SD_SUPER_LOOSE;
	err = sd_meta_store_super(&leg->meta);
	mutex_unlock(&leg->meta_lock);
	if (err)
		sd_leg_fail(leg, err);
	return err;
}

/*
 * Reads leave it at once.  When it knows that all of it is in doubt, writes no
 * longer wait for its intents either; what they invalidate is only remembered
 * here, so that it comes back warm, unless the machine stops before.
 */
int sd_member_bypass(struct sd_set *set, u32 i)
{
	struct sd_leg *leg = &set->leg[i];
	int err;

	if (cmpxchg(&leg->state, SUPERDISK_STATE_IN, SUPERDISK_STATE_BYPASS) !=
	    SUPERDISK_STATE_IN)
		return -EINVAL;
	sd_event_leg(leg, SUPERDISK_STATE_IN, SUPERDISK_STATE_BYPASS, 0);
	err = store_loose(leg, true);
	if (err)
		return err;
	WRITE_ONCE(leg->loose, true);
	queue_work(set->meta_wq, &leg->intent_work);
	return 0;
}

/*
 * Every write under way has its region marked in memory.  Once new ones wait
 * again and a pass has stored all marks, the SSD knows what is in doubt.
 */
int sd_member_restore(struct sd_set *set, u32 i)
{
	struct sd_leg *leg = &set->leg[i];
	int err;

	if (READ_ONCE(leg->state) != SUPERDISK_STATE_BYPASS)
		return -EINVAL;
	WRITE_ONCE(leg->loose, false);
	sd_leg_wait_sync(leg);
	err = store_loose(leg, false);
	if (err)
		return err;
	if (cmpxchg(&leg->state, SUPERDISK_STATE_BYPASS, SUPERDISK_STATE_IN) !=
	    SUPERDISK_STATE_BYPASS)
		return -EIO;
	queue_delayed_work(set->meta_wq, &leg->checkpoint_work, 0);
	sd_event_leg(leg, SUPERDISK_STATE_BYPASS, SUPERDISK_STATE_IN, 0);
	sd_warm_resume(set);
	return 0;
}

int sd_member_remove(struct sd_set *set, u32 i)
{
	struct sd_leg *leg = &set->leg[i];

	if (!leg->dev)
		return -ENODEV;
	sd_leg_fail(leg, 0);
	if (!sd_leg_stop(leg)) {
		DMWARN("%s: SSD %u is out, but not removed: its driver still holds requests",
		       set->name, i);
		return -EBUSY;
	}
	mutex_lock(&set->lock);
	sd_leg_unload(leg);
	WRITE_ONCE(leg->state, SUPERDISK_STATE_VACANT);
	mutex_unlock(&set->lock);
	sd_event_leg(leg, SUPERDISK_STATE_FAILED, SUPERDISK_STATE_VACANT, 0);
	sd_member_close(set, i);
	return 0;
}

/*
 * It starts cold.  What its fingerprint samples are is in doubt until its
 * first checkpoint: writes that began before it was here may still land.
 */
static int format(struct sd_set *set, struct sd_leg *leg)
{
	struct sd_super super;
	u32 i;
	int err;

	err = sd_attach_super(set, leg, leg->dev->bdev, &super);
	if (!err)
		err = sd_leg_prepare(leg, &super);
	if (err)
		return err;
	for (i = 0; i < SD_NR_SAMPLES; i++)
		sd_intent_doubt(&leg->meta.intent, sd_meta_sample_bit(i));
	return sd_meta_format(&leg->meta);
}

static int __join(struct sd_set *set, struct sd_leg *leg)
{
	lockdep_assert_held(&set->lock);
	leg->joining = true;
	set->generation++;
	__sd_set_store_roster(set);
	leg->joining = false;
	if (leg->told != set->generation) {
		set->generation++;
		__sd_set_store_roster(set);
		return -EIO;
	}
	sd_leg_start(leg);
	return 0;
}

/* Requests of the size that the device promises must be possible. */
static bool sectors_fit(struct sd_set *set, struct block_device *bdev)
{
	struct gendisk *disk = dm_disk(dm_table_get_md(set->ti->table));

	return bdev_logical_block_size(bdev) <=
	       queue_logical_block_size(disk->queue);
}

/* What can be known of it before it is used. */
static int vet(struct sd_set *set, u32 i, struct guest *g)
{
	struct sd_super ignored;
	int err;

	if (!sectors_fit(set, g->dev->bdev))
		return -EINVAL;
	if (bdev_read_only(g->dev->bdev))
		return -EROFS;
	err = sd_attach_super(set, &set->leg[i], g->dev->bdev, &ignored);
	if (err)
		return err;
	return sd_claim_use(&g->claim) ? 0 : -EBUSY;
}

static int guest_receive(struct sd_set *set, const struct sd_message *m,
			 struct guest *g)
{
	int err;

	err = guest_open(set, m->leg, m->path, g);
	if (err)
		return err;
	err = vet(set, m->leg, g);
	if (err)
		guest_close(set, g);
	return err;
}

/*
 * Whoever may not overwrite any device may bring back what was here a moment
 * ago, or what says itself that it was an SSD of this set.
 */
static int permit(struct sd_set *set, const struct sd_message *m, dev_t was)
{
	struct sd_leg *leg = &set->leg[m->leg];

	return !m->known || leg->devt == was || sd_attach_knows(set, leg) ?
	       0 : -EPERM;
}

/*
 * What takes memory and time comes first: set->lock is what writes wait for when
 * another SSD fails, and this one is no member yet.
 */
static int join(struct sd_set *set, struct sd_leg *leg)
{
	int err;

	err = format(set, leg);
	if (err)
		return err;
	mutex_lock(&set->lock);
	err = __join(set, leg);
	mutex_unlock(&set->lock);
	return err;
}

static int try_join(struct sd_set *set, const struct sd_message *m, dev_t was)
{
	struct sd_leg *leg = &set->leg[m->leg];
	int err;

	err = permit(set, m, was) ?: join(set, leg);
	if (!err)
		return 0;
	if (!sd_leg_stop(leg)) {	/* it may still be about to be told */
		WRITE_ONCE(leg->state, SUPERDISK_STATE_FAILED);
		return err;
	}
	mutex_lock(&set->lock);
	sd_leg_unload(leg);
	mutex_unlock(&set->lock);
	sd_member_close(set, m->leg);
	return err;
}

static int move_in(struct sd_set *set, const struct sd_message *m, dev_t was,
		   struct guest *g)
{
	int err;

	guest_stays(set, m->leg, g);
	err = try_join(set, m, was);
	if (err)
		return err;
	sd_event_leg(&set->leg[m->leg], SUPERDISK_STATE_VACANT,
		     SUPERDISK_STATE_IN, 0);
	sd_warm_resume(set);
	return 0;
}

static int add(struct sd_set *set, const struct sd_message *m, dev_t was)
{
	struct guest g;
	int err;

	if (set->leg[m->leg].dev)
		return -EBUSY;
	err = guest_receive(set, m, &g);
	return err ?: move_in(set, m, was, &g);
}

/* Or what was plugged in since, under the number of one that is gone. */
static bool is_itself(struct sd_set *set, const struct sd_message *m)
{
	struct dm_dev *dev;
	bool same;

	if (dm_get_device(set->ti, m->path, SD_MODE(set->ti), &dev))
		return false;
	same = dev == set->leg[m->leg].dev;
	dm_put_device(set->ti, dev);
	return same;
}

/* Whoever is refused leaves the old one where it is, and in service. */
static int replace_by(struct sd_set *set, const struct sd_message *m)
{
	struct guest g;
	int err;

	/* What it says itself is not read before the old one is gone. */
	if (m->known && sd_is_member(&set->leg[m->leg]))
		return -EPERM;
	err = guest_receive(set, m, &g);
	if (err)
		return err;
	err = sd_member_remove(set, m->leg);
	if (err)
		guest_close(set, &g);
	return err ?: move_in(set, m, 0, &g);
}

static int replace(struct sd_set *set, const struct sd_message *m)
{
	dev_t was = set->leg[m->leg].devt;

	if (!set->leg[m->leg].dev)
		return add(set, m, 0);
	if (!is_itself(set, m))
		return replace_by(set, m);
	return sd_member_remove(set, m->leg) ?: add(set, m, was);
}

static int run(struct sd_set *set, const struct sd_message *m)
{
	switch (m->verb) {
	case SD_VERB_BYPASS:
		return sd_member_bypass(set, m->leg);
	case SD_VERB_RESTORE:
		return sd_member_restore(set, m->leg);
	case SD_VERB_REMOVE:
		return sd_member_remove(set, m->leg);
	case SD_VERB_ADD:
		return add(set, m, 0);
	case SD_VERB_REPLACE:
		return replace(set, m);
	case SD_VERB_WARM:
		sd_warm_set_rate(set, m->kib_per_s);
		return 0;
	}
	return -EINVAL;
}

int sd_command(struct sd_set *set, const struct sd_message *m)
{
	unsigned int noio;
	int err;

	if (m->verb != SD_VERB_WARM && m->leg >= set->geom.nr_legs)
		return -EINVAL;
	if ((m->verb == SD_VERB_ADD || m->verb == SD_VERB_REPLACE) && !m->path)
		return -EINVAL;
	mutex_lock(&set->admin);
	noio = memalloc_noio_save();
	err = set->active ? run(set, m) : -EBUSY;
	memalloc_noio_restore(noio);
	mutex_unlock(&set->admin);
	return err;
}
