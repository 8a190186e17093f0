// SPDX-License-Identifier: GPL-2.0-only
/*
 * Latency and queues of TCP connections to local listeners, by port and
 * cgroup.  Each connection has a small record of its own (socket storage),
 * made when it first does something.
 *
 * Where a kernel offers several hooks for one event, all are here and user
 * space loads those that exist; compat notes stand at each.
 */
#include <stdbool.h>

#include "compat.bpf.h"
#include "compat_socket.bpf.h"

#include "socket_api.bpf.h"

#define AF_INET 2
#define AF_INET6 10
#define TCP_ESTABLISHED 1
#define TCP_SYN_RECV 3
#define TCP_CLOSE 7
#define TCP_CLOSE_WAIT 8
#define TCP_LISTEN 10

/* Of connection.group: it has ended, or nobody knows whose it is. */
#define NO_GROUP 0xffff

/* 40 bytes a connection: with a million of them that is what counts. */
struct connection {
	u64 established_ns;	/* 0: before we came */
	u64 arrived_ns;		/* oldest data not yet read, 0: none */
	u64 sent_ns;		/* oldest send not yet acknowledged, 0: none */
	u32 sent_end;		/* sequence number after that send */
	u32 retransmits;
	u32 pid;		/* who used it last, 0: nobody yet */
	u16 group;
	u16 met;		/* its accept has been recorded */
};

_Static_assert(sizeof(struct connection) <= 64, "one per socket");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct connection);
} connections_map SEC(".maps");

/*
 * Ports that somebody listens on, and how many do; user space puts those of
 * before us, and takes those away that nobody needs any more.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SOCKET_PORTS_MAX);
	__type(key, u16);
	__type(value, u32);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SOCKET_HISTS);
	__type(key, u32);
	__type(value, struct hist_slots);
} socket_hists SEC(".maps");

/* Claimed by compare-and-swap of the key: cgroup << 16 | port. */
__u64 group_keys[SOCKET_GROUPS_MAX];
struct socket_group groups[SOCKET_GROUPS_MAX];
struct socket_lost socket_lost;

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

	if (!hist || bucket >= HIST_BUCKETS)
		return;
	__sync_fetch_and_add(&hist->count[bucket], 1);
	__sync_fetch_and_add(&hist->sum, ns);
}

/*
 * The group of @port in @cgroup, or SOCKET_OTHERS when all are taken.  A place
 * given back leaves a hole in front of others: all are searched before a free
 * one is claimed.
 */
__noinline u32 group_of(u16 port, u64 cgroup)
{
	u64 key = cgroup << 16 | port;
	u32 home = (u32)((key * 0x9e3779b97f4a7c15ULL) >> 32);

	for (u32 i = 0; i < SOCKET_GROUP_PROBES; i++) {
		u32 at = (home + i) & (SOCKET_GROUPS_MAX - 1);

		if (at != SOCKET_OTHERS && group_keys[at] == key)
			return at;
	}
	for (u32 i = 0; i < SOCKET_GROUP_PROBES; i++) {
		u32 at = (home + i) & (SOCKET_GROUPS_MAX - 1);
		u64 seen;

		if (at == SOCKET_OTHERS)
			continue;
		seen = __sync_val_compare_and_swap(&group_keys[at], 0, key);
		if (!seen) {
			groups[at].cgroup = cgroup;
			groups[at].port = port;
		}
		if (!seen || seen == key)
			return at;
	}
	__sync_fetch_and_add(&socket_lost.groups, 1);
	return SOCKET_OTHERS;
}

/* The compiler knows the bounds of group_of(), the verifier does not. */
static __always_inline struct socket_group *group_at(u32 at)
{
	asm volatile("" : "+r"(at));
	return &groups[at & (SOCKET_GROUPS_MAX - 1)];
}

/* The record of @sk, made if it is a connection to a listener. */
static __always_inline struct connection *connection_of(struct sock *sk)
{
	u16 family = sk->__sk_common.skc_family;
	u8 state = sk->__sk_common.skc_state;
	u16 port = sk->__sk_common.skc_num;
	struct connection *c;

	c = bpf_sk_storage_get(&connections_map, sk, NULL, 0);
	if (c)
		return c->group < SOCKET_GROUPS_MAX ? c : NULL;
	if ((family != AF_INET && family != AF_INET6) || state == TCP_CLOSE ||
	    !bpf_map_lookup_elem(&ports, &port))
		return NULL;
	c = bpf_sk_storage_get(&connections_map, sk, NULL,
			       BPF_SK_STORAGE_GET_F_CREATE);
	if (!c) {
		__sync_fetch_and_add(&socket_lost.storage, 1);
		return NULL;
	}
	c->group = group_of(port, compat_sock_cgroup(sk));
	__sync_fetch_and_add(&group_at(c->group)->open, 1);
	return c;
}

static __always_inline void begin_listen(u16 port)
{
	u32 *listeners = bpf_map_lookup_elem(&ports, &port), one = 1;

	if (listeners)
		__sync_fetch_and_add(listeners, 1);
	else if (bpf_map_update_elem(&ports, &port, &one, BPF_ANY))
		__sync_fetch_and_add(&socket_lost.ports, 1);
}

static __always_inline void end_listen(u16 port)
{
	u32 *listeners = bpf_map_lookup_elem(&ports, &port);

	if (listeners && *listeners)
		__sync_fetch_and_add(listeners, -1);
}

