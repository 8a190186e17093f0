/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that superdiskd measures by itself: block I/O and sockets, as far as the
 * machine lets it, and the names of what they are about.  One thread.
 */
#ifndef MONITOR_FIGURES_H
#define MONITOR_FIGURES_H

#include <stdbool.h>

#include "base/buf.h"
#include "monitor/latency.h"
#include "monitor/sockets.h"

struct figures;

/*
 * Attaches the programs that are asked for.  What cannot be is said once, in
 * the log, and later by figures_why_no_*(); only -ENOMEM is an error.
 */
int figures_new(bool block, bool sockets, struct figures **ret_figures);
/* Detaches all. */
void figures_free(struct figures *figures);

struct devices *figures_devices(struct figures *figures);

/* NULL while it is measured, else why not. */
const char *figures_why_no_block(const struct figures *figures);
const char *figures_why_no_sockets(const struct figures *figures);

/* Everything since the start, NULL when it is not measured.  *borrows*. */
const struct latency *figures_latency(struct figures *figures);
/* Becomes readable when figures_take_slow() is to be called; -1: never. */
int figures_slow_fd(const struct figures *figures);
void figures_take_slow(struct figures *figures);
/* Once a second or so. */
void figures_tick(struct figures *figures);

/* What the owner calls a connection; see socket_names.h. */
int figures_name_socket(struct figures *figures, uint64_t cookie,
			const char *name);

/* Documents, *returned*; with "error" in it where something is not measured. */
json_t *figures_latency_json(struct figures *figures);
json_t *figures_slow_json(struct figures *figures);
json_t *figures_sockets_json(struct figures *figures);

/* Their part of /metrics. */
void figures_metrics(struct figures *figures, struct buf *out);

#endif
