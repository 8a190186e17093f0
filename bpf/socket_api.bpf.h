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

/*
 * A group is one listening port of one cgroup and one process, or the common
 * one of both, as process 0; a power of two of them.
 */
#define SOCKET_GROUPS_MAX 256
#define SOCKET_GROUP_PROBES 16
/* This one holds all that found no place of their own, as port 0. */
#define SOCKET_OTHERS (SOCKET_GROUPS_MAX - 1)
/* Processes of one port and cgroup with a place of their own. */
#define SOCKET_PROCESSES_MAX 16
/* PID_MAX_LIMIT is 2 to this power. */
#define SOCKET_PID_BITS 22
/* Key of a place that nobody finds any more; no listener has port 0. */
#define SOCKET_KEY_RETIRED (1ULL << 16)
/* CPUs share this many copies of the histograms; a power of two. */
#define SOCKET_SHARDS 4
#define SOCKET_PORTS_MAX 1024

struct socket_group {
	__u64 cgroup;		/* id, 0: unknown */
	__u64 accepted;		/* connections that its process has taken */
	__u64 retransmits;
	__s32 open;		/* connections that may still add to it */
	__u32 pid;		/* 0: common */
	__u32 processes;	/* of a common one: groups of processes */
	__u16 port;
	__u8 ended;		/* its process has */
	__u8 pad;
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
	__u64 processes;	/* connections in a common group, likewise */
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
	__u32 pid;		/* who used it last, before that who listens */
	__u16 family;		/* AF_INET, AF_INET6 */
	__u16 state;		/* TCP_ESTABLISHED 1, TCP_LISTEN 10 */
	__u16 port;		/* ours, host order */
	__u16 peer_port;
	__u8 peer[16];		/* network order; IPv4 in the first four */
};

_Static_assert(sizeof(struct socket_record) == 104, "iterator record");

#endif
