// SPDX-License-Identifier: Apache-2.0
#include "monitor/module_json.h"

#include <string.h>

#include "monitor/hist.h"

static json_t *counters(const struct module_stats *stats)
{
	json_t *all = json_object();

	for (uint32_t i = 0; i < SUPERDISK_C_NR; i++)
		json_object_set_new(all, module_counter_name(i),
				    json_integer((json_int_t)stats->counter[i]));
	return all;
}

static json_t *paths(const struct module_stats *stats)
{
	json_t *all = json_object();

	for (uint32_t i = 0; i < SUPERDISK_PATH_NR; i++) {
		const struct hist_slots *hist = &stats->path[i];
		json_int_t count = (json_int_t)hist_count(hist);

		if (!count)
			continue;
		json_object_set_new(all, module_path_name(i),
				    json_pack("{sI sI sI sI}", "count", count,
				  "p50_ns", (json_int_t)hist_quantile(hist, .5),
				  "p99_ns",
				  (json_int_t)hist_quantile(hist, .99),
				  "max_ns", (json_int_t)hist_highest(hist)));
	}
	return all;
}

static json_t *leg_to_json(const struct module_leg *leg,
			   struct devices *devices)
{
	return json_pack("{si ss ss sI sI sI sI sI sI so so}",
			 "position", (int)leg->leg,
			 "state", module_state_name(leg->state),
			 "device", leg->leg_dev ?
				devices_name(devices, leg->leg_dev) : "",
			 "pages_valid", (json_int_t)leg->pages_valid,
			 "pages_total", (json_int_t)leg->pages_total,
			 "pages_unverified", (json_int_t)leg->pages_unverified,
			 "hedge_us", (json_int_t)leg->hedge_us,
			 "slots_used", (json_int_t)leg->slots_used,
			 "slots_total", (json_int_t)leg->slots_total,
			 "counters", counters(&leg->stats),
			 "paths", paths(&leg->stats));
}

static json_t *device_to_json(const struct module_state *state,
			      const struct module_device *device,
			      struct devices *devices)
{
	json_t *ssds = json_array();

	for (size_t i = 0; i < state->legs; i++)
		if (state->leg[i].dev == device->dev)
			json_array_append_new(ssds,
					      leg_to_json(&state->leg[i], devices));
	return json_pack("{ss sI ss ss ss si ss sI sI so so so}",
			 "name", device->name,
			 "number", (json_int_t)device->dev,
			 "mode", module_mode_name(device->mode),
			 "policy", device->policy,
			 "disk", devices_name(devices, device->disk_dev),
			 "block_size", (int)device->block_size,
			 "warm", module_warm_name(device->warm),
			 "warm_kib_s", (json_int_t)device->warm_kib_s,
			 "warm_copied", (json_int_t)device->warm_copied,
			 "counters", counters(&device->stats),
			 "paths", paths(&device->stats), "ssds", ssds);
}

json_t *module_to_json(const struct module_state *state,
		       struct devices *devices)
{
	json_t *all = json_array();

	for (size_t i = 0; i < state->devices; i++)
		json_array_append_new(all, device_to_json(state,
							  &state->device[i],
							  devices));
	return all;
}

json_t *module_event_to_json(const struct module_event *event)
{
	json_t *document = json_pack("{ss sI ss}", "name", event->name,
		"number", (json_int_t)event->dev,
		"event", module_event_name(event->event));

	if (event->leg >= 0)
		json_object_set_new(document, "position",
				    json_integer(event->leg));
	if (event->event == SUPERDISK_EVENT_LEG_STATE)
		json_object_set_new(document, "state",
				    json_string(module_state_name(event->state)));
	if (event->error)
		json_object_set_new(document, "error",
				    json_string(strerror(-event->error)));
	return document;
}
