// SPDX-License-Identifier: Apache-2.0
#include "monitor/service.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "base/log.h"
#include "monitor/answers.h"
#include "monitor/capabilities.h"
#include "monitor/control_server.h"

#define TICK_US 1000000

struct service {
	const struct service_options *options;
	sd_event *event;
	sd_event_source *slow_ready, *tick;
	struct answers answers;
	struct history history;
	struct control_server *control;
	struct http *http;
};

static int on_slow_ready(sd_event_source *source, int fd, uint32_t events,
			 void *ctx)
{
	struct service *service = ctx;

	(void)source;
	(void)fd;
	(void)events;
	figures_take_slow(service->answers.figures);
	return 0;
}

static int on_tick(sd_event_source *source, uint64_t now_us, void *ctx)
{
	struct service *service = ctx;
	struct figures *figures = service->answers.figures;

	figures_tick(figures);
	care_tick(service->answers.care, figures_latency(figures));
	sd_event_source_set_time(source, now_us + TICK_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int start_figures(struct service *service)
{
	struct figures **figures = &service->answers.figures;
	int fd, err = figures_new(service->options->block,
				  service->options->sockets, figures);

	fd = err ? -1 : figures_slow_fd(*figures);
	if (fd < 0)
		return err;
	return sd_event_add_io(service->event, &service->slow_ready, fd,
			       EPOLLIN, on_slow_ready, service);
}

static int start_http(struct service *service)
{
	const char *listen = service->options->listen;
	int err;

	if (!listen)
		return 0;
	err = http_open(service->event, listen, answers_pages,
			&service->answers, &service->http);
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
	int err = control_server_open(service->event, path, answers_commands,
				      &service->answers, CONTROL_PATIENCE_MS,
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
		.warmer = {
			.folder = service->options->state,
			.rate_kib_s = service->options->warm_kib_s,
			.advice = service->options->advice,
		},
	};

	return care_new(service->event, &options,
			figures_devices(service->answers.figures),
			&service->history, &service->answers.care);
}

/* The socket first: who connects to it knows that the rest is coming up. */
static int start(struct service *service)
{
	int err = start_event(service);

	if (err >= 0)
		err = start_control(service);
	if (err >= 0)
		err = start_http(service);
	if (err >= 0)
		err = start_figures(service);
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
	care_free(service->answers.care);
	history_fini(&service->history);
	figures_free(service->answers.figures);
	sd_event_unref(service->event);
}

int service_run(const struct service_options *options)
{
	struct service service = { .options = options };
	struct figures *figures;
	int err;

	log_find_journal();
	service.answers.history = &service.history;
	err = start(&service);
	figures = service.answers.figures;
	if (err >= 0) {
		log_info("superdiskd", "ready", "block=%s sockets=%s",
			 figures_why_no_block(figures) ? "off" : "measured",
			 figures_why_no_sockets(figures) ? "off" : "measured");
		sd_notify(0, "READY=1");
		err = sd_event_loop(service.event);
		sd_notify(0, "STOPPING=1");
	}
	stop(&service);
	return err;
}
