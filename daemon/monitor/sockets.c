// SPDX-License-Identifier: Apache-2.0
#include "monitor/sockets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/mem.h"
#include "monitor/bpf_load.h"
#include "monitor/hist.h"
#include "monitor/socket_hooks.h"
#include "socket.skel.h"

/* A group without listener and connection is kept for so long. */
#define GROUP_IDLE_NS (60 * 1000000000ULL)

/* Of the kernel's include/net/tcp_states.h: not for user space. */
#define STATE_ESTABLISHED 1
#define STATE_LISTEN 10

struct sockets {
	struct socket_bpf *skeleton;
	struct hist_slots *hists;	/* SOCKET_HISTS of them, mapped */
	uint64_t idle_ns[SOCKET_GROUPS_MAX];	/* since when, 0: in use */
	size_t hists_size;
	bool measured[SOCKET_SPANS];
};

/* Listeners of before us, by the kernel's own list. */
static void add_ports(const struct sockets *sockets, const char *list)
{
	FILE *file = fopen(list, "re");
	unsigned int port, state;
	char line[512];
	int map = bpf_map__fd(sockets->skeleton->maps.ports);

	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		uint32_t listeners = 0;
		uint16_t key;

		if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x",
			   &port, &state) != 2 || state != 0x0a)
			continue;
		key = (uint16_t)port;
		bpf_map_lookup_elem(map, &key, &listeners);
		listeners++;
		bpf_map_update_elem(map, &key, &listeners, BPF_ANY);
	}
	fclose(file);
}

static int start(struct sockets *sockets)
{
	int err = socket_hooks_attach(sockets->measured, &sockets->skeleton);

	if (err)
		return err;
	sockets->hists = bpf_load_map_array(
		sockets->skeleton->maps.socket_hists, &sockets->hists_size);
	if (!sockets->hists)
		return -errno;
	add_ports(sockets, "/proc/net/tcp");
	add_ports(sockets, "/proc/net/tcp6");
	return 0;
}

int sockets_open(char *why, size_t why_size, struct sockets **ret_sockets)
{
	struct sockets *sockets = mem_zalloc(sizeof(*sockets));
	int err;

	if (!sockets)
		return -ENOMEM;
	bpf_load_begin();
	err = start(sockets);
	bpf_load_end(err, why, why_size);
	if (err) {
		sockets_close(sockets);
		return err;
	}
	*ret_sockets = sockets;
	return 0;
}

void sockets_close(struct sockets *sockets)
{
	if (!sockets)
		return;
	if (sockets->hists)
		munmap(sockets->hists, sockets->hists_size);
	socket_bpf__destroy(sockets->skeleton);
	mem_free(sockets);
}

static void read_group(const struct sockets *sockets, uint32_t number,
		       struct sockets_group *group)
{
	memset(group, 0, sizeof(*group));
	group->of = sockets->skeleton->bss->groups[number];
	for (uint32_t shard = 0; shard < SOCKET_SHARDS; shard++)
		for (uint32_t span = 0; span < SOCKET_SPANS; span++)
			hist_add(&group->hist[span],
				 &sockets->hists[socket_hist_index(shard,
							number, span)]);
}

/* How bad a connection is: seconds waited count like megabytes held. */
static uint64_t badness(const struct socket_record *r)
{
	return r->unsent + r->unacked +
	       (r->unread_ns + r->unacked_ns + r->unaccepted_ns) / 1000;
}

static void keep_slowest(struct sockets_state *state,
			 const struct socket_record *r)
{
	size_t at = state->slowest;

	if (!badness(r))
		return;
	if (at == SOCKETS_SLOWEST_MAX) {
		if (badness(r) <= badness(&state->slow[at - 1]))
			return;
		at--;
	} else {
		state->slowest++;
	}
	for (; at && badness(&state->slow[at - 1]) < badness(r); at--)
		state->slow[at] = state->slow[at - 1];
	state->slow[at] = *r;
}

/* Its own group, or that of all others, or NULL. */
static struct sockets_group *group_of(struct sockets_state *state,
				      const struct socket_record *r)
{
	struct sockets_group *others = NULL;

	for (size_t i = 0; i < state->groups; i++) {
		struct sockets_group *group = &state->group[i];

		if (group->of.port == r->port && group->of.cgroup == r->cgroup)
			return group;
		if (!group->of.port)
			others = group;
	}
	return others;
}

