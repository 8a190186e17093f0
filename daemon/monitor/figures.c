// SPDX-License-Identifier: Apache-2.0
#include "monitor/figures.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "monitor/block.h"
#include "monitor/cgroups.h"
#include "monitor/clock.h"
#include "monitor/exporter.h"
#include "monitor/slowest.h"
#include "monitor/text.h"

#define WHY_SIZE 1024

struct figures {
	struct devices *devices;
	struct block *block;		/* NULL: not measured, see why_no_block */
	char why_no_block[WHY_SIZE];
	struct latency *latency;	/* room for a reading */
	struct slowest slowest;
	struct cgroups *block_cgroups;
	struct sockets *sockets;	/* NULL: not measured, see below */
	char why_no_sockets[WHY_SIZE];
	struct sockets_state *sockets_state;	/* room for a reading */
	struct socket_names *names;
	struct cgroups *socket_cgroups;
};

static void on_slow(const struct block_slow *record, void *ctx)
{
	struct figures *figures = ctx;

	slowest_add(&figures->slowest, record);
}

static void set_threshold(struct figures *figures)
{
	block_set_slow(figures->block,
		       slowest_threshold_ns(&figures->slowest));
}

static void start_block(struct figures *figures)
{
	char *why = figures->why_no_block;

	if (block_open(on_slow, figures, 0, why, WHY_SIZE, &figures->block)) {
		log_warn("superdiskd", "no_block_latency", "why=\"%s\"", why);
		return;
	}
	slowest_tick(&figures->slowest, clock_monotonic_ns());
	set_threshold(figures);
}

static void start_sockets(struct figures *figures)
{
	char *why = figures->why_no_sockets;

	if (sockets_open(why, WHY_SIZE, &figures->sockets))
		log_warn("superdiskd", "no_sockets", "why=\"%s\"", why);
}

static int make_room(struct figures *figures)
{
	int err = devices_new("/sys", &figures->devices);

	if (!err)
		err = cgroups_new(NULL, CGROUPS_BLOCK,
				  &figures->block_cgroups);
	if (!err)
		err = cgroups_new(NULL, CGROUPS_SOCKETS,
				  &figures->socket_cgroups);
	if (!err)
		err = socket_names_new(&figures->names);
	figures->latency = latency_new();
	figures->sockets_state = mem_zalloc(sizeof(*figures->sockets_state));
	if (!figures->latency || !figures->sockets_state)
		err = -ENOMEM;
	return err;
}

int figures_new(bool block, bool sockets, struct figures **ret_figures)
{
	struct figures *figures = mem_zalloc(sizeof(*figures));
	int err = figures ? make_room(figures) : -ENOMEM;

	if (err) {
		figures_free(figures);
		return err;
	}
	snprintf(figures->why_no_block, WHY_SIZE,
		 "superdiskd was told not to measure block I/O");
	snprintf(figures->why_no_sockets, WHY_SIZE,
		 "superdiskd was started without --sockets");
	if (block)
		start_block(figures);
	if (sockets)
		start_sockets(figures);
	*ret_figures = figures;
	return 0;
}

void figures_free(struct figures *figures)
{
	if (!figures)
		return;
	sockets_close(figures->sockets);
	block_close(figures->block);
	socket_names_free(figures->names);
	cgroups_free(figures->socket_cgroups);
	cgroups_free(figures->block_cgroups);
	devices_free(figures->devices);
	mem_free(figures->sockets_state);
	mem_free(figures->latency);
	mem_free(figures);
}

struct devices *figures_devices(struct figures *figures)
{
	return figures->devices;
}

const char *figures_why_no_block(const struct figures *figures)
{
	return figures->block ? NULL : figures->why_no_block;
}

const char *figures_why_no_sockets(const struct figures *figures)
{
	return figures->sockets ? NULL : figures->why_no_sockets;
}

