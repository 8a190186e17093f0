// SPDX-License-Identifier: Apache-2.0
#include "monitor/source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "monitor/block.h"
#include "monitor/capabilities.h"
#include "monitor/control.h"

#define ANSWER_TIMEOUT_MS 5000

struct source {
	const char *path;	/* of superdiskd's socket */
	int fd;			/* to it, or -1 */
	uint64_t since_ns;	/* of the last answer: who it was */
	struct block *block;	/* of our own, or NULL */
	struct devices *devices;
};

static void ignore_slow(const struct block_slow *record, void *ctx)
{
	(void)record;
	(void)ctx;
}

static int open_own(struct source *source, uint64_t only_cgroup, char *why,
		    size_t why_size)
{
	int err = devices_new("/sys", &source->devices);

	if (!err)
		err = block_open(ignore_slow, NULL, only_cgroup, why, why_size,
				 &source->block);
	return err ? err : capabilities_drop(false);
}

int source_open(const char *socket_path, uint64_t only_cgroup, char *why,
		size_t why_size, struct source **ret_source)
{
	struct source *source = mem_zalloc(sizeof(*source));
	char own[512] = "";
	int err;

	if (!source)
		return -ENOMEM;
	source->path = socket_path;
	source->fd = socket_path ? control_connect(socket_path) : -ENOENT;
	err = source->fd < 0 ? open_own(source, only_cgroup, own, sizeof(own)) : 0;
	if (err) {
		snprintf(why, why_size,
			 "no superdiskd at %s (%s), nor can we measure: %s",
			 socket_path ? socket_path : "-",
			 strerror(-source->fd), own);
		source_close(source);
		return err;
	}
	*ret_source = source;
	return 0;
}

void source_close(struct source *source)
{
	if (!source)
		return;
	if (source->fd >= 0)
		close(source->fd);
	block_close(source->block);
	devices_free(source->devices);
	mem_free(source);
}

bool source_is_own(const struct source *source)
{
	return source->block != NULL;
}

/* superdiskd hangs up on those who are silent for long. */
static int call_again(struct source *source)
{
	int fd = control_connect(source->path);

	if (fd < 0)
		return fd;
	close(source->fd);
	source->fd = fd;
	return 0;
}

int source_read(struct source *source, struct latency *ret_latency)
{
	json_t *answer = NULL;
	int err;

	if (source->block) {
		block_read(source->block, source->devices, ret_latency);
		return 0;
	}
	err = control_ask(source->fd, "latency", ANSWER_TIMEOUT_MS, &answer);
	if (err == -EPIPE && !call_again(source))
		err = control_ask(source->fd, "latency", ANSWER_TIMEOUT_MS,
				  &answer);
	if (!err)
		err = latency_from_json(answer, ret_latency);
	json_decref(answer);
	if (err)
		return err;
	/* Another one counts from 0. */
	if (source->since_ns && source->since_ns != ret_latency->since_ns)
		return -EPIPE;
	source->since_ns = ret_latency->since_ns;
	return 0;
}
