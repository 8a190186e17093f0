// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is a member, who has been one, and how all members come to know that.
 *
 * A member that is dropped from the roster misses writes from then on.  The
 * other members remember that; so does this set, for one that has no witness:
 * its epoch is not believed again as long as the device exists.
 */
#include "sd.h"

bool sd_leg_is_ready(const struct sd_leg *leg)
{
	return leg->loaded && !leg->held;
}

void sd_leg_drop(struct sd_leg *leg)
{
	leg->held = !sd_leg_is_quiet(leg);
	if (!leg->held)
		sd_leg_unload(leg);
}

static bool is_listed(const struct sd_set *set, u64 epoch)
{
	u32 i;

	for (i = 0; i < SD_MAX_LEGS; i++)
		if (set->roster[i] == epoch)
			return true;
	return false;
}

/*
 * Also one that was never a member: nobody has written down what it missed while
 * the device was active without it.
 */
bool sd_is_lost(const struct sd_set *set, u64 epoch)
{
	u32 i, nr = min_t(u32, set->lost.nr, ARRAY_SIZE(set->lost.epoch));

	for (i = 0; i < nr; i++)
		if (set->lost.epoch[i] == epoch)
			return true;
	return set->continued && !is_listed(set, epoch);
}

void sd_lost_inherit(struct sd_set *set, const struct sd_set *before)
{
	set->lost = before->lost;
	memcpy(set->roster, before->roster, sizeof(set->roster));
}

static void set_roster(struct sd_set *set, bool (*is)(const struct sd_leg *leg))
{
	u64 old[SD_MAX_LEGS];
	struct sd_leg *leg;
	u32 i;

	memcpy(old, set->roster, sizeof(old));
	memset(set->roster, 0, sizeof(set->roster));
	for (i = 0; i < set->geom.nr_legs; i++) {
		leg = &set->leg[i];
		set->roster[i] = is(leg) ? leg->meta.super.epoch : 0;
	}
	for (i = 0; i < SD_MAX_LEGS; i++)
		if (old[i] && !is_listed(set, old[i]))
			set->lost.epoch[set->lost.nr++ %
					ARRAY_SIZE(set->lost.epoch)] = old[i];
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

bool sd_is_member(const struct sd_leg *leg)
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
		if (READ_ONCE(set->leg[i].telling) && sd_is_member(&set->leg[i]))
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
	set_roster(set, sd_is_member);
	for (i = 0; i < set->geom.nr_legs; i++)
		if (sd_is_member(&set->leg[i]))
			__sd_leg_tell(&set->leg[i]);
	sd_wait_idle(set->idle, all_told(set),
		     msecs_to_jiffies(set->opt.timeout_ms));
	for (i = 0; i < set->geom.nr_legs; i++) {
		if (!sd_is_member(&set->leg[i]))
			continue;
		if (was_told(&set->leg[i]))
			stored++;
		else
			sd_leg_fail(&set->leg[i], -ETIMEDOUT);
	}
	return stored;
}

void __sd_set_enlist(struct sd_set *set)
{
	u32 i, lost;

	lockdep_assert_held(&set->lock);
	do {
		set->generation++;
		set_roster(set, sd_leg_is_ready);
		for (i = 0, lost = 0; i < set->geom.nr_legs; i++) {
			if (!sd_leg_is_ready(&set->leg[i]) ||
			    !store_super(set, &set->leg[i]))
				continue;
			DMERR("%s: SSD %u cannot be written, left out",
			      set->name, i);
			sd_leg_drop(&set->leg[i]);
			lost++;
		}
	} while (lost);
}
