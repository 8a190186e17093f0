// SPDX-License-Identifier: Apache-2.0
#include "monitor/care.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "monitor/caretaker.h"
#include "monitor/clock.h"
#include "monitor/module_json.h"
#include "monitor/probe.h"

/* An SSD with fewer valid pages than one in so many is blank. */
#define BLANK_SHARE 20

/* What care remembers of one SSD between ticks. */
struct ward {
	uint32_t dev, leg;
	uint32_t leg_dev;		/* last seen, kept when it has failed */
	struct hist_slots reads;	/* up to the last tick */
	struct hist_slots disk_reads;
	struct probe *probe;
	bool seen;			/* blankness has been looked at */
};

struct care {
	sd_event *event;
	sd_event_source *events_ready;
	struct care_options options;
	struct devices *devices;
	struct history *history;
	struct module *module;		/* NULL while it is not loaded */
	struct module_state *state;
	struct caretaker *caretaker;
	size_t wards;
	struct ward ward[CARETAKER_LEGS_MAX];
};

int care_new(sd_event *event, const struct care_options *options,
	     struct devices *devices, struct history *history,
	     struct care **ret_care)
{
	struct care *care = mem_zalloc(sizeof(*care));

	if (!care)
		return -ENOMEM;
	care->event = event;
	care->options = *options;
	care->devices = devices;
	care->history = history;
	care->state = mem_zalloc(sizeof(*care->state));
	care->caretaker = caretaker_new();
	if (!care->state || !care->caretaker) {
		care_free(care);
		return -ENOMEM;
	}
	*ret_care = care;
	return 0;
}

static void lose_module(struct care *care)
{
	care->events_ready = sd_event_source_disable_unref(care->events_ready);
	module_close(care->module);
	care->module = NULL;
}

void care_free(struct care *care)
{
	if (!care)
		return;
	lose_module(care);
	for (size_t i = 0; i < care->wards; i++)
		probe_put(care->ward[i].probe);
	caretaker_free(care->caretaker);
	mem_free(care->state);
	mem_free(care);
}

const struct module_state *care_module(const struct care *care)
{
	return care->module ? care->state : NULL;
}

static const struct module_device *device_of(const struct care *care,
					     uint32_t dev)
{
	for (size_t i = 0; i < care->state->devices; i++)
		if (care->state->device[i].dev == dev)
			return &care->state->device[i];
	return NULL;
}

static void warm(struct care *care, uint32_t dev, const char *why)
{
	int err;

	if (!care->options.warm_kib_s)
		return;
	log_info("care", care->options.advice ? "would_warm" : "warm",
		 "device=%s rate_kib=%u why=%s",
		 devices_name(care->devices, dev), care->options.warm_kib_s,
		 why);
	if (care->options.advice)
		return;
	err = module_command(care->module, SUPERDISK_CMD_WARM, dev, 0, NULL,
			     care->options.warm_kib_s);
	if (err && err != -EOPNOTSUPP)
		log_warn("care", "warm_failed", "error=\"%s\"",
			 strerror(-err));
}

static void on_event(const struct module_event *event, void *ctx)
{
	struct care *care = ctx;

	log_info("module", module_event_name(event->event),
		 "device=%s ssd=%d state=%s error=%d", event->name, event->leg,
		 event->event == SUPERDISK_EVENT_LEG_STATE ?
		 module_state_name(event->state) : "-", event->error);
	history_add(care->history, module_event_to_json(event));
	if (event->event == SUPERDISK_EVENT_LEG_COLD)
		warm(care, event->dev, "cold");
}

static int on_events_ready(sd_event_source *source, int fd, uint32_t events,
			   void *ctx)
{
	struct care *care = ctx;
	int err = module_take_events(care->module, on_event, care);

	(void)source;
	(void)fd;
	(void)events;
	if (err == -ENOBUFS)
		log_warn("care", "events_lost", "");
	return 0;
}

static int find_module(struct care *care)
{
	int err = module_open(&care->module);

	if (err)
		return err;
	log_info("care", "module_found", "");
	err = sd_event_add_io(care->event, &care->events_ready,
			      module_events_fd(care->module), EPOLLIN,
			      on_events_ready, care);
	if (err < 0)
		lose_module(care);
	return err < 0 ? err : 0;
}

static struct ward *ward_of(struct care *care, const struct module_leg *leg)
{
	struct ward *ward;

