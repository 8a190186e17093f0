// SPDX-License-Identifier: Apache-2.0
#include "monitor/socket_hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "monitor/cgroups.h"
#include "socket.skel.h"

/*
 * What a kernel may refuse though it is built in: some let nobody attach to
 * functions, and programs of a cgroup want CAP_NET_ADMIN.
 */
struct allowed {
	bool functions, cgroups;
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
static void choose(struct socket_bpf *s, const struct btf *kernel,
		   struct allowed allowed, bool measured[SOCKET_SPANS])
{
	bool send = has_tracepoint(kernel, "tcp_sendmsg_locked");
	bool receive = has_tracepoint(kernel, "sk_data_ready") &&
		       has_tracepoint(kernel, "sock_recv_length");
	bool functions = allowed.functions;
	int accept = functions ? arguments(kernel, "inet_csk_accept") : -1;
	bool peers = allowed.cgroups && accept != 2 && accept != 4;

	bpf_program__set_autoload(s->progs.send_tp, send);
	bpf_program__set_autoload(s->progs.send_fentry, !send && functions);
	bpf_program__set_autoload(s->progs.arrive_tp, receive);
	bpf_program__set_autoload(s->progs.read_tp, receive);
	bpf_program__set_autoload(s->progs.arrive_fentry,
				  !receive && functions);
	bpf_program__set_autoload(s->progs.read_fexit, !receive && functions);
	bpf_program__set_autoload(s->progs.accept_2, accept == 2);
	bpf_program__set_autoload(s->progs.accept_4, accept == 4);
	bpf_program__set_autoload(s->progs.accept_peer4, peers);
	bpf_program__set_autoload(s->progs.accept_peer6, peers);
	measured[SOCKET_RTT] = true;
	measured[SOCKET_LIFE] = true;
	measured[SOCKET_ACK] = send || functions;
	measured[SOCKET_READ] = receive || functions;
	measured[SOCKET_ACCEPT] = accept == 2 || accept == 4 || peers;
}

/* Those of a cgroup are attached to the root of all. */
static int attach_peers(struct socket_bpf *s)
{
	struct cgroups *cgroups;
	int fd, err = cgroups_new(NULL, CGROUPS_SOCKETS, &cgroups);

	if (err)
		return err;
	fd = open(cgroups_root(cgroups), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = fd < 0 ? -errno : 0;
	cgroups_free(cgroups);
	if (err)
		return err;
	s->links.accept_peer4 =
		bpf_program__attach_cgroup(s->progs.accept_peer4, fd);
	s->links.accept_peer6 =
		bpf_program__attach_cgroup(s->progs.accept_peer6, fd);
	if (!s->links.accept_peer4 || !s->links.accept_peer6)
		err = -errno;
	close(fd);
	return err;
}

static int attach(const struct btf *kernel, struct allowed allowed,
		  bool measured[SOCKET_SPANS], struct socket_bpf **ret_skeleton)
{
	struct socket_bpf *skeleton = socket_bpf__open();
	int err;

	if (!skeleton)
		return -errno;
	choose(skeleton, kernel, allowed, measured);
	err = socket_bpf__load(skeleton);
	if (!err)
		err = socket_bpf__attach(skeleton);
	if (!err && bpf_program__autoload(skeleton->progs.accept_peer4))
		err = attach_peers(skeleton);
	if (err)
		socket_bpf__destroy(skeleton);
	else
		*ret_skeleton = skeleton;
	return err;
}

int socket_hooks_attach(bool ret_measured[SOCKET_SPANS],
			struct socket_bpf **ret_skeleton)
{
	static const struct allowed tries[] = {
		{ true, false }, { false, true }, { false, false },
	};
	struct btf *kernel = btf__load_vmlinux_btf();
	int err = kernel ? -EAGAIN : -errno;

	for (size_t i = 0; kernel && err && i < sizeof(tries) / sizeof(*tries);
	     i++)
		err = attach(kernel, tries[i], ret_measured, ret_skeleton);
	btf__free(kernel);
	return err;
}
