/* SPDX-License-Identifier: GPL-2.0-only */
/* What is known of each connection, and whose it is. */
#ifndef SOCKET_OWNER_BPF_H
#define SOCKET_OWNER_BPF_H

#include "socket_groups.bpf.h"

#define AF_INET 2
#define AF_INET6 10
#define TCP_ESTABLISHED 1
#define TCP_CLOSE 7
#define TCP_LISTEN 10

/*
 * 40 bytes a connection: with a million of them that is what counts.  A
 * listener has one too, of which only the owner is used: the kernel copies it
 * to each connection that it establishes, which so knows whose it will be.
 */
struct connection {
	u64 established_ns;	/* 0: before we came */
	u64 arrived_ns;		/* oldest data not yet read, 0: none */
	u64 sent_ns;		/* oldest send not yet acknowledged, 0: none */
	u64 owner;		/* process, marks and group, exchanged in one */
	u32 sent_end;		/* sequence number after that send */
	u32 retransmits;
};

_Static_assert(sizeof(struct connection) <= 64, "one per socket");

/* Of connection.owner: the process above, one more than the group below. */
#define OWNER_TAKEN (1ULL << 16)	/* it has used the connection */
/* Instead of a group: it has ended, is a listener.  All 0 is in none yet. */
#define NO_GROUP 0xfffeU
#define LISTENER 0xfffdU

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct connection);
} connections_map SEC(".maps");

/*
 * Ports that somebody listens on, and how many do; user space takes those away
 * that nobody needs any more.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SOCKET_PORTS_MAX);
	__type(key, u16);
	__type(value, u32);
} ports SEC(".maps");

static __always_inline u64 owner_word(u32 pid, u64 marks, u32 group)
{
	return (u64)pid << 32 | marks | (group + 1);
}

static __always_inline u32 owner_pid(u64 owner)
{
	return owner >> 32;
}

static __always_inline u32 owner_group(u64 owner)
{
	return (u32)(u16)owner - 1;
}

static __always_inline struct connection *known(struct sock *sk)
{
	return bpf_sk_storage_get(&connections_map, sk, NULL, 0);
}

static __always_inline struct connection *make_record(struct sock *sk)
{
	struct connection *c;

	c = bpf_sk_storage_get(&connections_map, sk, NULL,
			       BPF_SK_STORAGE_GET_F_CREATE);
	if (!c)
		__sync_fetch_and_add(&socket_lost.storage, 1);
	return c;
}

/* Exchanges the owner; false: somebody else was faster. */
static __always_inline bool give(struct connection *c, u64 seen, u64 owner)
{
	u32 from = owner_group(seen), to = owner_group(owner);

	__sync_fetch_and_add(&group_at(to)->open, 1);
	if (__sync_val_compare_and_swap(&c->owner, seen, owner) != seen) {
		__sync_fetch_and_add(&group_at(to)->open, -1);
		return false;
	}
	if (from < SOCKET_GROUPS_MAX)
		__sync_fetch_and_add(&group_at(from)->open, -1);
	return true;
}

/* The record of @sk, made if it is a connection to a listener. */
static __always_inline struct connection *connection_of(struct sock *sk)
{
	u16 family = sk->__sk_common.skc_family;
	u8 state = sk->__sk_common.skc_state;
	u16 port = sk->__sk_common.skc_num;
	struct connection *c = known(sk);
	u64 seen;

	if (c && owner_group(c->owner) < SOCKET_GROUPS_MAX)
		return c;
	if (c && owner_group(c->owner) == NO_GROUP)
		return NULL;
	if ((family != AF_INET && family != AF_INET6) || state == TCP_CLOSE ||
	    state == TCP_LISTEN || !bpf_map_lookup_elem(&ports, &port))
		return NULL;
	if (!c)
		c = make_record(sk);
	if (!c)
		return NULL;
	seen = c->owner;
	if (owner_group(seen) >= SOCKET_GROUPS_MAX)
		give(c, seen, owner_word(owner_pid(seen), 0,
					 group_of(port, compat_sock_cgroup(sk),
						  owner_pid(seen))));
	return c;
}

/* Makes @task the owner; returns the group, which may be that of before. */
static __always_inline u32 take(struct connection *c, u64 seen,
				struct task_struct *task)
{
	u32 from = owner_group(seen), to = from;

	/* the kernel's own threads work for others, and who ends takes nothing */
	if (from >= SOCKET_GROUPS_MAX || task->flags & (PF_KTHREAD | PF_EXITING))
		return from;
	if ((u32)task->tgid != owner_pid(seen) && from != SOCKET_OTHERS)
		to = group_of(group_at(from)->port, group_at(from)->cgroup,
			      task->tgid);
	if (!give(c, seen, owner_word(task->tgid, OWNER_TAKEN, to)))
		return from;
	if (!(seen & OWNER_TAKEN) && c->established_ns)
		__sync_fetch_and_add(&group_at(to)->accepted, 1);
	group_name(to, task);
	return to;
}

/*
 * The group of @c in whose use the current process is.  This is in the path of
 * each message: nearly always it is its owner already.
 */
static __always_inline u32 group_in_use(struct connection *c)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 seen = c->owner;

	if (seen & OWNER_TAKEN && owner_pid(seen) == (u32)task->tgid)
		return owner_group(seen);
	return take(c, seen, task);
}

/* Remembers that @pid listens, 0: nobody knows who. */
static __always_inline void begin_listen(struct sock *sk, u32 pid)
{
	u16 port = sk->__sk_common.skc_num;
	struct connection *c = known(sk);
	u32 *listeners, one = 1;

	if (!port || (c && owner_group(c->owner) == LISTENER))
		return;
	if (!c)
		c = make_record(sk);
	if (!c)
		return;
	c->owner = owner_word(pid, 0, LISTENER);
	listeners = bpf_map_lookup_elem(&ports, &port);
	if (listeners)
		__sync_fetch_and_add(listeners, 1);
	else if (bpf_map_update_elem(&ports, &port, &one, BPF_ANY))
		__sync_fetch_and_add(&socket_lost.ports, 1);
}

static __always_inline void end_listen(struct sock *sk)
{
	u16 port = compat_sock_port(sk);
	struct connection *c = known(sk);
	u32 *listeners;

	if (!c || owner_group(c->owner) != LISTENER)
		return;
	c->owner = 0;
	listeners = bpf_map_lookup_elem(&ports, &port);
	if (listeners && *listeners)
		__sync_fetch_and_add(listeners, -1);
}

#endif
