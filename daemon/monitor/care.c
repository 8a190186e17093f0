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
#include "monitor/ward.h"

#define GARBLED "what the module says cannot be read: it is not of this version"

struct care {
	sd_event *event;
	sd_event_source *events_ready;
	struct care_options options;
	struct devices *devices;
	struct history *history;
	struct module *module;		/* NULL while it is not loaded */
	bool garbled;			/* its last answer could not be read */
	struct module_state *state;
	uint64_t overruns;
	struct caretaker *caretaker;
	struct warmer *warmer;
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
	if (!care->state || !care->caretaker ||
	    warmer_new(&options->warmer, history, &care->warmer)) {
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
	if (care->module)
		warmer_save(care->warmer, care->module);
	lose_module(care);
	for (size_t i = 0; i < care->wards; i++)
		errand_put(care->ward[i].probe);
	warmer_free(care->warmer);
	caretaker_free(care->caretaker);
	mem_free(care->state);
	mem_free(care);
}

const struct module_state *care_module(const struct care *care)
{
	return care->module ? care->state : NULL;
}

uint64_t care_overruns(const struct care *care)
{
	return care->overruns;
}

const char *care_why_no_module(const struct care *care)
{
	if (care->module)
		return NULL;
	return care->garbled ? GARBLED :
			       "the module dm-superdisk is not loaded";
}

static const struct module_device *device_of(const struct care *care,
					     uint32_t dev)
{
	for (size_t i = 0; i < care->state->devices; i++)
		if (care->state->device[i].dev == dev)
			return &care->state->device[i];
	return NULL;
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
		warmer_cold(care->warmer, event->dev);
}

static int on_events_ready(sd_event_source *source, int fd, uint32_t events,
			   void *ctx)
{
	struct care *care = ctx;
	int err = module_take_events(care->module, on_event, care);

	(void)source;
	(void)fd;
	(void)events;
	if (err == -ENOBUFS) {
		/* the kernel does not say how many; states are read anyway */
		log_warn("care", "events_lost", "");
		history_add(care->history, json_pack("{ss ss}", "event",
						     "events_lost", "name", ""));
		care->overruns++;
	}
	return 0;
}

static int find_module(struct care *care)
{
	int err = module_open(&care->module);

	if (err)
		return err;
	if (!care->garbled)
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

static size_t gather(struct care *care, const struct latency *latency,
		     struct caretaker_sample sample[CARETAKER_LEGS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < care->state->legs; i++) {
		const struct module_leg *leg = &care->state->leg[i];
		const struct module_device *device = device_of(care, leg->dev);
		struct ward *ward = ward_of(care, leg);

		if (device && ward)
			ward_sample(ward, device, leg, latency, care->devices,
				    &sample[count++]);
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
			err = ward_path(&care->ward[i], care->devices, path);
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
	int err = care->options.warmer.advice ? 0 : apply(care, d);

	log_warn("care", action, "device=%s ssd=%u advice=%d error=%d %s",
		 device, d->leg, care->options.warmer.advice, err, d->evidence);
	history_add(care->history,
		    json_pack("{ss ss si ss sb ss}", "decision", action,
			      "name", device, "position", (int)d->leg,
			      "evidence", d->evidence,
			      "advice_only", care->options.warmer.advice,
			      "error", err ? strerror(-err) : ""));
}

static void probe(struct care *care, struct ward *ward)
{
	if (caretaker_wants_probe(care->caretaker, ward->dev, ward->leg))
		ward_probe(ward, care->devices);
}

/*
 * Whether there is something to care for, as care->state has it.  After an
 * answer that cannot be read the rest of it may still be under way, so the
 * next one is asked for over new sockets.
 */
static bool read_module(struct care *care)
{
	bool was_garbled = care->garbled;
	int err;

	if (!care->module && find_module(care))
		return false;
	err = module_read(care->module, care->state);
	care->garbled = err == -EPROTO;
	if (!err)
		return true;
	if (!care->garbled)
		log_warn("care", "module_lost", "error=\"%s\"", strerror(-err));
	else if (!was_garbled)
		log_warn("care", "module_garbled", "why=\"%s\"", GARBLED);
	lose_module(care);
	return false;
}

void care_tick(struct care *care, const struct latency *latency)
{
	struct caretaker_sample sample[CARETAKER_LEGS_MAX];
	struct caretaker_decision decision[CARETAKER_LEGS_MAX];
	uint64_t now_ns = clock_monotonic_ns();
	size_t count;

	if (!read_module(care))
		return;
	count = gather(care, latency, sample);
	count = caretaker_tick(care->caretaker, now_ns, sample, count,
			       decision);
	for (size_t i = 0; i < count; i++)
		carry_out(care, &decision[i]);
	for (size_t i = 0; i < care->wards; i++)
		probe(care, &care->ward[i]);
	warmer_tick(care->warmer, care->module, care->state, now_ns);
}
