/* SPDX-License-Identifier: GPL-2.0-only */
/* compat.bpf.h for sockets: the same rules. */
#ifndef COMPAT_SOCKET_BPF_H
#define COMPAT_SOCKET_BPF_H

#include <bpf/bpf_endian.h>

#include "compat.bpf.h"

struct compat_in6_addr {
	u8 bytes[16];
};

struct sock_common {
	u32 skc_daddr;
	u16 skc_dport;
	u16 skc_num;
	u16 skc_family;
	unsigned char skc_state;
	struct compat_in6_addr skc_v6_daddr;
} KERNEL_TYPE;

struct sock_cgroup_data {
	struct cgroup *cgroup;
} KERNEL_TYPE;

struct compat_atomic {
	int counter;
} KERNEL_TYPE;

struct sock;

struct socket {
	struct sock *sk;
} KERNEL_TYPE;

struct file;

struct signal_struct {
	struct compat_atomic live;
} KERNEL_TYPE;

struct task_struct {
	u32 flags;
	int tgid;
	struct task_struct *group_leader;
	struct signal_struct *signal;
	char comm[16];
} KERNEL_TYPE;

/* include/linux/sched.h: numbers that have not changed since before 6.1. */
#define PF_EXITING 0x00000004
#define PF_KTHREAD 0x00200000

struct sock {
	struct sock_common __sk_common;
	struct socket *sk_socket;
	struct compat_atomic sk_drops;
	u32 sk_ack_backlog;
	u32 sk_max_ack_backlog;
	struct sock_cgroup_data sk_cgrp_data;
} KERNEL_TYPE;

struct inet_sock {
	u16 inet_sport;
} KERNEL_TYPE;

struct tcp_sock {
	u32 srtt_us;
	u32 write_seq;
	u32 snd_nxt;
	u32 snd_una;
} KERNEL_TYPE;

struct sk_buff {
	unsigned char *data;
} KERNEL_TYPE;

struct iov_iter {
	u64 count;
} KERNEL_TYPE;

struct msghdr {
	struct iov_iter msg_iter;
} KERNEL_TYPE;

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
} KERNEL_TYPE;

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
} KERNEL_TYPE;

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
} KERNEL_TYPE;

static __always_inline u64 compat_sock_cgroup(struct sock *sk)
{
	if (!bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return 0;
	return BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
}

/* Of a socket that closes: its skc_num is given back before anybody is told. */
static __always_inline u16 compat_sock_port(struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
}

/*
 * The number that the segment in @skb acknowledges: at tcp_probe its data
 * begins with the TCP header, on all kernels.
 */
static __always_inline int compat_acked(struct sk_buff *skb, u32 *ret_acked)
{
	const u32 offset = 8; /* of ack_seq in struct tcphdr */
	u32 acked;

	if (bpf_probe_read_kernel(&acked, sizeof(acked),
				  BPF_CORE_READ(skb, data) + offset))
		return -1;
	*ret_acked = bpf_ntohl(acked);
	return 0;
}

#endif
