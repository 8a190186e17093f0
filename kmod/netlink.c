// SPDX-License-Identifier: GPL-2.0-only
/* The generic netlink family of uapi/superdisk.h. */
#include "sd.h"

#include <linux/dm-ioctl.h>
#include <net/genetlink.h>

/* All sets.  Held over a dump of one message and over a command. */
static DEFINE_MUTEX(sets_lock);
static LIST_HEAD(sets);

static struct genl_family family;

enum { GROUP_EVENTS };
static const struct genl_multicast_group groups[] = {
	[GROUP_EVENTS] = { .name = SUPERDISK_GENL_EVENTS },
};

static const struct nla_policy policy[SUPERDISK_ATTR_MAX + 1] = {
	[SUPERDISK_ATTR_DEV] = { .type = NLA_U32 },
	[SUPERDISK_ATTR_LEG] = NLA_POLICY_MAX(NLA_U32, SD_MAX_LEGS - 1),
	[SUPERDISK_ATTR_DEV_PATH] = { .type = NLA_NUL_STRING, .len = 255 },
	[SUPERDISK_ATTR_RATE] = { .type = NLA_U32 },
};

void sd_netlink_add(struct sd_set *set)
{
	mutex_lock(&sets_lock);
	list_add_tail(&set->node, &sets);
	mutex_unlock(&sets_lock);
}

void sd_netlink_del(struct sd_set *set)
{
	mutex_lock(&sets_lock);
	list_del(&set->node);
	mutex_unlock(&sets_lock);
}

static int put_name(struct sk_buff *skb, struct sd_set *set)
{
	char name[DM_NAME_LEN] = "";

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
	if (nla_put_u32(skb, SUPERDISK_ATTR_DEV, sd_set_dev(set)) ||
	    put_name(skb, set) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_MODE, sd_set_mode(set)) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_BLOCK_SIZE,
			sd_block_sectors(&set->geom) << SD_SECTOR_SHIFT) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_NR_LEGS, set->geom.nr_legs) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_DISK_DEV,
			set->disk->bdev->bd_dev))
		return -EMSGSIZE;
	return put_stats(skb, set->stats);
}

static int put_leg(struct sk_buff *skb, struct sd_leg *leg)
{
	u64 valid = 0, total = 0;

	mutex_lock(&leg->set->lock);
	if (leg->loaded) {
		valid = sd_table_count_valid(&leg->table);
		total = leg->table.nr_slots * leg->set->geom.pages;
	}
	mutex_unlock(&leg->set->lock);
	if (nla_put_u32(skb, SUPERDISK_ATTR_DEV, sd_set_dev(leg->set)) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_LEG, leg->index) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_STATE, READ_ONCE(leg->state)) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_LEG_DEV, READ_ONCE(leg->devt)) ||
	    nla_put_u64_64bit(skb, SUPERDISK_ATTR_PAGES_VALID, valid,
			      SUPERDISK_ATTR_PAD) ||
	    nla_put_u64_64bit(skb, SUPERDISK_ATTR_PAGES_TOTAL, total,
			      SUPERDISK_ATTR_PAD))
		return -EMSGSIZE;
	return put_stats(skb, leg->stats);
}

static void *begin(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &family, NLM_F_MULTI, cmd);
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

static int dump_start(struct netlink_callback *cb)
{
	cb->min_dump_alloc = DUMP_BYTES;
	return 0;
}

static int dev_get_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct sd_set *set;
	long at = 0;

	mutex_lock(&sets_lock);
	list_for_each_entry(set, &sets, node) {
		if (at++ < cb->args[0] || !set->active)
			continue;
		if (!dump_set(skb, cb, set)) {
			at--;
			break;
		}
	}
	mutex_unlock(&sets_lock);
	cb->args[0] = at;
	return skb->len;
}

static int leg_get_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct sd_set *set;
	long at = 0;
	u32 i;

	mutex_lock(&sets_lock);
	list_for_each_entry(set, &sets, node) {
		for (i = 0; i < set->geom.nr_legs; i++) {
			if (at++ < cb->args[0] || !set->active)
				continue;
			if (!dump_leg(skb, cb, &set->leg[i])) {
				at--;
				goto full;
			}
		}
	}
full:
	mutex_unlock(&sets_lock);
	cb->args[0] = at;
	return skb->len;
}

