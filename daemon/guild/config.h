/* SPDX-License-Identifier: Apache-2.0 */
/* chatd's options, from the command line and from a file. */
#ifndef GUILD_CONFIG_H
#define GUILD_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/log.h"

#define CONFIG_TEXT_MAX 256

struct config {
	char data[PATH_MAX];
	char listen[CONFIG_TEXT_MAX];
	char public_url[CONFIG_TEXT_MAX];	/* "": from host and port */
	char tls_cert[PATH_MAX];		/* "": TLS is not spoken */
	char tls_key[PATH_MAX];
	char user[CONFIG_TEXT_MAX];		/* "": the folder's owner */
	uint16_t port;
	uint16_t metrics_port;
	uint16_t node;
	uint32_t cores;				/* 0: all */
	uint32_t heartbeat_ms;			/* 0: as Discord's */
	uint32_t stall_ms;			/* 0: the gateway's own */
	enum log_level log_level;
	bool no_rate_limits;
	bool no_coalescing;
	bool metrics;				/* on a port of their own */
	bool help;
};

/*
 * Fills *config from defaults, the file named by --config, then argv, and
 * returns the index of the first argument that is no option.  -EINVAL, -ENOENT
 * and their like after saying why on stderr.
 */
int config_parse(struct config *config, int argc, char **argv);

void config_usage(FILE *to);

#endif
