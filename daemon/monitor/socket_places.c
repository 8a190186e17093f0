// SPDX-License-Identifier: Apache-2.0
#include "monitor/socket_places.h"

#include <stdbool.h>
#include <string.h>

#include <bpf/bpf.h>

#include "socket.skel.h"

/* A group that nothing can be added to is shown for so long. */
#define IDLE_NS (60 * 1000000000ULL)
/* A program that found a key before it was retired has ended after that. */
#define RETIRED_NS 1000000000ULL

/* How many listen on @port. */
static uint32_t listeners(const struct socket_bpf *skeleton, uint16_t port)
{
	uint32_t count;

	if (bpf_map_lookup_elem(bpf_map__fd(skeleton->maps.ports), &port,
				&count))
		return 0;
	return count;
}

/* Ports without listeners whose last group has gone; none may come again. */
static void forget_ports(const struct socket_bpf *skeleton)
{
	const struct socket_group *groups = skeleton->bss->groups;
	int map = bpf_map__fd(skeleton->maps.ports);
	uint16_t port = 0, next;
	bool first = true;

	while (!bpf_map_get_next_key(map, first ? NULL : &port, &next)) {
		bool needed = listeners(skeleton, next) != 0;

		for (size_t i = 0; !needed && i < SOCKET_OTHERS; i++)
			needed = groups[i].port == next;
		if (needed) {
			first = false;
			port = next;
		} else if (bpf_map_delete_elem(map, &next)) {
			return;
		}
	}
}

/* The one that counts the processes of @group's port and cgroup, or NULL. */
static struct socket_group *common_of(struct socket_bpf__bss *bss,
				      const struct socket_group *group)
{
	for (size_t i = 0; i < SOCKET_OTHERS; i++)
		if (!bss->groups[i].pid && bss->groups[i].port == group->port &&
		    bss->groups[i].cgroup == group->cgroup)
			return &bss->groups[i];
	return NULL;
}

/* The key goes last: nobody claims the place until then. */
static void free_place(struct socket_bpf__bss *bss, struct hist_slots *hists,
		       uint32_t number)
{
	struct socket_group *group = &bss->groups[number];
	struct socket_group *common = group->pid ? common_of(bss, group) : NULL;

	if (common)
		__atomic_fetch_sub(&common->processes, 1, __ATOMIC_RELAXED);
	for (uint32_t shard = 0; shard < SOCKET_SHARDS; shard++)
		memset(&hists[socket_hist_index(shard, number, 0)], 0,
		       SOCKET_SPANS * sizeof(hists[0]));
	memset(group, 0, sizeof(*group));
	__atomic_store_n(&bss->group_keys[number], 0, __ATOMIC_RELEASE);
}

/*
 * The programs count connections and listeners in all network namespaces; the
 * walk over sockets sees those of ours only, and says nothing of who is idle.
 */
static bool is_idle(const struct socket_bpf *skeleton,
		    const struct socket_group *group)
{
	if (__atomic_load_n(&group->open, __ATOMIC_RELAXED) > 0 ||
	    __atomic_load_n(&group->processes, __ATOMIC_RELAXED))
		return false;
	return group->ended || !listeners(skeleton, group->port);
}

/*
 * First nobody finds it any more; once that must have been seen by all, and
 * nobody has joined it meanwhile, its place is free.
 */
static void watch(struct socket_places *places, struct socket_bpf *skeleton,
		  struct hist_slots *hists, uint32_t number, uint64_t now_ns)
{
	const struct socket_group *group = &skeleton->bss->groups[number];
	uint64_t *idle = &places->idle_ns[number];
	uint64_t *retired = &places->retired_ns[number];

	if (!is_idle(skeleton, group) && !*retired) {
		*idle = 0;
	} else if (!*idle) {
		*idle = now_ns;
	} else if (!*retired && now_ns - *idle > IDLE_NS) {
		*retired = now_ns;
		__atomic_store_n(&skeleton->bss->group_keys[number],
				 SOCKET_KEY_RETIRED, __ATOMIC_RELEASE);
	} else if (*retired && now_ns - *retired > RETIRED_NS &&
		   __atomic_load_n(&group->open, __ATOMIC_RELAXED) <= 0) {
		free_place(skeleton->bss, hists, number);
		*idle = 0;
		*retired = 0;
	}
}

void socket_places_tick(struct socket_places *places,
			struct socket_bpf *skeleton, struct hist_slots *hists,
			uint64_t now_ns)
{
	for (uint32_t i = 0; i < SOCKET_OTHERS; i++)
		if (skeleton->bss->groups[i].port)
			watch(places, skeleton, hists, i, now_ns);
	forget_ports(skeleton);
}
