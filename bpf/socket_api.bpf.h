/* SPDX-License-Identifier: GPL-2.0-only */
/* What socket.bpf.c and user space share. */
#ifndef SOCKET_API_BPF_H
#define SOCKET_API_BPF_H

#include "hist_api.bpf.h"

enum socket_span {
	SOCKET_RTT,		/* smoothed, at each segment that arrives */
	SOCKET_ACK,		/* send() to the ACK of its end */
	SOCKET_READ,		/* arrival in the queue to the next read */
	SOCKET_ACCEPT,		/* established to accept() */
	SOCKET_LIFE,		/* established to closed */
	SOCKET_SPANS,
};

/* A group is one listening port of one cgroup; a power of two of them. */
#define SOCKET_GROUPS_MAX 128
#define SOCKET_GROUP_PROBES 8
/* This one holds all that found no place of their own, as port 0. */
#define SOCKET_OTHERS (SOCKET_GROUPS_MAX - 1)
/* CPUs share this many copies of the histograms; a power of two. */
#define SOCKET_SHARDS 4
#define SOCKET_PORTS_MAX 1024

struct socket_group {
	__u64 cgroup;		/* id, 0: unknown */
	__u64 accepted;		/* connections established */
	__u64 retransmits;
	__s32 open;		/* connections that may still add to it */
	__u32 pid;		/* who read last */
	__u16 port;
	__u16 pad[3];
	char comm[16];
};

static inline __attribute__((always_inline)) __u32
socket_hist_index(__u32 shard, __u32 group, __u32 span)
{
	return (shard * SOCKET_GROUPS_MAX + group) * SOCKET_SPANS + span;
}

#define SOCKET_HISTS (SOCKET_SHARDS * SOCKET_GROUPS_MAX * SOCKET_SPANS)

struct socket_lost {
	__u64 groups;	/* connections among SOCKET_OTHERS: no place free */
	__u64 ports;	/* listeners beyond SOCKET_PORTS_MAX: not measured */
	__u64 storage;	/* no memory for a socket's own record */
};

_Static_assert(sizeof(struct socket_group) == 56, "shared through .bss");

/* One connection or listener, as the iterator `connections` writes it. */
struct socket_record {
	__u64 cookie;
	__u64 cgroup;
	__u64 unsent;		/* bytes written, not yet sent */
	__u64 unacked;		/* bytes sent, not yet acknowledged */
	__u64 unread_ns;	/* age of the oldest data not yet read, or 0 */
	__u64 unacked_ns;	/* age of the oldest send not yet acknowledged */
	__u64 unaccepted_ns;	/* how long it has waited for accept(), or 0 */
	__u32 rtt_us;
	__u32 retransmits;
	__u32 backlog;		/* of a listener: waiting for accept() */
	__u32 backlog_max;
	__u32 drops;		/* of a listener: it had no room for them */
	__u32 pid;		/* who used it last, 0: nobody yet */
	__u16 family;		/* AF_INET, AF_INET6 */
	__u16 state;		/* TCP_ESTABLISHED 1, TCP_LISTEN 10 */
	__u16 port;		/* ours, host order */
	__u16 peer_port;
	__u8 peer[16];		/* network order; IPv4 in the first four */
};

_Static_assert(sizeof(struct socket_record) == 104, "iterator record");

#endif
