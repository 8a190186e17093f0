// SPDX-License-Identifier: Apache-2.0
#include "monitor/ward.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "monitor/hist.h"
#include "monitor/probe.h"

/* All reads of device @dev so far. */
static void sum_reads(const struct latency *latency, uint32_t dev,
		      struct hist_slots *ret_reads)
{
	memset(ret_reads, 0, sizeof(*ret_reads));
	for (size_t i = 0; i < latency->count; i++)
		if (latency->series[i].dev == dev)
			hist_add(ret_reads,
				 &latency->series[i]
				 .hist[BLOCK_READ][BLOCK_DEVICE]);
}

/* Leaves the reads of this tick in *delta and all of them in *past. */
static void advance(struct hist_slots *past, const struct hist_slots *now,
		    struct hist_slots *delta)
{
	*delta = *now;
	hist_subtract(delta, past);
	*past = *now;
}

static void measure(const struct module_leg *leg,
		    const struct module_device *device, struct ward *ward,
		    const struct latency *latency, struct caretaker_sample *s)
{
	struct hist_slots reads, disk, delta;

	if (latency) {
		sum_reads(latency, leg->leg_dev, &reads);
		sum_reads(latency, device->disk_dev, &disk);
	} else {
		reads = leg->stats.path[SUPERDISK_PATH_HIT];
		disk = device->stats.path[SUPERDISK_PATH_MISS];
	}
	/* another device in this place: its past is not ours */
	if (ward->leg_dev != leg->leg_dev)
		ward->reads = reads;
	advance(&ward->reads, &reads, &delta);
	s->reads = hist_count(&delta);
	s->p50_ns = hist_quantile(&delta, 0.5);
	advance(&ward->disk_reads, &disk, &delta);
	s->disk_p50_ns = hist_quantile(&delta, 0.5);
}

/* A probe that is not done within its tick counts as failed, and goes on. */
static void take_probe(struct ward *ward, struct caretaker_sample *s)
{
	int err;

	if (!ward->probe)
		return;
	s->probed = true;
	err = errand_result(ward->probe);
	if (err == -EAGAIN)
		return;
	s->probe_ns = err ? 0 : probe_median_ns(ward->probe);
	errand_put(ward->probe);
	ward->probe = NULL;
	/* the eyes saw these reads without the detour over user space */
	if (!err && s->reads >= CARETAKER_READS_MIN)
		s->probe_ns = s->p50_ns;
}

/* Who it is, while it is here: later nobody can say. */
static void meet(struct ward *ward, const struct module_leg *leg,
		 const struct devices *devices)
{
	if (!leg->leg_dev || leg->state == SUPERDISK_STATE_FAILED ||
	    (ward->leg_dev == leg->leg_dev && ward->identity[0]))
		return;
	if (devices_identity(devices, leg->leg_dev, ward->identity))
		ward->identity[0] = 0;
}

void ward_sample(struct ward *ward, const struct module_device *device,
		 const struct module_leg *leg, const struct latency *latency,
		 const struct devices *devices,
		 struct caretaker_sample *ret_sample)
{
	*ret_sample = (struct caretaker_sample) {
		.dev = leg->dev, .leg = leg->leg, .state = leg->state,
	};
	measure(leg, device, ward, latency, ret_sample);
	meet(ward, leg, devices);
	if (leg->leg_dev &&
	    (leg->state != SUPERDISK_STATE_FAILED || !ward->leg_dev))
		ward->leg_dev = leg->leg_dev;
	take_probe(ward, ret_sample);
}

int ward_path(struct ward *ward, struct devices *devices,
	      char ret_path[DEVICE_PATH_MAX])
{
	char identity[DEVICE_IDENTITY_MAX] = "";

	if (!ward->leg_dev)
		return -ENODEV;
	/* another device may have its number meanwhile */
	if (ward->identity[0] &&
	    (devices_identity(devices, ward->leg_dev, identity) ||
	     strcmp(identity, ward->identity)) &&
	    devices_by_identity(devices, ward->identity, &ward->leg_dev))
		return -ENODEV;
	return devices_path(devices, ward->leg_dev, ret_path);
}

void ward_probe(struct ward *ward, struct devices *devices)
{
	char path[DEVICE_PATH_MAX];
	int err;

	if (ward->probe)
		return;
	err = ward_path(ward, devices, path);
	if (!err)
		err = probe_start(path, &ward->probe);
	if (err)
		log_debug("care", "no_probe", "device=%s error=\"%s\"",
			  devices_name(devices, ward->leg_dev),
			  strerror(-err));
}
