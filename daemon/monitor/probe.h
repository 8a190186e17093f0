/* SPDX-License-Identifier: Apache-2.0 */
/* Timed reads of a block device that may be sick, as an errand. */
#ifndef MONITOR_PROBE_H
#define MONITOR_PROBE_H

#include <stdint.h>

#include "monitor/errand.h"

#define PROBE_READS 15

/* Starts PROBE_READS direct reads at random places of device @path. */
int probe_start(const char *path, struct errand **ret_probe);

/* The median time of a read, when errand_result() of it is 0. */
uint64_t probe_median_ns(const struct errand *probe);

#endif
