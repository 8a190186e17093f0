// SPDX-License-Identifier: GPL-2.0-only
/*
 * Latency and queues of TCP connections to local listeners, by port, cgroup
 * and process.  Each connection has a small record of its own (socket storage),
 * made when it first does something.  It is of the process that listens until
 * one takes it, and then of whichever used it last: what happens in softirq
 * belongs to whom the record says.
 *
 * Where a kernel offers several hooks for one event, all are here and user
 * space loads those that exist; compat notes stand at each.
 */
#include <stdbool.h>

#include "compat.bpf.h"
#include "socket_owner.bpf.h"

#include "socket_api.bpf.h"

#define TCP_SYN_RECV 3
#define TCP_CLOSE_WAIT 8

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SOCKET_HISTS);
	__type(key, u32);
	__type(value, struct hist_slots);
} socket_hists SEC(".maps");

__noinline u32 socket_bucket(u64 value)
{
	return hist_index(value);
}

static __always_inline void record(u32 group, u32 span, u64 ns)
{
	u32 shard = bpf_get_smp_processor_id() & (SOCKET_SHARDS - 1);
	u32 at = socket_hist_index(shard, group, span);
	struct hist_slots *hist = bpf_map_lookup_elem(&socket_hists, &at);
	u32 bucket = socket_bucket(ns);

	if (group >= SOCKET_GROUPS_MAX || !hist || bucket >= HIST_BUCKETS)
		return;
	__sync_fetch_and_add(&hist->count[bucket], 1);
	__sync_fetch_and_add(&hist->sum, ns);
}

