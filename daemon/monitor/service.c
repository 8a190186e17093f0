// SPDX-License-Identifier: Apache-2.0
#include "monitor/service.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "monitor/block.h"
#include "monitor/capabilities.h"
#include "monitor/care.h"
#include "monitor/clock.h"
#include "monitor/control_server.h"
#include "monitor/exporter.h"
#include "monitor/http.h"
#include "monitor/module_json.h"
#include "monitor/page.h"
#include "monitor/slowest.h"
#include "monitor/sockets.h"

#define TICK_US 1000000
#define WHY_SIZE 1024

struct service {
	const struct service_options *options;
	sd_event *event;
	sd_event_source *slow_ready, *tick;
	struct devices *devices;
	struct block *block;		/* NULL: not measured, see why */
	char why[WHY_SIZE];		/* why block is NULL */
	struct sockets *sockets;	/* NULL: not measured, see why_not */
	char why_not[WHY_SIZE];
	struct sockets_state *sockets_state;	/* room for a reading */
	struct socket_names *names;
	struct slowest slowest;
	struct latency *latency;	/* room for a reading */
	struct history history;
	struct care *care;
	struct control_server *control;
	struct http *http;
};

static const struct latency *read_latency(struct service *service)
{
	if (service->block)
		block_read(service->block, service->devices, service->latency);
	return service->latency;
}

static json_t *latency_document(struct service *service)
{
	if (!service->block)
		return json_pack("{ss}", "error", service->why);
	return latency_to_json(read_latency(service));
}

static json_t *slow_to_json(struct service *service,
			    const struct block_slow *r)
{
	const char *op = r->op < BLOCK_OPS ? latency_op_names[r->op] : "?";
	const char *parent = r->parent ?
		devices_name(service->devices, r->parent) : "";

	return json_pack("{ss ss ss sI sI sI sI sI si si ss%}",
			 "device", devices_name(service->devices, r->dev),
			 "parent", parent, "operation", op,
			 "end_ns", (json_int_t)r->end_ns,
			 "queue_ns", (json_int_t)r->queue_ns,
			 "device_ns", (json_int_t)r->device_ns,
			 "sector", (json_int_t)r->sector,
			 "bytes", (json_int_t)r->bytes,
			 "error", (int)r->error, "pid", (int)r->pid,
			 "command", r->comm, strnlen(r->comm, sizeof(r->comm)));
}

static json_t *slow_document(struct service *service)
{
	struct block_slow list[SLOWEST_MAX];
	size_t count = slowest_list(&service->slowest, list);
	json_t *requests = json_array(), *each;

	for (size_t i = 0; i < count; i++) {
		each = slow_to_json(service, &list[i]);
		/* a command's name need not be UTF-8 */
		if (each)
			json_array_append_new(requests, each);
	}
	return json_pack("{so}", "requests", requests);
}

static json_t *status_document(struct service *service)
{
	const struct module_state *state = care_module(service->care);

	return json_pack("{sb sb ss so}", "module", state != NULL,
			 "block", service->block != NULL,
			 "why_not_block", service->block ? "" : service->why,
			 "devices", state ?
			 module_to_json(state, service->devices) :
			 json_array());
}

static json_t *events_document(struct service *service)
{
	return json_pack("{so}", "events", history_to_json(&service->history));
}

static json_t *sockets_document(struct service *service)
{
	int err;

	if (!service->sockets)
		return json_pack("{ss}", "error", service->why_not);
	err = sockets_read(service->sockets, service->sockets_state);
	if (err)
		return json_pack("{ss}", "error", strerror(-err));
	return sockets_to_json(service->sockets_state, service->names);
}

static json_t *answer_sockets(void *ctx, const json_t *request)
{
	(void)request;
	return sockets_document(ctx);
}

/* {"do": "name", "cookie": N, "name": "..."}: what a connection is called. */
static json_t *answer_name(void *ctx, const json_t *request)
{
	struct service *service = ctx;
	json_int_t cookie = json_integer_value(json_object_get(request,
							       "cookie"));
	const char *name = json_string_value(json_object_get(request, "name"));
	int err = name ? socket_names_set(service->names, (uint64_t)cookie,
					  name) : -EINVAL;

	if (err)
		return json_pack("{ss}", "error", strerror(-err));
	return json_object();
}

