/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of groups: one listening port, of one cgroup, used by one process.
 * That of process 0 is the common one of its port and cgroup: of connections
 * that no process has taken, and of those whose process found no place.
 */
#ifndef SOCKET_GROUPS_BPF_H
#define SOCKET_GROUPS_BPF_H

#include <stdbool.h>

#include "compat_socket.bpf.h"

#include "socket_api.bpf.h"

/*
 * Claimed by compare-and-swap, 0: free.  The numbers of cgroups are given in
 * turn, so those alive at a time differ in so many bits.
 */
__u64 group_keys[SOCKET_GROUPS_MAX];
struct socket_group groups[SOCKET_GROUPS_MAX];
struct socket_lost socket_lost;

static __always_inline u64 group_key(u16 port, u64 cgroup, u32 pid)
{
	return cgroup << (SOCKET_PID_BITS + 16) | (u64)pid << 16 | port;
}

/* The compiler knows the bounds of group_of(), the verifier does not. */
static __always_inline struct socket_group *group_at(u32 at)
{
	asm volatile("" : "+r"(at));
	return &groups[at & (SOCKET_GROUPS_MAX - 1)];
}

static __always_inline u32 group_place(u64 key, u32 probe)
{
	u32 home = (u32)((key * 0x9e3779b97f4a7c15ULL) >> 32);

	return (home + probe) & (SOCKET_GROUPS_MAX - 1);
}

/* Where @key is, or SOCKET_OTHERS. */
__noinline u32 group_find(u64 key)
{
	for (u32 i = 0; i < SOCKET_GROUP_PROBES; i++) {
		u32 at = group_place(key, i);

		if (at != SOCKET_OTHERS && group_keys[at] == key)
			return at;
	}
	return SOCKET_OTHERS;
}

/*
 * A free place for @key, or the one that another CPU was faster to give it;
 * one of a process is counted in the @common one.
 */
__noinline u32 group_claim(u64 key, u64 cgroup, u32 common)
{
	u32 pid = (u32)(key >> 16) & ((1U << SOCKET_PID_BITS) - 1);

	for (u32 i = 0; i < SOCKET_GROUP_PROBES; i++) {
		u32 at = group_place(key, i);
		struct socket_group *group = group_at(at);
		u64 seen;

		if (at == SOCKET_OTHERS)
			continue;
		seen = __sync_val_compare_and_swap(&group_keys[at], 0, key);
		if (!seen) {
			if (pid)
				__sync_fetch_and_add(&group_at(common)->processes,
						     1);
			group->cgroup = cgroup;
			group->pid = pid;
			group->port = (u16)key;
		}
		if (!seen || seen == key)
			return at;
	}
	return SOCKET_OTHERS;
}

/*
 * A place given back leaves a hole in front of others: all are searched before
 * a free one is claimed.
 */
__noinline u32 group_common(u16 port, u64 cgroup)
{
	u64 key = group_key(port, cgroup, 0);
	u32 at = group_find(key);

	if (at == SOCKET_OTHERS)
		at = group_claim(key, cgroup, SOCKET_OTHERS);
	if (at == SOCKET_OTHERS)
		__sync_fetch_and_add(&socket_lost.groups, 1);
	return at;
}

/*
 * The group of @pid, which is the common one when all its places are taken:
 * a server that forks for each connection must not fill the table.
 */
__noinline u32 group_of(u16 port, u64 cgroup, u32 pid)
{
	u64 key = group_key(port, cgroup, pid);
	u32 common, at = pid ? group_find(key) : SOCKET_OTHERS;

	if (at != SOCKET_OTHERS)
		return at;
	common = group_common(port, cgroup);
	if (common == SOCKET_OTHERS || !pid)
		return common;
	if (group_at(common)->processes < SOCKET_PROCESSES_MAX)
		at = group_claim(key, cgroup, common);
	if (at != SOCKET_OTHERS)
		return at;
	__sync_fetch_and_add(&socket_lost.processes, 1);
	return common;
}

/*
 * Called by the process itself: it lives, whoever had its number before, and
 * is called now as its first thread is.
 */
static __always_inline void group_name(u32 at, struct task_struct *task)
{
	struct socket_group *group = group_at(at);

	if (group->pid != (u32)task->tgid)
		return;
	group->ended = 0;
	BPF_CORE_READ_STR_INTO(&group->comm, task, group_leader, comm);
}

/* Its connections may outlive @pid; after them user space takes the places. */
static __always_inline void group_end(u32 pid)
{
	for (u32 i = 0; i < SOCKET_GROUPS_MAX; i++)
		if (groups[i].pid == pid)
			groups[i].ended = 1;
}

#endif