/* What comes after its end is not of its group, which may be another's then. */
static __always_inline void end_connection(struct sock *sk)
{
	const u64 nobody = owner_word(0, 0, NO_GROUP);
	struct connection *c = known(sk);
	u32 group;

	if (!c)
		return;
	group = owner_group(__sync_lock_test_and_set(&c->owner, nobody));
	if (group >= SOCKET_GROUPS_MAX)
		return;
	if (c->established_ns)
		record(group, SOCKET_LIFE,
		       bpf_ktime_get_ns() - c->established_ns);
	__sync_fetch_and_add(&group_at(group)->open, -1);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(set_state, struct sock *sk, int from, int to)
{
	struct connection *c;

	if (to == TCP_LISTEN) {
		begin_listen(sk, bpf_get_current_pid_tgid() >> 32);
	} else if (from == TCP_LISTEN && to == TCP_CLOSE) {
		/* a child leaves that state, too, but for another one */
		end_listen(sk);
	} else if (from == TCP_SYN_RECV && to == TCP_ESTABLISHED) {
		c = connection_of(sk);
		if (c)
			c->established_ns = bpf_ktime_get_ns();
	} else if (to == TCP_CLOSE) {
		end_connection(sk);
	}
	return 0;
}

/* The last thread of a process ends. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	if (!task->signal->live.counter)
		group_end(task->tgid);
	return 0;
}

/* A segment has arrived; its header acknowledges what we sent. */
SEC("tp_btf/tcp_probe")
int BPF_PROG(segment, struct sock *sk, struct sk_buff *skb)
{
	struct connection *c = connection_of(sk);
	struct tcp_sock *tp;
	u32 acked, rtt_us, group;

	if (!c)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	group = owner_group(c->owner);
	rtt_us = tp->srtt_us >> 3;
	if (rtt_us)
		record(group, SOCKET_RTT, (u64)rtt_us * 1000);
	if (!c->sent_ns || compat_acked(skb, &acked))
		return 0;
	if ((__s32)(acked - c->sent_end) < 0)
		return 0;
	record(group, SOCKET_ACK, bpf_ktime_get_ns() - c->sent_ns);
	c->sent_ns = 0;
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(retransmit, struct sock *sk)
{
	struct connection *c = known(sk);
	u32 group;

	if (!c)
		return 0;
	group = owner_group(c->owner);
	if (group >= SOCKET_GROUPS_MAX)
		return 0;
	c->retransmits++;
	__sync_fetch_and_add(&group_at(group)->retransmits, 1);
	return 0;
}

/* One send at a time is followed: the next begins when it is acknowledged. */
static __always_inline int begin_send(struct sock *sk, u64 bytes)
{
	struct connection *c = connection_of(sk);
	struct tcp_sock *tp;

	if (!c)
		return 0;
	group_in_use(c);
	if (c->sent_ns)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	c->sent_end = tp->write_seq + (u32)bytes;
	c->sent_ns = bpf_ktime_get_ns();
	return 0;
}

/* 6.16 and later. */
SEC("tp_btf/tcp_sendmsg_locked")
int BPF_PROG(send_tp, struct sock *sk, struct msghdr *msg)
{
	return begin_send(sk, BPF_CORE_READ(msg, msg_iter.count));
}

/* Before that: at the start, for at the end most ACKs have come already. */
SEC("fentry/tcp_sendmsg")
int BPF_PROG(send_fentry, struct sock *sk, struct msghdr *msg, u64 bytes)
{
	return begin_send(sk, bytes);
}

static __always_inline int begin_read(struct sock *sk)
{
	struct connection *c = connection_of(sk);

	if (c && !c->arrived_ns)
		c->arrived_ns = bpf_ktime_get_ns();
	return 0;
}

static __always_inline int end_read(struct sock *sk, int bytes)
{
	struct connection *c;

	if (bytes <= 0)
		return 0;
	c = known(sk);
	if (!c || !c->arrived_ns)
		return 0;
	record(group_in_use(c), SOCKET_READ,
	       bpf_ktime_get_ns() - c->arrived_ns);
	c->arrived_ns = 0;
	return 0;
}

/* 6.3 and later. */
SEC("tp_btf/sk_data_ready")
int BPF_PROG(arrive_tp, struct sock *sk)
{
	if (sk->__sk_common.skc_state == TCP_LISTEN)
		return 0;
	return begin_read(sk);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(read_tp, struct sock *sk, int bytes)
{
	return end_read(sk, bytes);
}

/* Before that. */
SEC("fentry/tcp_queue_rcv")
int BPF_PROG(arrive_fentry, struct sock *sk)
{
	return begin_read(sk);
}

SEC("fexit/tcp_recvmsg")
int BPF_PROG(read_fexit, struct sock *sk)
{
	u64 bytes = 0;

	bpf_get_func_ret(ctx, &bytes);
	return end_read(sk, (int)bytes);
}

/* Once, and not of one that was used before it was asked about. */
static __always_inline void end_accept(struct connection *c)
{
	u64 seen;
	u32 group;

	if (!c)
		return;
	seen = c->owner;
	group = group_in_use(c);
	if (c->established_ns && !(seen & OWNER_TAKEN))
		record(group, SOCKET_ACCEPT,
		       bpf_ktime_get_ns() - c->established_ns);
}

/* From now on @listener is taken for that of the current process. */
static __always_inline int end_accept_from(struct sock *listener,
					   struct sock *sk)
{
	struct connection *of_listener = known(listener);
	u32 pid = bpf_get_current_pid_tgid() >> 32;

	if (of_listener && owner_group(of_listener->owner) == LISTENER &&
	    owner_pid(of_listener->owner) != pid)
		of_listener->owner = owner_word(pid, 0, LISTENER);
	if (sk)
		end_accept(known(sk));
	return 0;
}

/* inet_csk_accept() has two arguments since 6.10, four before. */
SEC("fexit/inet_csk_accept")
int BPF_PROG(accept_2, struct sock *listener, void *arg, struct sock *sk)
{
	return end_accept_from(listener, sk);
}

SEC("fexit/inet_csk_accept")
int BPF_PROG(accept_4, struct sock *listener, int flags, void *err, int kern,
	     struct sock *sk)
{
	return end_accept_from(listener, sk);
}

/*
 * Where functions are not to be attached to: accept() asks the new socket for
 * its peer when the caller wants the address, and so does getpeername().
 */
static __always_inline int ask_peer(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;

	if (sk)
		end_accept(bpf_sk_storage_get(&connections_map, sk, NULL, 0));
	return 1; /* the answer is left as it is */
}

SEC("cgroup/getpeername4")
int accept_peer4(struct bpf_sock_addr *ctx)
{
	return ask_peer(ctx);
}

SEC("cgroup/getpeername6")
int accept_peer6(struct bpf_sock_addr *ctx)
{
	return ask_peer(ctx);
}

/* In the queue of its listener, or closed by who had it: not in these states. */
static __always_inline bool waits_for_accept(struct sock *sk)
{
	u8 state = sk->__sk_common.skc_state;

	return !sk->sk_socket &&
	       (state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT);
}

static __always_inline void put_connection(struct socket_record *r,
					   struct sock *sk)
{
	struct connection *c = known(sk);
	u64 now;

	if (!c)
		return;
	now = bpf_ktime_get_ns();
	r->retransmits = c->retransmits;
	r->pid = owner_pid(c->owner);
	if (c->established_ns && waits_for_accept(sk))
		r->unaccepted_ns = now - c->established_ns;
	if (c->arrived_ns)
		r->unread_ns = now - c->arrived_ns;
	if (c->sent_ns)
		r->unacked_ns = now - c->sent_ns;
}

/* Listeners of before us and who has them, in all network namespaces. */
SEC("iter/task_file")
int listeners(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;
	struct sock *sk;

	if (!task || !file || task->flags & PF_EXITING)
		return 0;
	socket = bpf_sock_from_file(file);
	sk = socket ? socket->sk : NULL;
	if (sk && bpf_skc_to_tcp_sock(sk) &&
	    sk->__sk_common.skc_state == TCP_LISTEN)
		begin_listen(sk, task->tgid);
	return 0;
}

/* Writes a socket_record for each listener and each connection to one. */
SEC("iter/tcp")
int connections(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct socket_record r = {};
	struct tcp_sock *tp;
	struct sock *sk;

	if (!common)
		return 0;
	tp = bpf_skc_to_tcp_sock(common);
	if (!tp)
		return 0; /* a request or one in TIME_WAIT */
	sk = (struct sock *)tp;
	r.port = common->skc_num;
	r.state = common->skc_state;
	if (r.state == TCP_LISTEN)
		begin_listen(sk, 0); /* the kernel's own, which has no file */
	if (!bpf_map_lookup_elem(&ports, &r.port))
		return 0;
	r.family = common->skc_family;
	r.cookie = bpf_get_socket_cookie(sk);
	r.cgroup = compat_sock_cgroup(sk);
	r.peer_port = bpf_ntohs(common->skc_dport);
	if (r.family == AF_INET)
		__builtin_memcpy(r.peer, &common->skc_daddr, 4);
	else
		BPF_CORE_READ_INTO(&r.peer, common, skc_v6_daddr);
	put_connection(&r, sk);
	if (r.state == TCP_LISTEN) {
		r.backlog = sk->sk_ack_backlog;
		r.backlog_max = sk->sk_max_ack_backlog;
		r.drops = sk->sk_drops.counter;
	} else {
		r.rtt_us = tp->srtt_us >> 3;
		r.unsent = tp->write_seq - tp->snd_nxt;
		r.unacked = tp->snd_nxt - tp->snd_una;
	}
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