static json_t *answer_status(void *ctx, const json_t *request)
{
	(void)request;
	return status_document(ctx);
}

static json_t *answer_events(void *ctx, const json_t *request)
{
	(void)request;
	return events_document(ctx);
}

static json_t *answer_latency(void *ctx, const json_t *request)
{
	(void)request;
	return latency_document(ctx);
}

static json_t *answer_slow(void *ctx, const json_t *request)
{
	(void)request;
	return slow_document(ctx);
}

static const struct control_command commands[] = {
	{ "latency", answer_latency },
	{ "slow", answer_slow },
	{ "sockets", answer_sockets },
	{ "name", answer_name },
	{ "status", answer_status },
	{ "events", answer_events },
	{ NULL, NULL },
};

static int put_json(const char *data, size_t size, void *ctx)
{
	return buf_append(ctx, data, size);
}

static void write_json(json_t *document, struct buf *out)
{
	if (document)
		json_dump_callback(document, put_json, out, JSON_COMPACT);
	json_decref(document);
}

static void write_latency(void *ctx, struct buf *out)
{
	write_json(latency_document(ctx), out);
}

static void write_slow(void *ctx, struct buf *out)
{
	write_json(slow_document(ctx), out);
}

static void write_sockets(void *ctx, struct buf *out)
{
	write_json(sockets_document(ctx), out);
}

static void write_status(void *ctx, struct buf *out)
{
	write_json(status_document(ctx), out);
}

static void write_events(void *ctx, struct buf *out)
{
	write_json(events_document(ctx), out);
}

static void write_metrics(void *ctx, struct buf *out)
{
	struct service *service = ctx;

	metrics_family(out, "superdisk_measuring", METRIC_GAUGE,
		       "Whether the eBPF programs of a family are attached.");
	metrics_sample(out, "superdisk_measuring", (struct metric_label[]) {
			       { "family", "block" }, { NULL, NULL },
		       }, service->block != NULL);
	metrics_sample(out, "superdisk_measuring", (struct metric_label[]) {
			       { "family", "sockets" }, { NULL, NULL },
		       }, service->sockets != NULL);
	if (service->block)
		exporter_block(out, read_latency(service));
	if (service->sockets &&
	    !sockets_read(service->sockets, service->sockets_state))
		exporter_sockets(out, service->sockets_state);
	if (care_module(service->care))
		exporter_module(out, care_module(service->care),
				service->devices);
}

static void write_page(void *ctx, struct buf *out)
{
	(void)ctx;
	buf_append(out, page_html, page_html_size);
}

static const struct http_page pages[] = {
	{ "/", "text/html; charset=utf-8", write_page },
	{ "/metrics", METRICS_CONTENT_TYPE, write_metrics },
	{ "/latency.json", "application/json", write_latency },
	{ "/slow.json", "application/json", write_slow },
	{ "/sockets.json", "application/json", write_sockets },
	{ "/status.json", "application/json", write_status },
	{ "/events.json", "application/json", write_events },
	{ NULL, NULL, NULL },
};

static void on_slow(const struct block_slow *record, void *ctx)
{
	struct service *service = ctx;

	slowest_add(&service->slowest, record);
}

static void set_threshold(struct service *service)
{
	block_set_slow(service->block,
		       slowest_threshold_ns(&service->slowest));
}

static int on_slow_ready(sd_event_source *source, int fd, uint32_t events,
			 void *ctx)
{
	struct service *service = ctx;

	(void)source;
	(void)fd;
	(void)events;
	block_take_slow(service->block);
	set_threshold(service);
	return 0;
}

