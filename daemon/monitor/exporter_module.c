// SPDX-License-Identifier: Apache-2.0
/* The module's half of /metrics. */
#include <stdio.h>

#include "monitor/exporter.h"
#include "monitor/hist.h"
#include "monitor/metrics_hist.h"

#define LABELS_MAX 8

/* `superdisk` and, of an SSD, `ssd` (position) and `device`. */
struct who {
	const char *name, *device;
	char position[16];
	const struct module_stats *stats;
};

typedef void put_fn(struct buf *out, const struct who *who);

static size_t label(const struct who *who, struct metric_label *labels)
{
	labels[0] = (struct metric_label) { "superdisk", who->name };
	labels[1] = (struct metric_label) { "ssd", who->position };
	labels[2] = (struct metric_label) { "device", who->device };
	return 3;
}

static const char *name_of(const struct module_state *state, uint32_t dev)
{
	for (size_t i = 0; i < state->devices; i++)
		if (state->device[i].dev == dev)
			return state->device[i].name;
	return "";
}

/* Every Super-Disk as a whole (no ssd), then every SSD. */
static void for_each(struct buf *out, const struct module_state *state,
		     struct devices *devices, put_fn *put)
{
	for (size_t i = 0; i < state->devices; i++) {
		const struct module_device *d = &state->device[i];
		const struct who who = {
			.name = d->name, .stats = &d->stats,
			.device = devices_name(devices, d->disk_dev),
		};

		put(out, &who);
	}
	for (size_t i = 0; i < state->legs; i++) {
		const struct module_leg *leg = &state->leg[i];
		struct who who = {
			.name = name_of(state, leg->dev), .stats = &leg->stats,
			.device = leg->leg_dev ?
				  devices_name(devices, leg->leg_dev) : "",
		};

		snprintf(who.position, sizeof(who.position), "%u", leg->leg);
		put(out, &who);
	}
}

static void put_counters(struct buf *out, const struct who *who)
{
	struct metric_label labels[LABELS_MAX] = { 0 };
	size_t n = label(who, labels);

	for (uint32_t i = 0; i < SUPERDISK_C_NR; i++) {
		if (!who->stats->counter[i])
			continue;
		labels[n] = (struct metric_label) { "event",
						    module_counter_name(i) };
		metrics_sample(out, "superdisk_module_events_total", labels,
			       who->stats->counter[i]);
	}
}

static void put_paths(struct buf *out, const struct who *who)
{
	struct metric_label labels[LABELS_MAX] = { 0 };
	size_t n = label(who, labels);

	for (uint32_t i = 0; i < SUPERDISK_PATH_NR; i++) {
		if (!hist_count(&who->stats->path[i]))
			continue;
		labels[n] = (struct metric_label) { "path",
						    module_path_name(i) };
		metrics_hist(out, "superdisk_module_path_seconds", labels,
			     &who->stats->path[i]);
	}
}

static void put_states(struct buf *out, const struct module_state *state)
{
	metrics_family(out, "superdisk_module_ssd_state", METRIC_GAUGE,
		       "1 for the state that an SSD is in.");
	for (size_t i = 0; i < state->legs; i++) {
		const struct module_leg *leg = &state->leg[i];
		char position[16];

		snprintf(position, sizeof(position), "%u", leg->leg);
		metrics_sample(out, "superdisk_module_ssd_state",
			       (struct metric_label[]) {
				{ "superdisk", name_of(state, leg->dev) },
				{ "ssd", position },
				{ "state", module_state_name(leg->state) },
				{ NULL, NULL },
			}, 1);
	}
}

static uint64_t valid(const struct module_leg *leg)
{
	return leg->pages_valid;
}

static uint64_t all(const struct module_leg *leg)
{
	return leg->pages_total;
}

static uint64_t unverified(const struct module_leg *leg)
{
	return leg->pages_unverified;
}

static uint64_t slots_used(const struct module_leg *leg)
{
	return leg->slots_used;
}

static uint64_t slots_total(const struct module_leg *leg)
{
	return leg->slots_total;
}

static const struct {
	const char *name, *help;
	uint64_t (*value)(const struct module_leg *leg);
} sizes[] = {
	{ "superdisk_module_ssd_valid_pages",
	  "Pages of 4096 bytes that it would serve.", valid },
	{ "superdisk_module_ssd_pages", "Pages that it has room for.", all },
	{ "superdisk_module_ssd_unverified_pages",
	  "Pages that are still to be compared with the disk.", unverified },
	{ "superdisk_module_ssd_used_blocks",
	  "Blocks of a cache that are taken.", slots_used },
	{ "superdisk_module_ssd_blocks", "Blocks of a cache.", slots_total },
};

static void put_sizes(struct buf *out, const struct module_state *state)
{
	char position[16];

	for (size_t f = 0; f < sizeof(sizes) / sizeof(sizes[0]); f++) {
		metrics_family(out, sizes[f].name, METRIC_GAUGE, sizes[f].help);
		for (size_t i = 0; i < state->legs; i++) {
			const struct module_leg *leg = &state->leg[i];

			snprintf(position, sizeof(position), "%u", leg->leg);
			metrics_sample(out, sizes[f].name,
				       (struct metric_label[]) {
					{ "superdisk",
					  name_of(state, leg->dev) },
					{ "ssd", position }, { NULL, NULL },
				       }, sizes[f].value(leg));
		}
	}
}

void exporter_module(struct buf *out, const struct module_state *state,
		     struct devices *devices)
{
	put_states(out, state);
	put_sizes(out, state);
	metrics_family(out, "superdisk_module_events_total", METRIC_COUNTER,
		       "What the module counted, by Super-Disk and SSD.");
	for_each(out, state, devices, put_counters);
	metrics_family(out, "superdisk_module_path_seconds", METRIC_HISTOGRAM,
		       "Time of requests by what became of them; the sum is "
		       "estimated.");
	for_each(out, state, devices, put_paths);
}
