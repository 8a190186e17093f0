/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The eBPF programs that measure TCP connections to local listeners.  Nothing
 * is pinned.  One thread.  sockets_open() needs CAP_BPF and CAP_PERFMON.
 */
#ifndef MONITOR_SOCKETS_H
#define MONITOR_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "monitor/cgroups.h"
#include "monitor/socket_names.h"
#include "socket_api.bpf.h"

#define SOCKETS_SLOWEST_MAX 32

struct sockets_group {
	/* port 0: of all that found no place; pid 0: of its port's the same */
	struct socket_group of;
	uint32_t backlog, backlog_max;	/* now, of its listeners */
	uint64_t drops;		/* connections that they had no room for */
	uint64_t unaccepted_ns;	/* oldest that waits for accept(), or 0 */
	uint32_t connections;		/* now */
	uint64_t unsent, unacked;	/* now, bytes of all of them */
	struct hist_slots hist[SOCKET_SPANS];
};

struct sockets_state {
	struct socket_lost lost;
	uint64_t missed;	/* runs that the kernel left out */
	bool measured[SOCKET_SPANS];	/* this kernel has the hooks for it */
	size_t groups, slowest;
	struct sockets_group group[SOCKET_GROUPS_MAX];
	/* connections that hold the most or the oldest, worst first */
	struct socket_record slow[SOCKETS_SLOWEST_MAX];
};

extern const char *const sockets_span_names[SOCKET_SPANS];

struct sockets;

int sockets_open(char *why, size_t why_size, struct sockets **ret_sockets);
/* Detaches.  NULL is allowed. */
void sockets_close(struct sockets *sockets);

/*
 * Walks all TCP sockets of this network namespace once: about 1 us for each.
 */
int sockets_read(const struct sockets *sockets,
		 struct sockets_state *ret_state);
/*
 * Once a second or so, at @now_ns of CLOCK_MONOTONIC: a group whose process has
 * ended, or whose port has no listener, is forgotten a minute after its last
 * connection.
 */
void sockets_tick(struct sockets *sockets, uint64_t now_ns);

/* *returns* a document, or NULL without memory. */
json_t *sockets_to_json(const struct sockets_state *state,
			const struct socket_names *names,
			struct cgroups *cgroups);

#endif