/* What comes after its end is not of its group, which may be another's then. */
static __always_inline void end_connection(struct sock *sk)
{
	struct connection *c;

	c = bpf_sk_storage_get(&connections_map, sk, NULL, 0);
	if (!c || c->group >= SOCKET_GROUPS_MAX)
		return;
	if (c->established_ns)
		record(c->group, SOCKET_LIFE,
		       bpf_ktime_get_ns() - c->established_ns);
	__sync_fetch_and_add(&group_at(c->group)->open, -1);
	c->group = NO_GROUP;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(set_state, struct sock *sk, int from, int to)
{
	u16 port = sk->__sk_common.skc_num;
	struct connection *c;

	if (to == TCP_LISTEN) {
		begin_listen(port);
	} else if (from == TCP_LISTEN && to == TCP_CLOSE) {
		/* a child leaves that state, too, but for another one */
		end_listen(compat_sock_port(sk));
	} else if (from == TCP_SYN_RECV && to == TCP_ESTABLISHED) {
		c = connection_of(sk);
		if (!c)
			return 0;
		c->established_ns = bpf_ktime_get_ns();
		__sync_fetch_and_add(&group_at(c->group)->accepted, 1);
	} else if (to == TCP_CLOSE) {
		end_connection(sk);
	}
	return 0;
}

/* A segment has arrived; its header acknowledges what we sent. */
SEC("tp_btf/tcp_probe")
int BPF_PROG(segment, struct sock *sk, struct sk_buff *skb)
{
	struct connection *c = connection_of(sk);
	struct tcp_sock *tp;
	u32 acked, rtt_us;

	if (!c)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	rtt_us = tp->srtt_us >> 3;
	if (rtt_us)
		record(c->group, SOCKET_RTT, (u64)rtt_us * 1000);
	if (!c->sent_ns || compat_acked(skb, &acked))
		return 0;
	if ((__s32)(acked - c->sent_end) < 0)
		return 0;
	record(c->group, SOCKET_ACK, bpf_ktime_get_ns() - c->sent_ns);
	c->sent_ns = 0;
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(retransmit, struct sock *sk)
{
	struct connection *c;

	c = bpf_sk_storage_get(&connections_map, sk, NULL, 0);
	if (!c || c->group >= SOCKET_GROUPS_MAX)
		return 0;
	c->retransmits++;
	__sync_fetch_and_add(&group_at(c->group)->retransmits, 1);
	return 0;
}

/* One send at a time is followed: the next begins when it is acknowledged. */
static __always_inline int begin_send(struct sock *sk, u64 bytes)
{
	struct connection *c = connection_of(sk);
	struct tcp_sock *tp;

	if (!c || c->sent_ns)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	c->pid = bpf_get_current_pid_tgid() >> 32;
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
	struct socket_group *group;
	struct connection *c;

	if (bytes <= 0)
		return 0;
	c = bpf_sk_storage_get(&connections_map, sk, NULL, 0);
	if (!c || !c->arrived_ns || c->group >= SOCKET_GROUPS_MAX)
		return 0;
	record(c->group, SOCKET_READ, bpf_ktime_get_ns() - c->arrived_ns);
	c->arrived_ns = 0;
	c->pid = bpf_get_current_pid_tgid() >> 32;
	group = group_at(c->group);
	group->pid = c->pid;
	bpf_get_current_comm(group->comm, sizeof(group->comm));
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
	if (!c || !c->established_ns || c->met || c->pid ||
	    c->group >= SOCKET_GROUPS_MAX)
		return;
	c->met = 1;
	record(c->group, SOCKET_ACCEPT, bpf_ktime_get_ns() - c->established_ns);
}

static __always_inline int end_accept_of(struct sock *sk)
{
	if (sk)
		end_accept(bpf_sk_storage_get(&connections_map, sk, NULL, 0));
	return 0;
}

/* inet_csk_accept() has two arguments since 6.10, four before. */
SEC("fexit/inet_csk_accept")
int BPF_PROG(accept_2, struct sock *listener, void *arg, struct sock *sk)
{
	return end_accept_of(sk);
}

SEC("fexit/inet_csk_accept")
int BPF_PROG(accept_4, struct sock *listener, int flags, void *err, int kern,
	     struct sock *sk)
{
	return end_accept_of(sk);
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
	struct connection *c;
	u64 now;

	c = bpf_sk_storage_get(&connections_map, sk, NULL, 0);
	if (!c)
		return;
	now = bpf_ktime_get_ns();
	r->retransmits = c->retransmits;
	r->pid = c->pid;
	if (c->established_ns && waits_for_accept(sk))
		r->unaccepted_ns = now - c->established_ns;
	if (c->arrived_ns)
		r->unread_ns = now - c->arrived_ns;
	if (c->sent_ns)
		r->unacked_ns = now - c->sent_ns;
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
	if (!bpf_map_lookup_elem(&ports, &r.port))
		return 0;
	r.state = common->skc_state;
	r.family = common->skc_family;
	r.cookie = bpf_get_socket_cookie(sk);
	r.cgroup = compat_sock_cgroup(sk);
	r.peer_port = bpf_ntohs(common->skc_dport);
	if (r.family == AF_INET)
		__builtin_memcpy(r.peer, &common->skc_daddr, 4);
	else
		BPF_CORE_READ_INTO(&r.peer, common, skc_v6_daddr);
	if (r.state == TCP_LISTEN) {
		r.backlog = sk->sk_ack_backlog;
		r.backlog_max = sk->sk_max_ack_backlog;
		r.drops = sk->sk_drops.counter;
	} else {
		r.rtt_us = tp->srtt_us >> 3;
		r.unsent = tp->write_seq - tp->snd_nxt;
		r.unacked = tp->snd_nxt - tp->snd_una;
		put_connection(&r, sk);
	}
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
