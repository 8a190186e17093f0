// SPDX-License-Identifier: Apache-2.0
#include "monitor/warmer.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "monitor/errand.h"
#include "monitor/heat.h"

#define WHY_SIZE 128

/* What a device's file has said, and with it whether warming may begin. */
enum heat {
	HEAT_NEW,	/* not asked yet */
	HEAT_LOADING,
	HEAT_LOADED,
	HEAT_NONE,	/* no file, or none that can be used */
	HEAT_OFF,	/* the device keeps none */
};

static const char *const heat_names[] = { "new", "loading", "loaded", "none",
					  "off" };

struct client {
	uint32_t dev;			/* 0: the place is free */
	uint32_t block_size;
	char name[DEVICE_NAME_MAX];
	bool here;			/* in the last state */
	bool caches;			/* its SSDs are meant to hold something */
	enum heat heat;
	uint64_t saved_ns;
	struct errand *errand;		/* of loading or saving, or NULL */
	char why[WHY_SIZE];		/* to warm it; "": no reason */
	/* number of the SSD whose content has been looked at, 0: of none */
	uint32_t judged[SUPERDISK_MAX_LEGS];
};

struct warmer {
	struct warmer_options options;
	struct history *history;
	struct client client[MODULE_DEVICES_MAX];
};

int warmer_new(const struct warmer_options *options, struct history *history,
	       struct warmer **ret_warmer)
{
	struct warmer *warmer = mem_zalloc(sizeof(*warmer));

	if (!warmer)
		return -ENOMEM;
	warmer->options = *options;
	warmer->history = history;
	if (options->advice)
		warmer->options.folder = NULL; /* it takes rights to ask */
	if (warmer->options.folder && mkdir(options->folder, 0750) &&
	    errno != EEXIST) {
		log_warn("care", "heat_not_kept", "folder=%s error=\"%s\"",
			 options->folder, strerror(errno));
		warmer->options.folder = NULL;
	}
	*ret_warmer = warmer;
	return 0;
}

void warmer_free(struct warmer *warmer)
{
	for (size_t i = 0; warmer && i < MODULE_DEVICES_MAX; i++)
		errand_put(warmer->client[i].errand);
	mem_free(warmer);
}

static struct client *find(struct warmer *warmer, uint32_t dev)
{
	for (size_t i = 0; i < MODULE_DEVICES_MAX; i++)
		if (warmer->client[i].dev == dev)
			return &warmer->client[i];
	return NULL;
}

/* --- files ----------------------------------------------------------------- */

struct file_job {
	uint32_t dev, block_size;
	char path[PATH_MAX];
};

/* A module of its own: the loop's is in use meanwhile. */
static int load(void *arg)
{
	const struct file_job *job = arg;
	struct module *module;
	int err = module_open(&module);

	if (err)
		return err;
	err = heat_load(module, job->dev, job->block_size, job->path);
	module_close(module);
	return err;
}

static int save(void *arg)
{
	const struct file_job *job = arg;
	struct module *module;
	int err = module_open(&module);

	if (err)
		return err;
	err = heat_save(module, job->dev, job->path);
	module_close(module);
	return err;
}

static bool job_of(const struct warmer *warmer, const struct client *client,
		   struct file_job *job)
{
	const char *folder = warmer->options.folder;

	if (!folder || strchr(client->name, '/'))
		return false;
	job->dev = client->dev;
	job->block_size = client->block_size;
	return (size_t)snprintf(job->path, sizeof(job->path), "%s/%s.heat",
				folder, client->name) < sizeof(job->path);
}

static void begin(const struct warmer *warmer, struct client *client,
		  errand_fn *fn)
{
	struct file_job job;

	client->errand = NULL;
	if (job_of(warmer, client, &job))
		errand_start(fn, &job, sizeof(job), &client->errand);
	if (fn == load)
		client->heat = client->errand ? HEAT_LOADING : HEAT_NONE;
}

static void loaded(struct client *client, int err)
{
	client->heat = !err ? HEAT_LOADED :
		       err == -EOPNOTSUPP ? HEAT_OFF : HEAT_NONE;
	if (!err)
		log_info("care", "heat_loaded", "device=%s", client->name);
	else if (err != -ENOENT && err != -EOPNOTSUPP)
		log_warn("care", "heat_not_loaded", "device=%s error=\"%s\"",
			 client->name, strerror(-err));
}

static void saved(struct client *client, int err)
{
	if (err == -EOPNOTSUPP)
		client->heat = HEAT_OFF;
	else if (err && err != -ENODEV && err != -ENOENT)
		log_warn("care", "heat_not_saved", "device=%s error=\"%s\"",
			 client->name, strerror(-err));
}

