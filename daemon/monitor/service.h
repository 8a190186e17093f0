/* SPDX-License-Identifier: Apache-2.0 */
/* superdiskd(8) as a whole: everything that main() does after the options. */
#ifndef MONITOR_SERVICE_H
#define MONITOR_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct service_options {
	const char *socket;	/* path of the control socket */
	const char *listen;	/* HTTP address, NULL: none */
	bool block;		/* attach the block programs */
	bool sockets;		/* attach the socket programs */
	bool advice;		/* log what to do about SSDs, do not do it */
	uint32_t warm_kib_s;	/* for blank SSDs; 0: do not warm */
	const char *state;	/* folder where heat is kept; NULL: nowhere */
	bool help;
};

extern const char service_usage[];

/* -EINVAL with the complaint in @why. */
int service_options_parse(int argc, char **argv,
			  struct service_options *ret_options, char *why,
			  size_t why_size);

/*
 * Serves until SIGINT or SIGTERM.  What of it cannot work (no BPF, no module)
 * is said once and left out; an error is returned only when nothing could be
 * served, and has been logged.
 */
int service_run(const struct service_options *options);

#endif