	for (size_t i = 0; i < care->wards; i++)
		if (care->ward[i].dev == leg->dev &&
		    care->ward[i].leg == leg->leg)
			return &care->ward[i];
	if (care->wards == CARETAKER_LEGS_MAX)
		return NULL;
	ward = &care->ward[care->wards++];
	ward->dev = leg->dev;
	ward->leg = leg->leg;
	return ward;
}

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
	err = probe_result(ward->probe, &s->probe_ns);
	if (err == -EAGAIN)
		return;
	probe_put(ward->probe);
	ward->probe = NULL;
	/* the eyes saw these reads without the detour over user space */
	if (!err && s->reads >= CARETAKER_READS_MIN)
		s->probe_ns = s->p50_ns;
}

static void start_probe(struct care *care, struct ward *ward)
{
	char path[DEVICE_PATH_MAX];
	int err;

	if (ward->probe || !ward->leg_dev ||
	    !caretaker_wants_probe(care->caretaker, ward->dev, ward->leg))
		return;
	err = devices_path(care->devices, ward->leg_dev, path);
	if (!err)
		err = probe_start(path, &ward->probe);
	if (err)
		log_debug("care", "no_probe", "device=%s error=\"%s\"",
			  devices_name(care->devices, ward->leg_dev),
			  strerror(-err));
}

static void look_for_blank(struct care *care, const struct module_leg *leg,
			   struct ward *ward)
{
	if (ward->seen || leg->state != SUPERDISK_STATE_IN)
		return;
	ward->seen = true;
	if (leg->pages_valid < leg->pages_total / BLANK_SHARE)
		warm(care, leg->dev, "blank");
}

static size_t gather(struct care *care, const struct latency *latency,
		     struct caretaker_sample sample[CARETAKER_LEGS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < care->state->legs; i++) {
		const struct module_leg *leg = &care->state->leg[i];
		const struct module_device *device = device_of(care, leg->dev);
		struct ward *ward = ward_of(care, leg);
		struct caretaker_sample *s = &sample[count];

		if (!device || !ward)
			continue;
		*s = (struct caretaker_sample) { .dev = leg->dev,
			.leg = leg->leg, .state = leg->state };
		measure(leg, device, ward, latency, s);
		if (leg->leg_dev)
			ward->leg_dev = leg->leg_dev;
		take_probe(ward, s);
		look_for_blank(care, leg, ward);
		count++;
	}
	return count;
}

static int apply(struct care *care, const struct caretaker_decision *d)
{
	static const uint8_t commands[] = {
		[CARETAKER_BYPASS] = SUPERDISK_CMD_LEG_BYPASS,
		[CARETAKER_RESTORE] = SUPERDISK_CMD_LEG_RESTORE,
		[CARETAKER_READD] = SUPERDISK_CMD_LEG_REPLACE,
	};
	char path[DEVICE_PATH_MAX];
	int err = 0;

	for (size_t i = 0; d->action == CARETAKER_READD && i < care->wards; i++)
		if (care->ward[i].dev == d->dev && care->ward[i].leg == d->leg)
			err = devices_path(care->devices,
					   care->ward[i].leg_dev, path);
	if (err)
		return err;
	return module_command(care->module, commands[d->action], d->dev,
			      d->leg, d->action == CARETAKER_READD ? path :
								     NULL, 0);
}

static void carry_out(struct care *care, const struct caretaker_decision *d)
{
	const char *device = devices_name(care->devices, d->dev);
	const char *action = caretaker_action_name(d->action);
	int err = care->options.advice ? 0 : apply(care, d);

	log_warn("care", action, "device=%s ssd=%u advice=%d error=%d %s",
		 device, d->leg, care->options.advice, err, d->evidence);
	history_add(care->history,
		    json_pack("{ss ss si ss sb ss}", "decision", action,
			      "name", device, "position", (int)d->leg,
			      "evidence", d->evidence,
			      "advice_only", care->options.advice,
			      "error", err ? strerror(-err) : ""));
}

void care_tick(struct care *care, const struct latency *latency)
{
	struct caretaker_sample sample[CARETAKER_LEGS_MAX];
	struct caretaker_decision decision[CARETAKER_LEGS_MAX];
	size_t count;

	if (!care->module && find_module(care))
		return;
	if (module_read(care->module, care->state)) {
		log_warn("care", "module_lost", "");
		lose_module(care);
		return;
	}
	count = gather(care, latency, sample);
	count = caretaker_tick(care->caretaker, clock_monotonic_ns(), sample, count,
			       decision);
	for (size_t i = 0; i < count; i++)
		carry_out(care, &decision[i]);
	for (size_t i = 0; i < care->wards; i++)
		start_probe(care, &care->ward[i]);
}
