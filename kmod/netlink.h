/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two halves of the netlink family share.  Process context. */
#ifndef SD_NETLINK_H
#define SD_NETLINK_H

struct genl_family;
struct netlink_callback;
struct nlattr;
struct sd_set;
struct sk_buff;

extern struct genl_family sd_netlink_family;

/* The set that DEV and BEGIN name, to be given back; NULL if there is none. */
struct sd_set *sd_netlink_find(struct nlattr **attrs);
/* DEV, BEGIN, NAME. */
int sd_netlink_put_set(struct sk_buff *skb, struct sd_set *set);

/* netlink_dump.c */
int sd_netlink_dump_start(struct netlink_callback *cb);
int sd_netlink_dump_sets(struct sk_buff *skb, struct netlink_callback *cb);
int sd_netlink_dump_legs(struct sk_buff *skb, struct netlink_callback *cb);
int sd_netlink_dump_heat_start(struct netlink_callback *cb);
int sd_netlink_dump_heat(struct sk_buff *skb, struct netlink_callback *cb);

#endif
