// SPDX-License-Identifier: Apache-2.0
/* The document form of the socket figures. */
#include "monitor/sockets.h"

#include <arpa/inet.h>

#include "monitor/hist.h"
#include "monitor/hist_json.h"
#include "monitor/text.h"

const char *const sockets_span_names[SOCKET_SPANS] = {
	[SOCKET_RTT] = "rtt",
	[SOCKET_ACK] = "ack",
	[SOCKET_READ] = "read",
	[SOCKET_ACCEPT] = "accept",
	[SOCKET_LIFE] = "life",
};

static json_t *group_to_json(const struct sockets_group *group,
			     struct cgroups *cgroups)
{
	const struct socket_group *of = &group->of;
	json_t *spans = json_object();
	char command[TEXT_SIZE];

	for (int span = 0; span < SOCKET_SPANS; span++)
		if (hist_count(&group->hist[span]))
			json_object_set_new(spans, sockets_span_names[span],
					    hist_to_json(&group->hist[span]));
	return json_pack("{si ss sI si ss sI sI si sI sI si si sI sI so}",
			 "port", (int)of->port,
			 "cgroup", cgroups_path(cgroups, of->cgroup),
			 "cgroup_id", (json_int_t)of->cgroup,
			 "pid", (int)of->pid,
			 "command", text_printable(of->comm, sizeof(of->comm),
						   command),
			 "accepted", (json_int_t)of->accepted,
			 "retransmits", (json_int_t)of->retransmits,
			 "connections", (int)group->connections,
			 "unsent", (json_int_t)group->unsent,
			 "unacked", (json_int_t)group->unacked,
			 "backlog", (int)group->backlog,
			 "backlog_max", (int)group->backlog_max,
			 "drops", (json_int_t)group->drops,
			 "unaccepted_ns", (json_int_t)group->unaccepted_ns,
			 "spans", spans);
}

static json_t *record_to_json(const struct socket_record *r,
			      const struct socket_names *names,
			      struct cgroups *cgroups)
{
	char peer[INET6_ADDRSTRLEN] = "";

	inet_ntop(r->family, r->peer, peer, sizeof(peer));
	return json_pack("{si ss si si ss ss sI sI sI sI sI sI si si}",
			 "port", (int)r->port, "peer", peer,
			 "peer_port", (int)r->peer_port, "pid", (int)r->pid,
			 "cgroup", cgroups_path(cgroups, r->cgroup),
			 "name", socket_names_get(names, r->cookie),
			 "cookie", (json_int_t)r->cookie,
			 "unsent", (json_int_t)r->unsent,
			 "unacked", (json_int_t)r->unacked,
			 "unread_ns", (json_int_t)r->unread_ns,
			 "unacked_ns", (json_int_t)r->unacked_ns,
			 "unaccepted_ns", (json_int_t)r->unaccepted_ns,
			 "rtt_us", (int)r->rtt_us,
			 "retransmits", (int)r->retransmits);
}

json_t *sockets_to_json(const struct sockets_state *state,
			const struct socket_names *names,
			struct cgroups *cgroups)
{
	json_t *groups = json_array(), *slowest = json_array();
	json_t *measured = json_object();

	for (int span = 0; span < SOCKET_SPANS; span++)
		json_object_set_new(measured, sockets_span_names[span],
				    json_boolean(state->measured[span]));
	for (size_t i = 0; i < state->groups; i++)
		json_array_append_new(groups, group_to_json(&state->group[i],
							    cgroups));
	for (size_t i = 0; i < state->slowest; i++)
		json_array_append_new(slowest,
				      record_to_json(&state->slow[i], names,
						     cgroups));
	return json_pack("{so s{sI sI sI sI sI} so so}", "measured", measured,
			 "lost", "missed", (json_int_t)state->missed,
			 "groups", (json_int_t)state->lost.groups,
			 "processes", (json_int_t)state->lost.processes,
			 "ports", (json_int_t)state->lost.ports,
			 "storage", (json_int_t)state->lost.storage,
			 "groups", groups, "slowest", slowest);
}