static struct sd_set *__find(u32 dev)
{
	struct sd_set *set;

	lockdep_assert_held(&sets_lock);
	list_for_each_entry(set, &sets, node)
		if (set->active && sd_set_dev(set) == dev)
			return set;
	return NULL;
}

static char *command_word(u8 cmd)
{
	switch (cmd) {
	case SUPERDISK_CMD_LEG_BYPASS:
		return "bypass";
	case SUPERDISK_CMD_LEG_RESTORE:
		return "restore";
	case SUPERDISK_CMD_LEG_REMOVE:
		return "remove";
	case SUPERDISK_CMD_LEG_ADD:
		return "add";
	default:
		return "replace";
	}
}

/* Commands are the messages of the target in another dress. */
static int leg_command(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **a = info->attrs;
	char number[12], *argv[3] = { command_word(info->genlhdr->cmd), number };
	struct sd_set *set;
	u32 argc = 2;
	int err;

	if (!a[SUPERDISK_ATTR_DEV] || !a[SUPERDISK_ATTR_LEG])
		return -EINVAL;
	snprintf(number, sizeof(number), "%u",
		 nla_get_u32(a[SUPERDISK_ATTR_LEG]));
	if (a[SUPERDISK_ATTR_DEV_PATH])
		argv[argc++] = nla_data(a[SUPERDISK_ATTR_DEV_PATH]);
	mutex_lock(&sets_lock);
	set = __find(nla_get_u32(a[SUPERDISK_ATTR_DEV]));
	err = set ? sd_command(set, argc, argv) : -ENODEV;
	mutex_unlock(&sets_lock);
	return err;
}

#define COMMAND(c) { .cmd = c, .flags = GENL_ADMIN_PERM, .doit = leg_command }

static const struct genl_ops ops[] = {
	{ .cmd = SUPERDISK_CMD_DEV_GET, .start = dump_start,
	  .dumpit = dev_get_dump },
	{ .cmd = SUPERDISK_CMD_LEG_GET, .start = dump_start,
	  .dumpit = leg_get_dump },
	COMMAND(SUPERDISK_CMD_LEG_BYPASS),
	COMMAND(SUPERDISK_CMD_LEG_RESTORE),
	COMMAND(SUPERDISK_CMD_LEG_REMOVE),
	COMMAND(SUPERDISK_CMD_LEG_ADD),
	COMMAND(SUPERDISK_CMD_LEG_REPLACE),
};

static struct genl_family family = {
	.name = SUPERDISK_GENL_NAME,
	.version = SUPERDISK_GENL_VERSION,
	.maxattr = SUPERDISK_ATTR_MAX,
	.policy = policy,
	.module = THIS_MODULE,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
	/* Commands wait for I/O: not under the lock of all families. */
	.parallel_ops = true,
};

static int put_event(struct sk_buff *skb, struct sd_set *set,
		     enum superdisk_event event, int leg, int state, int err)
{
	if (nla_put_u32(skb, SUPERDISK_ATTR_DEV, sd_set_dev(set)) ||
	    put_name(skb, set) ||
	    nla_put_u32(skb, SUPERDISK_ATTR_EVENT, event))
		return -EMSGSIZE;
	if (leg >= 0 && (nla_put_u32(skb, SUPERDISK_ATTR_LEG, leg) ||
			 nla_put_u32(skb, SUPERDISK_ATTR_STATE, state)))
		return -EMSGSIZE;
	return err ? nla_put_s32(skb, SUPERDISK_ATTR_ERROR, err) : 0;
}

void sd_netlink_event(struct sd_set *set, enum superdisk_event event, int leg,
		      int state, int err)
{
	struct sk_buff *skb;
	void *head;

	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_NOWAIT | __GFP_NOWARN);
	if (!skb)
		return;		/* events may be lost, state may be asked for */
	head = genlmsg_put(skb, 0, 0, &family, 0, SUPERDISK_CMD_EVENT);
	if (!head || put_event(skb, set, event, leg, state, err)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, head);
	genlmsg_multicast(&family, skb, 0, GROUP_EVENTS, GFP_NOWAIT);
}

int sd_netlink_init(void)
{
	return genl_register_family(&family);
}

void sd_netlink_exit(void)
{
	genl_unregister_family(&family);
}