static void take_record(struct sockets_state *state,
			const struct socket_record *r)
{
	struct sockets_group *group = group_of(state, r);

	if (group && r->state == STATE_LISTEN) {
		group->backlog += r->backlog;
		group->backlog_max += r->backlog_max;
		group->drops += r->drops;
	} else if (group) {
		group->connections++;
		group->unsent += r->unsent;
		group->unacked += r->unacked;
		if (r->unaccepted_ns > group->unaccepted_ns)
			group->unaccepted_ns = r->unaccepted_ns;
	}
	if (r->state == STATE_ESTABLISHED)
		keep_slowest(state, r);
}

static int walk(const struct sockets *sockets, struct sockets_state *state)
{
	struct socket_record record[64];
	size_t have = 0;
	ssize_t size;
	int fd = bpf_iter_create(bpf_link__fd(
		sockets->skeleton->links.connections));

	if (fd < 0)
		return -errno;
	while ((size = read(fd, (char *)record + have,
			    sizeof(record) - have)) > 0) {
		size_t whole;

		have += (size_t)size;
		whole = have / sizeof(record[0]);
		for (size_t i = 0; i < whole; i++)
			take_record(state, &record[i]);
		have -= whole * sizeof(record[0]);
		memmove(record, &record[whole], have);
	}
	close(fd);
	return size < 0 ? -errno : 0;
}

/* How many listen on @port, -1: nobody has for long. */
static int listeners(const struct sockets *sockets, uint16_t port)
{
	uint32_t count;

	if (bpf_map_lookup_elem(bpf_map__fd(sockets->skeleton->maps.ports),
				&port, &count))
		return -1;
	return (int)count;
}

/* Ports without listeners whose last group has gone; none may come again. */
static void forget_ports(const struct sockets *sockets)
{
	const struct socket_group *groups = sockets->skeleton->bss->groups;
	int map = bpf_map__fd(sockets->skeleton->maps.ports);
	uint16_t port = 0, next;
	bool first = true;

	while (!bpf_map_get_next_key(map, first ? NULL : &port, &next)) {
		bool needed = listeners(sockets, next) != 0;

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

/* Gives a place back.  The key goes last: nobody claims it until then. */
static void recycle(struct sockets *sockets, uint32_t number)
{
	struct socket_bpf__bss *bss = sockets->skeleton->bss;

	for (uint32_t shard = 0; shard < SOCKET_SHARDS; shard++)
		memset(&sockets->hists[socket_hist_index(shard, number, 0)], 0,
		       SOCKET_SPANS * sizeof(sockets->hists[0]));
	memset(&bss->groups[number], 0, sizeof(bss->groups[number]));
	__atomic_store_n(&bss->group_keys[number], 0, __ATOMIC_RELEASE);
	sockets->idle_ns[number] = 0;
}

/*
 * The programs count connections and listeners in all network namespaces; the
 * walk sees those of ours only, and says nothing of who is idle.
 */
static void watch_idle(struct sockets *sockets, uint32_t number,
		       const struct sockets_group *group, uint64_t now_ns)
{
	uint64_t *since = &sockets->idle_ns[number];

	if (number == SOCKET_OTHERS || group->of.open > 0 ||
	    listeners(sockets, group->of.port) > 0)
		*since = 0;
	else if (!*since)
		*since = now_ns;
	else if (now_ns - *since > GROUP_IDLE_NS)
		recycle(sockets, number);
}

int sockets_read(struct sockets *sockets, uint64_t now_ns,
		 struct sockets_state *ret_state)
{
	const struct socket_bpf__bss *bss = sockets->skeleton->bss;
	uint32_t number[SOCKET_GROUPS_MAX];
	int err;

	memset(ret_state, 0, sizeof(*ret_state));
	ret_state->lost = bss->socket_lost;
	ret_state->missed = bpf_load_misses(sockets->skeleton->obj);
	memcpy(ret_state->measured, sockets->measured,
	       sizeof(ret_state->measured));
	for (uint32_t i = 0; i < SOCKET_GROUPS_MAX; i++) {
		if (!bss->groups[i].port &&
		    (i != SOCKET_OTHERS || !bss->socket_lost.groups))
			continue;
		number[ret_state->groups] = i;
		read_group(sockets, i, &ret_state->group[ret_state->groups++]);
	}
	err = walk(sockets, ret_state);
	for (size_t i = 0; i < ret_state->groups; i++)
		watch_idle(sockets, number[i], &ret_state->group[i], now_ns);
	forget_ports(sockets);
	return err;
}
