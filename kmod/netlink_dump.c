// SPDX-License-Identifier: GPL-2.0-only
/* Dumps of the generic netlink family: devices, SSDs, heat. */
#include "sd.h"
#include "netlink.h"

#include <linux/dm-ioctl.h>
#include <net/genetlink.h>

/* Which target of which device. */
static int put_which(struct sk_buff *skb, struct sd_set *set)
{
	if (nla_put_u32(skb, SUPERDISK_ATTR_DEV, sd_set_dev(set)) ||
	    nla_put_u64_64bit(skb, SUPERDISK_ATTR_BEGIN, set->ti->begin,
			      SUPERDISK_ATTR_PAD))
		return -EMSGSIZE;
	return 0;
}

int sd_netlink_put_set(struct sk_buff *skb, struct sd_set *set)
{
	char name[DM_NAME_LEN] = "";

	if (put_which(skb, set))
		return -EMSGSIZE;
	if (dm_copy_name_and_uuid(dm_table_get_md(set->ti->table), name, NULL))
		return 0;	/* being removed: it has none any more */
	return nla_put_string(skb, SUPERDISK_ATTR_NAME, name);
}

static int put_counters(struct sk_buff *skb, struct sd_stats __percpu *stats)
{
	u64 count[SUPERDISK_C_NR];

	sd_stats_sum(stats, count);
	return nla_put(skb, SUPERDISK_ATTR_COUNTERS, sizeof(count), count);
}

static int put_hist(struct sk_buff *skb, struct sd_stats __percpu *stats,
		    u32 path)
{
	struct nlattr *nest, *buckets;

	nest = nla_nest_start(skb, SUPERDISK_ATTR_HIST);
	if (!nest || nla_put_u32(skb, SUPERDISK_ATTR_PATH, path))
		return -EMSGSIZE;
	buckets = nla_reserve(skb, SUPERDISK_ATTR_BUCKETS,
			      SUPERDISK_HIST_NR * sizeof(u64));
	if (!buckets)
		return -EMSGSIZE;
	sd_stats_hist(stats, path, nla_data(buckets));
	nla_nest_end(skb, nest);
	return 0;
}

static int put_stats(struct sk_buff *skb, struct sd_stats __percpu *stats)
{
	u32 path;
	int err;

	err = put_counters(skb, stats);
	for (path = 0; !err && path < SUPERDISK_PATH_NR; path++)
		err = put_hist(skb, stats, path);
	return err;
}

static int put_set(struct sk_buff *skb, struct sd_set *set)
{
	if (sd_netlink_put_set(skb, set) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_MODE, sd_set_mode(set)) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_BLOCK_SIZE,
			sd_block_sectors(&set->geom) << SD_SECTOR_SHIFT) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_NR_LEGS, set->geom.nr_legs) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_DISK_DEV,
			set->disk->bdev->bd_dev) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_WARM, READ_ONCE(set->warm.state)) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_RATE,
			READ_ONCE(set->opt.warm_kib)) ||
	    nla_put_u64_64bit(skb, SUPERDISK_ATTR_WARM_COPIED,
			      atomic64_read(&set->warm.copied),
			      SUPERDISK_ATTR_PAD))
		return -EMSGSIZE;
	if (set->placement == SUPERDISK_MODE_CACHE &&
	    nla_put_string(skb, SUPERDISK_ATTR_POLICY,
			   sd_options_policy(&set->opt)->name))
		return -EMSGSIZE;
	return put_stats(skb, set->stats);
}

static int put_u64(struct sk_buff *skb, int attr, u64 v)
{
	return nla_put_u64_64bit(skb, attr, v, SUPERDISK_ATTR_PAD);
}

static int put_leg(struct sk_buff *skb, struct sd_leg *leg)
{
	struct sd_leg_view v;

	sd_leg_view(leg, &v);
	if (put_which(skb, leg->set) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_LEG, leg->index) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_STATE, v.state) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_LEG_DEV, READ_ONCE(leg->devt)) ||
	    put_u64(skb, SUPERDISK_ATTR_PAGES_VALID, v.valid) ||
	    put_u64(skb, SUPERDISK_ATTR_PAGES_TOTAL, v.total) ||
	    put_u64(skb, SUPERDISK_ATTR_PAGES_UNVERIFIED, v.unverified) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_HEDGE_US, sd_leg_hedge_us(leg)))
		return -EMSGSIZE;
	if (v.slots && (put_u64(skb, SUPERDISK_ATTR_SLOTS_USED, v.used) ||
			put_u64(skb, SUPERDISK_ATTR_SLOTS_TOTAL, v.slots)))
		return -EMSGSIZE;
	return put_stats(skb, leg->stats);
}

