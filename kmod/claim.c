// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device-mapper lets the targets of one table share a device.  Ours must not:
 * an SSD that is the disk, or the SSD of another position or target, would
 * overwrite it.  The old and the new table of one device do share theirs.
 */
#include "sd.h"

static DEFINE_MUTEX(claims_lock);	/* innermost: nothing is taken inside */
static LIST_HEAD(claims);

int sd_claim(struct sd_claim *claim, struct sd_set *set,
	     struct block_device *bdev)
{
	struct sd_claim *c;
	int err = 0;

	mutex_lock(&claims_lock);
	list_for_each_entry(c, &claims, node)
		if (c->table == set->ti->table && c->bdev == bdev)
			err = -EEXIST;
	if (!err) {
		claim->table = set->ti->table;
		claim->bdev = bdev;
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