const struct latency *figures_latency(struct figures *figures)
{
	if (!figures->block)
		return NULL;
	block_read(figures->block, figures->devices, figures->latency);
	return figures->latency;
}

int figures_slow_fd(const struct figures *figures)
{
	return figures->block ? block_slow_fd(figures->block) : -1;
}

void figures_take_slow(struct figures *figures)
{
	block_take_slow(figures->block);
	set_threshold(figures);
}

void figures_tick(struct figures *figures)
{
	uint64_t now_ns = clock_monotonic_ns();

	devices_forget(figures->devices);
	if (figures->sockets)
		sockets_tick(figures->sockets, now_ns);
	if (!figures->block)
		return;
	slowest_tick(&figures->slowest, now_ns);
	set_threshold(figures);
}

int figures_name_socket(struct figures *figures, uint64_t cookie,
			const char *name)
{
	return socket_names_set(figures->names, cookie, name);
}

json_t *figures_latency_json(struct figures *figures)
{
	if (!figures->block)
		return json_pack("{ss}", "error", figures->why_no_block);
	return latency_to_json(figures_latency(figures));
}

static json_t *slow_to_json(struct figures *figures,
			    const struct block_slow *r)
{
	const char *op = r->op < BLOCK_OPS ? latency_op_names[r->op] : "?";
	const char *parent = r->parent ?
		devices_name(figures->devices, r->parent) : "";
	char command[TEXT_SIZE];

	return json_pack("{ss ss ss sI sI sI sI sI si si ss sI ss}",
			 "device", devices_name(figures->devices, r->dev),
			 "parent", parent, "operation", op,
			 "end_ns", (json_int_t)r->end_ns,
			 "queue_ns", (json_int_t)r->queue_ns,
			 "device_ns", (json_int_t)r->device_ns,
			 "sector", (json_int_t)r->sector,
			 "bytes", (json_int_t)r->bytes,
			 "error", (int)r->error, "pid", (int)r->pid,
			 "command",
			 text_printable(r->comm, sizeof(r->comm), command),
			 "cgroup_id", (json_int_t)r->cgroup, "cgroup",
			 cgroups_path(figures->block_cgroups, r->cgroup));
}

json_t *figures_slow_json(struct figures *figures)
{
	struct block_slow list[SLOWEST_MAX];
	size_t count = slowest_list(&figures->slowest, list);
	json_t *requests = json_array();

	if (!figures->block) {
		json_decref(requests);
		return json_pack("{ss}", "error", figures->why_no_block);
	}
	for (size_t i = 0; i < count; i++)
		json_array_append_new(requests,
				      slow_to_json(figures, &list[i]));
	return json_pack("{so sI}", "requests", requests, "lost",
			 (json_int_t)figures_latency(figures)->lost.records);
}

json_t *figures_sockets_json(struct figures *figures)
{
	int err;

	if (!figures->sockets)
		return json_pack("{ss}", "error", figures->why_no_sockets);
	err = sockets_read(figures->sockets, figures->sockets_state);
	if (err)
		return json_pack("{ss}", "error", strerror(-err));
	return sockets_to_json(figures->sockets_state, figures->names,
			       figures->socket_cgroups);
}

void figures_metrics(struct figures *figures, struct buf *out)
{
	metrics_family(out, "superdisk_measuring", METRIC_GAUGE,
		       "Whether the eBPF programs of a family are attached.");
	metrics_sample(out, "superdisk_measuring", (struct metric_label[]) {
			       { "family", "block" }, { NULL, NULL },
		       }, figures->block != NULL);
	metrics_sample(out, "superdisk_measuring", (struct metric_label[]) {
			       { "family", "sockets" }, { NULL, NULL },
		       }, figures->sockets != NULL);
	if (figures->block)
		exporter_block(out, figures_latency(figures));
	if (figures->sockets &&
	    !sockets_read(figures->sockets, figures->sockets_state))
		exporter_sockets(out, figures->sockets_state,
				 figures->socket_cgroups);
}