static void *begin(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &sd_netlink_family, NLM_F_MULTI, cmd);
}

/* Closes the message, or takes it back for the next buffer. */
static bool finish(struct sk_buff *skb, void *head, int err)
{
	if (err)
		genlmsg_cancel(skb, head);
	else
		genlmsg_end(skb, head);
	return !err;
}

static bool dump_set(struct sk_buff *skb, struct netlink_callback *cb,
		     struct sd_set *set)
{
	void *head = begin(skb, cb, SUPERDISK_CMD_DEV_GET);

	return head && finish(skb, head, put_set(skb, set));
}

static bool dump_leg(struct sk_buff *skb, struct netlink_callback *cb,
		     struct sd_leg *leg)
{
	void *head = begin(skb, cb, SUPERDISK_CMD_LEG_GET);

	return head && finish(skb, head, put_leg(skb, leg));
}

/* One message holds all histograms of an SSD: more than a page. */
#define DUMP_BYTES	16384

int sd_netlink_dump_start(struct netlink_callback *cb)
{
	cb->min_dump_alloc = DUMP_BYTES;
	return 0;
}

/* args[0]: how many sets are done */
int sd_netlink_dump_sets(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct sd_set *set;
	bool room = true;

	while (room && (set = sd_sets_nth(cb->args[0]))) {
		room = dump_set(skb, cb, set);
		cb->args[0] += room;
		sd_sets_put(set);
	}
	return skb->len;
}

/* args[0]: how many sets are done; args[1]: SSDs of the next one */
int sd_netlink_dump_legs(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct sd_set *set;
	bool room = true;

	while (room && (set = sd_sets_nth(cb->args[0]))) {
		while (room && cb->args[1] < set->geom.nr_legs) {
			room = dump_leg(skb, cb, &set->leg[cb->args[1]]);
			cb->args[1] += room;
		}
		if (room) {
			cb->args[0]++;
			cb->args[1] = 0;
		}
		sd_sets_put(set);
	}
	return skb->len;
}

static int put_heat(struct sk_buff *skb, struct sd_set *set, u64 first,
		    const u8 *heat, u32 nr)
{
	if (put_which(skb, set) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_BLOCK_SIZE,
			sd_block_sectors(&set->geom) << SD_SECTOR_SHIFT) ||
	    nla_put_u64_64bit(skb, SUPERDISK_ATTR_HEAT_BLOCK, first,
			      SUPERDISK_ATTR_PAD))
		return -EMSGSIZE;
	return nla_put(skb, SUPERDISK_ATTR_HEAT, nr, heat);
}

/* The next run, and true, if there is one and room for it. */
static bool dump_run(struct sk_buff *skb, struct netlink_callback *cb,
		     struct sd_set *set, u8 *run)
{
	u64 from = (unsigned long)cb->args[0];
	u32 nr = sd_heat_run(&set->heat, &from, run, SUPERDISK_HEAT_RUN);
	void *head;

	if (!nr)
		return false;
	head = begin(skb, cb, SUPERDISK_CMD_HEAT_GET);
	if (!head || !finish(skb, head, put_heat(skb, set, from, run, nr)))
		return false;
	cb->args[0] = from + nr;
	return true;
}

/* What is wrong is said at once: the end of a dump is rarely looked at. */
int sd_netlink_dump_heat_start(struct netlink_callback *cb)
{
	struct sd_set *set = sd_netlink_find(sd_dump_attrs(cb));
	int err;

	if (!set)
		return -ENODEV;
	err = set->heat.byte ? sd_netlink_dump_start(cb) : -EOPNOTSUPP;
	sd_sets_put(set);
	return err;
}

/* args[0]: the next block */
int sd_netlink_dump_heat(struct sk_buff *skb, struct netlink_callback *cb)
{
	u8 *run = kmalloc(SUPERDISK_HEAT_RUN, GFP_KERNEL);
	struct sd_set *set;

	if (!run)
		return -ENOMEM;
	set = sd_netlink_find(sd_dump_attrs(cb));
	/* A device in the place of another one may have heat or not. */
	if (set && set->heat.byte)
		while (dump_run(skb, cb, set, run))
			cond_resched();
	if (set)
		sd_sets_put(set);
	kfree(run);
	return skb->len;
}
