/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives the places of groups back to the eBPF programs, and forgets ports: what
 * nothing can be added to any more makes room for what may come.  One thread.
 */
#ifndef MONITOR_SOCKET_PLACES_H
#define MONITOR_SOCKET_PLACES_H

#include <stdint.h>

#include "socket_api.bpf.h"

struct socket_bpf;

/* Of each group since when (CLOCK_MONOTONIC) it is as it is, 0: in use. */
struct socket_places {
	uint64_t idle_ns[SOCKET_GROUPS_MAX];
	uint64_t retired_ns[SOCKET_GROUPS_MAX];
};

/*
 * Looks at each group once.  @hists are the SOCKET_HISTS of the programs,
 * mapped; @places begins as zeros.
 */
void socket_places_tick(struct socket_places *places,
			struct socket_bpf *skeleton, struct hist_slots *hists,
			uint64_t now_ns);

#endif
