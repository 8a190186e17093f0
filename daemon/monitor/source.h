/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the command gets its figures from: superdiskd over its socket, or,
 * where none runs and we may, programs of our own.  One thread.
 */
#ifndef MONITOR_SOURCE_H
#define MONITOR_SOURCE_H

#include "monitor/latency.h"

struct source;

/*
 * @socket_path, *borrowed*, NULL: do not ask a superdiskd.  @only_cgroup, as block_open()
 * has it, is for figures of our own; a superdiskd's are of all.  On failure @why says in words
 * why neither way works.
 */
int source_open(const char *socket_path, uint64_t only_cgroup, char *why,
		size_t why_size, struct source **ret_source);
void source_close(struct source *source);

/* Whether figures began with source_open(). */
bool source_is_own(const struct source *source);

/* Since the programs were attached.  -EPIPE when superdiskd has gone. */
int source_read(struct source *source, struct latency *ret_latency);

#endif
