// SPDX-License-Identifier: GPL-2.0-only
/* The generic netlink family of uapi/superdisk.h. */
#include "sd.h"
#include "netlink.h"

#include <net/genetlink.h>

enum { GROUP_EVENTS };
static const struct genl_multicast_group groups[] = {
	[GROUP_EVENTS] = { .name = SUPERDISK_GENL_EVENTS },
};

/* What only goes to user space is refused when it comes from there. */
static const struct nla_policy policy[SUPERDISK_ATTR_MAX + 1] = {
	[SUPERDISK_ATTR_DEV] = { .type = NLA_U32 },
	[SUPERDISK_ATTR_BEGIN] = { .type = NLA_U64 },
	[SUPERDISK_ATTR_LEG] = NLA_POLICY_MAX(NLA_U32, SD_MAX_LEGS - 1),
	[SUPERDISK_ATTR_DEV_PATH] = { .type = NLA_NUL_STRING, .len = 255 },
	[SUPERDISK_ATTR_RATE] = { .type = NLA_U32 },
	[SUPERDISK_ATTR_BLOCK_SIZE] = { .type = NLA_U32 },
	[SUPERDISK_ATTR_HEAT_BLOCK] = { .type = NLA_U64 },
	[SUPERDISK_ATTR_HEAT] = { .type = NLA_BINARY,
				  .len = SUPERDISK_HEAT_RUN },
	[SUPERDISK_ATTR_PAD] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_NAME] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_MODE] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_NR_LEGS] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_DISK_DEV] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_LEG_DEV] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_STATE] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_PAGES_VALID] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_PAGES_TOTAL] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_COUNTERS] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_HIST] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_PATH] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_BUCKETS] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_EVENT] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_ERROR] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_WARM] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_WARM_COPIED] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_PAGES_UNVERIFIED] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_HEDGE_US] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_SLOTS_USED] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_SLOTS_TOTAL] = { .type = NLA_REJECT },
	[SUPERDISK_ATTR_POLICY] = { .type = NLA_REJECT },
};

struct sd_set *sd_netlink_find(struct nlattr **a)
{
	u64 begin;

	if (!a[SUPERDISK_ATTR_DEV])
		return NULL;
	if (a[SUPERDISK_ATTR_BEGIN])
		begin = nla_get_u64(a[SUPERDISK_ATTR_BEGIN]);
	return sd_sets_find(nla_get_u32(a[SUPERDISK_ATTR_DEV]),
			    a[SUPERDISK_ATTR_BEGIN] ? &begin : NULL);
}

static const enum sd_verb verb_of[SUPERDISK_CMD_MAX + 1] = {
	[SUPERDISK_CMD_LEG_BYPASS] = SD_VERB_BYPASS,
	[SUPERDISK_CMD_LEG_RESTORE] = SD_VERB_RESTORE,
	[SUPERDISK_CMD_LEG_REMOVE] = SD_VERB_REMOVE,
	[SUPERDISK_CMD_LEG_ADD] = SD_VERB_ADD,
	[SUPERDISK_CMD_LEG_REPLACE] = SD_VERB_REPLACE,
	[SUPERDISK_CMD_WARM] = SD_VERB_WARM,
};

/* Commands are the messages of the target in another dress. */
static int command(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **a = info->attrs;
	struct sd_message m = {
		.verb = verb_of[info->genlhdr->cmd],
		/* As for dm's ioctls: not any device may be overwritten. */
		.known = !netlink_capable(skb, CAP_SYS_ADMIN),
	};
	struct sd_set *set;
	int err;

	if (!a[m.verb == SD_VERB_WARM ? SUPERDISK_ATTR_RATE :
					SUPERDISK_ATTR_LEG])
		return -EINVAL;
	if (a[SUPERDISK_ATTR_LEG])
		m.leg = nla_get_u32(a[SUPERDISK_ATTR_LEG]);
	if (a[SUPERDISK_ATTR_RATE])
		m.kib_per_s = nla_get_u32(a[SUPERDISK_ATTR_RATE]);
	if (a[SUPERDISK_ATTR_DEV_PATH])
		m.path = nla_data(a[SUPERDISK_ATTR_DEV_PATH]);
	set = sd_netlink_find(a);
	if (!set)
		return -ENODEV;
	err = sd_command(set, &m);
	sd_sets_put(set);
	return err;
}

static int heat_set(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **a = info->attrs;
	struct sd_set *set;
	int err = 0;

	if (!a[SUPERDISK_ATTR_HEAT_BLOCK] || !a[SUPERDISK_ATTR_HEAT] ||
	    !a[SUPERDISK_ATTR_BLOCK_SIZE])
		return -EINVAL;
	set = sd_netlink_find(a);
	if (!set)
		return -ENODEV;
	if (nla_get_u32(a[SUPERDISK_ATTR_BLOCK_SIZE]) !=
	    sd_block_sectors(&set->geom) << SD_SECTOR_SHIFT)
		err = -EINVAL;
	else if (!set->heat.byte)
		err = -EOPNOTSUPP;
	else
		sd_heat_raise(&set->heat,
			      nla_get_u64(a[SUPERDISK_ATTR_HEAT_BLOCK]),
			      nla_data(a[SUPERDISK_ATTR_HEAT]),
			      nla_len(a[SUPERDISK_ATTR_HEAT]));
	sd_sets_put(set);
	return err;
}

#define COMMAND(c) { .cmd = c, .flags = GENL_ADMIN_PERM, .doit = command }

static const struct genl_ops ops[] = {
	{ .cmd = SUPERDISK_CMD_DEV_GET, .start = sd_netlink_dump_start,
	  .dumpit = sd_netlink_dump_sets },
	{ .cmd = SUPERDISK_CMD_LEG_GET, .start = sd_netlink_dump_start,
	  .dumpit = sd_netlink_dump_legs },
	{ .cmd = SUPERDISK_CMD_HEAT_GET, .flags = GENL_ADMIN_PERM,
	  .start = sd_netlink_dump_heat_start,
	  .dumpit = sd_netlink_dump_heat },
	{ .cmd = SUPERDISK_CMD_HEAT_SET, .flags = GENL_ADMIN_PERM,
	  .doit = heat_set },
	COMMAND(SUPERDISK_CMD_LEG_BYPASS),
	COMMAND(SUPERDISK_CMD_LEG_RESTORE),
	COMMAND(SUPERDISK_CMD_LEG_REMOVE),
	COMMAND(SUPERDISK_CMD_LEG_ADD),
	COMMAND(SUPERDISK_CMD_LEG_REPLACE),
	COMMAND(SUPERDISK_CMD_WARM),
};

struct genl_family sd_netlink_family = {
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
	if (sd_netlink_put_set(skb, set) ||
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
	head = genlmsg_put(skb, 0, 0, &sd_netlink_family, 0, SUPERDISK_CMD_EVENT);
	if (!head || put_event(skb, set, event, leg, state, err)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, head);
	genlmsg_multicast(&sd_netlink_family, skb, 0, GROUP_EVENTS, GFP_NOWAIT);
}

int sd_netlink_init(void)
{
	return genl_register_family(&sd_netlink_family);
}

void sd_netlink_exit(void)
{
	genl_unregister_family(&sd_netlink_family);
}
