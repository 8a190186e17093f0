// SPDX-License-Identifier: Apache-2.0
#include "monitor/sockets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "base/mem.h"
#include "monitor/bpf_load.h"
#include "monitor/clock.h"
#include "monitor/hist.h"
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

static bool has_tracepoint(const struct btf *kernel, const char *name)
{
	char type[128];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return btf__find_by_name_kind(kernel, type, BTF_KIND_TYPEDEF) > 0;
}

/* Arguments of kernel function @name, -1 when there is none. */
static int arguments(const struct btf *kernel, const char *name)
{
	int id = btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC);

	if (id < 0)
		return -1;
	return btf_vlen(btf__type_by_id(kernel,
					btf__type_by_id(kernel, id)->type));
}

/* Picks one hook for each event; socket.bpf.c says which is of when. */
static void choose(struct sockets *sockets, const struct btf *kernel,
		   bool functions)
{
	struct socket_bpf *s = sockets->skeleton;
	bool send = has_tracepoint(kernel, "tcp_sendmsg_locked");
	bool receive = has_tracepoint(kernel, "sk_data_ready") &&
		       has_tracepoint(kernel, "sock_recv_length");
	int accept = functions ? arguments(kernel, "inet_csk_accept") : -1;

	bpf_program__set_autoload(s->progs.send_tp, send);
	bpf_program__set_autoload(s->progs.send_fentry, !send && functions);
	bpf_program__set_autoload(s->progs.arrive_tp, receive);
	bpf_program__set_autoload(s->progs.read_tp, receive);
	bpf_program__set_autoload(s->progs.arrive_fentry,
				  !receive && functions);
	bpf_program__set_autoload(s->progs.read_fexit, !receive && functions);
	bpf_program__set_autoload(s->progs.accept_2, accept == 2);
	bpf_program__set_autoload(s->progs.accept_4, accept == 4);
	sockets->measured[SOCKET_RTT] = true;
	sockets->measured[SOCKET_LIFE] = true;
	sockets->measured[SOCKET_ACK] = send || functions;
	sockets->measured[SOCKET_READ] = receive || functions;
	sockets->measured[SOCKET_ACCEPT] = accept == 2 || accept == 4;
}

static int load(struct sockets *sockets, const struct btf *kernel,
		bool functions)
{
	int err;

	sockets->skeleton = socket_bpf__open();
	if (!sockets->skeleton)
		return -errno;
	choose(sockets, kernel, functions);
	err = socket_bpf__load(sockets->skeleton);
	if (!err)
		err = socket_bpf__attach(sockets->skeleton);
	if (err) {
		socket_bpf__destroy(sockets->skeleton);
		sockets->skeleton = NULL;
	}
	return err;
}

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
		uint16_t key;
		uint8_t one = 1;

		if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x",
			   &port, &state) != 2 || state != 0x0a)
			continue;
		key = (uint16_t)port;
		bpf_map_update_elem(map, &key, &one, BPF_ANY);
	}
	fclose(file);
}

static int start(struct sockets *sockets)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	int err;

	if (!kernel)
		return -errno;
	/* some kernels refuse to attach to functions, but not to tracepoints */
	err = load(sockets, kernel, true);
	if (err)
		err = load(sockets, kernel, false);
	btf__free(kernel);
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
	       (r->unread_ns + r->unacked_ns) / 1000;
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

/*
 * Gives the place of a group back whose listener has gone and whose last
 * connection has.  The key goes last: until then nobody else claims it.
 */
static void recycle(struct sockets *sockets, uint32_t number)
{
	struct socket_bpf__bss *bss = sockets->skeleton->bss;
	uint16_t port = bss->groups[number].port;

	bpf_map_delete_elem(bpf_map__fd(sockets->skeleton->maps.ports), &port);
	for (uint32_t shard = 0; shard < SOCKET_SHARDS; shard++)
		memset(&sockets->hists[socket_hist_index(shard, number, 0)], 0,
		       SOCKET_SPANS * sizeof(sockets->hists[0]));
	memset(&bss->groups[number], 0, sizeof(bss->groups[number]));
	__atomic_store_n(&bss->group_keys[number], 0, __ATOMIC_RELEASE);
	sockets->idle_ns[number] = 0;
}

static void watch_idle(struct sockets *sockets, uint32_t number,
		       const struct sockets_group *group, uint64_t now_ns)
{
	uint64_t *since = &sockets->idle_ns[number];

	if (number == SOCKET_OTHERS || group->backlog_max ||
	    group->connections)
		*since = 0;
	else if (!*since)
		*since = now_ns;
	else if (now_ns - *since > GROUP_IDLE_NS)
		recycle(sockets, number);
}

int sockets_read(struct sockets *sockets, struct sockets_state *ret_state)
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
	for (size_t i = 0; !err && i < ret_state->groups; i++)
		watch_idle(sockets, number[i], &ret_state->group[i],
			   clock_monotonic_ns());
	return err;
}
