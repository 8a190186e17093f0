// SPDX-License-Identifier: Apache-2.0
#include "monitor/answers.h"

#include <errno.h>
#include <string.h>

#include "base/metrics.h"
#include "monitor/exporter.h"
#include "monitor/module_json.h"
#include "monitor/page.h"

/* --- documents ------------------------------------------------------------- */

static json_t *latency(const struct answers *answers)
{
	return figures_latency_json(answers->figures);
}

static json_t *slow(const struct answers *answers)
{
	return figures_slow_json(answers->figures);
}

static json_t *sockets(const struct answers *answers)
{
	return figures_sockets_json(answers->figures);
}

static json_t *events(const struct answers *answers)
{
	return json_pack("{so}", "events", history_to_json(answers->history));
}

static json_t *status(const struct answers *answers)
{
	const struct module_state *state = care_module(answers->care);
	const char *no_module = care_why_no_module(answers->care);
	const char *no_block = figures_why_no_block(answers->figures);
	const char *no_sockets = figures_why_no_sockets(answers->figures);
	struct devices *devices = figures_devices(answers->figures);

	return json_pack("{sb ss sb ss sb ss so}", "module", state != NULL,
			 "why_not_module", no_module ? no_module : "",
			 "block", !no_block,
			 "why_not_block", no_block ? no_block : "",
			 "sockets", !no_sockets,
			 "why_not_sockets", no_sockets ? no_sockets : "",
			 "devices", state ? module_to_json(state, devices) :
					    json_array());
}

/* --- control socket -------------------------------------------------------- */

#define ANSWER(document)						\
static json_t *answer_##document(void *ctx, const json_t *request)	\
{									\
	(void)request;							\
	return document(ctx);						\
}

ANSWER(latency)
ANSWER(slow)
ANSWER(sockets)
ANSWER(events)
ANSWER(status)

/* {"do": "name", "cookie": N, "name": "..."}: what a connection is called. */
static json_t *answer_name(void *ctx, const json_t *request)
{
	const struct answers *answers = ctx;
	json_int_t cookie = json_integer_value(json_object_get(request,
							       "cookie"));
	const char *name = json_string_value(json_object_get(request, "name"));
	int err = name ? figures_name_socket(answers->figures,
					     (uint64_t)cookie, name) :
			 -EINVAL;

	if (err)
		return json_pack("{ss}", "error", strerror(-err));
	return json_object();
}

const struct control_command answers_commands[] = {
	{ "latency", answer_latency },
	{ "slow", answer_slow },
	{ "sockets", answer_sockets },
	{ "name", answer_name },
	{ "status", answer_status },
	{ "events", answer_events },
	{ NULL, NULL },
};

/* --- HTTP ------------------------------------------------------------------ */

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

#define WRITE(document)							\
static void write_##document(void *ctx, struct buf *out)		\
{									\
	write_json(document(ctx), out);					\
}

WRITE(latency)
WRITE(slow)
WRITE(sockets)
WRITE(events)
WRITE(status)

static void write_metrics(void *ctx, struct buf *out)
{
	const struct answers *answers = ctx;
	const struct exporter_loss losses[] = {
		{ "event_queue_full", care_overruns(answers->care) },
		{ NULL, 0 },
	};

	figures_metrics(answers->figures, out);
	exporter_lost(out, "superdisk_module_lost_total", losses);
	if (care_module(answers->care))
		exporter_module(out, care_module(answers->care),
				figures_devices(answers->figures));
}

static void write_page(void *ctx, struct buf *out)
{
	(void)ctx;
	buf_append(out, page_html, page_html_size);
}

const struct http_page answers_pages[] = {
	{ "/", "text/html; charset=utf-8", write_page },
	{ "/metrics", METRICS_CONTENT_TYPE, write_metrics },
	{ "/latency.json", "application/json", write_latency },
	{ "/slow.json", "application/json", write_slow },
	{ "/sockets.json", "application/json", write_sockets },
	{ "/status.json", "application/json", write_status },
	{ "/events.json", "application/json", write_events },
	{ NULL, NULL, NULL },
};
