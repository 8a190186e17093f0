// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device-mapper lets all targets share a device, those of other devices too.
 * Ours must not: an SSD that is the disk, or the SSD of another position or
 * target, would overwrite it; a disk that is written by another target is not
 * what the SSDs say.  The old and the new table of one device do share theirs.
 */
#include "sd.h"

static DEFINE_MUTEX(claims_lock);	/* inside it only set->idle.lock */
static LIST_HEAD(claims);

static bool may_share(const struct sd_claim *claim, struct dm_table *table)
{
	return claim->table != table &&
	       dm_table_get_md(claim->table) == dm_table_get_md(table);
}

int sd_claim(struct sd_claim *claim, struct sd_set *set, struct sd_leg *leg,
	     struct block_device *bdev)
{
	struct sd_claim *c;
	int err = 0;

	/* Itself: not every kernel's dm_get_device() refuses that. */
	if (bdev->bd_dev == sd_set_dev(set))
		return -EINVAL;
	mutex_lock(&claims_lock);
	list_for_each_entry(c, &claims, node)
		if (c->bdev == bdev && !may_share(c, set->ti->table))
			err = -EEXIST;
	if (!err) {
		claim->table = set->ti->table;
		claim->bdev = bdev;
		claim->leg = leg;
		claim->used = false;
		claim->parting = false;
		list_add(&claim->node, &claims);
	}
	mutex_unlock(&claims_lock);
	return err;
}

void sd_unclaim(struct sd_claim *claim)
{
	mutex_lock(&claims_lock);
	list_del(&claim->node);
	mutex_unlock(&claims_lock);
}

void sd_claim_move(struct sd_claim *to, struct sd_claim *from)
{
	mutex_lock(&claims_lock);
	*to = *from;
	list_replace(&from->node, &to->node);
	mutex_unlock(&claims_lock);
}

static bool is_held(const struct sd_claim *claim)
{
	return claim->parting || (READ_ONCE(claim->leg->held) &&
				  !sd_leg_is_quiet(claim->leg));
}

/* Another table's claim of the same SSD. */
static bool is_other(const struct sd_claim *c, const struct sd_claim *claim)
{
	return c != claim && c->leg && c->bdev == claim->bdev;
}

bool sd_claim_use(struct sd_claim *claim)
{
	struct sd_claim *c;
	bool held = false;

	mutex_lock(&claims_lock);
	list_for_each_entry(c, &claims, node)
		held |= is_other(c, claim) && is_held(c);
	claim->used = !held;
	mutex_unlock(&claims_lock);
	return !held;
}

bool sd_claim_part(struct sd_claim *claim)
{
	struct sd_claim *c;
	bool used = false;

	mutex_lock(&claims_lock);
	list_for_each_entry(c, &claims, node)
		used |= is_other(c, claim) && c->used;
	claim->parting = !used;
	mutex_unlock(&claims_lock);
	return !used;
}
