/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What care remembers of one SSD between ticks: what it did, who it is, and the
 * probe that is under way.  An SSD that vanished is known again by its
 * identity, whatever number it comes back under.  One thread.
 */
#ifndef MONITOR_WARD_H
#define MONITOR_WARD_H

#include "monitor/caretaker.h"
#include "monitor/devices.h"
#include "monitor/errand.h"
#include "monitor/latency.h"
#include "monitor/module.h"

struct ward {
	uint32_t dev, leg;
	uint32_t leg_dev;		/* where it was last seen, 0: nowhere */
	char identity[DEVICE_IDENTITY_MAX];	/* "": it has none */
	struct hist_slots reads;	/* up to the last tick */
	struct hist_slots disk_reads;
	struct errand *probe;		/* or NULL */
};

/*
 * Fills @ret_sample with the tick that has passed, as @leg of @device and, if
 * it is measured, @latency have it, and with what a probe has said.
 */
void ward_sample(struct ward *ward, const struct module_device *device,
		 const struct module_leg *leg, const struct latency *latency,
		 const struct devices *devices,
		 struct caretaker_sample *ret_sample);

/* The node under which the SSD is here now, -ENODEV when it is not. */
int ward_path(struct ward *ward, struct devices *devices,
	      char ret_path[DEVICE_PATH_MAX]);

/* Starts a probe, unless one is under way. */
void ward_probe(struct ward *ward, struct devices *devices);

#endif