static void move_files(const struct warmer *warmer, struct client *client,
		       uint64_t now_ns)
{
	int err = client->errand ? errand_result(client->errand) : 0;

	if (err == -EAGAIN)
		return;
	if (client->errand) {
		errand_put(client->errand);
		client->errand = NULL;
		if (client->heat == HEAT_LOADING)
			loaded(client, err);
		else
			saved(client, err);
	}
	if (client->heat == HEAT_NEW) {
		client->saved_ns = now_ns;
		begin(warmer, client, load);
	} else if (client->heat != HEAT_OFF &&
		   now_ns - client->saved_ns >= WARMER_SAVE_NS) {
		client->saved_ns = now_ns;
		begin(warmer, client, save);
	}
}

void warmer_save(struct warmer *warmer, struct module *module)
{
	struct file_job job;

	for (size_t i = 0; i < MODULE_DEVICES_MAX; i++) {
		struct client *client = &warmer->client[i];
		int err;

		/* what was not loaded yet must not be overwritten */
		if (!client->dev || !client->here ||
		    client->heat == HEAT_NEW || client->heat == HEAT_LOADING ||
		    client->heat == HEAT_OFF || !job_of(warmer, client, &job))
			continue;
		err = heat_save(module, job.dev, job.path);
		saved(client, err);
		if (!err)
			log_info("care", "heat_saved", "device=%s",
				 client->name);
	}
}

/* --- blank SSDs ------------------------------------------------------------ */

static void look_at(struct client *client, const struct module_leg *leg)
{
	uint32_t *judged = &client->judged[leg->leg];

	/* whatever comes to this place next is looked at anew */
	if (leg->state != SUPERDISK_STATE_IN &&
	    leg->state != SUPERDISK_STATE_BYPASS)
		*judged = 0;
	if (leg->state != SUPERDISK_STATE_IN || *judged == leg->leg_dev)
		return;
	*judged = leg->leg_dev;
	if (leg->pages_valid < leg->pages_total / WARMER_BLANK_SHARE)
		snprintf(client->why, WHY_SIZE,
			 "blank ssd=%u valid=%llu/%llu", leg->leg,
			 (unsigned long long)leg->pages_valid,
			 (unsigned long long)leg->pages_total);
}

void warmer_cold(struct warmer *warmer, uint32_t dev)
{
	struct client *client = find(warmer, dev);

	if (client && dev)
		snprintf(client->why, WHY_SIZE, "cold");
}

static void warm(struct warmer *warmer, struct client *client,
		 struct module *module)
{
	const struct warmer_options *o = &warmer->options;
	char evidence[2 * WHY_SIZE];
	int err = 0;

	snprintf(evidence, sizeof(evidence), "why=\"%s\" heat=%s rate_kib=%u",
		 client->why, heat_names[client->heat], o->rate_kib_s);
	client->why[0] = 0;
	if (!o->rate_kib_s)
		return;
	if (!o->advice)
		err = module_command(module, SUPERDISK_CMD_WARM, client->dev,
				     0, NULL, o->rate_kib_s);
	log_info("care", "warm", "device=%s advice=%d error=%d %s",
		 client->name, o->advice, err, evidence);
	history_add(warmer->history,
		    json_pack("{ss ss ss sb ss}", "decision", "warm",
			      "name", client->name, "evidence", evidence,
			      "advice_only", o->advice,
			      "error", err ? strerror(-err) : ""));
}

/* --- both ------------------------------------------------------------------ */

static struct client *admit(struct warmer *warmer,
			    const struct module_device *device)
{
	struct client *client = find(warmer, device->dev);

	if (client)
		return client;
	client = find(warmer, 0);
	if (!client)
		return NULL;
	client->dev = device->dev;
	snprintf(client->name, sizeof(client->name), "%s", device->name);
	return client;
}

/* A device that has gone: another may come under its number. */
static void forget_gone(struct warmer *warmer)
{
	for (size_t i = 0; i < MODULE_DEVICES_MAX; i++) {
		struct client *client = &warmer->client[i];

		if (!client->dev || client->here)
			continue;
		errand_put(client->errand);
		memset(client, 0, sizeof(*client));
	}
}

void warmer_tick(struct warmer *warmer, struct module *module,
		 const struct module_state *state, uint64_t now_ns)
{
	for (size_t i = 0; i < MODULE_DEVICES_MAX; i++)
		warmer->client[i].here = false;
	for (size_t i = 0; i < state->devices; i++) {
		struct client *client = admit(warmer, &state->device[i]);

		if (!client)
			continue;
		client->here = true;
		client->block_size = state->device[i].block_size;
		client->caches = state->device[i].mode !=
				 SUPERDISK_MODE_PASSTHROUGH;
	}
	forget_gone(warmer);
	for (size_t i = 0; i < state->legs; i++) {
		struct client *client = find(warmer, state->leg[i].dev);

		if (client && client->dev && client->caches)
			look_at(client, &state->leg[i]);
	}
	for (size_t i = 0; i < MODULE_DEVICES_MAX; i++) {
		struct client *client = &warmer->client[i];

		if (!client->dev)
			continue;
		move_files(warmer, client, now_ns);
		if (client->why[0] && client->heat >= HEAT_LOADED)
			warm(warmer, client, module);
	}
}
