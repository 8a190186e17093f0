// SPDX-License-Identifier: Apache-2.0
/* The sockets' part of /metrics. */
#include <stdio.h>

#include "monitor/exporter.h"
#include "monitor/hist.h"
#include "monitor/metrics_hist.h"
#include "monitor/text.h"

static const struct {
	const char *name, *help;
} spans[SOCKET_SPANS] = {
	[SOCKET_RTT] = { "superdisk_tcp_rtt_seconds",
			 "Smoothed round trip at each arriving segment." },
	[SOCKET_ACK] = { "superdisk_tcp_ack_seconds",
			 "From a send to the acknowledgment of its end." },
	[SOCKET_READ] = { "superdisk_tcp_read_seconds",
			  "From arrival of data to the next read." },
	[SOCKET_ACCEPT] = { "superdisk_tcp_accept_seconds",
			    "From an established connection to its accept." },
	[SOCKET_LIFE] = { "superdisk_tcp_life_seconds",
			  "From an established connection to its end." },
};

#define NUMBER_SIZE 24

struct group_labels {
	char port[NUMBER_SIZE], id[NUMBER_SIZE], pid[NUMBER_SIZE];
	char command[TEXT_SIZE];
	struct metric_label label[5];
};

/*
 * A cgroup without a path keeps its number: two series must not be one.  There
 * are never more than SOCKET_GROUPS_MAX sets of labels.
 */
static void label(struct group_labels *l, const struct sockets_group *group,
		  struct cgroups *cgroups)
{
	const char *path = cgroups_path(cgroups, group->of.cgroup);

	snprintf(l->port, sizeof(l->port), "%u", group->of.port);
	snprintf(l->id, sizeof(l->id), "%llu",
		 (unsigned long long)group->of.cgroup);
	l->label[0] = (struct metric_label) { "port", l->port };
	l->label[1] = (struct metric_label) { "cgroup", *path ? path : l->id };
	snprintf(l->pid, sizeof(l->pid), "%u", group->of.pid);
	text_printable(group->of.comm, sizeof(group->of.comm), l->command);
	l->label[2] = (struct metric_label) { "pid", l->pid };
	l->label[3] = (struct metric_label) { "command", l->command };
	l->label[4] = (struct metric_label) { NULL, NULL };
}

static void put_span(struct buf *out, const struct sockets_state *state,
		     int span, struct cgroups *cgroups)
{
	struct group_labels l;

	metrics_family(out, spans[span].name, METRIC_HISTOGRAM,
		       spans[span].help);
	for (size_t i = 0; i < state->groups; i++) {
		const struct hist_slots *hist = &state->group[i].hist[span];

		label(&l, &state->group[i], cgroups);
		if (hist_count(hist))
			metrics_hist(out, spans[span].name, l.label, hist);
	}
}

static uint64_t accepted(const struct sockets_group *group)
{
	return group->of.accepted;
}

static uint64_t retransmits(const struct sockets_group *group)
{
	return group->of.retransmits;
}

static uint64_t backlog(const struct sockets_group *group)
{
	return group->backlog;
}

static uint64_t connections(const struct sockets_group *group)
{
	return group->connections;
}

static uint64_t drops(const struct sockets_group *group)
{
	return group->drops;
}

static uint64_t unsent(const struct sockets_group *group)
{
	return group->unsent;
}

static uint64_t unacked(const struct sockets_group *group)
{
	return group->unacked;
}

static const struct {
	const char *name, *help;
	enum metric_type type;
	uint64_t (*value)(const struct sockets_group *group);
} figures[] = {
	{ "superdisk_tcp_accepted_total", "Connections that a process took.",
	  METRIC_COUNTER, accepted },
	{ "superdisk_tcp_retransmits_total", "Segments sent again.",
	  METRIC_COUNTER, retransmits },
	{ "superdisk_tcp_backlog", "Connections that wait for accept().",
	  METRIC_GAUGE, backlog },
	{ "superdisk_tcp_listen_drops",
	  "Connections that the listeners of now had no room for.",
	  METRIC_GAUGE, drops },
	{ "superdisk_tcp_connections", "Connections now.", METRIC_GAUGE,
	  connections },
	{ "superdisk_tcp_unsent_bytes", "Written and not yet sent.",
	  METRIC_GAUGE, unsent },
	{ "superdisk_tcp_unacked_bytes", "Sent and not yet acknowledged.",
	  METRIC_GAUGE, unacked },
};

void exporter_sockets(struct buf *out, const struct sockets_state *state,
		      struct cgroups *cgroups)
{
	const struct exporter_loss losses[] = {
		{ "too_many_listeners", state->lost.groups },
		{ "too_many_processes", state->lost.processes },
		{ "too_many_ports", state->lost.ports },
		{ "no_memory", state->lost.storage },
		{ "program_busy", state->missed },
		{ NULL, 0 },
	};
	struct group_labels l;

	for (int span = 0; span < SOCKET_SPANS; span++)
		if (state->measured[span])
			put_span(out, state, span, cgroups);
	for (size_t f = 0; f < sizeof(figures) / sizeof(figures[0]); f++) {
		metrics_family(out, figures[f].name, figures[f].type,
			       figures[f].help);
		for (size_t i = 0; i < state->groups; i++) {
			label(&l, &state->group[i], cgroups);
			metrics_sample(out, figures[f].name, l.label,
				       figures[f].value(&state->group[i]));
		}
	}
	metrics_family(out, "superdisk_tcp_backlog_oldest_seconds", METRIC_GAUGE,
		       "How long the oldest waits for accept().");
	for (size_t i = 0; i < state->groups; i++) {
		label(&l, &state->group[i], cgroups);
		metrics_sample_seconds(out,
				       "superdisk_tcp_backlog_oldest_seconds",
				       l.label, state->group[i].unaccepted_ns);
	}
	exporter_lost(out, "superdisk_tcp_lost_total", losses);
}
