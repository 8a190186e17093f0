/* SPDX-License-Identifier: Apache-2.0 */
/* What /metrics says.  Pure functions over snapshots; any thread. */
#ifndef MONITOR_EXPORTER_H
#define MONITOR_EXPORTER_H

#include "base/buf.h"
#include "monitor/latency.h"
#include "monitor/module.h"
#include "monitor/sockets.h"

/* Events that are missing from figures, by reason. */
struct exporter_loss {
	const char *reason;
	uint64_t count;
};

/* Appends the counter family @name of @losses, which end with a NULL reason. */
void exporter_lost(struct buf *out, const char *name,
		   const struct exporter_loss *losses);

/*
 * Appends the block families of @latency.  The label `parent` names the dm or
 * md device that sent the I/O and is empty for I/O of its own: the sum over
 * it is the device.
 */
void exporter_block(struct buf *out, const struct latency *latency);

/* Appends the families of the sockets, by port, cgroup and process. */
void exporter_sockets(struct buf *out, const struct sockets_state *state,
		      struct cgroups *cgroups);

/* Appends the families of the module: states, counters, times by path. */
void exporter_module(struct buf *out, const struct module_state *state,
		     struct devices *devices);

#endif
