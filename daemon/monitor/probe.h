/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timed reads of a block device that may be sick: each probe runs in a thread
 * of its own, so that a device which never answers holds up nobody else.
 */
#ifndef MONITOR_PROBE_H
#define MONITOR_PROBE_H

#include <stdint.h>

#define PROBE_READS 15

struct probe;

/* Starts PROBE_READS direct reads at random places of device @path. */
int probe_start(const char *path, struct probe **ret_probe);

/*
 * -EAGAIN while it runs; 0 with the median time of a read; or why reading
 * failed.
 */
int probe_result(const struct probe *probe, uint64_t *ret_median_ns);

/* Lets go of it; one that still runs ends by itself. */
void probe_put(struct probe *probe);

#endif