static int on_tick(sd_event_source *source, uint64_t now_us, void *ctx)
{
	struct service *service = ctx;

	if (service->block) {
		slowest_tick(&service->slowest, clock_monotonic_ns());
		set_threshold(service);
	}
	devices_forget(service->devices);
	care_tick(service->care, service->block ? read_latency(service) : NULL);
	sd_event_source_set_time(source, now_us + TICK_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int start_block(struct service *service)
{
	int err;

	if (!service->options->block) {
		snprintf(service->why, sizeof(service->why),
			 "superdiskd was told not to measure block I/O");
		return 0;
	}
	err = block_open(on_slow, service, service->why, sizeof(service->why),
			 &service->block);
	if (err) {
		log_warn("superdiskd", "no_block_latency", "why=\"%s\"",
			 service->why);
		return 0;
	}
	slowest_tick(&service->slowest, clock_monotonic_ns());
	set_threshold(service);
	return sd_event_add_io(service->event, &service->slow_ready,
			       block_slow_fd(service->block), EPOLLIN,
			       on_slow_ready, service);
}

static int start_sockets(struct service *service)
{
	int err = socket_names_new(&service->names);

	service->sockets_state = mem_zalloc(sizeof(*service->sockets_state));
	if (err || !service->sockets_state)
		return -ENOMEM;
	if (!service->options->sockets) {
		snprintf(service->why_not, sizeof(service->why_not),
			 "superdiskd was started without --sockets");
		return 0;
	}
	if (sockets_open(service->why_not, sizeof(service->why_not),
			 &service->sockets))
		log_warn("superdiskd", "no_sockets", "why=\"%s\"",
			 service->why_not);
	return 0;
}

static int start_http(struct service *service)
{
	const char *listen = service->options->listen;
	int err;

	if (!listen)
		return 0;
	err = http_open(service->event, listen, pages, service,
			&service->http);
	if (err)
		log_error("superdiskd", "no_http", "listen=%s error=\"%s\"",
			  listen, strerror(-err));
	else
		log_info("superdiskd", "http", "port=%d",
			 http_port(service->http));
	return err;
}

static int start_control(struct service *service)
{
	const char *path = service->options->socket;
	int err = control_server_open(service->event, path, commands, service,
				      &service->control);

	if (err)
		log_error("superdiskd", "no_control_socket",
			  "path=%s error=\"%s\"", path, strerror(-err));
	return err;
}

static int start_event(struct service *service)
{
	uint64_t now_us;
	sigset_t set;
	int err = sd_event_new(&service->event);

	if (err < 0)
		return err;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* without a handler these end the loop */
	sd_event_add_signal(service->event, NULL, SIGINT, NULL, NULL);
	sd_event_add_signal(service->event, NULL, SIGTERM, NULL, NULL);
	sd_event_set_watchdog(service->event, true);
	sd_event_now(service->event, CLOCK_MONOTONIC, &now_us);
	return sd_event_add_time(service->event, &service->tick,
				 CLOCK_MONOTONIC, now_us + TICK_US, 0, on_tick,
				 service);
}

static int start_care(struct service *service)
{
	const struct care_options options = {
		.advice = service->options->advice,
		.warm_kib_s = service->options->warm_kib_s,
	};

	return care_new(service->event, &options, service->devices,
			&service->history, &service->care);
}

/* The socket first: who connects to it knows that the rest is coming up. */
static int start(struct service *service)
{
	int err = start_event(service);

	if (err >= 0)
		err = devices_new("/sys", &service->devices);
	if (err >= 0)
		err = start_control(service);
	if (err >= 0)
		err = start_http(service);
	if (err >= 0)
		err = start_block(service);
	if (err >= 0)
		err = start_sockets(service);
	if (err >= 0)
		err = start_care(service);
	if (err >= 0)
		err = capabilities_drop(!service->options->advice);
	return err;
}

static void stop(struct service *service)
{
	sd_event_source_disable_unref(service->slow_ready);
	sd_event_source_disable_unref(service->tick);
	http_close(service->http);
	control_server_close(service->control);
	care_free(service->care);
	sockets_close(service->sockets);
	socket_names_free(service->names);
	mem_free(service->sockets_state);
	history_fini(&service->history);
	block_close(service->block);
	devices_free(service->devices);
	sd_event_unref(service->event);
	mem_free(service->latency);
}

int service_run(const struct service_options *options)
{
	struct service *service = mem_zalloc(sizeof(*service));
	int err = -ENOMEM;

	if (!service)
		return err;
	service->options = options;
	service->latency = latency_new();
	if (service->latency)
		err = start(service);
	if (err >= 0) {
		log_info("superdiskd", "ready", "block=%s sockets=%s",
			 service->block ? "measured" : "off",
			 service->sockets ? "measured" : "off");
		sd_notify(0, "READY=1");
		err = sd_event_loop(service->event);
		sd_notify(0, "STOPPING=1");
	}
	stop(service);
	mem_free(service);
	return err;
}
