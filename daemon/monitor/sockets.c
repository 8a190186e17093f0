// SPDX-License-Identifier: Apache-2.0
#include "monitor/sockets.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/mem.h"
#include "monitor/bpf_load.h"
#include "monitor/hist.h"
#include "monitor/socket_hooks.h"
#include "monitor/socket_places.h"
#include "socket.skel.h"

/* Of the kernel's include/net/tcp_states.h: not for user space. */
#define STATE_ESTABLISHED 1
#define STATE_LISTEN 10

struct sockets {
	struct socket_bpf *skeleton;
	struct hist_slots *hists;	/* SOCKET_HISTS of them, mapped */
	size_t hists_size;
	struct socket_places places;
	bool measured[SOCKET_SPANS];
};

/* What an iterator writes goes to @take. */
static int walk(const struct bpf_link *link, struct sockets_state *state,
		void (*take)(struct sockets_state *state,
			     const struct socket_record *r))
{
	struct socket_record record[64];
	size_t have = 0;
	ssize_t size;
	int fd = bpf_iter_create(bpf_link__fd(link));

	if (fd < 0)
		return -errno;
	while ((size = read(fd, (char *)record + have,
			    sizeof(record) - have)) > 0) {
		size_t whole;

		have += (size_t)size;
		whole = have / sizeof(record[0]);
		for (size_t i = 0; i < whole; i++)
			take(state, &record[i]);
		have -= whole * sizeof(record[0]);
		memmove(record, &record[whole], have);
	}
	close(fd);
	return size < 0 ? -errno : 0;
}

static void ignore(struct sockets_state *state, const struct socket_record *r)
{
	(void)state;
	(void)r;
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
	/* listeners of before us, those that are nobody's last */
	err = walk(sockets->skeleton->links.listeners, NULL, ignore);
	if (!err)
		err = walk(sockets->skeleton->links.connections, NULL, ignore);
	return err;
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

/* That of its process, or else the common one, or else that of all others. */
static struct sockets_group *group_of(struct sockets_state *state,
				      const struct socket_record *r)
{
	struct sockets_group *common = NULL, *others = NULL;

	for (size_t i = 0; i < state->groups; i++) {
		struct sockets_group *group = &state->group[i];

		if (!group->of.port)
			others = group;
		if (group->of.port != r->port || group->of.cgroup != r->cgroup)
			continue;
		if (group->of.pid == r->pid)
			return group;
		if (!group->of.pid)
			common = group;
	}
	return common ? common : others;
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

/* A common group is there for those of its processes, too. */
static bool says_something(const struct sockets_group *group)
{
	uint64_t events = 0;

	for (int span = 0; span < SOCKET_SPANS; span++)
		events += hist_count(&group->hist[span]);
	return group->of.pid || !group->of.port || events ||
	       group->of.retransmits || group->connections ||
	       group->backlog_max;
}

static void leave_out_silent(struct sockets_state *state)
{
	size_t kept = 0;

	for (size_t i = 0; i < state->groups; i++) {
		if (!says_something(&state->group[i]))
			continue;
		if (kept != i)
			state->group[kept] = state->group[i];
		kept++;
	}
	state->groups = kept;
}

/* The last place is of all who found none, and shown if there are any. */
static bool is_shown(const struct socket_bpf__bss *bss, uint32_t number)
{
	if (number == SOCKET_OTHERS)
		return bss->socket_lost.groups;
	return bss->groups[number].port &&
	       bss->group_keys[number] != SOCKET_KEY_RETIRED;
}

int sockets_read(const struct sockets *sockets, struct sockets_state *ret_state)
{
	const struct socket_bpf__bss *bss = sockets->skeleton->bss;
	int err;

	memset(ret_state, 0, sizeof(*ret_state));
	ret_state->lost = bss->socket_lost;
	ret_state->missed = bpf_load_misses(sockets->skeleton->obj);
	memcpy(ret_state->measured, sockets->measured,
	       sizeof(ret_state->measured));
	for (uint32_t i = 0; i < SOCKET_GROUPS_MAX; i++)
		if (is_shown(bss, i))
			read_group(sockets, i,
				   &ret_state->group[ret_state->groups++]);
	err = walk(sockets->skeleton->links.connections, ret_state,
		   take_record);
	leave_out_silent(ret_state);
	return err;
}

void sockets_tick(struct sockets *sockets, uint64_t now_ns)
{
	socket_places_tick(&sockets->places, sockets->skeleton, sockets->hists,
			   now_ns);
}
